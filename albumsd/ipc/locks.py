"""One process of a kind per library: a lock on an open file, held while it lives, with its pid inside the file.

Locks of open file descriptions (F_OFD_SETLK) and not flock(2), because they can be asked about without being taken:
a look by ``holder`` never gets in the way of a process that starts at that moment.

A killed process is not gone while one of its threads hangs in a drive that does not answer: it is a zombie that keeps
its files, and so its locks, open. Such a lock counts as free; who takes it makes a new file.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
from contextlib import suppress
from pathlib import Path

from albumsd.core.errors import LibraryBusy, LibraryFull, LibraryRefused

_FLOCK = "hhqqi4x"
"""struct flock with 64-bit offsets: type, whence, start, length, pid."""


def _request(kind: int) -> bytes:
    return struct.pack(_FLOCK, kind, os.SEEK_SET, 0, 0, 0)


class ProcessLock:
    """Hold ``run/<process>.lock``.

    Raises LibraryBusy (with the holder's pid) when another process does, LibraryFull, and LibraryRefused when the
    library's folder cannot be made or written.
    """

    def __init__(self, run: Path, process: str) -> None:
        self.path = run / f"{process}.lock"
        try:
            run.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._fd = self._take(run, process)
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise LibraryFull(path=run.parent) from None
            raise LibraryRefused(path=run.parent, why=error.strerror) from None

    def _take(self, run: Path, process: str) -> int:
        fd = self._open()
        try:
            try:
                _lock(fd)
            except BlockingIOError:
                if not is_remains(run, process) or os.fstat(fd).st_ino != os.stat(self.path).st_ino:
                    raise
                self.path.unlink()
                os.close(fd)
                fd = self._open()
                _lock(fd)
            os.ftruncate(fd, 0)
            os.pwrite(fd, str(os.getpid()).encode(), 0)
        except BlockingIOError:
            os.close(fd)
            raise LibraryBusy(path=run.parent, process=process, pid=holder(run, process) or "?") from None
        except BaseException:
            os.close(fd)
            raise
        return fd

    def _open(self) -> int:
        return os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def release(self) -> None:
        os.close(self._fd)


def holder(run: Path, process: str) -> int | None:
    """Pid of the living process that holds the lock; None if nobody does, or only the remains of one."""
    pid = _locked_by(run, process)
    return None if pid is None or is_zombie(pid) else pid


def is_remains(run: Path, process: str) -> bool:
    """Whether the lock is held by a process that was killed and cannot go, because a thread of it hangs."""
    pid = _locked_by(run, process)
    return pid is not None and is_zombie(pid)


def is_zombie(pid: int) -> bool:
    """Whether a process has ended and is still listed: nobody has waited for it yet, or a thread of it hangs."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as line:
            return line.read().rpartition(b")")[2].split()[0] == b"Z"
    except (OSError, IndexError):
        return False


def _lock(fd: int) -> None:
    fcntl.fcntl(fd, fcntl.F_OFD_SETLK, _request(fcntl.F_WRLCK))


def _locked_by(run: Path, process: str) -> int | None:
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
