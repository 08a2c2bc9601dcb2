"""Training pictures: scenes drawn small, damaged as real thumbnails are, squashed to the size of the model.

A set of pictures is two arrays: ``pixels`` uint8 (n, SIDE, SIDE, 3) and ``labels`` int8 (n, 5), the indices of count,
colour, object, ground and light (``attributes``). A label of -1 everywhere but in the last row of ``KINDS`` means: this
picture shows no scene (a screenshot, a page, a pattern), so no caption fits it; a colour of -1 beside known others
means that the picture is toned, so its colours cannot be told.

Picture ``i`` of a set depends on the seed and on ``i`` only. Sets are kept in build/model/, by seed and size.
"""

from __future__ import annotations

import io
import random
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont, ImageOps

from albumsd.demo import screens
from albumsd.demo.draw import COLOURS, COUNTS, GROUND_WORDS, LIGHTS, OBJECTS, Scene, render

SIDE = 96
CACHE = Path(__file__).resolve().parents[2] / "build" / "model"
VALUES: tuple[tuple[object, ...], ...] = (COUNTS, tuple(COLOURS), OBJECTS, GROUND_WORDS, LIGHTS)
SCENES = [Scene(n, c, o, g, t) for n in COUNTS for c in COLOURS for o in OBJECTS for g in GROUND_WORDS for t in LIGHTS]
HELD_OUT = frozenset(random.Random("held out").sample(range(len(SCENES)), 691))
"""Indices into ``SCENES`` of the combinations that training never sees."""

# Width and height of the drawing, and how often: what cameras, messengers, panoramas and videos give.
_SIZES = (
    ((128, 96), 0.56), ((144, 96), 0.12), ((96, 128), 0.09), ((96, 144), 0.03), ((256, 72), 0.08), ((174, 96), 0.04),
    ((320, 240), 0.08),
)  # fmt: skip
_NO_SCENE, _TONED = 0.03, 0.015
_SHARD, _SOME = 5000, 250


def attributes(scene: Scene) -> tuple[int, ...]:
    return (
        COUNTS.index(scene.count), VALUES[1].index(scene.colour), OBJECTS.index(scene.object),
        GROUND_WORDS.index(scene.ground), LIGHTS.index(scene.light),
    )  # fmt: skip


def squash(picture: Image.Image) -> NDArray[np.uint8]:
    """As open_clip's own preprocessing with resize_mode "squash" does it: the whole picture, bicubic."""
    return np.asarray(picture.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BICUBIC))


def _coded(picture: Image.Image, rng: random.Random) -> Image.Image:
    """Through a lossy format and back, most of the time."""
    way = rng.random()
    if way < 0.3:
        return picture
    sink = io.BytesIO()
    if way < 0.65:
        picture.save(sink, "WEBP", quality=rng.randint(65, 90), method=1)
    else:
        picture.save(sink, "JPEG", quality=rng.randint(55, 92))
    return Image.open(sink).convert("RGB")


def _trimmed(picture: Image.Image, rng: random.Random) -> Image.Image:
    """Without up to 3 % of each edge: no object is lost, but none is always at the same place."""
    wide, tall = picture.size
    left, top, right, bottom = (rng.uniform(0, 0.03) if rng.random() < 0.6 else 0.0 for _ in range(4))
    return picture.resize(
        picture.size, Image.Resampling.BICUBIC, (left * wide, top * tall, wide * (1 - right), tall * (1 - bottom))
    )


def _page(rng: random.Random) -> Image.Image:
    """White paper with lines of writing, perhaps a heading in a coloured band."""
    tall = rng.choice((320, 320, 170))
    page = Image.new("RGB", (226, tall), (rng.randint(236, 255),) * 3)
    pen, left, ink = ImageDraw.Draw(page), rng.randint(8, 40), (rng.randint(0, 90),) * 3
    if rng.random() < 0.3:
        pen.rectangle((0, 0, 226, rng.randint(20, 60)), fill=tuple(rng.randint(40, 220) for _ in range(3)))
    pen.text((left, 14), "".join(rng.choices("abcdehilmnorstu  ", k=14)).title(), ink, ImageFont.load_default(18))
    step, font = rng.randint(9, 16), ImageFont.load_default(rng.randint(6, 10))
    for row in range(rng.randint(44, 90), rng.randint(tall // 3, tall - 10), step):
        if rng.random() < 0.9:
            pen.text((left, row), "".join(rng.choices("aabcdeeeghiilmnnoorstu    ", k=rng.randint(8, 44))), ink, font)
    return page


def _without_scene(rng: random.Random) -> Image.Image:
    """What lies between photos: screenshots, pages of text, patterns, empty colour."""
    kind = rng.randrange(4)
    if kind < 1:
        return Image.open(io.BytesIO(screens.screenshot(rng.randrange(8), rng))).convert("RGB")
    if kind < 3:
        return _page(rng)
    noise = np.random.default_rng(rng.randrange(1 << 30)).integers(0, 255, (rng.randint(1, 12), rng.randint(1, 12), 3))
    return Image.fromarray(noise.astype(np.uint8)).resize((128, 96), Image.Resampling.BICUBIC)


def draw(scene: Scene, seed: str, size: tuple[int, int] | None = None) -> Image.Image:
    """One damaged picture of the scene, before the squash."""
    rng = random.Random(seed)
    shape = size or rng.choices([s for s, _ in _SIZES], [w for _, w in _SIZES])[0]
    picture = _trimmed(render(scene, rng.randrange(1 << 30), shape), rng)
    if rng.random() < 0.1:
        picture = picture.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 0.9)))
    return _coded(picture, rng)


