"""One process of a kind per library: a lock on an open file, held while it lives, with its pid inside the file.

Locks of open file descriptions (F_OFD_SETLK) and not flock(2), because they can be asked about without being taken:
a look by ``holder`` never gets in the way of a process that starts at that moment.
"""

from __future__ import annotations

import fcntl
import os
import struct
from contextlib import suppress
from pathlib import Path

from albumsd.core.errors import LibraryBusy

_FLOCK = "hhqqi4x"
"""struct flock with 64-bit offsets: type, whence, start, length, pid."""


def _request(kind: int) -> bytes:
    return struct.pack(_FLOCK, kind, os.SEEK_SET, 0, 0, 0)


class ProcessLock:
    """Hold ``run/<process>.lock``. Raises LibraryBusy (with the holder's pid) when another process does."""

    def __init__(self, run: Path, process: str) -> None:
        run.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.path = run / f"{process}.lock"
        self._fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.fcntl(self._fd, fcntl.F_OFD_SETLK, _request(fcntl.F_WRLCK))
        except BlockingIOError:
            os.close(self._fd)
            raise LibraryBusy(path=run.parent, process=process, pid=holder(run, process) or "?") from None
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, str(os.getpid()).encode(), 0)

    def release(self) -> None:
        os.close(self._fd)


def holder(run: Path, process: str) -> int | None:
    """Pid of the living process that holds the lock; None if nobody does."""
    try:
        fd = os.open(run / f"{process}.lock", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        found = struct.unpack(_FLOCK, fcntl.fcntl(fd, fcntl.F_OFD_GETLK, _request(fcntl.F_WRLCK)))
        if found[0] == fcntl.F_UNLCK:
            return None
        with suppress(ValueError):
            return int(os.pread(fd, 32, 0))
        return None
    finally:
        os.close(fd)
