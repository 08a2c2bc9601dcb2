"""``preview``: the small pictures of an asset (long side 1600 and 320), made in one decode, kept in the library."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

from albumsd.store import assets
from albumsd.store.database import Tx
from albumsd.store.scanning import Subject

from ..stage import Stage, Tools, Work

_HOPELESS = frozenset({"empty", "no-decoder", "not-what-it-says", "encrypted"})


def _wants(subject: Subject) -> bool:
    if subject.kind == "other" or subject.problem in _HOPELESS:
        return False
    return subject.kind != "document" or not (subject.mime or "").startswith("text/")


def _begin(tx: Tx, work: Work, tools: Tools) -> Sequence[Future[Any]]:
    assert work.subject.sha256 is not None
    return [tools.decode("preview", work.at.path, previews=os.fspath(tools.previews), sha256=work.subject.sha256.hex())]


def _apply(tx: Tx, work: Work, answers: Sequence[Any]) -> int:
    made, asset = answers[0]["made"], work.job.asset
    if made is not None:
        width, height = made["preview_size"]
        assets.set_preview(
            tx, asset, made["preview_bytes"], made["thumbnail_bytes"], width, height, bytes.fromhex(made["dhash"])
        )
        for reason, detail in made["problems"]:
            assets.set_problem(tx, asset, reason, detail)
    return asset


STAGE = Stage(
    name="preview",
    version=1,
    help="Makes the small pictures that previews/ shows: quick on any machine, and there while the drive is away.",
    example="previews/by-date/2024/2024-04/IMG_2041.HEIC.webp, 1600 pixels, 95 KB",
    where="child",
    needs=("hash",),
    wants=_wants,
    begin=_begin,
    apply=_apply,
)
