"""Tags by vectors, and sentences made of tags: with small vectors whose answers can be worked out by hand."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from albumsd.brain import floors, vocabulary
from albumsd.brain.calibration import Floors
from albumsd.brain.floors import BANK, Study
from albumsd.brain.tagger import CLIP_SCALE, MOST, Tagger, Tagging, compose, word_vectors
from albumsd.brain.vocabulary import parse

Floats = NDArray[np.float32]
WORDS = ("dog", "cat", "day", "night")
KNOWN = parse('one_of = ["light"]\nprompts = ["{}"]\nanimals = ["dog", "cat"]\nlight = ["day", "night"]', "t")
AXES = np.eye(6, dtype=np.float32)


def seen(**shares: float) -> Floats:
    """One picture (1, 6) with so much of each word, and the rest of its length on an axis of its own."""
    row = np.zeros(6)
    for word, share in shares.items():
        row[WORDS.index(word)] = share
    row[5] = np.sqrt(1 - (row**2).sum())
    return np.asarray(row[None], np.float32)


def deciding(floor: float = 0.4) -> Tagger:
    return Tagger(KNOWN, AXES[:4], np.full(4, floor, np.float32), 50.0)


def names(found: Sequence[tuple[str, float]]) -> list[str]:
    return [name for name, _ in found]


def test_a_model_that_decides_gives_what_is_above_the_floor() -> None:
    (tags,) = deciding().tags([seen(dog=0.6, cat=0.45, night=0.42, day=0.41)])
    assert names(tags) == ["dog", "cat", "night"]
    assert tags[0][1] == pytest.approx(1 / (1 + np.exp(-50 * 0.2)), abs=1e-4)
    assert deciding().tags([seen(dog=0.4001)]) == [[("dog", pytest.approx(0.5, abs=2e-3))]]
    assert deciding().tags([seen(dog=0.39, day=0.1)]) == [[]]


def test_frames_of_a_video_count_together_and_nothing_has_no_tags() -> None:
    frames = np.concatenate([seen(dog=0.7), seen(dog=0.3), seen(cat=0.7)])
    assert deciding(0.3).tags([frames, np.empty((0, 6), np.float32)]) == [
        [("dog", pytest.approx(0.8411, abs=1e-3))],
        [],
    ]


def test_a_tag_has_a_threshold_of_its_own() -> None:
    strict = parse('[thresholds]\ndog = 0.99\ncat = 0.1\n[a]\ndog = ["dog"]\ncat = ["cat"]', "t")
    tagger = Tagger(strict, AXES[:2], np.full(2, 0.4, np.float32), 50.0)
    assert names(tagger.tags([seen(dog=0.45, cat=0.37)])[0]) == ["cat"]


def test_a_model_that_ranks_must_prefer_a_tag_to_texts_that_say_nothing() -> None:
    bank = np.stack([AXES[4], AXES[4]])
    tagger = Tagger(KNOWN, AXES[:4], bank=bank)
    picture = seen(dog=0.05, cat=0.02, day=0.0, night=0.0)
    (tags,) = tagger.tags([picture])
    weights = np.exp(CLIP_SCALE * np.array([0.05, 0.02, 0, 0]))
    assert tags == [("dog", pytest.approx(weights[0] / weights.sum(), abs=1e-3))]
    dull = picture.copy()
    dull[0, 4] = 0.06
    assert tagger.tags([dull]) == [[]]


def test_the_floor_of_a_tag_in_this_library() -> None:
    bank = AXES[4:5]
    picture = seen(dog=0.3, day=0.3)
    free = Tagger(KNOWN, AXES[:4], bank=bank)
    assert names(free.tags([picture])[0]) == ["dog", "day"]
    held = Tagger(KNOWN, AXES[:4], np.array([0.31, 0.1, 0.29, 0.1], np.float32), bank=bank)
    assert names(held.tags([picture])[0]) == ["day"]


def test_no_more_than_a_person_reads() -> None:
    many = parse("x = [" + ",".join(f'"w{n}"' for n in range(40)) + "]", "t")
    tagger = Tagger(many, np.repeat(AXES[:1], 40, axis=0), np.linspace(0, 0.3, 40, dtype=np.float32), 50.0)
    (tags,) = tagger.tags([seen(dog=0.5)])
    assert names(tags) == [f"w{n}" for n in range(MOST)]


def test_a_words_vector_is_the_mean_of_its_prompts() -> None:
    known = parse('[x]\na = ["one", "two"]\nb = ["two"]', "t")
    asked: list[str] = []

    def encode(texts: list[str]) -> Floats:
        asked.extend(texts)
        return np.stack([AXES[0] if text == "one" else AXES[1] for text in texts])

    found = word_vectors(known, encode)
    assert asked == ["one", "two", "two"]
    assert found == pytest.approx(np.array([[0.5**0.5, 0.5**0.5, 0, 0, 0, 0], [0, 1, 0, 0, 0, 0]]), abs=1e-6)


FORM = {
    "form": "{count} {colour} {object} {ground} {light}",
    "needs": ["object"],
    "words": {"count": {"one": "a"}, "ground": {"sea": "on the sea"}, "light": {"evening": "in the evening"}},
    "plural": {"of": "object", "unless": {"count": ["one"]}, "words": {"fish": "fish", "puppy": "puppies"}},
}


@pytest.mark.parametrize(
    ("tags", "said"),
    [
        ("count=two colour=red object=boat ground=sea light=evening", "two red boats on the sea in the evening"),
        ("count=one colour=orange object=umbrella", "an orange umbrella"),
        ("count=one colour=red object=umbrella", "a red umbrella"),
        ("count=one object=owl ground=sea", "an owl on the sea"),
        ("colour=blue object=fish", "blue fish"),
        ("object=puppy light=evening", "puppies in the evening"),
        ("count=three object=boat ground=moon", "three boats moon"),
        ("count=three colour=red ground=sea", None),
    ],
)
def test_sentences(tags: str, said: str | None) -> None:
    assert compose(FORM, dict(tag.split("=") for tag in tags.split())) == said


# --------------------------------------------------------------------------------------- for a brain


class Tower:
    """Every text is the axis of its last word; counts what it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def state(self, spec: object) -> str:
        return "warm"

    def encode_texts(self, spec: object, texts: Sequence[str], timeout_s: float) -> Floats:
        self.asked += len(texts)
        return np.stack([AXES[WORDS.index(last)] if (last := text.split()[-1]) in WORDS else AXES[4] for text in texts])


