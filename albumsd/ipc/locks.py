"""One process of a kind per library: a flock(2) held while it lives, with its pid inside the file."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path

from albumsd.core.errors import LibraryBusy


class ProcessLock:
    """Hold ``run/<process>.lock``. Raises LibraryBusy (with the holder's pid) when another process does."""

    def __init__(self, run: Path, process: str) -> None:
        run.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.path = run / f"{process}.lock"
        self._fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._fd)
            raise LibraryBusy(path=run.parent, process=process, pid=holder(run, process) or "?") from None
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, str(os.getpid()).encode(), 0)

    def release(self) -> None:
        os.close(self._fd)


def holder(run: Path, process: str) -> int | None:
    """Pid of the living process that holds the lock; None if nobody does."""
    path = run / f"{process}.lock"
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        with suppress(ValueError):
            return int(os.pread(fd, 32, 0))
        return None
    finally:
        os.close(fd)
    return None