@cache
def _order(seed: str, turn: int, combinations: tuple[int, ...]) -> list[int]:
    """Every combination once, in an order of its own for each turn."""
    return random.Random(f"{seed} turn {turn}").sample(combinations, len(combinations))


def _some(task: tuple[str, int, int, tuple[int, ...]]) -> tuple[NDArray[np.uint8], NDArray[np.int8]]:
    seed, first, last, combinations = task
    pixels, labels = np.empty((last - first, SIDE, SIDE, 3), np.uint8), np.full((last - first, 5), -1, np.int8)
    for at, index in enumerate(range(first, last)):
        rng = random.Random(f"{seed} {index}")
        lot = rng.random()
        if lot < _NO_SCENE:
            pixels[at] = squash(_without_scene(rng))
            continue
        turn, place = divmod(index, len(combinations))
        scene = SCENES[_order(seed, turn, combinations)[place]]
        picture = draw(scene, f"{seed} {index} picture")
        labels[at] = attributes(scene)
        if lot < _NO_SCENE + _TONED:
            tones = ((44, 30, 20), (250, 236, 208)) if rng.random() < 0.6 else ((0, 0, 0), (255, 255, 255))
            picture = ImageOps.colorize(picture.convert("L"), *tones)
            labels[at, 1] = -1
        pixels[at] = squash(picture)
    return pixels, labels


def pictures(count: int, seed: str, combinations: tuple[int, ...]) -> tuple[NDArray[np.uint8], NDArray[np.int8]]:
    """``count`` pictures of the given combinations (indices into ``SCENES``); drawn by all cores once, then kept.

    A file for every _SHARD pictures: a larger set begins with the smaller one.
    """
    CACHE.mkdir(parents=True, exist_ok=True)
    spans = [(first, min(count, first + _SHARD)) for first in range(0, count, _SHARD)]
    missing = {
        span: file for span in spans if not (file := CACHE / f"pictures-{seed}-{span[0]}-{span[1]}.npz").exists()
    }
    with ProcessPoolExecutor() as pool:
        for (first, last), file in missing.items():
            steps = [(seed, at, min(last, at + _SOME), combinations) for at in range(first, last, _SOME)]
            parts = list(pool.map(_some, steps))
            with file.with_suffix(".part").open("wb") as sink:
                np.savez(
                    sink, pixels=np.concatenate([p for p, _ in parts]), labels=np.concatenate([n for _, n in parts])
                )
            file.with_suffix(".part").rename(file)
    pixels, labels = np.empty((count, SIDE, SIDE, 3), np.uint8), np.empty((count, 5), np.int8)
    for first, last in spans:
        with np.load(CACHE / f"pictures-{seed}-{first}-{last}.npz") as kept:
            pixels[first:last], labels[first:last] = kept["pixels"], kept["labels"]
    return pixels, labels


def training_pictures(count: int) -> tuple[NDArray[np.uint8], NDArray[np.int8]]:
    return pictures(count, "training", tuple(index for index in range(len(SCENES)) if index not in HELD_OUT))


def held_out_pictures() -> tuple[NDArray[np.uint8], NDArray[np.int8]]:
    """One picture of each combination that training never sees, in the order of ``SCENES``."""
    file = CACHE / "pictures-held-out.npz"
    if not file.exists():
        chosen = sorted(HELD_OUT)
        pixels = np.stack([squash(draw(SCENES[index], f"held out {index}")) for index in chosen])
        CACHE.mkdir(parents=True, exist_ok=True)
        np.savez(file, pixels=pixels, labels=np.array([attributes(SCENES[index]) for index in chosen], np.int8))
    with np.load(file) as kept:
        return kept["pixels"], kept["labels"]


if __name__ == "__main__":
    print(training_pictures(27500)[0].shape, held_out_pictures()[0].shape)
