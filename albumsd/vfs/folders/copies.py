"""duplicates/: a folder per asset that several files hold, named by the asset, with every copy in it.

A copy's name says where it lies: ``IMG_1 [Photos∕2019∕Lisbon].jpg`` (the slash is U+2215). All copies are one
asset, so they have one inode; it is the names that differ.
"""

from __future__ import annotations

from albumsd.core.errors import NotFound
from albumsd.query.tree import Everything, Node, conjoin
from albumsd.search import selections
from albumsd.store import lookups
from albumsd.store.database import Reader
from albumsd.views import View

from ..context import Context
from ..node import FIRST_FILE_COOKIE, Entry, Folder, Leaf, Listing
from ..renditions import Form, encode, file_leaf
from ..traces import copy_name
from .fixed import ListListing


class GroupsFolder(Folder):
    """The groups; a group's folder has the asset's shown name."""

    __slots__ = ("form", "narrow", "view")

    def __init__(self, context: Context, path: tuple[str, ...], view: View, form: Form, narrow: Node) -> None:
        super().__init__(context, path)
        self.view, self.form, self.narrow = view, form, narrow

    @property
    def slow_lookup(self) -> bool:  # type: ignore[override]
        return not isinstance(self.narrow, Everything)

    def selection(self) -> Node:
        return conjoin(self.view.selected(self.context.today()), self.narrow)

    def child(self, row: selections.Selected) -> CopiesFolder:
        return CopiesFolder(self.context, (*self.path, row.name), self.form, row.id)

    def lookup(self, reader: Reader, name: bytes) -> Folder | Leaf:
        found = selections.by_name(reader, self.selection(), name.decode("utf-8", "replace"))
        if found is None:
            raise NotFound(name=name)
        return self.child(found)

    def open(self, reader: Reader) -> Listing:
        return GroupsListing(self)


class GroupsListing(Listing):
    def __init__(self, folder: GroupsFolder) -> None:
        self._folder = folder
        self._selection = folder.selection()

    def page(self, reader: Reader, cookie: int, count: int) -> list[Entry]:
        rows = selections.page(reader, self._selection, max(0, cookie - FIRST_FILE_COOKIE), count)
        return [Entry(encode(row.name), FIRST_FILE_COOKIE + row.id, self._folder.child(row)) for row in rows]


class CopiesFolder(Folder):
    """The copies of one asset."""

    __slots__ = ("asset", "form")

    def __init__(self, context: Context, path: tuple[str, ...], form: Form, asset: int) -> None:
        super().__init__(context, path)
        self.form, self.asset = form, asset

    def _rows(self, reader: Reader) -> list[tuple[bytes, Folder | Leaf]]:
        row = lookups.asset(reader, self.asset)
        if row is None:
            return []
        rows: list[tuple[bytes, Folder | Leaf]] = []
        for file in lookups.shown_files(reader, self.asset):
            name = self.form.name_of(encode(copy_name(file.folders, file.name)))
            leaf = file_leaf(reader, self.form, (row.id, row.size, row.mtime_ns), file.file, self.path, name)
            if leaf:
                rows.append((name, leaf))
        return rows

    def lookup(self, reader: Reader, name: bytes) -> Folder | Leaf:
        for shown, leaf in self._rows(reader):
            if shown == name:
                return leaf
        raise NotFound(name=name)

    def open(self, reader: Reader) -> Listing:
        return ListListing(self._rows(reader))
