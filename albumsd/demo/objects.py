"""The twelve things of the demo's world, each drawn about one unit high, standing at the pen's (0, 0).

``THINGS`` maps the word to a ``Thing``: how it is drawn, its width in units, whether it swims by itself.
The paint's colour covers most of every thing, so that its colour can be told from a small picture.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .animals import bird, cat, dog, fish
from .pen import INK, Colour, Paint, Pen, arc, circle, mix, smooth

GLASS: Colour = (196, 228, 240)
CREAM: Colour = (255, 248, 228)
WOOD: Colour = (128, 88, 60)
LEAF: Colour = (86, 150, 84)


@dataclass(frozen=True, slots=True)
class Thing:
    draw: Callable[[Pen, Paint], None]
    width: float
    floats: bool = False


def _car(pen: Pen, c: Paint) -> None:
    body = [
        (-0.82, 0.16),
        (-0.84, 0.36),
        (-0.62, 0.45),
        (-0.42, 0.72),
        (-0.3, 0.77),
        (0.2, 0.77),
        (0.32, 0.71),
        (0.52, 0.46),
    ]
    pen.shape(smooth([*body, (0.8, 0.39), (0.85, 0.3), (0.84, 0.16)], steps=5), c.base, c.line, 0.025)
    pen.shape([(-0.82, 0.17), (0.83, 0.17), (0.83, 0.24), (-0.83, 0.24)], c.dark)
    pen.shape([(-0.47, 0.47), (-0.32, 0.69), (-0.06, 0.69), (-0.06, 0.47)], GLASS, c.line, 0.018)
    pen.shape([(0.02, 0.47), (0.02, 0.69), (0.2, 0.69), (0.38, 0.47)], GLASS, c.line, 0.018)
    pen.line([(-0.02, 0.44), (-0.02, 0.26)], c.dark, 0.014)
    pen.line([(0.06, 0.41), (0.16, 0.41)], c.line, 0.022)
    pen.shape(circle(0.78, 0.33, 0.045, 0.06), (255, 240, 170), c.line, 0.012)
    pen.shape(circle(-0.8, 0.34, 0.03, 0.05), (214, 60, 60))
    for x in (-0.47, 0.48):
        pen.disc(x, 0.17, 0.175, (46, 44, 54))
        pen.disc(x, 0.17, 0.09, (214, 216, 222))
        pen.disc(x, 0.17, 0.03, (110, 112, 122))


def _boat(pen: Pen, c: Paint) -> None:
    pen.line([(-0.02, 0.2), (-0.02, 1.08)], WOOD, 0.035)
    pen.shape(smooth([(0.03, 1.02), (0.3, 0.66), (0.46, 0.33), (0.03, 0.33)], steps=5), c.light, c.line, 0.02)
    pen.shape([(0.03, 0.62), (0.34, 0.6), (0.42, 0.45), (0.03, 0.45)], c.base)
    pen.shape([(-0.07, 0.95), (-0.07, 0.33), (-0.42, 0.33)], CREAM, c.line, 0.02)
    pen.shape([(-0.02, 1.08), (0.16, 1.03), (-0.02, 0.99)], c.dark)
    hull = [
        (-0.62, 0.28),
        (0.66, 0.28),
        *smooth([(0.66, 0.28), (0.52, 0.08), (0.36, 0.0), (-0.38, 0.0), (-0.54, 0.1)], closed=False),
    ]
    pen.shape(hull, c.base, c.line, 0.025)
    pen.line([(-0.55, 0.2), (0.57, 0.2)], CREAM, 0.03)


def _house(pen: Pen, c: Paint) -> None:
    pen.shape([(0.26, 0.7), (0.26, 1.05), (0.38, 1.05), (0.38, 0.6)], mix(WOOD, INK, 0.2))
    pen.shape([(-0.5, 0.0), (-0.5, 0.58), (0.5, 0.58), (0.5, 0.0)], c.base, c.line, 0.022)
    pen.shape([(-0.5, 0.0), (-0.5, 0.07), (0.5, 0.07), (0.5, 0.0)], c.dark)
    pen.shape([(-0.62, 0.54), (-0.02, 1.02), (0.02, 1.02), (0.62, 0.54)], c.dark, c.line, 0.022)
    pen.line([(-0.42, 0.66), (0.42, 0.66)], c.line, 0.012)
    pen.line([(-0.27, 0.79), (0.27, 0.79)], c.line, 0.012)
    pen.shape([(-0.09, 0.0), (-0.09, 0.28), *arc(0.02, 0.28, 0.11, 0.1, 180, 0), (0.13, 0.0)], WOOD, c.line, 0.018)
    pen.disc(0.09, 0.17, 0.016, (250, 220, 130))
    for x in (-0.4, 0.22):
        pen.shape([(x, 0.22), (x, 0.42), (x + 0.2, 0.42), (x + 0.2, 0.22)], (255, 236, 170), CREAM, 0.03)
        pen.line([(x + 0.1, 0.22), (x + 0.1, 0.42)], CREAM, 0.016)
        pen.line([(x, 0.32), (x + 0.2, 0.32)], CREAM, 0.016)


def _tree(pen: Pen, c: Paint) -> None:
    pen.shape(smooth([(-0.12, 0.0), (-0.06, 0.2), (-0.06, 0.5), (0.06, 0.5), (0.06, 0.2), (0.13, 0.0)], steps=5), WOOD)
    pen.line([(0.0, 0.38), (0.2, 0.55)], WOOD, 0.05)
    crown = [
        (-0.3, 0.55, 0.23),
        (0.3, 0.56, 0.22),
        (-0.18, 0.8, 0.24),
        (0.2, 0.8, 0.24),
        (0.0, 0.95, 0.22),
        (0.0, 0.62, 0.26),
    ]
    for x, y, r in crown:
        pen.disc(x, y, r + 0.02, c.line)
    for x, y, r in crown:
        pen.disc(x, y, r, c.base)
    for x, y, r in ((0.2, 0.5, 0.1), (0.34, 0.57, 0.1), (-0.1, 0.48, 0.1)):
        pen.disc(x, y, r, c.dark)
    for x, y, r in ((-0.2, 0.86, 0.11), (0.02, 1.0, 0.1), (-0.32, 0.62, 0.08), (0.14, 0.76, 0.07)):
        pen.disc(x, y, r, c.light)


def _flower(pen: Pen, c: Paint) -> None:
    pen.line(smooth([(0.02, 0.0), (-0.03, 0.25), (0.02, 0.6)], closed=False), LEAF, 0.05)
    pen.shape(smooth([(0.0, 0.16), (0.16, 0.34), (0.36, 0.34), (0.2, 0.18)]), LEAF, mix(LEAF, INK, 0.4), 0.012)
    pen.shape(smooth([(-0.02, 0.1), (-0.14, 0.26), (-0.34, 0.24), (-0.2, 0.1)]), LEAF, mix(LEAF, INK, 0.4), 0.012)
    petals = [(round(0.24 * x, 3), round(0.24 * y, 3)) for x, y in circle(0, 0, 1, steps=8)]
    for x, y in petals:
        pen.disc(0.02 + x, 0.72 + y, 0.145, c.base, c.line, 0.018)
    for x, y in petals:
        pen.disc(0.02 + 0.75 * x, 0.72 + 0.75 * y, 0.085, c.light)
    pen.disc(0.02, 0.72, 0.15, (116, 72, 40) if c.base[2] < 90 and c.base[1] > 130 else (252, 206, 72), c.line, 0.016)


def _balloon(pen: Pen, c: Paint) -> None:
    pen.line(smooth([(0.0, 0.46), (0.07, 0.32), (-0.06, 0.18), (0.02, 0.02)], closed=False), INK, 0.016)
    pen.shape([(-0.06, 0.4), (0.06, 0.4), (0.0, 0.48)], c.dark, c.line, 0.016)
    pen.shape(
        smooth(
            [
                (0.0, 0.44),
                (-0.22, 0.58),
                (-0.34, 0.82),
                (-0.24, 1.06),
                (0.0, 1.16),
                (0.24, 1.06),
                (0.34, 0.82),
                (0.22, 0.58),
            ]
        ),
        c.base,
        c.line,
        0.022,
    )
    pen.shape(smooth([(0.05, 0.47), (0.22, 0.62), (0.3, 0.84), (0.22, 1.03), (0.2, 0.78)]), c.dark)
    pen.shape(smooth([(-0.22, 0.86), (-0.18, 1.0), (-0.06, 1.07), (-0.12, 0.94)]), mix(c.light, (255, 255, 255), 0.5))


def _bicycle(pen: Pen, c: Paint) -> None:
    for x in (-0.5, 0.5):
        pen.shape(circle(x, 0.31, 0.29), (255, 255, 255, 40), (46, 44, 54), 0.055)
        for dx, dy in circle(0, 0, 0.26, steps=5):
            pen.line([(x - dx, 0.31 - dy), (x + dx, 0.31 + dy)], (150, 152, 164), 0.01)
        pen.disc(x, 0.31, 0.045, (90, 90, 100))
    frame = [
        [(-0.5, 0.31), (-0.05, 0.3), (0.36, 0.72), (-0.2, 0.72), (-0.5, 0.31)],
        [(-0.05, 0.3), (-0.24, 0.84)],
        [(0.5, 0.31), (0.33, 0.9)],
    ]
    for colour, width in ((c.line, 0.115), (c.base, 0.08)):
        for piece in frame:
            pen.line(piece, colour, width)
    pen.line(smooth([(0.33, 0.9), (0.36, 0.98), (0.48, 0.98), (0.54, 0.9)], closed=False), INK, 0.04)
    pen.shape(smooth([(-0.38, 0.88), (-0.2, 0.9), (-0.08, 0.85), (-0.22, 0.82)]), INK)
    pen.disc(-0.05, 0.3, 0.075, (90, 90, 100), INK, 0.015)
    pen.line([(-0.05, 0.3), (0.04, 0.16), (0.12, 0.16)], INK, 0.03)
    pen.shape([(0.5, 0.7), (0.72, 0.7), (0.7, 0.55), (0.52, 0.55)], (206, 160, 104), (120, 84, 50), 0.014)


def _umbrella(pen: Pen, c: Paint) -> None:
    pen.line([(0.0, 0.0), (0.0, 0.95)], CREAM, 0.045)
    pen.line([(0.02, 0.0), (0.02, 0.95)], mix(CREAM, INK, 0.35), 0.014)
    dome = [*arc(0.0, 0.58, 0.66, 0.5, 180, 0, 30)]
    hem = [
        (0.66 - 0.264 * i - 0.132 + 0.132 * x, 0.58 + 0.07 * y) for i in range(5) for x, y in arc(0, 0, 1, 1, 0, 180, 8)
    ]
    pen.shape([*dome, *hem], c.base, c.line, 0.022)
    for left, right in ((-0.396, -0.132), (0.132, 0.396)):
        pen.shape(
            [(0.0, 1.08), (left, 0.61), *arc((left + right) / 2, 0.58, 0.132, 0.07, 180, 0, 8), (right, 0.61)], c.light
        )
    pen.shape([*dome, *hem], None, c.line, 0.022)
    pen.disc(0.0, 1.1, 0.035, c.dark)


THINGS: dict[str, Thing] = {
    "car": Thing(_car, 1.7),
    "boat": Thing(_boat, 1.35, floats=True),
    "house": Thing(_house, 1.3),
    "tree": Thing(_tree, 1.1),
    "flower": Thing(_flower, 0.9),
    "cat": Thing(cat, 1.2),
    "dog": Thing(dog, 1.85),
    "bird": Thing(bird, 1.4),
    "fish": Thing(fish, 1.5, floats=True),
    "balloon": Thing(_balloon, 0.8),
    "bicycle": Thing(_bicycle, 1.65),
    "umbrella": Thing(_umbrella, 1.4),
}
