"""Where and when: skies of three lights and grounds of six kinds, drawn over the whole picture.

A ground gets a ``Stage`` (picture, horizon in pixels from the top, random numbers, light) and draws everything on the
horizon and below it.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image

from .pen import Colour, Pen, Point, circle, mix, smooth

SKIES: dict[str, tuple[Colour, Colour, Colour]] = {
    # top, middle, at the horizon
    "morning": ((150, 192, 226), (244, 214, 200), (255, 236, 196)),
    "noon": ((58, 142, 220), (128, 196, 240), (214, 238, 250)),
    "evening": ((44, 34, 92), (156, 64, 116), (250, 148, 84)),
}
TINTS: dict[str, tuple[float, float, float]] = {
    "morning": (1.0, 0.97, 0.9),
    "noon": (1.0, 1.0, 1.0),
    "evening": (0.84, 0.7, 0.78),
}


@dataclass(slots=True)
class Stage:
    picture: Image.Image
    horizon: int
    rng: random.Random
    light: str

    @property
    def width(self) -> int:
        return self.picture.width

    @property
    def height(self) -> int:
        return self.picture.height

    @property
    def haze(self) -> Colour:
        return SKIES[self.light][2]

    def pen(self, x: float, y: float, unit: float) -> Pen:
        return Pen(self.picture, x * self.width, y * self.height, unit * self.height)

    def fade(self, top: int, bottom: int, *colours: Colour) -> None:
        """Fills the rows from top to bottom with a gradient through the colours."""
        if bottom <= top:
            return
        at = np.linspace(0, len(colours) - 1, bottom - top)
        steps = np.arange(len(colours))
        rows = np.stack([np.interp(at, steps, [colour[i] for colour in colours]) for i in range(3)], axis=1)
        strip = np.broadcast_to(rows.round().astype(np.uint8)[:, None, :], (bottom - top, self.width, 3))
        self.picture.paste(Image.fromarray(np.ascontiguousarray(strip)), (0, top))

    def ridge(self, y: float, swing: float, colour: Colour, bumps: float = 2.0, until: float = 1.0) -> None:
        """Hills: everything below a wavy line at ``y`` (shares of the height) down to ``until``."""
        phase, second = self.rng.uniform(0, 6.28), self.rng.uniform(0, 6.28)
        points: list[Point] = []
        for i in range(61):
            t = i / 60
            wave = math.sin(bumps * 6.28 * t + phase) + 0.45 * math.sin(bumps * 2.3 * 6.28 * t + second)
            points.append((t * self.width, (y + swing * wave) * self.height))
        Pen(self.picture, 0, 0, 1).shape(
            [(x, -y) for x, y in [*points, (self.width, until * self.height), (0, until * self.height)]], colour
        )


def sky(stage: Stage) -> None:
    rng, light = stage.rng, stage.light
    stage.fade(0, stage.horizon, *SKIES[light])
    stage.fade(stage.horizon, stage.height, stage.haze, stage.haze)
    high = stage.horizon / stage.height
    x = rng.uniform(0.12, 0.88)
    if light == "evening":
        for _ in range(36):
            star = stage.pen(rng.random(), rng.uniform(0, 0.55) * high, 1)
            star.disc(0, 0, rng.uniform(0.0015, 0.0035), (255, 250, 230, rng.randint(90, 230)))
        sun = stage.pen(x, high * 0.97, 1)
        for r, alpha in ((0.26, 26), (0.19, 34), (0.13, 60)):
            sun.disc(0, 0, r, (255, 190, 90, alpha))
        sun.disc(0, 0, 0.085, (255, 214, 130))
        moon = stage.pen((x + 0.5) % 1.0 * 0.8 + 0.1, high * 0.3, 1)
        moon.disc(0, 0, 0.035, (250, 244, 222))
        moon.disc(0.016, 0.008, 0.031, mix(SKIES[light][0], SKIES[light][1], 0.45))
    else:
        sun = stage.pen(x, high * (0.72 if light == "morning" else 0.24), 1)
        for r, alpha in ((0.17, 40), (0.12, 60), (0.09, 90)):
            sun.disc(0, 0, r, (255, 246, 200, alpha))
        sun.disc(0, 0, 0.062, (255, 226, 130) if light == "morning" else (255, 250, 214))
    cloud: Colour = {"morning": (255, 246, 238, 190), "noon": (255, 255, 255, 235), "evening": (206, 104, 128, 130)}[
        light
    ]
    for _ in range(rng.randint(2, 4)):
        puffs = stage.pen(rng.random(), rng.uniform(0.12, 0.62) * high, rng.uniform(0.05, 0.09))
        outline = smooth(
            [
                (-1.5, 0),
                (-1.35, 0.42),
                (-0.8, 0.5),
                (-0.45, 0.95),
                (0.2, 1.0),
                (0.55, 0.62),
                (1.1, 0.66),
                (1.5, 0.2),
                (1.45, 0),
            ],
            steps=6,
        )
        puffs.shape(outline, cloud)


def _waves(stage: Stage, top: float, bottom: float, colour: Colour, count: int) -> None:
    for i in range(count):
        depth = (i + stage.rng.random()) / count
        y, size = top + (bottom - top) * depth**1.3, 0.012 + 0.03 * depth
        pen = stage.pen(stage.rng.random(), y, size)
        crest = [(-2.2, 0.0), (-1.1, 0.35), (0.0, 0.0), (1.1, 0.35), (2.2, 0.0)]
        pen.ribbon(smooth(crest, closed=False, steps=5), colour, 0.22)


def _specks(stage: Stage, top: float, colours: list[Colour], count: int, size: float) -> None:
    for _ in range(count):
        depth = stage.rng.random()
        pen = stage.pen(stage.rng.random(), top + (0.995 - top) * depth, size * (0.4 + depth))
        pen.shape(circle(0, 0, 1, 0.55, steps=10), stage.rng.choice(colours))


def _water(stage: Stage) -> tuple[Colour, Colour]:
    far, near = (108, 186, 204), (24, 104, 160)
    if stage.light == "evening":
        far, near = (214, 134, 120), (56, 60, 122)
    elif stage.light == "morning":
        far, near = (176, 212, 214), (56, 134, 176)
    return far, near


def _beach(stage: Stage) -> None:
    high, (far, near) = stage.horizon / stage.height, _water(stage)
    shore = high + 0.15
    stage.fade(stage.horizon, stage.height, far, near)
    _waves(stage, high + 0.02, shore, (255, 255, 255, 110), 14)
    state = stage.rng.getstate()
    for drop, colour in ((0.0, (255, 255, 255)), (0.02, (214, 190, 146)), (0.04, (240, 218, 168))):
        stage.rng.setstate(state)
        stage.ridge(shore + drop, 0.008, colour, 1.6)
    _specks(stage, shore + 0.08, [(222, 194, 140), (250, 234, 196), (206, 176, 126)], 90, 0.005)
    for _ in range(3):
        pen = stage.pen(stage.rng.random(), stage.rng.uniform(shore + 0.12, 0.97), 0.016)
        pen.shape(circle(0, 0, 1, 0.8, steps=14), (255, 238, 226), (206, 160, 150), 0.14)
        pen.line([(0, -0.6), (0, 0.6)], (206, 160, 150), 0.12)


def _grass(stage: Stage) -> None:
    high = stage.horizon / stage.height
    stage.ridge(high - 0.02, 0.035, mix((132, 184, 150), stage.haze, 0.45), 1.2)
    stage.ridge(high + 0.02, 0.02, mix((120, 186, 104), stage.haze, 0.2), 1.7)
    stage.ridge(high + 0.08, 0.012, (112, 184, 84), 1.1)
    stage.ridge(high + 0.24, 0.012, (96, 170, 74), 1.4)
    for _ in range(70):
        depth = stage.rng.random()
        pen = stage.pen(stage.rng.random(), high + 0.11 + (0.88 - high) * depth, 0.012 + 0.02 * depth)
        for lean in (-0.6, 0.0, 0.6):
            pen.line([(lean * 0.4, 0), (lean, 1)], (70, 140, 60), 0.16)
    for _ in range(26):
        depth = stage.rng.random()
        pen = stage.pen(stage.rng.random(), high + 0.12 + (0.87 - high) * depth, 0.005 + 0.006 * depth)
        for x, y in circle(0, 0, 0.8, steps=5):
            pen.disc(x, y, 0.6, (255, 252, 244))
        pen.disc(0, 0, 0.5, (250, 210, 90))


def _snow(stage: Stage) -> None:
    high = stage.horizon / stage.height
    stage.ridge(high - 0.1, 0.05, mix((176, 194, 222), stage.haze, 0.4), 1.5)
    stage.ridge(high - 0.01, 0.015, mix((214, 224, 240), stage.haze, 0.2), 1.3)
    for _ in range(16):
        pen = stage.pen(stage.rng.random(), high + stage.rng.uniform(0.0, 0.03), stage.rng.uniform(0.05, 0.09))
        for y in (0.0, 0.3, 0.6):
            pen.shape([(-0.34 + y * 0.3, y), (0.34 - y * 0.3, y), (0, y + 0.55)], mix((120, 146, 170), stage.haze, 0.3))
    stage.ridge(high + 0.05, 0.01, (236, 242, 250), 1.2)
    stage.ridge(high + 0.2, 0.014, (246, 249, 254), 1.6)
    stage.ridge(high + 0.36, 0.012, (255, 255, 255), 1.1)
    _specks(stage, high + 0.1, [(214, 226, 242), (226, 234, 246)], 30, 0.012)
    for _ in range(70):
        pen = stage.pen(stage.rng.random(), stage.rng.random(), stage.rng.uniform(0.002, 0.006))
        pen.disc(0, 0, 1, (255, 255, 255, 220))


def _road(stage: Stage) -> None:
    high, rng = stage.horizon / stage.height, stage.rng
    x = -0.02
    while x < 1.02:
        wide, tall = rng.uniform(0.05, 0.11), rng.uniform(0.08, 0.26)
        colour = mix(rng.choice([(150, 160, 184), (166, 158, 176), (140, 150, 166)]), stage.haze, 0.4)
        pen = stage.pen(x, high + 0.03, 1)
        units = wide * stage.width / stage.height
        pen.shape([(0, 0), (0, tall), (units, tall), (units, 0)], colour)
        lit: Colour = (255, 226, 140, 200) if stage.light == "evening" else (255, 255, 255, 90)
        for column in range(1, int(units / 0.035)):
            for row in range(1, int(tall / 0.04)):
                if rng.random() < 0.6:
                    left, low = column * 0.035, row * 0.04
                    pen.shape([(left, low), (left, low + 0.02), (left + 0.014, low + 0.02), (left + 0.014, low)], lit)
        x += wide + rng.uniform(0.0, 0.015)
    stage.fade(stage.horizon + round(0.02 * stage.height), stage.height, (196, 192, 190), (176, 172, 172))
    stage.fade(stage.horizon + round(0.07 * stage.height), stage.height, (112, 114, 124), (84, 86, 96))
    for y, size in ((high + 0.18, 0.025), (high + 0.36, 0.045)):
        if y < 1:
            start = rng.uniform(-0.1, 0.1)
            for i in range(7):
                pen = stage.pen(start + i * 0.2, y, size)
                pen.shape([(-1.6, -0.2), (-1.4, 0.2), (1.8, 0.2), (1.6, -0.2)], (246, 242, 226))
    _specks(stage, high + 0.1, [(98, 100, 110), (122, 124, 134)], 60, 0.004)


def _sea(stage: Stage) -> None:
    high, (far, near) = stage.horizon / stage.height, _water(stage)
    stage.fade(stage.horizon, stage.height, far, mix(far, near, 0.7), near)
    _waves(stage, high + 0.03, 0.97, (255, 255, 255, 120), 46)
    _waves(stage, high + 0.03, 0.97, (*mix(near, (0, 0, 40), 0.25), 120), 30)


def _desert(stage: Stage) -> None:
    high = stage.horizon / stage.height
    for x in (0.18, 0.74):
        pen = stage.pen(x + stage.rng.uniform(-0.12, 0.12), high + 0.02, 0.16)
        pen.shape([(-1.0, 0), (-0.72, 0.62), (0.62, 0.66), (1.0, 0)], mix((196, 122, 92), stage.haze, 0.4))
    stage.ridge(high + 0.0, 0.016, mix((226, 164, 98), stage.haze, 0.3), 1.1)
    stage.ridge(high + 0.08, 0.022, (232, 172, 98), 1.3)
    stage.ridge(high + 0.2, 0.02, (222, 154, 82), 0.9)
    stage.ridge(high + 0.34, 0.014, (230, 166, 94), 1.5)
    for _ in range(3):
        pen = stage.pen(stage.rng.random(), high + stage.rng.uniform(0.06, 0.12), stage.rng.uniform(0.06, 0.1))
        for part in ([(0, 0), (0, 1)], [(0, 0.4), (-0.3, 0.45), (-0.3, 0.75)], [(0, 0.3), (0.28, 0.35), (0.28, 0.6)]):
            pen.line(smooth(part, closed=False) if len(part) > 2 else part, (104, 140, 92), 0.17)
    _specks(stage, high + 0.14, [(206, 138, 72), (246, 190, 120)], 50, 0.006)


GROUNDS: dict[str, Callable[[Stage], None]] = {
    "beach": _beach,
    "grass": _grass,
    "snow": _snow,
    "road": _road,
    "sea": _sea,
    "desert": _desert,
}
