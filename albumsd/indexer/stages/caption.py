"""``caption``: one sentence about what a picture shows, by a captioner or composed from its tags."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

from albumsd.store import suggestions
from albumsd.store.database import Tx
from albumsd.store.scanning import Subject

from .. import pictures
from ..brain_lane import speaker
from ..stage import Stage, Tools, Work


def _wants(subject: Subject) -> bool:
    return subject.kind in ("photo", "video")


def _begin(tx: Tx, work: Work, tools: Tools) -> Sequence[Future[Any]]:
    picture = pictures.of(tx, work.subject, tools.previews, tools.brain.input_px)
    item = {"asset": work.job.asset, "picture": os.fspath(picture) if picture else None}
    return [tools.brain.submit("caption", item, alone=work.job.attempts > 0)]


def _apply(tx: Tx, work: Work, answers: Sequence[Any]) -> int:
    found = answers[0]
    suggestions.set_caption(tx, work.job.asset, found["caption"], speaker(found))
    return work.job.asset


STAGE = Stage(
    name="caption",
    version=1,
    help="Writes a sentence about what a picture shows, for searches and info/; a person's own caption goes before it.",
    example='info/…/IMG_2041.HEIC.txt says "a dog on the beach at sunset"',
    where="brain",
    needs=("preview", "tags"),
    wants=_wants,
    begin=_begin,
    apply=_apply,
)
