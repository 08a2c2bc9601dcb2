"""by-folder/: the sources, with their folders and file names as they are on disk.

Folders have cookies below 2^32 (their id), files 2^32 + file id. Renditions and filters apply as everywhere.
"""

from __future__ import annotations

from albumsd.core.errors import NotFound
from albumsd.query.tree import Everything, Node
from albumsd.search import disk
from albumsd.store.database import Reader

from ..context import Context
from ..node import FIRST_FILE_COOKIE, Content, Entry, Folder, Leaf, Listing
from ..renditions import Form, encode, file_leaf
from .fixed import ListListing


class SourcesFolder(Folder):
    """The top of by-folder/: a folder per source."""

    __slots__ = ("form", "narrow")

    def __init__(self, context: Context, path: tuple[str, ...], form: Form, narrow: Node) -> None:
        super().__init__(context, path)
        self.form, self.narrow = form, narrow

    @property
    def slow_lookup(self) -> bool:  # type: ignore[override]
        return not isinstance(self.narrow, Everything)

    def _child(self, name: str, folder: int) -> DiskFolder:
        return DiskFolder(self.context, (*self.path, name), self.form, self.narrow, folder)

    def lookup(self, reader: Reader, name: bytes) -> Folder | Leaf:
        text = name.decode("utf-8", "replace")
        root = disk.source_root(reader, text)
        if root is None or not disk.holds(reader, self.narrow, root):
            raise NotFound(name=name)
        return self._child(text, root)

    def open(self, reader: Reader) -> Listing:
        roots = disk.source_roots(reader, self.narrow)
        return ListListing([(encode(name), self._child(name, folder)) for folder, name in roots])


class DiskFolder(Folder):
    """One directory of a source; ``folder`` is its row."""

    __slots__ = ("folder", "form", "narrow")

    repeatable = True

    def __init__(self, context: Context, path: tuple[str, ...], form: Form, narrow: Node, folder: int) -> None:
        super().__init__(context, path)
        self.form, self.narrow, self.folder = form, narrow, folder
        context.disk_paths.learn(folder, path)

    @property
    def slow_lookup(self) -> bool:  # type: ignore[override]
        return not isinstance(self.narrow, Everything)

    def child(self, name: str, folder: int) -> DiskFolder:
        return DiskFolder(self.context, (*self.path, name), self.form, self.narrow, folder)

    def lookup(self, reader: Reader, name: bytes) -> Folder | Leaf:
        asked = self.form.asked_for(name)
        found = disk.file_by_name(reader, self.narrow, self.folder, asked) if asked else None
        if found:
            row = (found.asset, found.size, found.mtime_ns)
            leaf = file_leaf(reader, self.form, row, found.file, self.path, self.form.name_of(found.shown))
            if leaf:
                return leaf
        text = name.decode("utf-8", "replace")
        below = disk.subfolder(reader, self.narrow, self.folder, text)
        if below is None:
            raise NotFound(name=name)
        return self.child(text, below)

    def open(self, reader: Reader) -> Listing:
        return DiskListing(self, disk.folders(reader, self.narrow, self.folder))


class DiskListing(Listing):
    """Subfolders as they were when the folder was opened, then pages of files."""

    def __init__(self, folder: DiskFolder, below: list[disk.DiskFolder]) -> None:
        self._folder = folder
        self._below = below

    def page(self, reader: Reader, cookie: int, count: int) -> list[Entry]:
        below = [row for row in self._below if row.id > cookie][:count] if cookie < FIRST_FILE_COOKIE else []
        if below:
            return [Entry(encode(name), number, self._folder.child(name, number)) for number, name in below]
        form, narrow, folder = self._folder.form, self._folder.narrow, self._folder.folder
        after = max(0, cookie - FIRST_FILE_COOKIE)
        while True:  # a whole page may have no such rendition: that is not the end
            rows = disk.files_page(reader, narrow, folder, after, count)
            leaves = self._leaves(reader, rows)
            entries = [
                Entry(form.name_of(row.shown), FIRST_FILE_COOKIE + row.file, leaf)
                for row, leaf in zip(rows, leaves, strict=True)
                if leaf
            ]
            if entries or len(rows) < count:
                return entries
            after = rows[-1].file

    def _leaves(self, reader: Reader, rows: list[disk.DiskFile]) -> list[Leaf | None]:
        form, path = self._folder.form, self._folder.path
        plain = [(row.asset, row.size, row.mtime_ns) for row in rows]
        if form.content is not Content.LINK:
            return form.leaves(reader, plain)
        return [
            file_leaf(reader, form, row, file.file, path, form.name_of(file.shown))
            for row, file in zip(plain, rows, strict=True)
        ]
