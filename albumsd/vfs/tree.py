"""The root, and what hangs from it; inode → leaf; contents; and what a change of rows does to names.

    /  README.txt  <views>  search/  filter/  sources/  status/          originals
       previews/   <views>  search/  filter/                             as WebP
       info/       <views>  search/  filter/                             as text
       links/      <views>  search/  filter/                             as symbolic links
    filter/<query>/  <views>, narrowed. A rendition or a filter does not list itself again: the tree is finite.

One ``Tree`` per process. Every method is safe to call from several threads: each is given its own ``Reader``, and
what is shared here (filters in use, folder times) changes under a lock.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from albumsd.core import clock
from albumsd.core.config import Config
from albumsd.core.errors import Changed
from albumsd.core.ids import Rendition, asset_inode, split_asset_inode
from albumsd.query.tree import Everything, Node
from albumsd.search import selections
from albumsd.store import changes, lookups, queries
from albumsd.store.changes import Change, Facets
from albumsd.store.database import Database, Reader
from albumsd.views import VIEWS, View

from . import info, readmes, renditions
from .folders.copies import GroupsFolder
from .folders.disk import SourcesFolder
from .folders.fixed import FixedFolder, Maker, text_leaf
from .folders.grouped import GroupedFolder
from .folders.queries import FilterFolder, SearchFolder
from .folders.texts import TextsFolder, source_texts, status_texts
from .node import Content, Folder, Leaf
from .renditions import FORMS, ORIGINALS, Form
from .traces import Name, names_of

MANY = 500
"""Assets of one arrival whose names are told one by one; beyond that only their folders are."""


class Arrival(NamedTuple):
    path: tuple[str, ...]
    name: bytes
    is_folder: bool


class Effects(NamedTuple):
    """What changes of rows do to the tree. Folders are named by path, names may be more than the kernel holds."""

    gone: list[Name]
    arrived: list[Arrival]
    touched: set[tuple[str, ...]]
    """Folders in which something changed that is not told name by name."""
    inodes: set[int]
    """Inodes whose size, times or content changed."""


class ActiveFilters:
    """Filter folders that were looked up lately, so that changes reach them too. Bounded; newest kept."""

    LIMIT = 64

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._paths: OrderedDict[tuple[str, ...], Form] = OrderedDict()

    def touch(self, path: tuple[str, ...], form: Form) -> None:
        with self._lock:
            self._paths[path] = form
            self._paths.move_to_end(path)
            while len(self._paths) > self.LIMIT:
                self._paths.popitem(last=False)

    def all(self) -> list[tuple[tuple[str, ...], Form]]:
        with self._lock:
            return list(self._paths.items())


class FolderTimes:
    """When a folder last changed. What is not remembered changed no later than the library did at the start."""

    LIMIT = 100_000

    def __init__(self, default_ns: int) -> None:
        self._default_ns = default_ns
        self._lock = threading.Lock()
        self._times: OrderedDict[tuple[str, ...], int] = OrderedDict()

    def get(self, path: tuple[str, ...]) -> int:
        with self._lock:
            return self._times.get(path, self._default_ns)

    def touch(self, paths: Iterator[tuple[str, ...]], now_ns: int) -> None:
        with self._lock:
            for path in paths:
                self._times[path] = now_ns
                self._times.move_to_end(path)
            while len(self._times) > self.LIMIT:
                self._default_ns = max(self._default_ns, self._times.popitem(last=False)[1])


class Tree:
    """The whole mount as plain objects."""

    def __init__(self, config: Config, reader: Reader) -> None:
        self.config = config
        self.opened_ns = clock.now_ns() // 1_000_000_000 * 1_000_000_000
        self.everything: Node = Everything()
        self.filters = ActiveFilters()
        self._writing = threading.Lock()
        self._writer: Database | None = None
        self.changed_ns = changes.latest_ns(reader)
        self._times = FolderTimes(self.changed_ns)
        self.root: Folder = FixedFolder(self, (), self._root_children())

    # ------------------------------------------------------------------------------------ shape

    def _root_children(self) -> dict[str, Maker]:
        children: dict[str, Maker] = {
            "README.txt": lambda reader: text_leaf(("README.txt",), self.root_readme(reader), self.changed_ns)
        }
        children |= self._view_children((), ORIGINALS, self.everything)
        children |= self._query_children((), ORIGINALS)
        children["sources"] = lambda _: TextsFolder(self, ("sources",), source_texts)
        children["status"] = lambda _: TextsFolder(self, ("status",), status_texts)
        for form in FORMS:
            if form.folder:
                children[form.folder] = self._form_maker(form)
        return children

    def _form_maker(self, form: Form) -> Maker:
        top = (form.folder,)
        children = self._view_children(top, form, self.everything) | self._query_children(top, form)
        return lambda _: FixedFolder(self, top, children)

    def _query_children(self, top: tuple[str, ...], form: Form) -> dict[str, Maker]:
        return {
            "search": lambda _: SearchFolder(self, (*top, "search"), form),
            "filter": lambda _: FilterFolder(self, (*top, "filter"), form),
        }

    def _view_children(self, top: tuple[str, ...], form: Form, narrow: Node) -> dict[str, Maker]:
        return {view.name: self._view_maker(view, (*top, view.name), form, narrow) for view in VIEWS}

    def _view_maker(self, view: View, path: tuple[str, ...], form: Form, narrow: Node) -> Maker:
        if view.layout == "disk":
            return lambda _: SourcesFolder(self, path, form, narrow)
        if view.layout == "copies":
            return lambda _: GroupsFolder(self, path, view, form, narrow)
        return lambda _: GroupedFolder(self, path, view, form, narrow)

    def views_folder(self, path: tuple[str, ...], form: Form, narrow: Node) -> Folder:
        """All views, narrowed: what filter/<query>/ is."""
        return FixedFolder(self, path, self._view_children(path, form, narrow))

    # ------------------------------------------------------------------------------------ leaves

    def leaf(self, reader: Reader, inode: int) -> Leaf | None:
        """An asset's leaf from its inode alone; None when the asset or its rendition is gone."""
        parts = split_asset_inode(inode)
        row = lookups.asset(reader, parts[0]) if parts else None
        if parts is None or row is None or parts[1] not in renditions.BY_RENDITION:
            return None
        return renditions.BY_RENDITION[parts[1]].leaf(reader, (row.id, row.size, row.mtime_ns))

    def content(self, reader: Reader, leaf: Leaf) -> bytes:
        """The bytes of an INFO or TEXT leaf. Raises Changed when the asset is gone."""
        if leaf.content is Content.TEXT:
            return leaf.text
        data = info.render(reader, leaf.asset)
        if data is None:
            raise Changed(name=leaf.asset)
        return data

    def link_target(self, reader: Reader, leaf: Leaf) -> bytes:
        """Where a LINK leaf points. Raises Changed when the asset has no file any more."""
        target = renditions.link_target(reader, leaf.asset)
        if not target:
            raise Changed(name=leaf.asset)
        return target

    def preview_path(self, reader: Reader, leaf: Leaf) -> Path:
        """The file that holds a PREVIEW leaf's bytes. Raises Changed when it has none."""
        row = lookups.asset(reader, leaf.asset)
        if row is None or row.sha256 is None:
            raise Changed(name=leaf.asset)
        digest = row.sha256.hex()
        return self.config.previews / digest[:2] / f"{digest}.webp"

    def xattrs(self, reader: Reader, leaf: Leaf) -> dict[bytes, bytes]:
        """Extended attributes of a leaf; none for texts without an asset."""
        return info.xattrs(reader, leaf.asset) if leaf.asset else {}

    def folder_mtime_ns(self, folder: Folder) -> int:
        """When something in the folder last changed."""
        return self._times.get(folder.path)

    # ------------------------------------------------------------------------------------ texts

    def today(self) -> str:
        return clock.today()

    def root_readme(self, reader: Reader) -> str:
        extra = []
        if not reader.value("SELECT 1 FROM source"):
            extra = ["There is no source yet. Point albumsd at a folder:  albumsd add ~/Pictures"]
        away = [row[0] for row in reader.all(
            "SELECT s.name FROM source s JOIN source_state t ON t.source=s.id WHERE t.state IN ('offline', 'stalled')"
        )]  # fmt: skip
        if away:
            extra.append(f"Not here now: {', '.join(away)}. Names, dates, search and previews/ go on without it.")
        return readmes.root_readme(extra)

    def search_readme(self) -> str:
        return readmes.search_readme()

    def filter_readme(self) -> str:
        return readmes.filter_readme()

    # ------------------------------------------------------------------------------------ writing

    def remember(self, key: str, text: str, hits: Sequence[queries.Hit]) -> None:
        """Keep what a listed query has found. Called in a worker thread; a gesture's transaction."""
        with self._writing:
            if self._writer is None:
                self._writer = Database(self.config.database)
            with self._writer.write(durable=True) as tx:
                queries.forget_old(tx, self.config["remember_days"])
                queries.keep(tx, key, text, hits, self.config["search_results"])

    # ------------------------------------------------------------------------------------ changes

    def apply(self, reader: Reader, rows: Sequence[Change], held: Callable[[tuple[str, ...]], bool]) -> Effects:
        """What ``rows`` do to the names in folders for which ``held`` is true. Runs in a worker thread."""
        effects = Effects([], [], set(), set())
        if not rows:
            return effects
        self.changed_ns = max(self.changed_ns, clock.now_ns())
        disk = _DiskFolders(reader)
        for row in rows:
            if row.what == "changed":
                self._changed(reader, row, held, disk, effects)
            elif row.what == "arrived":
                self._arrived(reader, row, held, disk, effects)
            elif row.what == "folder":
                path = disk[row.first]
                for top, _ in self._tops():
                    if path and held((*top, "by-folder", *path[:-1])):
                        effects.arrived.append(Arrival((*top, "by-folder", *path[:-1]), path[-1].encode(), True))
            else:
                effects.touched.update(path for path in (("sources",), ("status",), ("by-folder",)) if held(path))
        self._times.touch(
            (path for path in {n[0] for n in effects.gone} | {a.path for a in effects.arrived} | effects.touched),
            self.changed_ns,
        )
        return effects

    def _tops(self) -> list[tuple[tuple[str, ...], Form]]:
        tops = [((form.folder,) if form.folder else (), form) for form in FORMS]
        return tops + self.filters.all()

    def _names(self, facets: Facets | None, disk: _DiskFolders, held: Callable[[tuple[str, ...]], bool]) -> set[Name]:
        if facets is None:
            return set()
        for folder, _ in facets.files:
            disk[int(str(folder))]
        return {
            name
            for top, form in self._tops()
            for name in names_of(facets, form, top, disk.known)
            if held(name[0]) or held(name[0][:-1])
        }

    def _changed(
        self,
        reader: Reader,
        row: Change,
        held: Callable[[tuple[str, ...]], bool],
        disk: _DiskFolders,
        effects: Effects,
    ) -> None:
        before, after = self._names(row.old, disk, held), self._names(row.new, disk, held)
        effects.gone.extend(before - after)
        effects.arrived.extend(Arrival(path, name, False) for path, name in after - before)
        self._folders(reader, {p for p, _ in before} - {p for p, _ in after}, held, effects, came=False)
        self._folders(reader, {p for p, _ in after} - {p for p, _ in before}, held, effects, came=True)
        asset = row.first
        if row.old is None or row.new is None or (row.old.size, row.old.mtime_ns) != (row.new.size, row.new.mtime_ns):
            effects.inodes.update(asset_inode(asset, rendition) for rendition in Rendition)
        elif row.old != row.new:
            effects.inodes.add(asset_inode(asset, Rendition.INFO))

    def _folders(
        self,
        reader: Reader,
        paths: set[tuple[str, ...]],
        held: Callable[[tuple[str, ...]], bool],
        effects: Effects,
        *,
        came: bool,
    ) -> None:
        """A folder of a view comes with its first asset and goes with its last: say so where its parent is held."""
        for path in paths:
            while len(path) > 1 and held(path[:-1]):
                exists = self._exists(reader, path)
                if came and exists:
                    effects.arrived.append(Arrival(path[:-1], path[-1].encode(), True))
                elif not came and not exists:
                    effects.gone.append((path[:-1], path[-1].encode()))
                else:
                    break
                path = path[:-1]

    def _exists(self, reader: Reader, path: tuple[str, ...]) -> bool:
        """Whether a folder of an unfiltered view holds anything now."""
        top = path[1:] if path[0] in {form.folder for form in FORMS if form.folder} else path
        view = next((view for view in VIEWS if top and view.name == top[0]), None)
        if view is None or view.layout != "assets" or len(top) < 2:
            return True
        from albumsd.query.tree import conjoin

        above = conjoin(view.selected(self.today()), *view.nodes(top[1:-1]))
        return selections.has_value(reader, above, view.group[len(top) - 2].attribute, top[-1])

    def _arrived(
        self,
        reader: Reader,
        row: Change,
        held: Callable[[tuple[str, ...]], bool],
        disk: _DiskFolders,
        effects: Effects,
    ) -> None:
        if row.last - row.first >= MANY:
            paths = reader.all(
                "SELECT DISTINCT a.year, a.month, a.week, a.day, f.folder FROM asset a JOIN file f ON f.asset=a.id"
                " WHERE a.id BETWEEN ? AND ?",
                (row.first, row.last),
            )
            for year, month, week, day, folder in paths:
                below = disk[folder] or ()
                for path in (
                    ("by-date", year, month), ("by-week", week[:4], week), ("by-day", year, month, day), ("recent",),
                    ("by-folder", *below),
                ):  # fmt: skip
                    effects.touched.update(part for part in (path, path[:-1]) if part and held(part))
            return
        for asset in range(row.first, row.last + 1):
            facets = changes.snapshot(reader, asset)
            names = self._names(facets, disk, held)
            effects.arrived.extend(Arrival(path, name, False) for path, name in names)
            self._folders(reader, {path for path, _ in names}, held, effects, came=True)
            if facets and facets.mtime_ns:
                effects.inodes.add(asset_inode(asset, Rendition.PREVIEW))


class _DiskFolders:
    """Names of folder rows under by-folder/, each asked for once."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self.known: dict[int, tuple[str, ...] | None] = {}

    def __getitem__(self, folder: int) -> tuple[str, ...] | None:
        if folder not in self.known:
            self.known[folder] = lookups.folder_shown_path(self._reader, folder)
        return self.known[folder]
