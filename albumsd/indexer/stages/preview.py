"""``preview``: the small pictures of an asset (long side 1600 and 320), made in one decode, kept in the library.

Of a video also what it shows at other moments, for a model to look at. That is a task of its own: if it fails, or kills
its decoder, the preview is there all the same and the file has no problem.
"""

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
    previews, sha256 = os.fspath(tools.previews), work.subject.sha256.hex()
    tasks = [tools.decode("preview", work.at.path, previews=previews, sha256=sha256)]
    if _is_video(work.subject) and tools.frames > 1:
        tasks.append(tools.decode("frames", work.at.path, previews=previews, sha256=sha256, count=tools.frames))
    return tasks


def _is_video(subject: Subject) -> bool:
    return subject.kind == "video"


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
    version=2,
    help="Makes the small pictures that previews/ shows, there while the drive is away: about 105 KB for a file, and"
    " for a video up to 10 KB more for each of the frames by which a model finds it.",
    example="previews/by-date/2024/2024-04/IMG_2041.HEIC.webp, 1600 pixels, 95 KB",
    where="child",
    needs=("hash",),
    wants=_wants,
    begin=_begin,
    apply=_apply,
    concerns=_is_video,
)
