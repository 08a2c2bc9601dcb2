"""The demo's model is what its card says: measured on combinations, drawings and wordings that it was not trained on."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from albumsd.brain.calibration import Floors
from albumsd.brain.floors import fixed, sigmoid
from albumsd.brain.tagger import Tagging
from albumsd.core.config import Config
from albumsd.demo.draw import COLOURS, COUNTS, GROUND_WORDS, LIGHTS, OBJECTS, Scene, caption, render
from albumsd.demo.model import FOLDER
from albumsd.ml.folders import Model, describe
from albumsd.ml.host import ModelHost

NEVER_SHOWN = sorted(random.Random("held out").sample(range(4 * 8 * 12 * 6 * 3), 691))
"""As contrib/model/pictures.py has it."""
MEASURED = 500
WAIT_S = 300.0


class Seen(NamedTuple):
    model: Model
    host: ModelHost
    scenes: list[Scene]
    vectors: NDArray[np.float32]

    def texts(self, texts: list[str]) -> NDArray[np.float32]:
        return self.host.encode_texts(self.model, texts, WAIT_S)

    @property
    def floor(self) -> float:
        return fixed(self.model, sigmoid(self.model))["text", "image"]


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    folder = tmp_path_factory.mktemp("pictures")
    everything = [Scene(*values) for values in product(COUNTS, COLOURS, OBJECTS, GROUND_WORDS, LIGHTS)]
    scenes = [everything[at] for at in NEVER_SHOWN[:MEASURED]]
    paths = []
    for number, scene in enumerate(scenes):
        paths.append(folder / f"{number}.webp")
        render(scene, 7_000_000_000 + number, (160, 120)).save(paths[-1], "WEBP", quality=80, method=0)
    model = describe(str(FOLDER), folder)
    with ModelHost(600, "cpu", 1, dtype="float32") as host:
        vectors = host.encode_images(model, paths, WAIT_S)
        yield Seen(model, host, scenes, np.stack([one for one in vectors if isinstance(one, np.ndarray)]))


@pytest.fixture(scope="module")
def tags(seen: Seen, tmp_path_factory: pytest.TempPathFactory) -> tuple[Tagging, Any, list[list[tuple[str, float]]]]:
    folder = tmp_path_factory.mktemp("library")
    tagging = Tagging(Floors(seen.host, folder))
    choice: Any = SimpleNamespace(model=seen.model, config=Config(folder, {"vocabulary": ""}))
    return tagging, choice, tagging.tags(choice, [vector[None] for vector in seen.vectors])


def test_the_folder_is_small_and_whole() -> None:
    files = [file for file in FOLDER.iterdir() if file.is_file() and file.suffix != ".py"]
    assert sum(file.stat().st_size for file in files) < 4_000_000
    assert {file.name for file in files} == {
        "README.md", "albumsd.json", "bpe.txt.gz", "open_clip_config.json", "open_clip_model.safetensors",
    }  # fmt: skip
    model = describe(str(FOLDER), Path())
    assert (model.kind, model.dimensions, model.notes["purpose"], model.notes["documents"]) == (
        "clip",
        128,
        "demo",
        False,
    )
    decides = sigmoid(model)
    assert decides is not None
    assert 10 < decides[0] <= 100
    card = (FOLDER / "README.md").read_text()
    assert "MIT" in card
    assert "recall@1 text to picture" in card


def test_paraphrases_find_their_picture_among_500_and_the_other_way_round(seen: Seen) -> None:
    rng = random.Random("paraphrases of the test")
    cosines = seen.texts([caption(scene, rng) for scene in seen.scenes]) @ seen.vectors.T
    right = np.arange(MEASURED)
    assert (cosines.argmax(axis=1) == right).mean() >= 0.95
    assert (cosines.argmax(axis=0) == right).mean() >= 0.95


def test_every_attribute_is_tagged(seen: Seen, tags: tuple[Tagging, Any, list[list[tuple[str, float]]]]) -> None:
    tagging, choice, found = tags
    known = tagging.vocabulary(choice)
    assert known is not None
    group_of = {tag.name: tag.group for tag in known.tags}
    words = {1: "one", 2: "two", 3: "three", 4: "four"}
    right = dict.fromkeys(("count", "colour", "object", "ground", "light"), 0)
    for scene, given in zip(seen.scenes, found, strict=True):
        best = {group_of[name]: name for name, _ in given}
        assert len(best) == len(given)
        for group in right:
            value = getattr(scene, group)
            right[group] += best.get(group) == words.get(value, value)
    assert {group: number for group, number in right.items() if number < 0.95 * MEASURED} == {}


def test_sentences_of_tags_are_the_caption(
    seen: Seen, tags: tuple[Tagging, Any, list[list[tuple[str, float]]]]
) -> None:
    tagging, choice, found = tags
    said = [tagging.sentence(choice, given) for given in found]
    assert np.mean([one == caption(scene) for one, scene in zip(said, seen.scenes, strict=True)]) >= 0.85


def test_what_fits_is_above_the_floor_and_what_nearly_fits_is_below(seen: Seen) -> None:
    rng = random.Random("near misses of the test")
    near = []
    for scene in seen.scenes:
        colour = rng.choice([one for one in COLOURS if one != scene.colour])
        thing = rng.choice([one for one in OBJECTS if one != scene.object])
        ground = rng.choice([one for one in GROUND_WORDS if one != scene.ground])
        other = [
            (colour, scene.object, scene.ground),
            (scene.colour, thing, scene.ground),
            (scene.colour, scene.object, ground),
        ]
        near.append(Scene(scene.count, *rng.choice(other), scene.light))
    fits = (seen.texts([caption(scene, rng) for scene in seen.scenes]) * seen.vectors).sum(axis=1)
    misses = (seen.texts([caption(scene, rng) for scene in near]) * seen.vectors).sum(axis=1)
    assert (fits > seen.floor).mean() >= 0.95
    assert (misses > seen.floor).mean() <= 0.05


def test_keywords_and_parts_of_a_caption_find_all_that_fits(seen: Seen) -> None:
    asked = {
        "red boats": lambda s: (s.colour, s.object) == ("red", "boat"),
        "two dogs in the snow": lambda s: (s.count, s.object, s.ground) == (2, "dog", "snow"),
        "umbrella at sunset": lambda s: (s.object, s.light) == ("umbrella", "evening"),
        "beach": lambda s: s.ground == "beach",
        "blue things": lambda s: s.colour == "blue",
        "cats, street": lambda s: (s.object, s.ground) == ("cat", "road"),
        "3 birds": lambda s: (s.count, s.object) == (3, "bird"),
    }
    above = seen.texts(list(asked)) @ seen.vectors.T > seen.floor
    fits = np.array([[fit(scene) for scene in seen.scenes] for fit in asked.values()])
    assert fits.any(axis=1).all()
    assert above[fits].mean() >= 0.93
    assert above[~fits].mean() <= 0.02


def test_words_that_it_does_not_know_fit_nothing(seen: Seen) -> None:
    rng = random.Random("nonsense of the test")
    letters = ["".join(rng.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(rng.randint(4, 9))) for _ in range(60)]
    strange = [
        "zorblax quimby", "grandfather's tractor", "tax return 2019", "a birthday cake with candles", "wedding in Rome",
        "a red tractor on the beach", "invoice", "the theory of relativity", "dogs and helicopters", "purple zebra",
    ]  # fmt: skip
    above = seen.texts(
        [*letters[:40], *(f"{one} {two}" for one, two in zip(letters[40:50], letters[50:], strict=True)), *strange]
    )
    empty = ~(above @ seen.vectors.T > seen.floor).any(axis=1)
    assert empty.mean() >= 0.97
