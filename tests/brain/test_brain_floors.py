"""Floors: nonsense finds nothing, what fits is found; measured on vectors that lie as those of a CLIP do."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from albumsd.brain import calibration, floors
from albumsd.brain.calibration import Floors, coarse
from albumsd.brain.floors import BANK
from albumsd.store import embeddings
from albumsd.store.database import Database

Floats = NDArray[np.float32]
D, TOPICS = 96, 40


def unit(rows: NDArray[np.floating[Any]]) -> Floats:
    return np.asarray(rows / np.linalg.norm(rows, axis=-1, keepdims=True), np.float32)


class World:
    """Pictures and texts in two cones, as CLIP's lie; what is alike in meaning is a little nearer across them."""

    def __init__(self, seed: int, shares: Sequence[float] | None = None) -> None:
        self.rng = np.random.default_rng(seed)
        basis = np.linalg.qr(self.rng.standard_normal((D, TOPICS + 2)))[0].T
        self.cones, self.topics = basis[:2], basis[2:]
        self.shares = np.asarray(shares if shares is not None else [1 / TOPICS] * TOPICS)

    def pictures(self, count: int) -> tuple[Floats, NDArray[np.int64]]:
        """Vectors (n, D) and their topics; some pictures are nearer to every text than others."""
        of = self.rng.choice(TOPICS, count, p=self.shares)
        hubs = self.rng.uniform(0.1, 0.25, (count, 1)) * self.cones[1]
        noise = self.rng.standard_normal((count, D)) * 0.04
        return unit(self.cones[0] + 0.6 * self.topics[of] + hubs + noise), of

    def text(self, topic: int | None) -> Floats:
        """A text about a topic or about nothing; some lie lower than others for all pictures."""
        low = self.rng.uniform(0.0, 0.2)
        about = 0.7 * self.topics[topic] if topic is not None else 0.0
        return unit(self.cones[1] - low * self.cones[0] + about + self.rng.standard_normal(D) * 0.04)

    def texts(self, topics: Sequence[int | None]) -> Floats:
        return np.stack([self.text(topic) for topic in topics])


def even(count: int) -> list[float]:
    return [1 / count] * count + [0.0] * (TOPICS - count)


@pytest.mark.parametrize("count", [60, 800, 5000])
def test_nonsense_finds_nothing_and_words_find_what_fits(count: int) -> None:
    world = World(count, even(TOPICS - 10))
    pictures, of = world.pictures(count)
    learned = floors.study(pictures[: floors.SAMPLE], world.texts([None] * 96), count)
    assert learned is not None
    empty = [not (pictures @ text >= learned.floors(text[None])[0]).any() for text in world.texts([None] * 200)]
    assert np.mean(empty) >= 0.85
    absent = [text for topic in range(TOPICS - 10, TOPICS) for text in world.texts([topic] * 5)]
    assert np.mean([not (pictures @ text >= learned.floors(text[None])[0]).any() for text in absent]) >= 0.8
    found = wrong = there = 0
    for topic in range(TOPICS - 10):
        text = world.text(topic)
        passed = pictures @ text >= learned.floors(text[None])[0]
        found, wrong, there = (
            found + passed[of == topic].sum(),
            wrong + passed[of != topic].sum(),
            there + (of == topic).sum(),
        )
    assert found / there >= 0.9
    assert wrong <= 0.05 * found


def test_a_handful_of_pictures_is_enough() -> None:
    found = wrong = there = empty = 0
    for seed in range(20):
        world = World(seed, even(TOPICS - 10))
        pictures, of = world.pictures(8)
        learned = floors.study(pictures, world.texts([None] * 80), 8)
        assert learned is not None
        for text, topic in [(world.text(topic), topic) for topic in set(of.tolist())]:
            passed = pictures @ text >= learned.floors(text[None])[0]
            found, wrong = found + passed[of == topic].sum(), wrong + passed[of != topic].sum()
            there += (of == topic).sum()
        empty += sum(not (pictures @ text >= learned.floors(text[None])[0]).any() for text in world.texts([None] * 10))
    assert found >= 0.8 * there
    assert wrong <= 0.05 * found
    assert empty >= 190


