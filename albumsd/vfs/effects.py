"""What rows of ``changes`` do to the tree: names that went, names that came, inodes that are not what they were.

The kernel keeps names and attributes for minutes, and watchers wait for events, so whoever adapts the tree to it
must be told. Only folders that it holds matter (``held``); a name too many costs one needless message. Runs in a
worker thread with a reader of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from typing import NamedTuple

from albumsd.core import clock
from albumsd.core.ids import Rendition, asset_inode, computed_inode
from albumsd.query.tree import Everything, conjoin
from albumsd.search import selections
from albumsd.store import changes, lookups, sources
from albumsd.store.changes import Change, Shown
from albumsd.store.database import Reader
from albumsd.views import BY_NAME, VIEWS, View

from .context import Context
from .renditions import FORMS, Form
from .traces import Name, names_of

MANY = 200
"""So many assets that arrive at once are told name by name; of more only the folders are."""
FEW = 50
"""A folder with as many members is not taken for new."""

Path = tuple[str, ...]
Held = Callable[[Path], bool]


class Arrival(NamedTuple):
    path: Path
    name: bytes
    is_folder: bool


class Effects(NamedTuple):
    """Folders are named by path; names may be more than the kernel holds."""

    gone: list[Name]
    arrived: list[Arrival]
    touched: set[Path]
    """Folders in which something changed that is not told name by name."""
    inodes: set[int]
    """Inodes whose size, times or content changed."""
    doubtful: set[Name]
    """Names that may have gone: to be asked for again, but nobody is told that they went."""


def effects_of(context: Context, reader: Reader, rows: Sequence[Change], held: Held) -> Effects:
    """The effects of ``rows``, in order, on folders for which ``held`` is true; renews the times of those folders."""
    effects = Effects([], [], set(), set(), set())
    if not rows:
        return effects
    context.changed_ns = max(context.changed_ns, clock.now_ns())
    run = _Run(context, reader, held, effects, rows)
    for row in rows:
        if row.what == "changed":
            run.changed(row)
        elif row.what == "arrived":
            run.arrived(row)
        elif row.what == "told":
            run.told(row.first)
        elif row.what == "preview":
            run.preview(row.first)
        elif row.what == "folder":
            run.disk_folder(row.first)
        else:
            run.source(row.first)
    paths = {name[0] for name in effects.gone} | {arrival.path for arrival in effects.arrived} | effects.touched
    context.times.touch(paths, context.changed_ns)
    return effects


class _DiskFolders(dict[int, "Path | None"]):
    """Names of folder rows under by-folder/, each asked for once; None: gone, and never looked at."""

    def __init__(self, context: Context, reader: Reader) -> None:
        super().__init__()
        self._context, self._reader = context, reader

    def __missing__(self, folder: int) -> Path | None:
        self[folder] = lookups.folder_shown_path(self._reader, folder) or self._context.disk_paths.get(folder)
        return self[folder]


class _Run:
    def __init__(self, context: Context, reader: Reader, held: Held, effects: Effects, rows: Sequence[Change]) -> None:
        self._context, self._reader, self._held, self._effects = context, reader, held, effects
        self._changed = {row.first for row in rows if row.what in ("changed", "preview")}
        self._ranges = [(row.first, row.last) for row in rows if row.what == "arrived"]
        self._many = sum(last - first + 1 for first, last in self._ranges) > MANY
        self._judged: set[Path] = set()
        self._disk = _DiskFolders(context, reader)
        tops: list[tuple[Path, Form]] = [((form.folder,) if form.folder else (), form) for form in FORMS]
        tops += context.filters.all()
        self._tops = [(top, form, views) for top, form in tops if (views := [v for v in VIEWS if held((*top, v.name))])]
        """Where the kernel holds something: (folder, rendition, views there)."""

    def changed(self, row: Change) -> None:
        """An asset stands elsewhere, is called otherwise, came or went."""
        before, after = self._names(row.old), self._names(row.new)
        self._effects.gone.extend(before - after)
        self._effects.arrived.extend(Arrival(path, name, False) for path, name in after - before)
        self._folders_went({path for path, _ in before} - {path for path, _ in after})
        self._folders_came({path for path, _ in after} - {path for path, _ in before})
        asset = row.first
        if row.old is None or row.new is None or (row.old.size, row.old.mtime_ns) != (row.new.size, row.new.mtime_ns):
            self._effects.inodes.update(asset_inode(asset, rendition) for rendition in Rendition)
        else:
            self._effects.inodes.add(asset_inode(asset, Rendition.INFO))
            if row.old.files != row.new.files:
                self._effects.inodes.add(asset_inode(asset, Rendition.LINK))
        self._doubt(before | after)

    def told(self, asset: int) -> None:
        """It is shown where it was, but what is told of it is new; a filter may hold it no more, or now."""
        self._effects.inodes.add(asset_inode(asset, Rendition.INFO))
        self._doubt(self._names(changes.snapshot(self._reader, asset)))

    def _doubt(self, names: set[Name]) -> None:
        """Whether a filter or a narrow view still holds an asset is not known from the row: let it be asked for."""
        narrow = {(*top, view.name) for top, _, views in self._tops for view in views if _is_narrow(top, view)}
        self._effects.doubtful.update(
            name for name in names if any(name[0][: len(top)] == top for top in narrow) and self._held(name[0])
        )

    def source(self, source: int) -> None:
        """A source came or went, or its drive did: the texts that speak of it. No folder's time follows a drive."""
        self._effects.touched.update(path for path in (("sources",), ("status",)) if self._held(path))
        self._effects.doubtful.add(((), b"README.txt"))
        self._effects.inodes.add(computed_inode(("README.txt",)))
        known = {found.name: found.id for found in sources.all_sources(self._reader)}
        if source in known.values():
            return
        for name in self._context.disk_paths.sources() - known.keys():
            for top, _, _ in self._tops:
                self._effects.gone.append(((*top, "by-folder"), name.encode()))

    def arrived(self, row: Change) -> None:
        """New assets. Nothing that the kernel holds is wrong."""
        if self._many:
            self._many_arrived(row)
            return
        for asset in range(row.first, row.last + 1):
            names = self._names(changes.snapshot(self._reader, asset))
            self._effects.arrived.extend(Arrival(path, name, False) for path, name in names)
            self._folders_came({path for path, _ in names})

    def preview(self, asset: int) -> None:
        """The names in previews/, or their bytes, are new."""
        names = self._names(changes.snapshot(self._reader, asset), {Rendition.PREVIEW})
        self._effects.arrived.extend(Arrival(path, name, False) for path, name in names)
        self._folders_came({path for path, _ in names})
        self._effects.inodes.add(asset_inode(asset, Rendition.PREVIEW))

    def _many_arrived(self, row: Change) -> None:
        for year, month, week, day, folder in self._reader.all(
            "SELECT DISTINCT a.year, a.month, a.week, a.day, f.folder FROM asset a JOIN file f ON f.asset=a.id"
            " WHERE a.id BETWEEN ? AND ?",
            (row.first, row.last),
        ):
            for path in (
                ("by-date", year, month),
                ("by-week", week[:4], week),
                ("by-day", year, month, day),
                ("recent",),
                ("by-folder", *(self._disk[folder] or ())),
            ):
                self._effects.touched.update(part for part in (path, path[:-1]) if part and self._held(part))

    def disk_folder(self, folder: int) -> None:
        """A folder of a source came, or went."""
        path = self._disk[folder]
        if path is None:
            return
        here = lookups.folder_shown_path(self._reader, folder) is not None
        for top, _, _ in self._tops:
            parent = (*top, "by-folder", *path[:-1])
            if self._held(parent) and here:
                self._effects.arrived.append(Arrival(parent, path[-1].encode(), True))
            elif self._held(parent):
                self._effects.gone.append((parent, path[-1].encode()))

    def _names(self, shown: Shown | None, renditions: Container[Rendition] = tuple(Rendition)) -> set[Name]:
        """The names of an asset in folders that are held, or whose parents are (the folder itself may come or go)."""
        if shown is None:
            return set()
        disk = {int(str(folder)): self._disk[int(str(folder))] for folder, _ in shown.files}
        return {
            name
            for top, form, views in self._tops
            if form.rendition in renditions
            for name in names_of(shown, form, top, views, disk)
            if self._held(name[0]) or self._held(name[0][:-1])
        }

    def _folders_came(self, paths: set[Path]) -> None:
        """A folder of a view comes with its first assets: say so where its parent is held."""
        for path in paths:
            while len(path) > 1 and self._held(path[:-1]) and self._is_new(path):
                self._effects.arrived.append(Arrival(path[:-1], path[-1].encode(), True))
                path = path[:-1]

    def _is_new(self, path: Path) -> bool:
        """Whether all that a folder of an unfiltered view holds came with these rows. Each folder is new once."""
        if path in self._judged:
            return False
        self._judged.add(path)
        place = _grouped(path)
        if place is None:
            return False
        view, values = place
        inside = conjoin(view.selected(self._context.today()), *view.nodes(values))
        members = selections.page(self._reader, inside, 0, FEW)
        return 0 < len(members) < FEW and all(self._is_news(member.id) for member in members)

    def _is_news(self, asset: int) -> bool:
        return asset in self._changed or any(first <= asset <= last for first, last in self._ranges)

    def _folders_went(self, paths: set[Path]) -> None:
        """And goes with its last."""
        for path in paths:
            while len(path) > 1 and self._held(path[:-1]) and not self._exists(path):
                self._effects.gone.append((path[:-1], path[-1].encode()))
                path = path[:-1]

    def _exists(self, path: Path) -> bool:
        """Whether a folder of an unfiltered view by attributes holds anything now; others are taken to exist."""
        place = _grouped(path)
        if place is None:
            return True
        view, values = place
        above = conjoin(view.selected(self._context.today()), *view.nodes(values[:-1]))
        return selections.has_value(self._reader, above, view.group[len(values) - 1].attribute, values[-1])


def _grouped(path: Path) -> tuple[View, Path] | None:
    """The view by attributes, and the values chosen in it, that ``path`` leads to; None if it leads elsewhere."""
    below = path[1:] if path[0] in {form.folder for form in FORMS if form.folder} else path
    view = BY_NAME.get(below[0]) if below else None
    if view is None or view.layout != "assets" or len(below) < 2:
        return None
    return view, below[1:]


def _is_narrow(top: Path, view: View) -> bool:
    """Whether a view shows less than all that has its attributes: it stands under a filter, or selects by itself."""
    return "filter" in top or not isinstance(view.selection, Everything)
