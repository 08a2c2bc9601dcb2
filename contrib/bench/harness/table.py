"""Rows of figures, and how they are written.

A ``Row`` says what was measured, our figure and, where there is one, the baseline's, both in ``unit`` ("s", "B", "/s",
"B/s"). ``ratio`` is ours to the baseline's, the median over interleaved repetitions, not the ratio of two medians.
A ``Target`` is met or not; nothing here fails because of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple


class Target(NamedTuple):
    """``of`` is the ratio or our own figure; ``at_least``: greater is better."""

    limit: float
    of: Literal["ratio", "figure"] = "ratio"
    at_least: bool = False


class Row(NamedTuple):
    what: str
    ours: float
    unit: str
    baseline: float | None = None
    against: str = ""
    """Name of the baseline."""
    ratio: float | None = None
    target: Target | None = None
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None without one."""
        if self.target is None:
            return None
        found = self.ratio if self.target.of == "ratio" else self.ours
        if found is None:
            return None
        return found >= self.target.limit if self.target.at_least else found <= self.target.limit


HEAD = ("what", "albumsd", "baseline", "ratio", "target", "ok?")


def figure(value: float, unit: str) -> str:
    """``41 ms``, ``1.6 GB/s``, ``112 MB``: three digits, a prefix that fits."""
    if unit == "s":
        for size, name in ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs")):
            if value >= size * 0.9995 or name == "µs":
                return f"{_digits(value / size)} {name}"
    if unit in ("B", "B/s"):
        for size, prefix in ((1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, "")):
            if value >= size or not prefix:
                return f"{_digits(value / size)} {prefix}{unit}"
    if not unit and value == int(value):
        return f"{value:,.0f}"
    return f"{_digits(value)}{unit}" if unit.startswith("/") else f"{_digits(value)} {unit}".strip()


def _digits(value: float) -> str:
    return f"{value:.2f}" if value < 9.995 else f"{value:.1f}" if value < 99.95 else f"{value:,.0f}"


def cells(row: Row) -> tuple[str, ...]:
    """The row as texts, one for each of HEAD."""
    target = "–"
    if row.target:
        sign = "≥" if row.target.at_least else "≤"
        limit = f"{row.target.limit:g} ×" if row.target.of == "ratio" else figure(row.target.limit, row.unit)
        target = f"{sign} {limit}"
    return (
        row.what + (f" ({row.note})" if row.note else ""),
        figure(row.ours, row.unit),
        f"{figure(row.baseline, row.unit)} {row.against}".strip() if row.baseline is not None else "–",
        f"{row.ratio:.2f} ×" if row.ratio is not None else "–",
        target,
        {True: "yes", False: "NO", None: "–"}[row.met],
    )


def as_text(sections: Sequence[tuple[str, Sequence[Row]]]) -> str:
    """All rows under their headings, in columns for a terminal."""
    texts = [cells(row) for _, rows in sections for row in rows]
    widths = [max(len(line[n]) for line in [HEAD, *texts]) for n in range(len(HEAD))]

    def line(parts: Sequence[str]) -> str:
        return "  ".join(part.ljust(width) for part, width in zip(parts, widths, strict=True)).rstrip()

    lines = [line(HEAD), line(["-" * width for width in widths])]
    for heading, rows in sections:
        lines += ["", heading, *(line(cells(row)) for row in rows)]
    return "\n".join(lines)


def as_markdown(rows: Sequence[Row]) -> str:
    """One table of Markdown."""
    lines = [f"| {' | '.join(HEAD)} |", "|" + " --- |" * len(HEAD)]
    lines += [f"| {' | '.join(part.replace('|', chr(92) + '|') for part in cells(row))} |" for row in rows]
    return "\n".join(lines)


def as_data(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """For ``--json``; ``rows`` turns it back."""
    return [{**row._asdict(), "target": row.target._asdict() if row.target else None, "met": row.met} for row in rows]


def rows(data: Sequence[dict[str, Any]]) -> list[Row]:
    """The inverse of ``as_data``."""
    return [
        Row(**{**{k: v for k, v in row.items() if k != "met"}, "target": row["target"] and Target(**row["target"])})
        for row in data
    ]