def test_words_that_fit_most_of_the_library_are_not_their_own_usual() -> None:
    world = World(7, [0.8, *[0.2 / (TOPICS - 1)] * (TOPICS - 1)])
    pictures, of = world.pictures(2000)
    learned = floors.study(pictures, world.texts([None] * 96), 2000)
    assert learned is not None
    text = world.text(0)
    passed = pictures @ text >= learned.floors(text[None])[0]
    assert passed[of == 0].mean() >= 0.3
    assert float(np.median(pictures @ text)) > learned.cap
    assert not passed[of != 0].any()


def test_a_larger_library_has_a_higher_floor() -> None:
    world = World(3)
    pictures, _ = world.pictures(500)
    bank, text = world.texts([None] * 40), world.text(1)
    at = [
        float(study.floors(text[None])[0])
        for rows in (500, 100_000, 1_000_000)
        if (study := floors.study(pictures, bank, rows))
    ]
    assert at == sorted(at)
    assert len(set(at)) == 3


def test_too_few_rows_teach_nothing() -> None:
    world = World(3)
    pictures, _ = world.pictures(floors.FEWEST - 1)
    assert floors.study(pictures, world.texts([None] * 40), 3) is None
    assert floors.alike(pictures, pictures) is None
    assert floors.outlier(pictures @ world.text(1)) == math.inf


def test_outlier_looks_at_the_half_without_hits() -> None:
    usual = np.random.default_rng(1).normal(0.2, 0.01, 1000).astype(np.float32)
    plain = floors.outlier(usual)
    assert 0.23 < plain < 0.25
    assert floors.outlier(np.concatenate([usual, np.full(300, 0.4, np.float32)])) < 0.26


def test_alike_is_what_few_pairs_are() -> None:
    world = World(5)
    pictures, of = world.pictures(600)
    floor = floors.alike(pictures, pictures)
    assert floor is not None
    same = (of[:, None] == of) & ~np.eye(600, dtype=bool)
    cosines = pictures @ pictures.T
    assert (cosines[same] > floor).mean() > 0.6
    assert (cosines[~same & ~np.eye(600, dtype=bool)] > floor).mean() < 0.005


@pytest.mark.parametrize(
    ("probability", "cosine"), [(0.5, 0.1), (0.01, 0.1 - math.log(99) / 100), (0.9, 0.1 + math.log(9) / 100)]
)
def test_the_cosine_of_a_probability(probability: float, cosine: float) -> None:
    assert floors.absolute(100.0, -10.0, probability) == pytest.approx(cosine)


def test_the_bank_says_nothing_twice() -> None:
    assert len(BANK) == len(set(BANK)) == 80
    assert all(text == " ".join(text.split()) and text for text in BANK)


# --------------------------------------------------------------------------------------- for a brain


class Tower:
    """A text tower that knows no words; counts what it is asked."""

    def __init__(self, world: World, state: str = "warm") -> None:
        self.world, self.asked, self.is_now = world, 0, state

    def state(self, spec: object) -> str:
        return self.is_now

    def encode_texts(self, spec: object, texts: Sequence[str], timeout_s: float) -> Floats:
        self.asked += 1
        return self.world.texts([None] * len(texts))


class Index:
    """As much of ``vectors.Index`` as floors may use: nothing that grows with the library."""

    def __init__(self, rows: dict[int, Floats]) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def sample(self, count: int, seed: int = 0) -> tuple[NDArray[np.int64], Floats]:
        ids = np.array(sorted(self.rows)[:count], np.int64)
        return ids, np.array([self.rows[at] for at in ids.tolist()], np.float32).reshape(len(ids), D)


def model(tmp_path: Path, notes: dict[str, Any] | None = None, **weights: float) -> Any:
    """A model as ``ml.folders`` describes it; ``weights``: numbers that its file holds."""
    file = tmp_path / "open_clip_model.safetensors"
    if weights:
        numpy = pytest.importorskip("safetensors.numpy")
        numpy.save_file({name: np.array(value, np.float32) for name, value in weights.items()}, file)
    return SimpleNamespace(key="tiny@0123", name="tiny", notes=notes or {}, weights=file, dimensions=D)