def choice(tmp_path: Path, notes: dict[str, Any] | None, setting: str = "") -> Any:
    model = None
    if notes is not None:
        model = SimpleNamespace(
            key="tiny@0123", name="tiny", notes=notes, weights=tmp_path / "weights.bin", dimensions=6
        )

    class Config(dict[str, str]):
        library = tmp_path

    return SimpleNamespace(model=model, config=Config(vocabulary=setting))


NOTES: dict[str, Any] = {
    "vocabulary": {"animals": {"dog": ["dog"], "cat": ["cat"]}, "light": {"day": ["day"], "night": ["night"]}},
    "one_of": ["light"],
    "caption": {"form": "{animals} by {light}", "needs": ["animals"]},
    "calibration": {"floors": {"text-image": 0.4}},
}


def test_the_vocabulary_of_the_model_and_its_sentences(tmp_path: Path) -> None:
    tower = Tower()
    tagging = Tagging(Floors(tower, tmp_path / "cache"))
    chosen = choice(tmp_path, NOTES)
    found = tagging.tags(chosen, [seen(cat=0.6, night=0.5, day=0.45), seen()])
    assert [names(tags) for tags in found] == [["cat", "night"], []]
    assert tagging.sentence(chosen, found[0]) == "cat by night"
    assert tagging.sentence(chosen, found[1]) is None
    assert json.loads(tagging.template(chosen) or "") == NOTES["caption"]
    words = tagging.names(chosen)
    assert words is not None
    assert (words[0], words[1].shape) == (list(WORDS), (4, 6))
    assert tower.asked == 4
    again = Tower()
    assert Tagging(Floors(again, tmp_path / "cache")).tags(chosen, [seen(dog=0.6)]) == [[("dog", pytest.approx(1.0))]]
    assert again.asked == 0


def test_a_model_without_notes_takes_the_common_vocabulary(tmp_path: Path) -> None:
    tower = Tower()
    tagging = Tagging(Floors(tower, tmp_path / "cache"))
    chosen = choice(tmp_path, {})
    common = vocabulary.of_file(vocabulary.DEFAULT)
    assert tagging.naming(chosen) == f"tiny@0123+{common.naming()}"
    assert tagging.template(chosen) is None
    assert tagging.sentence(chosen, [("dog", 0.9)]) is None
    assert "dog" in names(tagging.tags(chosen, [seen(dog=0.6)])[0])
    assert tower.asked > 400 + len(BANK)


def test_the_users_file_wins_and_is_read_again_when_it_changes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tagging = Tagging(Floors(Tower(), tmp_path / "cache"))
    chosen = choice(tmp_path, NOTES)
    own = tagging.fingerprint(chosen)
    file = tmp_path / "tags.toml"
    file.write_text('prompts = ["{}"]\nmine = ["dog"]')
    mine = tagging.fingerprint(chosen)
    assert mine != own
    assert names(tagging.tags(chosen, [seen(dog=0.6, night=0.5)])[0]) == ["dog"]
    file.write_text('mine = "night"')
    assert tagging.fingerprint(chosen) is None
    assert tagging.tags(chosen, [seen(dog=0.6)]) == [[]]
    assert tagging.names(chosen) is None
    assert [record.message for record in caplog.records if "`mine` is a list of tags" in record.message] != []
    assert len(caplog.records) == 1
    elsewhere = tmp_path / "elsewhere.toml"
    elsewhere.write_text('prompts = ["{}"]\nmine = ["dog"]')
    assert tagging.fingerprint(choice(tmp_path, NOTES, str(elsewhere))) == mine
    assert tagging.fingerprint(choice(tmp_path, NOTES, str(tmp_path / "gone.toml"))) is None


