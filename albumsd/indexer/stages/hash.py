"""``hash``: the SHA-256 of the bytes, which is the identity of an asset. Reads the whole file, in a thread.

``fstat`` before and after must be what the row says; else nothing is known and the folder is looked at again.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

from albumsd.core.filetimes import Stamp, unchanged
from albumsd.media.source import open_fd
from albumsd.store import assets, jobs, sources
from albumsd.store.database import Tx
from albumsd.store.files import Location
from albumsd.store.scanning import Subject

from ..stage import FileChanged, Stage, Tools, Work

CHUNK = 1 << 18
"""Bytes between two signs of progress: a drive that gives this much within the runner's patience is slow, not hung."""


def agrees(status: os.stat_result, at: Location) -> bool:
    """Whether a file is still what its row says."""
    return unchanged(at, Stamp(status.st_size, status.st_mtime_ns, status.st_ino), at.grain_ns)


def read(at: Location, beat: Callable[[], None] = lambda: None) -> str:
    """The SHA-256 in hex. Calls ``beat`` after each CHUNK. Raises FileChanged, OSError."""
    fd = open_fd(at.path)
    try:
        if not agrees(os.fstat(fd), at):
            raise FileChanged
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_SEQUENTIAL)
        digest, size, buffer = hashlib.sha256(), 0, memoryview(bytearray(min(CHUNK, at.size + 1)))
        while count := os.readv(fd, [buffer]):
            digest.update(buffer[:count])
            size += count
            beat()
        if size != at.size or not agrees(os.fstat(fd), at):
            raise FileChanged
        return digest.hexdigest()
    finally:
        os.close(fd)


def _wants(subject: Subject) -> bool:
    return subject.sha256 is None


def _begin(tx: Tx, work: Work, tools: Tools) -> Sequence[Future[Any]]:
    return [tools.thread(read, work.at, work.alive)]


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
