"""The four animals of the demo's world; each stands at the pen's (0, 0), about one unit high."""

from __future__ import annotations

from .pen import INK, Paint, Pen, arc, circle, smooth


def cat(pen: Pen, c: Paint) -> None:
    pen.line(smooth([(0.26, 0.1), (0.52, 0.1), (0.58, 0.36), (0.46, 0.5)], closed=False), c.line, 0.14)
    pen.line(smooth([(0.26, 0.1), (0.52, 0.1), (0.58, 0.36), (0.46, 0.5)], closed=False), c.base, 0.1)
    pen.shape(
        smooth([(-0.3, 0.0), (-0.32, 0.2), (-0.2, 0.48), (0.0, 0.56), (0.2, 0.48), (0.34, 0.22), (0.32, 0.0)]),
        c.base,
        c.line,
        0.022,
    )
    pen.shape(circle(0.0, 0.24, 0.14, 0.2), c.light)
    for x in (-0.13, 0.13):
        pen.shape(circle(x, 0.04, 0.1, 0.055), c.light, c.line, 0.018)
    for s in (-1, 1):
        pen.shape([(0.3 * s, 0.74), (0.3 * s, 1.08), (0.06 * s, 0.92)], c.base, c.line, 0.022)
        pen.shape([(0.25 * s, 0.83), (0.25 * s, 0.99), (0.13 * s, 0.91)], (250, 176, 180))
    pen.shape(circle(0.0, 0.7, 0.33, 0.27), c.base, c.line, 0.022)
    pen.shape(circle(0.0, 0.6, 0.15, 0.11), c.light)
    for x in (-0.14, 0.14):
        pen.shape(circle(x, 0.74, 0.055, 0.07), (252, 252, 246), INK, 0.012)
        pen.shape(circle(x, 0.74, 0.022, 0.06), INK)
    pen.shape([(-0.035, 0.655), (0.035, 0.655), (0.0, 0.615)], (236, 116, 130))
    pen.line(smooth([(-0.07, 0.57), (-0.03, 0.56), (0.0, 0.6), (0.03, 0.56), (0.07, 0.57)], closed=False), INK, 0.014)
    for s in (-1, 1):
        for y in (0.6, 0.64):
            pen.line([(0.17 * s, y), (0.42 * s, y + (y - 0.62) * 2)], INK, 0.009)


def dog(pen: Pen, c: Paint) -> None:
    pen.line(smooth([(-0.5, 0.5), (-0.66, 0.66), (-0.68, 0.86)], closed=False), c.line, 0.11)
    pen.line(smooth([(-0.5, 0.5), (-0.66, 0.66), (-0.68, 0.86)], closed=False), c.base, 0.075)
    for x, shade in ((-0.28, c.dark), (0.32, c.dark), (-0.46, c.base), (0.18, c.base)):
        pen.shape(
            smooth([(x - 0.08, 0.34), (x - 0.06, 0.02), (x + 0.1, 0.0), (x + 0.08, 0.34)], steps=5), shade, c.line, 0.02
        )
    pen.shape(
        smooth(
            [
                (-0.56, 0.36),
                (-0.52, 0.58),
                (-0.2, 0.64),
                (0.2, 0.66),
                (0.42, 0.54),
                (0.38, 0.3),
                (-0.1, 0.26),
                (-0.45, 0.26),
            ]
        ),
        c.base,
        c.line,
        0.022,
    )
    pen.shape(smooth([(-0.3, 0.62), (-0.1, 0.64), (-0.02, 0.5), (-0.22, 0.46)]), c.light)
    pen.shape(
        smooth(
            [
                (0.14, 0.56),
                (0.24, 0.9),
                (0.44, 1.02),
                (0.62, 0.96),
                (0.7, 0.82),
                (0.9, 0.76),
                (0.9, 0.62),
                (0.64, 0.58),
                (0.44, 0.48),
            ]
        ),
        c.base,
        c.line,
        0.022,
    )
    pen.shape(smooth([(0.66, 0.72), (0.9, 0.75), (0.9, 0.62), (0.66, 0.6)]), c.light)
    pen.shape(circle(0.89, 0.74, 0.055, 0.045), INK)
    pen.line(smooth([(0.86, 0.64), (0.76, 0.63), (0.7, 0.66)], closed=False), INK, 0.014)
    pen.disc(0.6, 0.83, 0.05, (252, 252, 246))
    pen.disc(0.61, 0.83, 0.032, INK)
    pen.shape(smooth([(0.4, 0.98), (0.24, 0.94), (0.22, 0.66), (0.34, 0.6), (0.42, 0.78)]), c.dark, c.line, 0.02)
    pen.line([(0.2, 0.57), (0.45, 0.48)], (236, 196, 84), 0.05)