def test_no_model_no_tags(tmp_path: Path) -> None:
    tagging = Tagging(Floors(Tower(), tmp_path / "cache"))
    chosen = choice(tmp_path, None)
    assert (tagging.fingerprint(chosen), tagging.template(chosen), tagging.names(chosen)) == (None, None, None)
    assert tagging.tags(chosen, [seen(dog=0.6)]) == [[]]


class Rows:
    """A mirror of pictures (n, 6)."""

    def __init__(self, model: Any, rows: Floats) -> None:
        self.model, self.rows = model, rows
        self.index = self

    def __len__(self) -> int:
        return len(self.rows)

    def sample(self, count: int, seed: int) -> tuple[NDArray[np.int64], Floats]:
        return np.arange(len(self.rows))[:count], self.rows[:count]

    def texts(self) -> NDArray[np.int64]:
        return np.zeros(0, np.int64)


def test_tags_that_the_library_decides_wait_for_it_and_are_made_again_when_it_has_doubled(tmp_path: Path) -> None:
    floors_of = Floors(Tower(), tmp_path / "cache")
    tagging, chosen = Tagging(floors_of), choice(tmp_path, {})
    rng = np.random.default_rng(1)

    def pictures(count: int) -> Any:
        rows = rng.standard_normal((count, 6)).astype(np.float32)
        return Rows(chosen.model, rows / np.linalg.norm(rows, axis=1, keepdims=True))

    assert tagging.fingerprint(chosen) is None
    assert "enough pictures" in tagging.why(chosen)
    floors_of.learn(pictures(600))
    assert tagging.fingerprint(chosen) is None, "most of them are still to come"
    seen_of: list[str | None] = []
    for count in (1100, 1300, 1900, 2200):
        assert floors_of.learn(pictures(count))
        seen_of.append(tagging.fingerprint(chosen))
    assert None not in seen_of
    assert [seen_of.index(each) for each in seen_of] == [0, 0, 0, 3]
    assert tagging.naming(chosen) == tagging.naming(choice(tmp_path, {})), "clusters keep their names"


def test_a_small_library_that_is_complete_has_tags_too(tmp_path: Path) -> None:
    floors_of = Floors(Tower(), tmp_path / "cache")
    tagging, chosen = Tagging(floors_of), choice(tmp_path, {})
    assert floors_of.learn(Rows(chosen.model, AXES[:2]), settled=True)  # type: ignore[arg-type]
    assert tagging.fingerprint(chosen) is not None


def test_a_tagger_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Floors of 400 tags cost as much as floors of one, and all of it is done once."""
    tower, asked = Tower(), []
    floors_of = Floors(tower, tmp_path / "cache")
    tagging, chosen = Tagging(floors_of), choice(tmp_path, {})
    real = Study.floors
    monkeypatch.setattr(Study, "floors", lambda self, queries: asked.append(len(queries)) or real(self, queries))
    read: list[Any] = []
    monkeypatch.setattr(floors, "sigmoid", read.append)
    rows = np.repeat(AXES, 4, axis=0)
    assert floors_of.learn(Rows(chosen.model, rows), settled=True)  # type: ignore[arg-type]
    for _ in range(5):
        tagging.tags(chosen, [seen(dog=0.6)] * 3)
    assert asked == [len(vocabulary.of_file(vocabulary.DEFAULT).tags)]
    assert len(read) == 1
    assert floors_of.learn(Rows(chosen.model, np.repeat(AXES, 9, axis=0)), settled=True)  # type: ignore[arg-type]
    tagging.tags(chosen, [seen(dog=0.6)])
    assert len(asked) == 2, "what was learned counts at once"


def test_only_some_groups_name_clusters(tmp_path: Path) -> None:
    tower = Tower()
    tagging = Tagging(Floors(tower, tmp_path / "cache"))
    whole, some = choice(tmp_path, NOTES), choice(tmp_path, {**NOTES, "names": ["animals"]})
    words = tagging.names(some)
    assert words is not None
    assert (words[0], words[1].tolist()) == (["dog", "cat"], AXES[:2].tolist())
    assert tagging.naming(some) != tagging.naming(whole)
    assert tagging.fingerprint(some) == tagging.fingerprint(whole), "no picture is tagged anew for that"
    assert tagging.fingerprint(choice(tmp_path, {**NOTES, "names": ["plants"]})) is None


def test_prompts_that_are_known_are_not_encoded_again(tmp_path: Path) -> None:
    tower = Tower()
    tagging = Tagging(Floors(tower, tmp_path / "cache"))
    chosen = choice(tmp_path, NOTES)
    file = tmp_path / "tags.toml"
    file.write_text('prompts = ["{}"]\nmine = ["dog", "cat"]')
    tagging.tags(chosen, [seen(dog=0.6)])
    assert tower.asked == 2
    file.write_text('prompts = ["{}"]\nmine = ["cat", "dog", "night"]')
    assert names(tagging.tags(chosen, [seen(dog=0.6, night=0.5)])[0]) == ["dog", "night"]
    assert tower.asked == 3
