"""Ranking by meaning: a query as vectors, the assets whose vectors are near them, above a floor.

A query is one or several ways (``query.meant``), each a wording, negatives, likes and a condition. A way *aims* at one
vector or more: that of its wording, that of each asset it shall be like. The score of a vector is the mean of its
cosines with the aims, its floor the mean of their floors (``floors``): what is below was not meant. An asset has one
vector or several (frames of a video, pieces of a document) and counts by the best above its floor.

A negative takes away what is above the negative's own floor, whichever of its vectors is; what is left goes down by
NEGATIVE of its likeness to it: ``sunset -people`` has no crowd, and last what is nearly one.

Conditions are the compiler's. A narrow one is turned into the list of rows that may be found; of a wide one the nearest
are tested, up to TRIES times more each time as long as too few are left and some may be above the floor.

``Sense`` is what comes out. It is ``late`` when a text was not encoded in time or rows are not yet in the index.
Nothing here waits for a model: the texts' vectors are given.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from albumsd.query.meant import Meant, Way
from albumsd.query.tree import Everything, Node
from albumsd.search import likeness, selections
from albumsd.search.compiler import compile
from albumsd.store import embeddings
from albumsd.store.database import Tx

from .calibration import Floors
from .floors import Kind
from .fusion import Sense, Sensed
from .mirror import Mirror
from .phrases import Vector

NEGATIVE = 0.5
ASIDE = 64
"""Rows asked for beyond what is needed: some belong to the same asset, or to one that is not shown."""
TRIES = 8
MOST_NEAREST = 50_000


class Aim(NamedTuple):
    """A unit vector, and the floor for rows of each kind."""

    vector: Vector
    floors: Mapping[Kind, float]


class Sight(NamedTuple):
    """What a way looks for (at least one aim) and what it looks away from."""

    toward: list[Aim]
    away: list[Aim]
    condition: Node


class Rows(NamedTuple):
    """Some rows of the index that may be found: arrays of the same length."""

    ids: NDArray[np.int64]
    assets: NDArray[np.int64]
    texts: NDArray[np.bool_]
    """Whether a row is of a text."""
    scores: NDArray[np.float32]

    def only(self, chosen: NDArray[np.bool_ | np.int64]) -> Rows:
        return Rows(self.ids[chosen], self.assets[chosen], self.texts[chosen], self.scores[chosen])


def sense(
    tx: Tx,
    mirror: Mirror,
    floors: Floors,
    meant: Meant,
    vectors: Mapping[str, Vector] | None,
    limit: int,
    deadline: float,
) -> Sense:
    """What ``meant`` finds, best first, at most ``limit``. ``vectors``: of its ``texts``; None: not there in time.

    ``deadline``: of ``time.monotonic``, for looking farther and farther for what fulfils a condition.
    """
    model = mirror.model
    whole = mirror.follow(tx)
    if vectors is None:
        return Sense(model.name, [], True)
    best: dict[int, tuple[float, Sensed]] = {}
    for way in meant.ways:
        sight = _sight(tx, mirror, floors, way, vectors)
        for key, sensed in _seen(tx, mirror, sight, limit, deadline) if sight else ():
            if sensed.asset not in best or best[sensed.asset][0] < key:
                best[sensed.asset] = key, sensed
    ordered = sorted(best.values(), key=lambda each: (-each[0], -each[1].asset))
    return Sense(model.name, [sensed for _, sensed in ordered[:limit]], not whole)


def texts(meant: Meant) -> list[str]:
    """All that must be encoded for a query."""
    return sorted({text for way in meant.ways for text in (way.wording, *way.negatives) if text})


def _sight(tx: Tx, mirror: Mirror, floors: Floors, way: Way, vectors: Mapping[str, Vector]) -> Sight | None:
    """None when it refers to an asset that is not there or has no vector."""

    def aim(vector: Vector, kind: Kind) -> Aim:
        return Aim(vector, floors.floors(mirror, vector, kind))

    toward = [aim(vectors[way.wording], "text")] if way.wording else []
    for reference in way.likes:
        asset = likeness.resolve(tx, reference)
        rows = embeddings.of_asset(tx, asset, mirror.number) if asset is not None else []
        if not rows:
            return None
        parts = np.array([np.frombuffer(row.vector, "<f2") for row in rows], np.float32)
        mean = parts.mean(axis=0)
        toward.append(aim(mean / max(float(np.linalg.norm(mean)), 1e-6), rows[0].tower))
    return Sight(toward, [aim(vectors[text], "text") for text in way.negatives], way.condition)


def has_seen(tx: Tx, mirror: Mirror, asset: int) -> bool:
    """Whether the model has seen an asset, and not only read it: of words BM25 is the better judge."""
    sql = "SELECT 1 FROM embedding WHERE asset=? AND model=? AND tower='image' LIMIT 1"
    return tx.value(sql, (asset, mirror.number)) is not None


def _seen(tx: Tx, mirror: Mirror, sight: Sight, limit: int, deadline: float) -> Iterable[tuple[float, Sensed]]:
    """``(order, hit)`` of assets in sight, each once."""
    rows = _near(tx, mirror, sight, limit, deadline)
    floors = _floors(sight.toward, rows.texts)
    above = rows.scores - floors
    rows, floors, above = rows.only(above > 0), floors[above > 0], above[above > 0]
    found: dict[int, tuple[float, Sensed]] = {}
    order = np.argsort(-above, kind="stable")
    step = 2 * limit if sight.away else max(1, len(order))
    for begin in range(0, len(order), step):  # a negative is held against the best, and on until enough are left
        part = order[begin : begin + step]
        left, least, height = _without(tx, mirror, sight.away, rows.only(part), floors[part], above[part])
        for n, asset in enumerate(left.assets.tolist()):
            if asset not in found or found[asset][0] < height[n]:
                found[asset] = float(height[n]), Sensed(asset, float(left.scores[n]), float(least[n]))
        if len(found) >= limit:
            break
    return found.values()


def _without(
    tx: Tx, mirror: Mirror, away: Sequence[Aim], rows: Rows, floors: Vector, above: Vector
) -> tuple[Rows, Vector, Vector]:
    """Rows, their floors, how far they are above them: without those of assets that hold what is looked away from."""
    for aim in away:
        every = _read(tx, mirror, rows.assets, aim.vector)
        crossed = every.scores > _floors([aim], every.texts)
        likeness_of = dict(zip(every.ids.tolist(), every.scores.tolist(), strict=True))
        above = above - NEGATIVE * np.array([likeness_of.get(row, 0.0) for row in rows.ids.tolist()], np.float32)
        clear = ~np.isin(rows.assets, every.assets[crossed])
        rows, floors, above = rows.only(clear), floors[clear], above[clear]
    return rows, floors, above


def _floors(aims: Sequence[Aim], texts: NDArray[np.bool_]) -> NDArray[np.float32]:
    image, text = (float(np.mean([aim.floors[kind] for aim in aims])) for kind in ("image", "text"))
    return np.where(texts, np.float32(text), np.float32(image))


# ------------------------------------------------------------------------------- what may be found


def _near(tx: Tx, mirror: Mirror, sight: Sight, limit: int, deadline: float) -> Rows:
    """The rows nearest to what is aimed at that may be found: enough for ``limit`` assets, when there are so many."""
    query: Vector = np.mean([aim.vector for aim in sight.toward], axis=0, dtype=np.float32)
    length = float(np.linalg.norm(query))
    least = float(_floors(sight.toward, np.array([False, True])).min())
    size, count = len(mirror.index), limit * 2 + ASIDE

    if not isinstance(sight.condition, Everything) and selections.is_small(tx, sight.condition):
        allowed = _allowed(tx, mirror.number, sight.condition)
        ids, cosines = mirror.index.search(query, min(count, len(allowed)), allowed)
        return _shown(tx, mirror, ids, cosines * length, Everything())  # the mean of the cosines with the aims
    while True:
        ids, cosines = mirror.index.search(query, min(count, size))
        rows = _shown(tx, mirror, ids, cosines * length, sight.condition)
        assets = len(set(rows.assets.tolist()))
        over = assets >= limit or count >= min(size, MOST_NEAREST) or not len(ids) or cosines[-1] * length < least
        if over or time.monotonic() > deadline:
            return rows
        promising = 1.5 * count * limit / max(assets, 1)
        count = min(MOST_NEAREST, round(max(2 * count, min(TRIES * count, promising))))


def _shown(tx: Tx, mirror: Mirror, ids: NDArray[np.int64], scores: NDArray[np.float32], condition: Node) -> Rows:
    """Those whose asset is shown and fulfils the condition. Reads no row with a vector in it: those lie far apart."""
    test = compile(condition, "driven")
    found = tx.all(
        "SELECT e.id, e.asset FROM json_each(?) j CROSS JOIN embedding e INDEXED BY embedding_model"
        f" ON e.model = ? AND e.id = j.value CROSS JOIN asset a ON a.id = e.asset WHERE a.live AND {test.sql}",
        (json.dumps(ids.tolist()), mirror.number, *test.bindings),
    )
    score_of = dict(zip(ids.tolist(), scores.tolist(), strict=True))
    return Rows(
        own := np.array([row[0] for row in found], np.int64),
        np.array([row[1] for row in found], np.int64),
        np.isin(own, mirror.texts()),
        np.array([score_of[row[0]] for row in found], np.float32),
    )


def _allowed(tx: Tx, number: int, condition: Node) -> NDArray[np.int64]:
    """The rows of all that is shown and fulfils the condition, ascending."""
    test = compile(condition)
    found = tx.all(
        "SELECT e.id FROM asset a CROSS JOIN embedding e ON e.asset = a.id AND e.model = ?"
        f" WHERE a.live AND {test.sql}",
        (number, *test.bindings),
    )
    return np.sort(np.array(found, np.int64).reshape(-1))


def _read(tx: Tx, mirror: Mirror, assets: NDArray[np.int64], vector: Vector) -> Rows:
    """All rows of some assets that are in the index, with their cosines to ``vector``. Again, no vector is read."""
    asset_of: dict[int, int] = dict(
        tx.all(
            "SELECT e.id, e.asset FROM json_each(?) j CROSS JOIN embedding e INDEXED BY embedding_part"
            " ON e.asset = j.value AND e.model = ?",
            (json.dumps(sorted(set(assets.tolist()))), mirror.number),
        )
    )
    ids, scores = mirror.index.scores(vector, np.array(sorted(asset_of), np.int64))
    own = np.array([asset_of[row] for row in ids.tolist()], np.int64)
    return Rows(ids, own, np.isin(ids, mirror.texts()), scores)
