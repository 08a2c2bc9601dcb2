"""Open one path of an asset and make sure that it is what was indexed. Runs in a thread of the volume; blocks as it
must.

Rule 3: the bytes under an original's name are the original or an error. So the file that is open must be a regular
file of the row's size and mtime (within the filesystem's grain) and, where inode numbers are stable, of its inode.
"""

from __future__ import annotations

import errno
import os
import stat

from albumsd.core.errors import Changed, Offline
from albumsd.core.filetimes import unchanged
from albumsd.store.files import Location

_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_GONE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ESTALE)
_AWAY = (errno.ENOMEDIUM, errno.ENODEV, errno.ENXIO, errno.ENOTCONN)


class OpenFile:
    """An open descriptor with what the disk said of it. It is closed when nobody refers to it any more: a read that
    hangs in a thread keeps it open, so its number is never given to another file meanwhile."""

    __slots__ = ("dev", "fd", "inode", "mtime_ns", "path", "root", "size")

    def __init__(self, fd: int, path: bytes, root: bytes) -> None:
        self.fd = fd
        self.path = path
        self.root = root
        self.dev = self.inode = self.size = self.mtime_ns = -1

    def stat(self) -> None:
        """Remember what the disk says now."""
        found = os.fstat(self.fd)
        if not stat.S_ISREG(found.st_mode):
            raise Changed(name=os.fsdecode(self.path))
        self.dev, self.inode, self.size, self.mtime_ns = found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns

    def same(self) -> bool:
        """True: the disk still says what it said."""
        found = os.fstat(self.fd)
        return (found.st_size, found.st_mtime_ns, found.st_ino) == (self.size, self.mtime_ns, self.inode)

    def __del__(self) -> None:
        os.close(self.fd)


def open_location(location: Location, root: bytes) -> OpenFile:
    """Raises Changed (not what was indexed), Offline (the drive is not here) or OSError."""
    file = open_path(location.path, root)
    if not fits(file, location):
        del file  # not to be kept open by the traceback
        raise Changed(name=os.fsdecode(location.path))
    return file


def fits(file: OpenFile, location: Location) -> bool:
    """True: what is open is what was indexed."""
    return unchanged(location, file, location.grain_ns)


def open_path(path: bytes, root: bytes) -> OpenFile:
    """Open a regular file to read it. ``root``: the source's folder, or b"" for a file of the library."""
    try:
        file = OpenFile(_open(path), path, root)
        file.stat()
    except OSError as error:
        if error.errno in _AWAY or (error.errno in _GONE and root and _empty(root)):
            raise Offline(name=os.fsdecode(root)) from None
        if error.errno in _GONE:
            raise Changed(name=os.fsdecode(path)) from None
        raise
    return file


def _open(path: bytes) -> int:
    """Without changing the access time where that is allowed (it is to the owner and to root)."""
    try:
        return os.open(path, _FLAGS | os.O_NOATIME)
    except PermissionError:
        return os.open(path, _FLAGS)


def _empty(root: bytes) -> bool:
    """True: the source's folder is absent or empty, as a mount point is whose drive went away."""
    try:
        with os.scandir(root) as entries:
            return next(entries, None) is None
    except OSError:
        return True


def read_at(file: OpenFile, size: int, offset: int) -> bytes:
    """Exactly ``size`` bytes, and the file is still what it was when it was opened. Raises Changed or OSError."""
    parts = []
    while size:
        part = os.pread(file.fd, size, offset)
        if not part:
            raise Changed(name=os.fsdecode(file.path))
        parts.append(part)
        size -= len(part)
        offset += len(part)
    if not file.same():
        raise Changed(name=os.fsdecode(file.path))
    return parts[0] if len(parts) == 1 else b"".join(parts)