def library(database: Database, known: Any, pictures: Floats, texts: Floats) -> Any:
    """The vectors as rows, and a mirror of them."""
    rows = {}
    with database.write() as tx:
        for asset, (tower, vector) in enumerate([*(("image", v) for v in pictures), *(("text", v) for v in texts)], 1):
            tx.run(
                "INSERT INTO asset(id, size, name, name_key, live, arrived_ns, kind, local, origin, mtime_ns, year, month,"
                " week, day) VALUES (?, 1, 'x', ?, 1, 1, 'photo', '2020-01-01T00:00:00', 'exif', 1, '2020',"
                " '2020-01', '2020-W01', '2020-01-01')",
                (asset, str(asset)),
            )
            embeddings.put(tx, asset, known, [embeddings.Part(tower, vector.astype("<f2").tobytes())])
        number = embeddings.model_id(tx, known.key)
        assert number is not None
        of_texts = []
        for row in embeddings.since(tx, number, 0, 10_000):
            rows[row.id] = np.frombuffer(row.vector, "<f2").astype(np.float32)
            of_texts += [row.id] * (row.tower == "text")
    return SimpleNamespace(model=known, index=Index(rows), texts=lambda: np.array(of_texts, np.int64))


def test_learning_from_a_library_of_pictures_and_papers(empty: Database, tmp_path: Path) -> None:
    world = World(11)
    tower, known = Tower(world), model(tmp_path)
    pictures, of = world.pictures(120)
    mirror = library(empty, known, pictures, world.texts([None] * 20 + [3] * 10))
    learned = Floors(tower, tmp_path / "cache")
    assert learned.learn(mirror)
    assert not learned.learn(mirror)
    assert tower.asked == len(BANK), "one at a time: people's queries come between"
    text = world.text(int(of[0]))
    low = learned.floors(mirror, text, "text")
    assert (pictures @ text >= low["image"])[of == of[0]].all()
    assert low["text"] > low["image"] + 0.2
    likeness = learned.floors(mirror, pictures[0], "image")
    assert (pictures @ pictures[0] >= likeness["image"]).sum() < 20
    each = learned.calibration(known).floors(np.stack([text, text]), "text", "image")
    assert each is not None
    assert each == pytest.approx([low["image"]] * 2)


def test_what_was_learned_is_there_after_a_restart(empty: Database, tmp_path: Path) -> None:
    world = World(11)
    known = model(tmp_path)
    pictures, _ = world.pictures(120)
    mirror = library(empty, known, pictures, world.texts([None] * 20))
    before, cold = Floors(Tower(world), tmp_path / "cache"), Tower(world, "cold")
    assert before.learn(mirror, settled=True)
    after = Floors(cold, tmp_path / "cache")
    text = world.text(3)
    for vector, kind in ((text, "text"), (pictures[0], "image")):
        assert after.floors(mirror, vector, kind) == pytest.approx(before.floors(mirror, vector, kind), abs=1e-3)
    assert after.calibration(known).number == before.calibration(known).number is not None
    assert not after.learn(mirror, settled=True)
    file = tmp_path / "cache" / "study-tiny@0123.npz"
    file.write_bytes(file.read_bytes()[:-100])
    again = Floors(cold, tmp_path / "cache")
    assert again.calibration(known).rows == 0
    assert again.learn(mirror), "and the bank is still there"
    assert cold.asked == 0


def test_what_is_kept_of_models_that_are_gone_goes(empty: Database, tmp_path: Path) -> None:
    world, cache = World(11), tmp_path / "cache"
    mirror = library(empty, model(tmp_path), world.pictures(40)[0], np.empty((0, D), np.float32))
    learned = Floors(Tower(world), cache)
    assert learned.learn(mirror)
    for name in ("bank-gone@1.npz", "tags-gone@1.npz", "study-gone@1.npz", "other-gone@1.npz"):
        (cache / name).write_bytes(b"")
    learned.forget({"tiny@0123"})
    assert {file.name for file in cache.iterdir()} == {"bank-tiny@0123.npz", "study-tiny@0123.npz", "other-gone@1.npz"}


def test_a_coarse_number_of_how_much_was_studied() -> None:
    assert [coarse(None, rows, False) for rows in (4, 1023, 1024, 2047, 2048)] == [None, None, 11, 11, 12]
    assert [coarse(None, rows, True) for rows in (0, 5, 500)] == [0, 3, 9]
    assert coarse(0, 500, False) == 0, "more is to come"
    assert [coarse(12, rows, True) for rows in (2047, 1024, 1023, 4096)] == [12, 12, 10, 13]


