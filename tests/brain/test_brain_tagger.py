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

from albumsd.brain import vocabulary
from albumsd.brain.floors import BANK, Floors
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
    assert deciding().scores(seen(dog=0.4))[0, 0] == pytest.approx(0.5)
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
    words = tagging.words(chosen)
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
    assert tagging.fingerprint(chosen) == f"tiny@0123+{vocabulary.of_file(vocabulary.DEFAULT).fingerprint()}"
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
    assert tagging.words(chosen) is None
    assert [record.message for record in caplog.records if "`mine` is a list of tags" in record.message] != []
    assert len(caplog.records) == 1
    elsewhere = tmp_path / "elsewhere.toml"
    elsewhere.write_text('prompts = ["{}"]\nmine = ["dog"]')
    assert tagging.fingerprint(choice(tmp_path, NOTES, str(elsewhere))) == mine
    assert tagging.fingerprint(choice(tmp_path, NOTES, str(tmp_path / "gone.toml"))) is None


def test_no_model_no_tags(tmp_path: Path) -> None:
    tagging = Tagging(Floors(Tower(), tmp_path / "cache"))
    chosen = choice(tmp_path, None)
    assert (tagging.fingerprint(chosen), tagging.template(chosen), tagging.words(chosen)) == (None, None, None)
    assert tagging.tags(chosen, [seen(dog=0.6)]) == [[]]
