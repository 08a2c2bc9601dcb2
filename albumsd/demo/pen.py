"""A pen that draws smooth flat shapes on a picture, in the shape's own coordinates.

A ``Pen`` stands at a point of the picture: x grows to the right, y grows *upwards* from the ground the shape stands
on, and one unit is ``unit`` pixels. Every shape becomes a polygon, so that turning and mirroring work the same for all
of them. Colours are ``(red, green, blue)`` or ``(red, green, blue, alpha)``, 0 to 255. A pen changes only its picture.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw

Colour = tuple[int, ...]
Point = tuple[float, float]

INK: Colour = (52, 48, 66)


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """``one`` with a share (0 to 1) of ``other``."""
    return tuple(round(a + (b - a) * share) for a, b in zip(one[:3], other[:3], strict=True))


@dataclass(frozen=True, slots=True)
class Paint:
    """The colour of a thing with its shades."""

    base: Colour

    @property
    def dark(self) -> Colour:
        return mix(self.base, (24, 16, 48), 0.28)

    @property
    def light(self) -> Colour:
        return mix(self.base, (255, 255, 250), 0.38)

    @property
    def line(self) -> Colour:
        return mix(self.base, (24, 16, 48), 0.62)


def circle(x: float, y: float, rx: float, ry: float | None = None, steps: int = 40) -> list[Point]:
    ry = rx if ry is None else ry
    return [
        (x + rx * math.cos(2 * math.pi * i / steps), y + ry * math.sin(2 * math.pi * i / steps)) for i in range(steps)
    ]


def arc(x: float, y: float, rx: float, ry: float, start: float, end: float, steps: int = 24) -> list[Point]:
    """Points from ``start`` to ``end`` (degrees, counter-clockwise from the right)."""
    angles = [math.radians(start + (end - start) * i / steps) for i in range(steps + 1)]
    return [(x + rx * math.cos(angle), y + ry * math.sin(angle)) for angle in angles]


def smooth(points: Sequence[Point], closed: bool = True, steps: int = 7) -> list[Point]:
    """A Catmull-Rom curve through the points."""
    count = len(points)
    out: list[Point] = []
    for i in range(count if closed else count - 1):
        if closed:
            a, b, c, d = (points[(i + k) % count] for k in (-1, 0, 1, 2))
        else:
            a, b, c, d = (points[max(0, min(count - 1, i + k))] for k in (-1, 0, 1, 2))
        for step in range(steps):
            t = step / steps
            out.append(
                (
                    0.5
                    * (
                        2 * b[0]
                        + (c[0] - a[0]) * t
                        + (2 * a[0] - 5 * b[0] + 4 * c[0] - d[0]) * t**2
                        + (3 * b[0] - a[0] - 3 * c[0] + d[0]) * t**3
                    ),
                    0.5
                    * (
                        2 * b[1]
                        + (c[1] - a[1]) * t
                        + (2 * a[1] - 5 * b[1] + 4 * c[1] - d[1]) * t**2
                        + (3 * b[1] - a[1] - 3 * c[1] + d[1]) * t**3
                    ),
                )
            )
    if not closed:
        out.append(points[-1])
    return out


class Pen:
    """Draws at (x, y) of ``picture``; one unit is ``unit`` pixels; ``flip`` mirrors, ``turn`` tilts by degrees."""

    def __init__(
        self, picture: Image.Image, x: float, y: float, unit: float, flip: bool = False, turn: float = 0.0
    ) -> None:
        self._draw = ImageDraw.Draw(picture, "RGBA")
        self.x, self.y, self.unit = x, y, unit
        self._sign = -1 if flip else 1
        self._cos, self._sin = math.cos(math.radians(turn)), math.sin(math.radians(turn))

    def _place(self, points: Sequence[Point]) -> list[Point]:
        u, sign, cos, sin = self.unit, self._sign, self._cos, self._sin
        return [(self.x + sign * u * (px * cos - py * sin), self.y - u * (px * sin + py * cos)) for px, py in points]

    def shape(
        self, points: Sequence[Point], fill: Colour | None, line: Colour | None = None, width: float = 0.02
    ) -> None:
        """A polygon, with an outline if ``line`` is given (``width`` in units)."""
        placed = self._place(points)
        if fill is not None:
            self._draw.polygon(placed, fill=fill)
        if line is not None:
            self._stroke([*placed, placed[0], placed[1]], line, width)

    def line(self, points: Sequence[Point], colour: Colour, width: float = 0.03) -> None:
        """An open line with round ends."""
        placed = self._place(points)
        pixels = self._stroke(placed, colour, width)
        for x, y in (placed[0], placed[-1]):
            self._draw.ellipse((x - pixels / 2, y - pixels / 2, x + pixels / 2, y + pixels / 2), fill=colour)

    def ribbon(self, points: Sequence[Point], colour: Colour, width: float = 0.03) -> None:
        """A line as one shape, as high as ``width`` everywhere: for colours that let the ground through."""
        half = width / 2
        self.shape([*((x, y + half) for x, y in points), *((x, y - half) for x, y in reversed(points))], colour)

    def disc(self, x: float, y: float, r: float, fill: Colour, line: Colour | None = None, width: float = 0.02) -> None:
        self.shape(circle(x, y, r), fill, line, width)

    def _stroke(self, placed: Sequence[Point], colour: Colour, width: float) -> float:
        pixels = max(1, round(width * self.unit))
        self._draw.line(list(placed), fill=colour, width=pixels, joint="curve")
        return pixels
