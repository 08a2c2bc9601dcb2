"""Scenes of a small world, drawn and captioned: 4 counts x 8 colours x 12 objects x 6 grounds x 3 lights.

A ``Scene`` is plain data; ``render`` draws it, ``caption`` says it in words. The same scene, seed and size give
the same pixels. The demo library, the demo's model and its evaluation all speak of this world, in these words.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from PIL import Image

from .grounds import GROUNDS, TINTS, Stage, sky
from .objects import THINGS
from .pen import Colour, Paint, Pen, circle, mix, smooth

COUNTS: tuple[int, ...] = (1, 2, 3, 4)
COLOURS: dict[str, Colour] = {
    "red": (218, 48, 52),
    "orange": (244, 132, 36),
    "yellow": (250, 208, 48),
    "green": (58, 156, 76),
    "blue": (46, 98, 206),
    "purple": (132, 70, 176),
    "pink": (246, 132, 180),
    "white": (246, 246, 244),
}
OBJECTS: tuple[str, ...] = tuple(THINGS)
LIGHTS: tuple[str, ...] = tuple(TINTS)
GROUND_WORDS: tuple[str, ...] = tuple(GROUNDS)


@dataclass(frozen=True, slots=True)
class Scene:
    """``count`` 1 to 4; the other fields are words of ``COLOURS``, ``OBJECTS``, ``GROUND_WORDS``, ``LIGHTS``."""

    count: int
    colour: str
    object: str
    ground: str
    light: str


def random_scene(rng: random.Random) -> Scene:
    return Scene(
        rng.choice(COUNTS), rng.choice(list(COLOURS)), rng.choice(OBJECTS), rng.choice(GROUND_WORDS), rng.choice(LIGHTS)
    )


_NUMBERS = {1: ("a", "one", "a single"), 2: ("two", "2", "a pair of"), 3: ("three", "3"), 4: ("four", "4")}
_SYNONYMS = {
    "car": ("car", "automobile"),
    "boat": ("boat", "sailboat", "sailing boat"),
    "house": ("house", "cottage"),
    "flower": ("flower", "blossom"),
    "dog": ("dog", "puppy"),
    "cat": ("cat", "kitten"),
    "bicycle": ("bicycle", "bike"),
    "umbrella": ("umbrella", "parasol"),
}
_PLURALS = {"fish": "fish", "puppy": "puppies"}
_WHERE = {
    "beach": ("on the beach", "on a sandy beach"),
    "grass": ("on the grass", "in a green meadow"),
    "snow": ("in the snow", "on a snowy field"),
    "road": ("on the road", "in a city street"),
    "sea": ("on the sea", "out on the water"),
    "desert": ("in the desert", "among the dunes"),
}
_WHEN = {
    "morning": ("in the morning", "at sunrise"),
    "noon": ("at noon", "in bright daylight"),
    "evening": ("in the evening", "at sunset"),
}
_FRAMES = ("{}", "a photo of {}", "a picture of {}", "here we see {}")


def caption(scene: Scene, rng: random.Random | None = None) -> str:
    """The scene in words: ``two red boats on the sea in the evening``; with ``rng`` a paraphrase of that."""

    def pick(options: tuple[str, ...]) -> str:
        return options[0] if rng is None else rng.choice(options)

    noun = pick(_SYNONYMS.get(scene.object, (scene.object,)))
    number = pick(_NUMBERS[scene.count])
    if scene.count > 1:
        noun = _PLURALS.get(noun, noun + "s")
    elif number == "a" and scene.colour == "orange":
        number = "an"
    where, when = pick(_WHERE[scene.ground]), pick(_WHEN[scene.light])
    text = f"{number} {scene.colour} {noun} {where} {when}"
    if rng is not None and rng.random() < 0.25:
        text = f"{when}, {number} {scene.colour} {noun} {where}"
    return pick(_FRAMES).format(text)


def render(scene: Scene, seed: int = 0, size: tuple[int, int] = (960, 720)) -> Image.Image:
    """The scene as an RGB picture of ``size`` pixels. Objects never hide each other."""
    rng = random.Random(f"{seed}/{scene}")
    fine = 2 if max(size) >= 400 else 4
    picture = Image.new("RGB", (size[0] * fine, size[1] * fine))
    tall, wide = picture.height, picture.width
    stage = Stage(picture, round(tall * rng.uniform(0.46, 0.54)), rng, scene.light)
    sky(stage)
    GROUNDS[scene.ground](stage)
    _tint(picture, scene.light, stage.horizon)
    _place_objects(stage, scene, min(tall, wide * 0.75), wide)
    return picture.resize(size, Image.Resampling.BOX)


def _tint(picture: Image.Image, light: str, horizon: int) -> None:
    below = picture.crop((0, horizon, picture.width, picture.height))
    table = [round(value * share) for share in TINTS[light] for value in range(256)]
    picture.paste(below.point(table), (0, horizon))


def _place_objects(stage: Stage, scene: Scene, room: float, wide: int) -> None:
    rng, thing = stage.rng, THINGS[scene.object]
    tint = TINTS[scene.light]
    base = tuple(
        round(channel * (0.45 + 0.55 * share)) for channel, share in zip(COLOURS[scene.colour], tint, strict=True)
    )
    paint = Paint(base)
    unit = min(room * (0.5, 0.42, 0.36, 0.33)[scene.count - 1], 0.86 * wide / (scene.count * thing.width))
    unit *= rng.uniform(0.88, 1.0)
    slot = wide / scene.count
    order = [(stage.height * rng.uniform(0.80, 0.93), index) for index in range(scene.count)]
    for ground, index in sorted(order):
        slack = max(0.0, slot - unit * thing.width) / 2
        x = slot * (index + 0.5) + rng.uniform(-slack, slack) * 0.8
        flip = rng.random() < 0.5
        lift = unit * rng.uniform(0.1, 0.35) if scene.object == "balloon" else 0.0
        pen = Pen(stage.picture, x, ground - lift, unit, flip, rng.uniform(-3, 3))
        below = Pen(stage.picture, x, ground, unit, flip)
        _under(below, scene, thing.width, thing.floats)
        thing.draw(pen, paint)
        if scene.ground == "sea":
            _ripples(below, thing.width, thing.floats, scene.light)


def _under(pen: Pen, scene: Scene, width: float, floats: bool) -> None:
    """A shadow on the ground; on the sea a sandy islet for what does not swim."""
    if scene.ground == "sea":
        if not floats:
            sand = mix((236, 212, 158), (120, 60, 90), 0.3 if scene.light == "evening" else 0.0)
            pen.shape(circle(0, -0.04, width * 0.56, 0.11), mix(sand, (110, 80, 60), 0.35))
            pen.shape(circle(0, 0.0, width * 0.54, 0.1), sand)
            pen.shape(circle(0, 0.0, width * 0.36, 0.045, 30), (40, 30, 50, 60))
        return
    pen.shape(circle(0.03, 0.0, width * 0.46, 0.07), (30, 24, 50, 80 if scene.ground != "snow" else 50))


def _ripples(pen: Pen, width: float, floats: bool, light: str) -> None:
    foam: Colour = (255, 255, 255, 170) if light != "evening" else (255, 214, 200, 150)
    low = 0.02 if floats else -0.13
    for drop, share in ((0.0, 0.5), (-0.07, 0.36)):
        half = width * share
        steps = [(-half + 2 * half * i / 8, low + drop + (0.025 if i % 2 else 0.0)) for i in range(9)]
        pen.ribbon(smooth(steps, closed=False, steps=4), foam, 0.026)
