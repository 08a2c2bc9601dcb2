"""``place``: from a position to country, region, city and neighbourhood. A table in memory; no file is opened."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from albumsd.store import assets
from albumsd.store.database import Tx
from albumsd.store.scanning import Subject

from ..stage import Stage, Tools, Work, done

if TYPE_CHECKING:
    from albumsd.media.places import Gazetteer


@lru_cache(maxsize=2)
def gazetteer(cache: Path) -> Gazetteer:
    """All places: loaded at the first position, then kept."""
    from albumsd.media.places import Gazetteer

    return Gazetteer.load(cache)


def _wants(subject: Subject) -> bool:
    return subject.lat is not None and subject.lon is not None


def _begin(tx: Tx, work: Work, tools: Tools) -> Sequence[Future[Any]]:
    assert work.subject.lat is not None
    assert work.subject.lon is not None
    return [done(gazetteer(tools.cache).lookup(work.subject.lat, work.subject.lon))]


def _apply(tx: Tx, work: Work, answers: Sequence[Any]) -> int:
    found = answers[0]
    if found is None:
        assert work.subject.lat is not None
        assert work.subject.lon is not None
        row = elsewhere(work.subject.lat, work.subject.lon)
    else:
        row = (found.country, found.region or "", found.city, found.hood or "", found.lat, found.lon)
    assets.set_place(tx, work.job.asset, row)
    return work.job.asset


def elsewhere(lat: float, lon: float) -> tuple[str, str, str, str, float, float]:
    """The place of a position far from any town: the nearest crossing of whole degrees, so that at sea is somewhere."""
    north, east = round(lat), round(lon)
    cell = f"{abs(north)}°{'S' if north < 0 else 'N'} {abs(east)}°{'W' if east < 0 else 'E'}"
    return "Elsewhere", "Far from any town", cell, "", float(north), float(east)


STAGE = Stage(
    name="place",
    version=1,
    help="Turns a position into country, region, city and neighbourhood, from data that comes with albumsd.",
    example="38.7139 N 9.1334 W is Portugal/Lisbon/Lisbon/Alfama",
    where="here",
    needs=("hash",),
    wants=_wants,
    begin=_begin,
    apply=_apply,
)