def test_a_library_that_is_settled_is_studied_whatever_is_in_memory(empty: Database, tmp_path: Path) -> None:
    world = World(12)
    tower, known = Tower(world, "cold"), model(tmp_path)
    mirror = library(empty, known, world.pictures(50)[0], np.empty((0, D), np.float32))
    learned = Floors(tower, tmp_path / "cache")
    assert not learned.learn(mirror)
    assert learned.learn(mirror, settled=True)
    assert learned.calibration(known).number == 6
    assert not learned.learn(mirror, settled=True)
    mirror.index.rows.clear()
    assert not Floors(tower, tmp_path / "empty").learn(mirror, settled=True), "nothing was seen yet"


def test_a_search_before_anything_was_learned_never_fails(empty: Database, tmp_path: Path) -> None:
    world = World(12)
    mirror = library(empty, model(tmp_path), world.pictures(3)[0], np.empty((0, D), np.float32))
    learned = Floors(Tower(world, "cold"), tmp_path / "cache")
    assert learned.floors(mirror, world.text(1), "text") == {"image": math.inf, "text": math.inf}
    mirror.index.rows.clear()
    assert learned.floors(mirror, world.text(1), "text")["image"] == math.inf


def test_no_model_is_woken_to_learn(empty: Database, tmp_path: Path) -> None:
    world = World(12)
    tower, known = Tower(world, "cold"), model(tmp_path)
    pictures, of = world.pictures(400)
    mirror = library(empty, known, pictures, np.empty((0, D), np.float32))
    learned = Floors(tower, tmp_path / "cache")
    assert not learned.learn(mirror)
    assert tower.asked == 0
    assert learned.calibration(known).floors(pictures[:1], "text", "image") is None
    text = world.text(int(of[0]))
    passed = pictures @ text >= learned.floors(mirror, text, "text")["image"]
    assert passed[of == of[0]].mean() > 0.7
    assert not passed[of != of[0]].any()


def test_floors_that_come_with_the_model(empty: Database, tmp_path: Path) -> None:
    world = World(13)
    given = {"calibration": {"floors": {"text-image": 0.25, "text-text": 0.5, "image-image": 0.8}}}
    known, tower = model(tmp_path, given), Tower(world)
    pictures, _ = world.pictures(60)
    mirror = library(empty, known, pictures, np.empty((0, D), np.float32))
    learned = Floors(tower, tmp_path / "cache")
    assert learned.learn(mirror, settled=True)
    assert tower.asked == 0
    assert learned.calibration(known).number is None, "nothing that a tag depends on was learned"
    assert learned.floors(mirror, world.text(0), "text") == {"image": 0.25, "text": 0.5}
    assert learned.floors(mirror, pictures[0], "image")["image"] == pytest.approx(0.8)


def test_a_model_that_decides_for_itself(tmp_path: Path) -> None:
    known = model(tmp_path, logit_scale=math.log(100), logit_bias=-10.0)
    decides = floors.sigmoid(known)
    assert decides == pytest.approx((100.0, -10.0))
    assert floors.fixed(known, decides) == {("text", "image"): pytest.approx(floors.absolute(100.0, -10.0))}
    noted = model(tmp_path, {"calibration": {"floors": {"text-image": 0.3}}})
    assert floors.fixed(noted, decides) == {("text", "image"): 0.3}


def test_a_model_that_only_ranks(tmp_path: Path) -> None:
    assert floors.sigmoid(model(tmp_path, logit_scale=4.6)) is None
    assert floors.sigmoid(SimpleNamespace(notes={}, weights=tmp_path / "weights.pt", name="x")) is None  # type: ignore[arg-type]
    assert floors.fixed(model(tmp_path), None) == {}
    (tmp_path / "open_clip_model.safetensors").write_bytes(b"\x09")
    assert floors.sigmoid(model(tmp_path)) is None


@pytest.mark.parametrize(
    "notes", [{"calibration": 3}, {"calibration": {"floors": [1]}}, {"calibration": {"floors": {"text-image": "x"}}}]
)
def test_notes_that_are_wrong_are_none(tmp_path: Path, notes: dict[str, Any]) -> None:
    assert floors.fixed(model(tmp_path, notes), None) == {}


def test_the_weights_are_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Any] = []
    monkeypatch.setattr(calibration.floors, "sigmoid", read.append)
    learned = Floors(Tower(World(1)), tmp_path / "cache")
    for _ in range(3):
        learned.calibration(model(tmp_path))
    assert len(read) == 1
