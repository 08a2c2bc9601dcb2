"""The folders of a view by attributes: values as folders, then assets under their shown names.

Listing. Values come first (cookies 1, 2, …), read once when the folder is opened: there are few. Assets follow page
by page in ascending id, cookie 2^32 + id: no snapshot, stable under change, flat memory at any size. Both occur
in one folder only below an ``optional`` level.
"""

from __future__ import annotations

from albumsd.core.errors import NotFound
from albumsd.core.ids import asset_inode
from albumsd.query.tree import Everything, Has, Node, conjoin, negate
from albumsd.search import selections
from albumsd.store.database import Reader
from albumsd.views import View
from albumsd.views.view import TODAY

from ..context import Context
from ..node import FIRST_FILE_COOKIE, Content, Entry, Folder, Leaf, Listing
from ..renditions import Form, encode


class GroupedFolder(Folder):
    """``values`` of ``view.group`` chosen so far, inside ``narrow``, shown in ``form``."""

    __slots__ = ("form", "narrow", "values", "view")

    def __init__(
        self,
        context: Context,
        path: tuple[str, ...],
        view: View,
        form: Form,
        narrow: Node,
        values: tuple[str, ...] = (),
    ) -> None:
        super().__init__(context, path)
        self.view, self.form, self.narrow, self.values = view, form, narrow, values

    @property
    def slow_lookup(self) -> bool:  # type: ignore[override]
        return not isinstance(self.narrow, Everything)

    @property
    def slow_listing(self) -> bool:  # type: ignore[override]
        return self.has_folders or self.slow_lookup or self.form.content is Content.INFO

    @property
    def repeatable(self) -> bool:  # type: ignore[override]
        return self.view.selection != TODAY

    @property
    def has_folders(self) -> bool:
        return len(self.values) < len(self.view.group)

    @property
    def has_files(self) -> bool:
        return not self.has_folders or self.view.group[len(self.values)].optional

    def selection(self) -> Node:
        """The assets in this folder and below it."""
        return conjoin(self.view.selected(self.context.today()), *self.view.nodes(self.values), self.narrow)

    def files(self) -> Node:
        """The assets that stand in this folder itself."""
        if not self.has_folders:
            return self.selection()
        return conjoin(self.selection(), negate(Has(self.view.group[len(self.values)].attribute)))

    def child(self, value: str) -> GroupedFolder:
        return GroupedFolder(
            self.context, (*self.path, value), self.view, self.form, self.narrow, (*self.values, value)
        )

    def lookup(self, reader: Reader, name: bytes) -> Folder | Leaf:
        if self.has_folders:
            value = name.decode("utf-8", "replace")
            attribute = self.view.group[len(self.values)].attribute
            if selections.has_value(reader, self.selection(), attribute, value):
                return self.child(value)
        if self.has_files:
            asked = self.form.asked_for(name)
            found = selections.by_name(reader, self.files(), asked.decode("utf-8", "replace")) if asked else None
            if found:
                leaf = self.form.leaf(reader, (found.id, found.size, found.mtime_ns))
                if leaf:
                    return leaf
        raise NotFound(name=name)

    def open(self, reader: Reader) -> Listing:
        values: list[str] = []
        if self.has_folders:
            level = self.view.group[len(self.values)]
            values = selections.values(reader, self.selection(), level.attribute, level.newest_first)
        return GroupedListing(self, values)


class GroupedListing(Listing):
    """Values, then pages of assets. The selection is fixed when the folder is opened ("today" does not turn)."""

    def __init__(self, folder: GroupedFolder, values: list[str]) -> None:
        self._folder = folder
        self._values = values
        self._files = folder.files() if folder.has_files else None

    def page(self, reader: Reader, cookie: int, count: int) -> list[Entry]:
        if cookie < len(self._values):
            return [
                Entry(encode(value), number, self._folder.child(value))
                for number, value in enumerate(self._values[cookie : cookie + count], cookie + 1)
            ]
        if self._files is None:
            return []
        form = self._folder.form
        after = max(0, cookie - FIRST_FILE_COOKIE)
        while True:  # a whole page may have no such rendition: that is not the end
            rows = selections.page(reader, self._files, after, count)
            if form.content is Content.ORIGINAL:
                return [
                    Entry(
                        row[1].encode("utf-8", "surrogateescape"),
                        FIRST_FILE_COOKIE + row[0],
                        Leaf(asset_inode(row[0], form.rendition), row[2], row[3], Content.ORIGINAL, row[0]),
                    )
                    for row in rows
                ]
            leaves = form.leaves(reader, [(row[0], row[2], row[3]) for row in rows])
            entries = [
                Entry(form.name_of(encode(row[1])), FIRST_FILE_COOKIE + row[0], leaf)
                for row, leaf in zip(rows, leaves, strict=True)
                if leaf
            ]
            if entries or len(rows) < count:
                return entries
            after = rows[-1][0]
