"""The drawn world: every scene draws, looks like its words, and is the same every time."""

from __future__ import annotations

import random

import numpy as np
import pytest
from PIL import Image

from albumsd.demo.draw import COLOURS, COUNTS, GROUND_WORDS, LIGHTS, OBJECTS, Scene, caption, random_scene, render

SMALL = (96, 72)


def test_the_world_has_its_size() -> None:
    assert (len(COUNTS), len(COLOURS), len(OBJECTS), len(GROUND_WORDS), len(LIGHTS)) == (4, 8, 12, 6, 3)


@pytest.mark.parametrize("thing", OBJECTS)
def test_every_object_shows_its_colour(thing: str) -> None:
    """Against the same ground with another colour, what changes is mostly nearer to the own colour."""
    for ground in GROUND_WORDS:
        red, blue = (
            np.asarray(render(Scene(1, colour, thing, ground, "noon"), 3, SMALL), np.int32)
            for colour in ("red", "blue")
        )
        assert red.shape == (72, 96, 3)
        strong = (red[..., 0] - red[..., 2] > 60) & (red[..., 1] < 130)
        assert strong.sum() > 40, ground
        assert ((blue[..., 2] - blue[..., 0] > 60) & (blue[..., 0] < 130) & (blue[..., 1] < 160)).sum() > 40, ground


def test_lights_and_grounds_differ() -> None:
    means = {
        (ground, light): np.asarray(render(Scene(1, "red", "car", ground, light), 5, SMALL), np.float64).mean(
            axis=(0, 1)
        )
        for ground in GROUND_WORDS
        for light in LIGHTS
    }
    for ground in GROUND_WORDS:
        assert means[ground, "evening"].sum() < means[ground, "noon"].sum() - 40
        assert means[ground, "morning"][2] < means[ground, "noon"][2]


def test_same_seed_same_pixels() -> None:
    scene = Scene(3, "purple", "boat", "sea", "evening")
    assert render(scene, 7, SMALL).tobytes() == render(scene, 7, SMALL).tobytes()
    assert render(scene, 7, SMALL).tobytes() != render(scene, 8, SMALL).tobytes()
    assert render(scene, 7, (200, 60)).size == (200, 60)


def test_small_and_large_are_one_picture() -> None:
    scene = Scene(2, "red", "boat", "sea", "noon")
    large = render(scene, 1, (480, 360)).resize(SMALL, Image.Resampling.BOX)
    apart = np.abs(np.asarray(large, np.int32) - np.asarray(render(scene, 1, SMALL), np.int32))
    assert apart.mean() < 6


@pytest.mark.parametrize(
    ("scene", "text"),
    [
        (Scene(2, "red", "boat", "sea", "evening"), "two red boats on the sea in the evening"),
        (Scene(1, "orange", "cat", "grass", "noon"), "an orange cat on the grass at noon"),
        (Scene(4, "white", "fish", "beach", "morning"), "four white fish on the beach in the morning"),
    ],
)
def test_captions(scene: Scene, text: str) -> None:
    assert caption(scene) == text


def test_paraphrases_keep_the_colour_and_vary() -> None:
    rng = random.Random(1)
    scene = Scene(3, "yellow", "dog", "beach", "morning")
    texts = {caption(scene, rng) for _ in range(60)}
    assert len(texts) > 20
    assert all("yellow" in text and ("dogs" in text or "puppies" in text) for text in texts)


def test_random_scenes_reach_the_whole_world() -> None:
    rng = random.Random(2)
    scenes = [random_scene(rng) for _ in range(400)]
    assert {scene.object for scene in scenes} == set(OBJECTS)
    assert {scene.colour for scene in scenes} == set(COLOURS)
    assert {(scene.ground, scene.light) for scene in scenes} == {(g, light) for g in GROUND_WORDS for light in LIGHTS}
