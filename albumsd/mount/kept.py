"""Listings kept ready, so that the second look at a folder costs no query, nor do the lookups of what was just
listed.

Only whole listings of folders that say they are ``repeatable`` (a function of the database alone) and not volatile
are kept, and only while the database is what it was: SQLite's data_version, asked at every OPENDIR and LOOKUP, moves
with every commit of another connection. So a kept listing is never stale, and while an indexer works nothing is kept.

Rows are kept as they came at first, and as ready attributes from the second listing on. At most ``MOST`` rows in all,
least recently used folders go first. Loop thread only.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Sequence

import pyfuse3

from albumsd.store.database import Reader
from albumsd.vfs.node import Entry, Folder, Leaf

from .attributes import Attributes

MOST = 24_000

Ready = tuple[bytes, pyfuse3.EntryAttributes | None, int, Folder | Leaf]
"""Name, attributes (None for a folder: its time changes without the database), cookie, node."""


class KeptListing:
    """The whole of one listing. ``version``: the data_version at which it holds."""

    __slots__ = ("_cookies", "_entries", "_names", "_ready", "version")

    def __init__(self, version: int, entries: list[Entry]) -> None:
        self.version = version
        self._entries: list[Entry] | None = entries
        self._ready: list[Ready] = []
        self._names: dict[bytes, int] | None = None
        self._cookies = [entry.cookie for entry in entries]

    def __len__(self) -> int:
        return len(self._cookies)

    def ready(self, attributes: Attributes) -> list[Ready]:
        if self._entries is not None:
            self._ready = [
                (e.name, attributes.leaf(e.node) if isinstance(e.node, Leaf) else None, e.cookie, e.node)
                for e in self._entries
            ]
            self._entries = None
        return self._ready

    def named(self, name: bytes) -> Folder | Leaf | None:
        """The node listed under ``name``."""
        if self._names is None:
            rows: Sequence[Entry | Ready] = self._ready if self._entries is None else self._entries
            self._names = {row[0]: at for at, row in enumerate(rows)}
        at = self._names.get(name)
        if at is None:
            return None
        return self._ready[at][3] if self._entries is None else self._entries[at].node

    def after(self, cookie: int) -> int:
        """The index of the first row with a greater cookie."""
        return bisect_right(self._cookies, cookie)


class Kept:
    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._listings: OrderedDict[int, KeptListing] = OrderedDict()
        self._rows = 0

    def __len__(self) -> int:
        return self._rows

    def version(self) -> int:
        """Moves whenever somebody else has committed something."""
        return int(self._reader.value("PRAGMA data_version"))

    def get(self, folder: Folder, version: int) -> KeptListing | None:
        """The listing of ``folder`` as of ``version``."""
        found = self._listings.get(folder.inode)
        if found is None:
            return None
        if found.version != version:
            self._drop(folder.inode)
            return None
        self._listings.move_to_end(folder.inode)
        return found

    def find(self, folder: Folder, name: bytes) -> Folder | Leaf | None:
        """The node called ``name`` in a folder whose listing is kept; None: ask the folder."""
        if folder.inode not in self._listings:
            return None
        listing = self.get(folder, self.version())
        return listing.named(name) if listing else None

    def put(self, folder: Folder, version: int, entries: list[Entry]) -> None:
        """Keep the whole listing, unless something was committed since ``version``."""
        if version != self.version():
            return
        self._drop(folder.inode)
        self._listings[folder.inode] = KeptListing(version, entries)
        self._rows += len(entries)
        while self._rows > MOST:
            self._drop(next(iter(self._listings)))

    def _drop(self, inode: int) -> None:
        gone = self._listings.pop(inode, None)
        if gone is not None:
            self._rows -= len(gone)


def keepable(folder: Folder) -> bool:
    """True where a listing is the same as long as the database is."""
    return folder.repeatable and not folder.volatile
