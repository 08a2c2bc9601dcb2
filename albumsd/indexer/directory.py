"""Reading one directory of a source: regular files at rest, files that are not, folders, and what is left out.

This is the only place of the indexer that lists a source. Symbolic links are never followed, neither to files nor to
folders, so there are no loops and nothing outside a source is ever read; what a link points to is found where it lies.
Devices, sockets and FIFOs are left out. Hard links are files of their own. Names are bytes, as the disk has them.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable
from itertools import islice
from typing import NamedTuple

from albumsd.store.files import Entry

from .ignore import left_out

CHUNK = 128
"""After so many names ``read`` says that the disk answers: a slow one must not look hung in a large folder."""


class Directory(NamedTuple):
    """What a directory holds. ``fresh``: names of ``files`` that changed too lately to be read."""

    files: list[Entry]
    folders: list[bytes]
    fresh: frozenset[bytes]


def read(
    path: bytes,
    *,
    inodes: bool,
    rest_ns: int,
    skip: frozenset[bytes] = frozenset(),
    answered: Callable[[], None] = lambda: None,
) -> Directory:
    """List ``path``. ``skip`` are absolute paths of folders that are never entered. Raises OSError.

    ``answered`` is called now and then while the disk answers, and at the end.

    A file is fresh when its mtime or ctime lies within ``rest_ns`` of now; a time in the far future (a camera whose
    clock is wrong) does not make it so.
    """
    files: list[Entry] = []
    folders: list[bytes] = []
    fresh: list[bytes] = []
    now = time.time_ns()
    horizon, limit = now - rest_ns, now + max(rest_ns, 1)
    is_regular, add, new = stat.S_ISREG, files.append, tuple.__new__  # this loop is what a rescan costs
    with os.scandir(path) as entries:
        while chunk := list(islice(entries, CHUNK)):
            for entry in chunk:
                name: bytes = entry.name
                if left_out(name):
                    continue
                try:
                    if entry.is_dir(follow_symlinks=False):  # False for links to folders; stat leaves out the others
                        if not skip or entry.path not in skip:
                            folders.append(name)
                        continue
                    status = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue  # it went between the listing and the look
                if not is_regular(status.st_mode):
                    continue
                mtime = status.st_mtime_ns
                ctime = status.st_ctime_ns
                if (ctime > horizon and ctime < limit) or (mtime > horizon and mtime < limit):
                    fresh.append(name)
                add(new(Entry, (name, status.st_size, mtime, status.st_ino if inodes else 0)))
            answered()
    answered()
    return Directory(files, folders, frozenset(fresh))


def stands(path: bytes, entry: Entry) -> bool:
    """Whether a regular file with this size and inode stands at ``path`` (absolute).

    Raises OSError when the disk does not say: a disk that fails has not lost the file.
    """
    try:
        status = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    same = status.st_size == entry.size and entry.inode in (0, status.st_ino)
    return stat.S_ISREG(status.st_mode) and same


class SecondLook:
    """Whether files that a listing did not show are there after all, under exactly that name.

    A disk that does not tell ``A`` from ``a`` finds a renamed file under its old name too, so the listings of its
    folders decide; they are read once.
    """

    def __init__(self, root: bytes) -> None:
        self._root = root
        self._listed: dict[bytes, frozenset[bytes]] = {}

    def is_there(self, path: bytes) -> bool:
        """Whether a regular file stands at ``path`` below the root. Raises OSError when the disk does not say."""
        try:
            if not stat.S_ISREG(os.lstat(self._root + b"/" + path).st_mode):
                return False
            folder = self._root
            for name in path.split(b"/"):
                if name not in self._names(folder):
                    return False
                folder += b"/" + name
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True

    def _names(self, folder: bytes) -> frozenset[bytes]:
        if folder not in self._listed:
            self._listed[folder] = frozenset(os.listdir(folder))
        return self._listed[folder]
