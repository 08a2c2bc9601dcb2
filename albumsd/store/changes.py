"""``changes``: what changed, for whoever shows it, written in the transaction of the change itself.

A reader keeps the greatest ``gen`` it has seen and asks for more; when rows before that are gone
(``trim``), it must assume that everything changed. Rows:

* ``arrived`` first..last: new provisional assets, consecutive ids. Nothing that anyone cached is wrong.
* ``changed`` asset, old, new: ``Shown`` before and after; None: not shown before, not shown after.
* ``told`` asset: it is shown where it was, but there is something else to tell of it (its info text).
* ``preview`` asset: it has a preview now.
* ``folder`` id: a folder came, went or was renamed.   * ``source`` id: its state changed, or it came or went.
"""

from __future__ import annotations

import json
from typing import NamedTuple

from albumsd.core import clock

from .database import Tx

KEEP = 200_000


class Shown(NamedTuple):
    """Where an asset is shown, as plain data: enough to know every folder that lists it."""

    name: str
    size: int
    mtime_ns: int
    year: str
    month: str
    week: str
    day: str
    country: str | None
    region: str | None
    city: str | None
    hood: str | None
    camera: str | None
    problem: str | None
    copies: int
    kind: str
    origin: str
    mime: str | None
    lens: str | None
    rating: int | None
    title: str | None
    facets: list[list[str]]  # [facet, value], sorted: types, tags, clusters
    files: list[list[object]]  # [folder id, shown name], sorted


class Change(NamedTuple):
    gen: int
    what: str
    first: int
    last: int
    old: Shown | None
    new: Shown | None


def snapshot(tx: Tx, asset: int) -> Shown | None:
    """The facets of a live asset; None when it is not shown."""
    row = tx.one(
        "SELECT name, size, mtime_ns, year, month, week, day, country, region, city, hood, camera, problem, copies,"
        " kind, origin, mime, lens, rating, title FROM asset WHERE id=? AND live",
        (asset,),
    )
    if row is None:
        return None
    facets = tx.all("SELECT facet, value FROM asset_facet WHERE asset=? ORDER BY 1, 2", (asset,))
    files = tx.all("SELECT folder, coalesce(shown, CAST(name AS TEXT)) FROM file WHERE asset=? ORDER BY 1, 2", (asset,))
    return Shown._make((*row, [list(f) for f in facets], [list(f) for f in files]))


def record_changed(tx: Tx, asset: int, old: Shown | None, new: Shown | None, *, told: bool = False) -> None:
    """Write a ``changed`` row unless nothing did; then a ``told`` row if ``told``."""
    if old != new:
        tx.run(
            "INSERT INTO changes(at_ns, what, first, last, old, new) VALUES (?, 'changed', ?, ?, ?, ?)",
            (clock.now_ns(), asset, asset, old and json.dumps(old), new and json.dumps(new)),
        )
    elif told:
        record(tx, "told", asset)


def record(tx: Tx, what: str, first: int, last: int | None = None) -> None:
    """Write an ``arrived``, ``told``, ``preview``, ``folder`` or ``source`` row."""
    tx.run(
        "INSERT INTO changes(at_ns, what, first, last) VALUES (?, ?, ?, ?)",
        (clock.now_ns(), what, first, first if last is None else last),
    )


def latest(tx: Tx) -> int:
    """The greatest generation; 0 in a new library."""
    return int(tx.value("SELECT coalesce(max(gen), 0) FROM changes"))


def latest_ns(tx: Tx) -> int:
    """When the library last changed; its creation if it never did."""
    return int(
        tx.value("SELECT at_ns FROM changes ORDER BY gen DESC LIMIT 1")
        or tx.value("SELECT value FROM meta WHERE key='created_ns'")
    )


def since(tx: Tx, gen: int, limit: int = 5000) -> list[Change] | None:
    """The next rows after ``gen``; None when some of them were trimmed away."""
    oldest = tx.value("SELECT min(gen) FROM changes")
    if oldest is not None and oldest > gen + 1:
        return None
    rows = tx.all("SELECT gen, what, first, last, old, new FROM changes WHERE gen>? ORDER BY gen LIMIT ?", (gen, limit))
    return [Change._make((*row[:4], _facets(row[4]), _facets(row[5]))) for row in rows]


def _facets(text: str | None) -> Shown | None:
    return Shown(*json.loads(text)) if text else None


def trim(tx: Tx) -> None:
    """Drop all but the last KEEP rows."""
    tx.run("DELETE FROM changes WHERE gen <= (SELECT max(gen) FROM changes) - ?", (KEEP,))
