"""``text``: the words of a document, by which it is found."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

from albumsd.store import assets, readings
from albumsd.store.database import Tx
from albumsd.store.scanning import Subject

from ..stage import Stage, Tools, Work


def _wants(subject: Subject) -> bool:
    return subject.kind == "document"


def _begin(tx: Tx, work: Work, tools: Tools) -> Sequence[Future[Any]]:
    return [tools.decode("text", work.at.path)]


def _apply(tx: Tx, work: Work, answers: Sequence[Any]) -> int:
    text, asset = answers[0]["text"], work.job.asset
    if text is not None:
        facts = readings.of_asset(tx, asset)
        if facts:
            readings.put(tx, asset, replace(facts, text_chars=len(text)))
        # Lone surrogates cannot be stored as UTF-8; they are no letters either.
        assets.set_text(tx, asset, text.encode("utf-8", "replace").decode("utf-8"))
    return asset


STAGE = Stage(
    name="text",
    version=1,
    help="Reads the words of a document, so that a search finds it by what stands in it.",
    example="search/warranty washing machine finds scan-0042.pdf",
    where="child",
    needs=("hash",),
    wants=_wants,
    begin=_begin,
    apply=_apply,
)
