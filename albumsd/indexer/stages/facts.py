"""``facts``: what the headers of a file say, and an XMP sidecar beside it. Opens the file in a decoder process."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

from albumsd.core import kinds
from albumsd.core.facts import Facts, Problem
from albumsd.media.wire import from_wire
from albumsd.store import assets, readings, scanning
from albumsd.store.database import Tx
from albumsd.store.scanning import Subject

from ..stage import Stage, Tools, Work


def _wants(subject: Subject) -> bool:
    return True


def _begin(tx: Tx, work: Work, tools: Tools) -> Sequence[Future[Any]]:
    futures = [tools.decode("facts", work.at.path)]
    work.extra = [work.at.file, *(other.file for other in work.others)]
    for place in (work.at, *work.others):
        sidecar = scanning.sidecar_name(tx, place.file)
        if sidecar is None:
            futures.append(_nothing())
        else:
            futures.append(tools.decode("sidecar", place.path.rpartition(b"/")[0] + b"/" + sidecar))
    return futures


def _nothing() -> Future[dict[str, Any]]:
    future: Future[dict[str, Any]] = Future()
    future.set_result({})
    return future


def _apply(tx: Tx, work: Work, answers: Sequence[Any]) -> int:
    for file, answer in zip(work.extra, answers[1:], strict=True):
        found = None if isinstance(answer, Problem) or "facts" not in answer else from_wire(answer["facts"])
        if scanning.file_exists(tx, file):
            readings.put_sidecar(tx, file, found)
    assets.store_facts(tx, work.job.asset, from_wire(answers[0]["facts"]))
    return work.job.asset


def given_up(tx: Tx, asset: int, name: str, problem: Problem) -> None:
    """No decoder survived this file: its name says what it is, and the problem why nothing else is known."""
    kind, mime = kinds.of_name(name)
    assets.store_facts(tx, asset, Facts(kind=kind, mime=mime, problems=(problem,)))


STAGE = Stage(
    name="facts",
    version=1,
    help="Reads what the headers of a file say: when, where and with what it was taken, its size, title and tags.",
    example="IMG_2041.HEIC: 2024-04-13 18:22:05 +02:00 by its EXIF, 38.7139 N 9.1334 W, Pixel 8",
    where="child",
    needs=(),
    wants=_wants,
    begin=_begin,
    apply=_apply,
)
