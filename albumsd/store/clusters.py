"""Clusters: alike pictures put together, each group with a label; and where every asset lies on a map of likeness.

brain computes them from time to time and hands over the whole (``replace``); only what differs from the time before is
written. A label is the folder under ``clusters/`` and the value of the facet ``cluster``; an asset is in one cluster or
in none. What the next time needs in order to change little (``current``: centroids, and a state that only brain can
read) is kept beside them.

A process that dies inside ``replace`` leaves some assets where they were and some where they go: every row is true for
one of the two times, and the next ``replace`` puts it right.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from albumsd.core import clock, names

from . import changes
from .database import Database, Tx

_PAGE = 1000


class Spot(NamedTuple):
    """One asset: its cluster's label (None: in none), and coordinates without unit."""

    asset: int
    label: str | None
    x: float
    y: float


class Cluster(NamedTuple):
    """``centroid``: float32 little-endian, in the space of ``model``; ``size``: assets in it, shown or not."""

    label: str
    centroid: bytes
    model: int | None
    size: int


class Clustering(NamedTuple):
    """The last time. ``model``: None when its vectors are gone; ``state``: as it was handed to ``replace``."""

    model: int | None
    at_ns: int
    state: bytes
    clusters: list[Cluster]


def current(tx: Tx) -> Clustering | None:
    """What there is; None when nothing was ever put together."""
    row = tx.one("SELECT model, at_ns, state FROM clustering")
    if row is None:
        return None
    rows = tx.all(
        "SELECT c.label, c.centroid, c.model, (SELECT count(*) FROM spot s WHERE s.cluster=c.id) FROM cluster c"
        " ORDER BY c.id"
    )
    return Clustering(row[0], row[1], row[2], [Cluster(*found) for found in rows])


def spots(tx: Tx, after_asset: int = 0, limit: int = -1) -> list[Spot]:
    """Up to ``limit`` spots with an asset above ``after_asset``, ascending; of assets that are shown or not."""
    rows = tx.all(
        "SELECT s.asset, c.label, s.x, s.y FROM spot s LEFT JOIN cluster c ON c.id=s.cluster"
        " WHERE s.asset > ? ORDER BY s.asset LIMIT ?",
        (after_asset, limit),
    )
    return [Spot(*row) for row in rows]


def replace(
    database: Database,
    model: int | None,
    rows: Sequence[tuple[int, str | None, float, float]],
    centroids: Mapping[str, bytes] | None = None,
    state: bytes = b"",
) -> int:
    """All spots ``(asset, label, x, y)`` of a new time, in short transactions; how many assets it differs for.

    Labels become legal names; those that differ in case alone are one cluster. ``centroids`` by label; a label without
    one keeps its last. An asset that is gone meanwhile is no error. ``model`` None and no rows: there are no clusters.
    """
    legal = _folders({row[1] for row in rows if row[1]} | set(centroids or ()))
    of_asset = {
        int(asset): Spot(int(asset), legal[label] if label else None, float(x), float(y)) for asset, label, x, y in rows
    }
    wanted = [of_asset[asset] for asset in sorted(of_asset)]
    found = {legal[label]: vector for label, vector in (centroids or {}).items()}
    with database.write() as tx:
        tx.many(
            "INSERT INTO cluster(label, model, centroid) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            ((label, model, found.get(label, b"")) for label in sorted({spot.label for spot in wanted if spot.label})),
        )
        known: dict[str, int] = dict(tx.all("SELECT label, id FROM cluster"))
    moved = database.batches(_differences(database, wanted), lambda tx, step: _put(tx, step[0], step[1], known))
    with database.write() as tx:
        tx.run("DELETE FROM cluster WHERE NOT EXISTS (SELECT 1 FROM spot WHERE spot.cluster=cluster.id)")
        tx.many(
            "UPDATE cluster SET centroid=?, model=? WHERE label=?",
            ((vector, model, label) for label, vector in found.items()),
        )
        tx.run("DELETE FROM clustering")
        if model is not None:
            tx.run(
                "INSERT INTO clustering(id, model, at_ns, state) VALUES (1, ?, ?, ?)", (model, clock.now_ns(), state)
            )
    return moved


def _folders(labels: set[str]) -> dict[str, str]:
    """The folder of each label."""
    legal = {label: names.sanitise(label) for label in sorted(labels)}
    first: dict[str, str] = {}
    for folder in legal.values():
        first.setdefault(names.name_key(folder), folder)
    return {label: first[names.name_key(folder)] for label, folder in legal.items()}


def _differences(tx: Tx, wanted: list[Spot]) -> Iterator[tuple[int, Spot | None]]:
    """``(asset, its new spot)`` where that is not what it has; None: it has one and shall have none. Both ascend."""
    after, at, page = 0, 0, spots(tx, 0, _PAGE)
    while page:
        last = page[-1].asset if len(page) == _PAGE else max(page[-1].asset, wanted[-1].asset if wanted else 0)
        have = {spot.asset: spot for spot in page}
        while at < len(wanted) and wanted[at].asset <= last:
            spot = wanted[at]
            at += 1
            if have.pop(spot.asset, None) != spot:
                yield spot.asset, spot
        for asset in have:
            yield asset, None
        after = last
        page = spots(tx, after, _PAGE)
    for spot in wanted[at:]:
        yield spot.asset, spot


def _put(tx: Tx, asset: int, spot: Spot | None, known: Mapping[str, int]) -> None:
    """One asset moves on the map, and maybe to another cluster. Only the facet is shown, so only it is told."""
    if tx.value("SELECT 1 FROM asset WHERE id=?", (asset,)) is None:
        return
    if spot is None:
        tx.run("DELETE FROM spot WHERE asset=?", (asset,))
    else:
        cluster = known[spot.label] if spot.label else None
        tx.put("spot", asset=asset, cluster=cluster, x=spot.x, y=spot.y)
    label = spot.label if spot else None
    if tx.all("SELECT value FROM asset_facet WHERE asset=? AND facet='cluster'", (asset,)) == [(label,)] * bool(label):
        return
    old = changes.snapshot(tx, asset)
    tx.run("DELETE FROM asset_facet WHERE asset=? AND facet='cluster'", (asset,))
    if label:
        tx.run("INSERT INTO asset_facet(facet, value, asset) VALUES ('cluster', ?, ?)", (label, asset))
    changes.record_changed(tx, asset, old, changes.snapshot(tx, asset))
