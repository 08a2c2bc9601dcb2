"""Folders whose names are known beforehand, and the listing over a list that they share with others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from albumsd.core.errors import NotFound
from albumsd.core.ids import computed_inode
from albumsd.store.database import Reader

from ..context import Context
from ..node import Content, Entry, Folder, Leaf, Listing

Maker = Callable[[Reader], Folder | Leaf]


class ListListing(Listing):
    """A listing over rows that were all made when the folder was opened; cookies are 1, 2, 3 …"""

    def __init__(self, rows: Sequence[tuple[bytes, Folder | Leaf]]) -> None:
        self._entries = [Entry(name, cookie, node) for cookie, (name, node) in enumerate(rows, 1)]

    def page(self, reader: Reader, cookie: int, count: int) -> list[Entry]:
        return self._entries[cookie : cookie + count]


def text_leaf(path: tuple[str, ...], text: str, mtime_ns: int) -> Leaf:
    """A leaf that holds its own text."""
    data = text.encode("utf-8", "replace")
    return Leaf(computed_inode(path), len(data), mtime_ns, Content.TEXT, 0, data)


class FixedFolder(Folder):
    """A folder of a few names, each with a function that makes its node."""

    __slots__ = ("_children",)

    slow_listing = False

    def __init__(self, context: Context, path: tuple[str, ...], children: Mapping[str, Maker]) -> None:
        super().__init__(context, path)
        self._children = children

    def lookup(self, reader: Reader, name: bytes) -> Folder | Leaf:
        maker = self._children.get(name.decode("utf-8", "replace"))
        if maker is None:
            raise NotFound(name=name)
        return maker(reader)

    def open(self, reader: Reader) -> Listing:
        return ListListing([(name.encode(), maker(reader)) for name, maker in self._children.items()])
