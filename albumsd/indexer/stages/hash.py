"""``hash``: the SHA-256 of the bytes, which is the identity of an asset. Reads the whole file, in a thread.

``fstat`` before and after must be what the row says; else nothing is known and the folder is looked at again.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

from albumsd.core.filetimes import Stamp, unchanged
from albumsd.media.hashing import sha256_file
from albumsd.media.source import open_fd
from albumsd.store import assets, jobs, sources
from albumsd.store.database import Tx
from albumsd.store.files import Location
from albumsd.store.scanning import Subject

from ..stage import FileChanged, Stage, Tools, Work


def agrees(status: os.stat_result, at: Location) -> bool:
    """Whether a file is still what its row says."""
    return unchanged(at, Stamp(status.st_size, status.st_mtime_ns, status.st_ino), at.grain_ns)


def read(at: Location) -> str:
    """The SHA-256 in hex. Raises FileChanged, OSError."""
    fd = open_fd(at.path)
    try:
        if not agrees(os.fstat(fd), at):
            raise FileChanged
        digest, size = sha256_file(fd)
        if size != at.size or not agrees(os.fstat(fd), at):
            raise FileChanged
        return digest
    finally:
        os.close(fd)


def _wants(subject: Subject) -> bool:
    return subject.sha256 is None


def _begin(tx: Tx, work: Work, tools: Tools) -> Sequence[Future[Any]]:
    return [tools.thread(read, work.at)]


def _apply(tx: Tx, work: Work, answers: Sequence[Any]) -> int:
    asset = assets.identify(tx, work.job.asset, bytes.fromhex(answers[0]))
    sources.resolve_moved(tx, asset)
    jobs.unpark(tx, asset)
    return asset


STAGE = Stage(
    name="hash",
    version=1,
    help="Reads the whole file for its SHA-256: the same content is one asset, wherever it lies, whatever its name.",
    example="a copy on the USB drive becomes the second file of the same picture, and keeps its albums",
    where="thread",
    needs=("facts",),
    wants=_wants,
    begin=_begin,
    apply=_apply,
)
