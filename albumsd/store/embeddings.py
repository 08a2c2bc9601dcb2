"""Vectors: one row for each part of an asset under each model, and one row for each model.

A vector is ``dimensions`` float16 numbers, little-endian, of length 1. Its row id is never given again, so it can be
the vector's label in an index outside; the index follows by ``version``, ``since`` and ``ids``. Vectors belong to the
content: they stay when its files go, and go with a provisional asset that turns out to be a known one. Vectors of
several models stand side by side, so that the old ones answer until the new ones are there.

Written by the indexer, read by brain. What is changed is replaced: no row is ever updated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import takewhile
from typing import Literal, NamedTuple, Protocol

from .database import Database, Tx

Tower = Literal["image", "text"]


class ModelLike(Protocol):
    """What is stored of a model. Vectors are comparable when their models have the same ``key``."""

    @property
    def key(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def dimensions(self) -> int: ...


class Identity(NamedTuple):
    """The least that is a ``ModelLike``."""

    key: str
    name: str
    dimensions: int


class Part(NamedTuple):
    """One vector of an asset: of a picture (a frame of a video), or of a piece of text."""

    tower: Tower
    vector: bytes


class ModelRow(NamedTuple):
    """``rows``: its vectors; ``assets``: how many assets have any."""

    id: int
    key: str
    name: str
    dimensions: int
    rows: int
    assets: int


class Row(NamedTuple):
    id: int
    asset: int
    tower: Tower
    vector: bytes


class Version(NamedTuple):
    """Equal versions: the same rows. No id is given twice, so what comes raises ``last``, what goes lowers ``rows``."""

    last: int
    rows: int


def put(tx: Tx, asset: int, model: ModelLike, parts: Sequence[Part]) -> bool:
    """These are the vectors of ``asset`` under ``model``; none: it has none. False when they were already.

    An asset that is gone meanwhile is no error. Raises ValueError for a vector of another length than the model's.
    """
    if any(len(part.vector) != 2 * model.dimensions for part in parts):
        raise ValueError(f"a vector of {model.key} has {model.dimensions} numbers of two bytes")
    if tx.value("SELECT 1 FROM asset WHERE id=?", (asset,)) is None:
        return False
    number = _model_id(tx, model)
    have = tx.all("SELECT tower, vector FROM embedding WHERE asset=? AND model=? ORDER BY part", (asset, number))
    if have == [tuple(part) for part in parts]:
        return False
    if have:
        tx.run("DELETE FROM embedding WHERE asset=? AND model=?", (asset, number))
    tx.many(
        "INSERT INTO embedding(model, asset, part, tower, vector) VALUES (?, ?, ?, ?, ?)",
        ((number, asset, part, tower, vector) for part, (tower, vector) in enumerate(parts)),
    )
    return True


def _model_id(tx: Tx, model: ModelLike) -> int:
    row = tx.one("SELECT id, dimensions FROM model WHERE key=?", (model.key,))
    if row is None:
        return tx.insert(
            "INSERT INTO model(key, name, dimensions) VALUES (?, ?, ?)", (model.key, model.name, model.dimensions)
        )
    if row[1] != model.dimensions:
        raise ValueError(f"vectors of {model.key} have {row[1]} dimensions, not {model.dimensions}")
    return int(row[0])


def models(tx: Tx) -> list[ModelRow]:
    """Every model of which there are, or were, vectors; the oldest first. Costs nothing at any size."""
    return [
        ModelRow(*row) for row in tx.all("SELECT id, key, name, dimensions, vectors, assets FROM model ORDER BY id")
    ]


def model_id(tx: Tx, key: str) -> int | None:
    """The model of that key; None when it has no vectors yet."""
    found = tx.value("SELECT id FROM model WHERE key=?", (key,))
    return None if found is None else int(found)


def version(tx: Tx, model: int) -> Version:
    """Which rows there are, in two numbers: two steps in an index."""
    last = tx.value("SELECT max(id) FROM embedding WHERE model=?", (model,)) or 0
    return Version(last, tx.value("SELECT vectors FROM model WHERE id=?", (model,)) or 0)


def since(tx: Tx, model: int, after_id: int, limit: int) -> list[Row]:
    """Up to ``limit`` rows with an id above ``after_id``, ascending."""
    rows = tx.all(
        "SELECT id, asset, tower, vector FROM embedding WHERE model=? AND id>? ORDER BY id LIMIT ?",
        (model, after_id, limit),
    )
    return [Row(*row) for row in rows]


def ids(tx: Tx, model: int) -> list[int]:
    """The ids of all rows, ascending: what an index that has more must forget. Reads no vector."""
    return [row[0] for row in tx.all("SELECT id FROM embedding WHERE model=? ORDER BY id", (model,))]


def pairs(tx: Tx, model: int, after_id: int = 0, limit: int = -1) -> list[tuple[int, int]]:
    """``(id, asset)`` of rows with an id above ``after_id``, ascending. Reads no vector."""
    sql = "SELECT id, asset FROM embedding WHERE model=? AND id>? ORDER BY id LIMIT ?"
    return [(row[0], row[1]) for row in tx.all(sql, (model, after_id, limit))]


def of_asset(tx: Tx, asset: int, model: int) -> list[Row]:
    """The vectors of an asset under a model, in the order of its parts."""
    rows = tx.all(
        "SELECT id, asset, tower, vector FROM embedding WHERE asset=? AND model=? ORDER BY part", (asset, model)
    )
    return [Row(*row) for row in rows]


def most_parts(tx: Tx, asset: int) -> int:
    """How many vectors an asset has under the model under which it has most. Reads no vector."""
    return int(tx.value("SELECT coalesce(max(part) + 1, 0) FROM embedding WHERE asset=?", (asset,)))


def drop_model(database: Database, model: int, stopped: Callable[[], bool] = lambda: False) -> int:
    """Delete a model and the vectors that it has now, in short transactions; how many vectors. Stopped half way, call
    it again. The model stays if it got others meanwhile.

    Only while nobody embeds with it: a vector that is made again and is there already is not written anew.
    """
    last = version(database, model).last
    gone = database.batches(
        takewhile(lambda row: not stopped(), _row_ids(database, model, last)),
        lambda tx, row: tx.run("DELETE FROM embedding WHERE id=?", (row,)),
    )
    with database.write() as tx:
        tx.run("DELETE FROM model WHERE id=?1 AND NOT EXISTS (SELECT 1 FROM embedding WHERE model=?1)", (model,))
    return gone


def _row_ids(tx: Tx, model: int, last: int) -> Iterator[int]:
    after = 0
    while after < last:
        page = [row[0] for row in pairs(tx, model, after, 1000) if row[0] <= last]
        yield from page
        after = page[-1] if page else last