def bird(pen: Pen, c: Paint) -> None:
    for x in (-0.05, 0.1):
        pen.line([(x, 0.24), (x + 0.02, 0.02), (x + 0.1, 0.0)], (226, 138, 54), 0.028)
    pen.shape(
        [(-0.34, 0.46), (-0.74, 0.56), (-0.74, 0.42), (-0.62, 0.42), (-0.66, 0.32), (-0.3, 0.32)], c.dark, c.line, 0.02
    )
    pen.shape(
        smooth(
            [
                (-0.42, 0.44),
                (-0.2, 0.66),
                (0.06, 0.72),
                (0.16, 0.94),
                (0.36, 1.0),
                (0.52, 0.86),
                (0.48, 0.62),
                (0.34, 0.36),
                (0.06, 0.2),
                (-0.24, 0.24),
            ]
        ),
        c.base,
        c.line,
        0.022,
    )
    pen.shape(smooth([(0.16, 0.56), (0.42, 0.62), (0.34, 0.38), (0.1, 0.26)]), c.light)
    pen.shape(smooth([(0.08, 0.6), (-0.2, 0.6), (-0.5, 0.44), (-0.24, 0.34), (0.02, 0.4)]), c.dark, c.line, 0.018)
    pen.line(smooth([(-0.02, 0.5), (-0.2, 0.48), (-0.34, 0.44)], closed=False), c.light, 0.018)
    pen.shape([(0.5, 0.88), (0.72, 0.8), (0.5, 0.76)], (246, 170, 60), (150, 90, 30), 0.014)
    pen.disc(0.36, 0.86, 0.05, (252, 252, 246))
    pen.disc(0.37, 0.86, 0.032, INK)


def fish(pen: Pen, c: Paint) -> None:
    pen.shape(smooth([(-0.42, 0.4), (-0.78, 0.66), (-0.7, 0.4), (-0.78, 0.14)]), c.dark, c.line, 0.02)
    pen.shape(smooth([(-0.16, 0.64), (0.0, 0.86), (0.24, 0.8), (0.26, 0.62)]), c.dark, c.line, 0.02)
    pen.shape(smooth([(-0.02, 0.16), (0.02, 0.02), (0.2, 0.06), (0.18, 0.18)]), c.dark, c.line, 0.02)
    pen.shape(
        smooth(
            [(-0.5, 0.4), (-0.2, 0.62), (0.16, 0.7), (0.5, 0.58), (0.68, 0.4), (0.5, 0.22), (0.16, 0.11), (-0.2, 0.2)]
        ),
        c.base,
        c.line,
        0.022,
    )
    pen.shape(smooth([(0.6, 0.3), (0.3, 0.15), (-0.1, 0.18), (-0.38, 0.33), (0.1, 0.3)]), c.light)
    for x in (-0.16, 0.04, 0.2):
        pen.line(arc(x - 0.1, 0.42, 0.13, 0.15, -55, 55, 10), c.dark, 0.026)
    pen.line(arc(0.2, 0.4, 0.16, 0.24, -55, 55, 10), c.line, 0.02)
    pen.disc(0.5, 0.48, 0.075, (252, 252, 246), c.line, 0.012)
    pen.disc(0.52, 0.48, 0.04, INK)
    pen.line([(0.66, 0.37), (0.56, 0.34)], c.line, 0.018)
