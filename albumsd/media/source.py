"""A file of the world, opened for reading only.

``Source`` holds one descriptor: O_RDONLY, never through a blocking FIFO, without touching the access time where the
system allows it. A symbolic link is not followed, for a scan lists none: where one stands now, something else stood
before. Only for a path that a person has typed, ``follow`` does. ``head`` is the first 4 KiB, ``name`` the last path
component as text (surrogate escapes for what is not UTF-8). The descriptor is the truth: everything is read through
it, so a file that is renamed meanwhile stays the same file.
"""

from __future__ import annotations

import io
import os
import stat
from types import TracebackType

from .errors import MediaError

HEAD = 4096
_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
_NOATIME = getattr(os, "O_NOATIME", 0)


def open_fd(path: bytes | str, *, follow: bool = False) -> int:
    """A descriptor for reading. Raises OSError, ELOOP for a symbolic link that is not to be followed."""
    flags = _FLAGS if follow else _FLAGS | os.O_NOFOLLOW
    try:
        return os.open(path, flags | _NOATIME)
    except PermissionError:
        return os.open(path, flags)


def _refuse(mode: int) -> None:
    if stat.S_ISDIR(mode):
        raise MediaError("unreadable", "it is a folder")
    if not stat.S_ISREG(mode):
        raise MediaError("unreadable", "it is not a regular file")


class Source:
    """One open regular file. Use as a context manager. Raises MediaError ``unreadable``."""

    __slots__ = ("path", "name", "fd", "size", "head", "_file")

    def __init__(self, path: bytes | str, *, follow: bool = False) -> None:
        self.path = os.fsencode(path)
        self.name = os.fsdecode(os.path.basename(self.path))
        self._file: io.BufferedReader | None = None
        try:
            # before it is opened: opening a device may already do something
            _refuse(os.stat(self.path, follow_symlinks=follow).st_mode)
            self.fd = open_fd(self.path, follow=follow)
        except OSError as error:
            raise MediaError("unreadable", error.strerror or str(error)) from None
        try:
            status = os.fstat(self.fd)
            _refuse(status.st_mode)
            self.size = status.st_size
            self.head = os.pread(self.fd, HEAD, 0)
        except OSError as error:
            os.close(self.fd)
            raise MediaError("unreadable", error.strerror or str(error)) from None
        except MediaError:
            os.close(self.fd)
            raise

    def read(self, offset: int, length: int) -> bytes:
        """Up to ``length`` bytes at ``offset``; fewer at the end of the file."""
        if offset + length <= len(self.head):
            return self.head[offset : offset + length]
        return os.pread(self.fd, length, offset)

    def file(self) -> io.BufferedReader:
        """The file as an object, at its beginning. There is one per source: do not use two at once, do not close it."""
        if self._file is None:
            self._file = open(self.fd, "rb", closefd=False)
        self._file.seek(0)
        return self._file

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def __enter__(self) -> Source:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Window:
    """A part of a source, read like one: a file inside a file (an embedded JPEG, an appended video)."""

    __slots__ = ("_source", "_start", "size", "head", "name")

    def __init__(self, source: Source, start: int, length: int | None = None) -> None:
        self._source, self._start, self.name = source, start, source.name
        rest = max(0, source.size - start)
        self.size = rest if length is None else min(rest, length)
        self.head = self.read(0, HEAD)

    def read(self, offset: int, length: int) -> bytes:
        return self._source.read(self._start + offset, max(0, min(length, self.size - offset)))
