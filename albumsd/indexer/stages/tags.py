"""``tags``: words of a vocabulary that fit what a picture shows, by its vectors. No file is opened."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

from albumsd.store import suggestions
from albumsd.store.database import Tx
from albumsd.store.scanning import Subject

from ..brain_lane import speaker
from ..stage import Stage, Tools, Work


def _wants(subject: Subject) -> bool:
    return subject.kind in ("photo", "video")


def _begin(tx: Tx, work: Work, tools: Tools) -> Sequence[Future[Any]]:
    return [tools.brain.submit("tags", {"asset": work.job.asset}, alone=work.job.attempts > 0)]


def _apply(tx: Tx, work: Work, answers: Sequence[Any]) -> int:
    found = answers[0]
    suggestions.set_tags(tx, work.job.asset, [(str(tag), float(score)) for tag, score in found["tags"]], speaker(found))
    return work.job.asset


STAGE = Stage(
    name="tags",
    version=1,
    help="Gives a picture the tags that fit it, from a vocabulary that can be edited; a person's own tags stay.",
    example="by-tag/sunset/2024/ holds pictures that nobody has tagged",
    where="brain",
    needs=("embed",),
    wants=_wants,
    begin=_begin,
    apply=_apply,
)
