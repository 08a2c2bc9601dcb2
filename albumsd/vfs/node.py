"""The two kinds of things in the tree: ``Folder`` and ``Leaf``.

A ``Leaf`` is plain data. An asset's leaf has the asset's inode (core.ids) and can be made again from that number alone
(``tree.Tree.leaf``), so nobody need remember it. A ``Folder`` knows its place (``path``) and how to look up and list;
its inode is derived from the path, which cannot be turned back, so the adapter remembers folders the kernel holds.

Folders hold no connection: every call is given the ``Reader`` of the calling thread.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from albumsd.core.ids import computed_inode

if TYPE_CHECKING:
    from albumsd.store.database import Reader

    from .context import Context

FIRST_FILE_COOKIE = 1 << 32
"""Cookies below are for folders and fixed names, in order; an asset's row has this + its id."""


class Content(Enum):
    """Where the bytes of a leaf come from."""

    ORIGINAL = "original"  # a file of a source: store.files.locations(asset)
    PREVIEW = "preview"  # previews/<sha[:2]>/<sha>.webp
    INFO = "info"  # rendered from rows, at lookup and at open
    LINK = "link"  # symlink to the original
    TEXT = "text"  # computed text without an asset; `text` holds it


class Leaf(NamedTuple):
    """A file (or symlink, for Content.LINK). ``size`` is exact.

    ``text``: the bytes of a TEXT leaf; the target of a LINK leaf that stands for one file of its asset; else b"".
    """

    inode: int
    size: int
    mtime_ns: int
    content: Content
    asset: int = 0
    text: bytes = b""


class Entry(NamedTuple):
    """A row of a listing: ``cookie`` is greater than that of every row before and stays with the row."""

    name: bytes
    cookie: int
    node: Folder | Leaf


class Listing(ABC):
    """An opened folder. Belongs to one directory handle."""

    @abstractmethod
    def page(self, reader: Reader, cookie: int, count: int) -> list[Entry]:
        """Up to ``count`` rows with a cookie greater than ``cookie``; an empty list is the end."""


class Folder(ABC):
    """A folder of the tree."""

    __slots__ = ("context", "inode", "path")

    slow_lookup = False
    """True: ``lookup`` may scan and belongs into a worker thread with a deadline; False: it is a point lookup."""
    slow_listing = True
    """True: ``open`` and ``page`` may scan and belong into a worker thread."""
    repeatable = False
    """True: a listing is a function of the database alone, and so is every lookup."""
    volatile = False
    """True: what stands in it changes by itself; the kernel may keep names and attributes for a second only."""

    def __init__(self, context: Context, path: tuple[str, ...]) -> None:
        self.context = context
        self.path = path
        self.inode = computed_inode(path)

    @abstractmethod
    def lookup(self, reader: Reader, name: bytes) -> Folder | Leaf:
        """The thing called ``name``. Raises NotFound. Runs no model, saves nothing, starts nothing."""

    @abstractmethod
    def open(self, reader: Reader) -> Listing:
        """Begin a listing (OPENDIR). Here, and only here, a query is run and remembered."""
