"""Remembered queries: what was listed under search/, and which name meant which asset there.

A name once shown under a query means the same asset for as long as the query is remembered: ``keep`` only
appends. Nobody made these rows and nothing can compute them again: they are a convenience with an expiry date, so they
name assets by id (docs/decisions/0002). Written by the mount, committed like a gesture; only ``follow`` is the
indexer's. What is opened under filter/ shows all there is, and is not remembered.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from albumsd.core import clock

from .database import Tx

DAY_NS = 86_400_000_000_000


class Hit(NamedTuple):
    """One ranked result. ``score``: greater is better; ``why``: JSON text."""

    asset: int
    score: float
    why: str


class Ranked(NamedTuple):
    rank: int
    asset: int
    score: float
    why: str


def keep(tx: Tx, key: str, text: str, hits: Sequence[Hit], limit: int) -> None:
    """Remember that ``text`` was listed and append the hits it did not have yet, up to ``limit`` in all."""
    now = clock.now_ns()
    query = tx.value(
        "INSERT INTO remembered(key, text, first_ns, last_ns) VALUES (?, ?, ?, ?)"
        " ON CONFLICT(key) DO UPDATE SET last_ns=excluded.last_ns RETURNING id",
        (key, text, now, now),
    )
    have = {row[0] for row in tx.all("SELECT asset FROM remembered_hit WHERE query=?", (query,))}
    rank = int(tx.value("SELECT coalesce(max(rank), 0) FROM remembered_hit WHERE query=?", (query,)))
    new = {hit.asset: hit for hit in reversed(hits) if hit.asset not in have}  # the first of each asset, last to first
    fresh = list(reversed(new.values()))[: max(0, limit - rank)]
    tx.many(
        "INSERT INTO remembered_hit VALUES (?, ?, ?, ?, ?)",
        ((query, rank + n, hit.asset, hit.score, hit.why) for n, hit in enumerate(fresh, 1)),
    )


def follow(tx: Tx, gone: int, known: int) -> None:
    """A provisional asset turned out to be ``known``: its ranks are that one's, where that one has none of its own."""
    tx.run("UPDATE OR IGNORE remembered_hit SET asset=? WHERE asset=?", (known, gone))


def ranked(tx: Tx, key: str) -> list[Ranked] | None:
    """The kept results in order, assets that are gone left out; None when the query is not remembered."""
    query = tx.value("SELECT id FROM remembered WHERE key=?", (key,))
    if query is None:
        return None
    rows = tx.all(
        "SELECT h.rank, h.asset, h.score, h.why FROM remembered_hit h JOIN asset a ON a.id=h.asset AND a.live"
        " WHERE h.query=? ORDER BY h.rank",
        (query,),
    )
    return [Ranked(*row) for row in rows]


def hit(tx: Tx, key: str, rank: int) -> Ranked | None:
    """The result that a remembered query keeps at ``rank``; None when it is not remembered or has no such rank."""
    row = tx.one(
        "SELECT h.rank, h.asset, h.score, h.why FROM remembered_hit h JOIN remembered q ON q.id=h.query"
        " WHERE q.key=? AND h.rank=?",
        (key, rank),
    )
    return Ranked(*row) if row else None


def recent(tx: Tx, limit: int = 50) -> list[tuple[str, int]]:
    """``(text, last listed)`` of the remembered queries, newest first."""
    return [
        (row[0], row[1])
        for row in tx.all("SELECT text, last_ns FROM remembered ORDER BY last_ns DESC, id DESC LIMIT ?", (limit,))
    ]


def forget_old(tx: Tx, days: float) -> None:
    """Forget queries not listed for ``days``."""
    tx.run("DELETE FROM remembered WHERE last_ns < ?", (clock.now_ns() - int(days * DAY_NS),))
