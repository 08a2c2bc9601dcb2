"""What is open: a number per handle, given to the kernel and never twice.

A ``FileHandle`` has its bytes in ``content`` or behind ``file``; exactly one of the two is not None. A
``DirectoryHandle`` keeps what a listing gave and the kernel's buffer had no room for: ``waiting``, rows that follow
``cookie``. Loop thread only.
"""

from __future__ import annotations

import errno
from collections import deque
from typing import Generic, TypeVar

from pyfuse3 import FUSEError

from albumsd.vfs.node import Entry, Folder, Listing

from .kept import MOST, KeptListing
from .opening import OpenFile
from .volumes import Volume

T = TypeVar("T")

FIRST_ROWS = 200


class FileHandle:
    __slots__ = ("content", "file", "volume")

    def __init__(self, content: bytes | None, file: OpenFile | None, volume: Volume | None) -> None:
        self.content = content
        self.file = file
        self.volume = volume


class DirectoryHandle:
    """Reads ``kept`` if there is one, else ``listing``, which is None after a page has missed its deadline."""

    __slots__ = ("collected", "cookie", "folder", "kept", "listing", "rows", "version", "waiting")

    def __init__(self, folder: Folder, listing: Listing | None, version: int | None, kept: KeptListing | None) -> None:
        self.folder = folder
        self.listing = listing
        self.kept = kept
        self.version = version  # of the database when the listing began; None: not to be kept
        self.collected: list[Entry] | None = None if version is None else []  # every row so far, in order
        self.cookie = 0
        self.rows = FIRST_ROWS  # how many the next page shall have
        self.waiting: deque[Entry] = deque()

    def collect(self, page: list[Entry]) -> None:
        """Remember the page that follows all others; too many rows are not kept at all."""
        if self.collected is not None:
            self.collected += page
            if len(self.collected) > MOST:
                self.collected = None


class Handles(Generic[T]):
    def __init__(self) -> None:
        self._open: dict[int, T] = {}
        self._last = 0

    def __len__(self) -> int:
        return len(self._open)

    def add(self, handle: T) -> int:
        self._last += 1
        self._open[self._last] = handle
        return self._last

    def get(self, number: int) -> T:
        """Raises FUSEError(EBADF)."""
        try:
            return self._open[number]
        except KeyError:
            raise FUSEError(errno.EBADF) from None

    def numbers(self) -> list[int]:
        return list(self._open)

    def pop(self, number: int) -> T | None:
        return self._open.pop(number, None)
