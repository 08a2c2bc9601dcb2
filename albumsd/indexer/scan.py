"""Phase one: what is different on a disk from what the rows say, and the calls that make the rows say it.

``Scan`` walks a source, whole or some of its folders, and commits arrivals as it goes, in transactions of about 40 ms;
no transaction is open while the disk is asked. What can be judged only when everything was seen waits for the end:

* *Moves* (``moves.resolve``): a file that arrives with the inode, size and mtime of one that is gone has moved.
* *Changes*: the path holds other bytes. *Gone* files: only after the source was found online again, each looked for
  once more, and never those behind a folder that could not be read or a drive mounted inside that is away.
* The *brake*: more than 20 files and more than 10 % of the source, or all files of a top-level folder, are not dropped
  but held as missing until the person says so, or they come back.

A file that is still being written (``fresh``) is left as it was; its folder is in ``Outcome.again``. A scan that is
stopped or killed at any point leaves rows that the next one continues from. One ``Scan`` belongs to one thread.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial

from albumsd.core import names
from albumsd.core.filetimes import Stamp, unchanged
from albumsd.store import files, scanning, sources
from albumsd.store.assets import join_path
from albumsd.store.database import Database, Row
from albumsd.store.files import Entry
from albumsd.store.scanning import Placed, placed

from . import directory, moves
from .edits import Edits
from .ignore import path_left_out
from .volumes import Mounts

log = logging.getLogger(__name__)

BRAKE_FILES = 20
BRAKE_SHARE = 0.10
HUNG_S = 30.0
"""A scan of which nothing was heard for so long hangs in its disk."""


@dataclass
class Outcome:
    """What a scan found. ``again``: folders to look at again, because files in them are not at rest."""

    complete: bool = True
    arrived: int = 0
    moved: int = 0
    changed: int = 0
    gone: int = 0
    held: int = 0
    back: int = 0
    unreadable: list[bytes] = field(default_factory=list)
    again: set[bytes] = field(default_factory=set)


class Gone(Exception):
    """The root of the source cannot be read."""


def inside(path: bytes, folders: Iterable[bytes]) -> bool:
    """Whether ``path`` is one of ``folders`` or lies in one."""
    return any(path == folder or path.startswith(folder + b"/") or not folder for folder in folders)


class Scan:
    """One look at one source."""

    def __init__(
        self,
        database: Database,
        source: sources.Source,
        *,
        rest_s: float,
        stage: tuple[str, int],
        mounts: Mounts | None = None,
        skip: frozenset[bytes] = frozenset(),
        still_online: Callable[[], bool] = lambda: True,
        committed: Callable[[], None] = lambda: None,
        stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        """``stage`` is the first stage and its version. ``skip``: absolute paths never entered (the mount).

        ``still_online`` is asked before anything is taken for gone, ``committed`` told after each batch.
        """
        self._database, self._source = database, source
        self._rest_ns = int(rest_s * 1e9)
        self._mounts, self._skip = mounts or Mounts.now(), skip
        self._still_online, self._stopped = still_online, stopped
        self._committed = committed
        self._edits = Edits(database, source.id, stage, self._went_on)
        self._folders: dict[bytes, int] = {}
        self._walked: set[bytes] = set()
        self._away: set[bytes] = set()
        self._inner: set[bytes] = set()
        self._had_files = False
        self._news = moves.News()
        self._lost: set[bytes] = set()
        self._fresh_sizes: set[int] = set()
        self.outcome = Outcome()
        self.beat = time.monotonic()
        """When the disk last answered, or rows were last committed."""

    def hangs(self) -> bool:
        """Whether nothing was heard of it for ``HUNG_S``. Safe for any thread."""
        return time.monotonic() - self.beat > HUNG_S

    def _answered(self) -> None:
        self.beat = time.monotonic()

    def _went_on(self) -> None:
        self._answered()
        self._committed()

    # ----------------------------------------------------------------------------------- the two ways

    def whole(self) -> Outcome:
        """Look at every folder. Marks the scan that was asked for as done, unless the source went away meanwhile."""
        ticket = sources.scan_ticket(self._database, self._source.id)
        self._begin()
        self._walk([b""], deep=True)
        if not self._stopped():
            for path in sorted(self._folders.keys() - self._walked):
                if not inside(path, self._blind()):
                    self._lose(path, deep=False)
            self._finish()
        if self._stopped():
            self.outcome.complete = False
        if self.outcome.complete:
            with self._database.write() as tx:
                sources.scan_done(tx, self._source.id, ticket)
        return self.outcome

    def some(self, folders: Iterable[bytes]) -> Outcome:
        """Look at these folders (below the source; b"" is its root), and into those below them that are new."""
        self._begin()
        self._walk(sorted(set(folders)), deep=False)
        if not self._stopped():
            self._finish()
        else:
            self.outcome.complete = False
        return self.outcome

    def _begin(self) -> None:
        source = self._source
        self._folders = scanning.folders(self._database, source.id)
        self._had_files = scanning.has_files(self._database, source.id)
        prefix = len(source.path.rstrip(b"/")) + 1
        self._inner = {
            mount.point[prefix:] for mount in self._mounts.below(source.path) if mount.point not in self._skip
        }
        self._away = scanning.inner_mounts(self._database, source.id) - self._inner

    def _blind(self) -> list[bytes]:
        """Folders of which this scan knows nothing."""
        return [*self.outcome.unreadable, *self._away]

    # ------------------------------------------------------------------------------------------- walk

    def _walk(self, start: Sequence[bytes], *, deep: bool) -> None:
        stack = [(path, deep) for path in reversed(start)]
        root = self._source.path
        while stack:
            if self._stopped():
                break
            path, into = stack.pop()
            if path in self._walked:
                continue
            self._answered()
            try:
                found = directory.read(
                    root + b"/" + path if path else root,
                    inodes=self._source.inodes,
                    rest_ns=self._rest_ns,
                    skip=self._skip,
                    answered=self._answered,
                )
            except (FileNotFoundError, NotADirectoryError):
                if not path:
                    raise Gone from None
                self._lose(path, deep=True)
                continue
            except OSError as error:
                if not path:
                    raise Gone from None
                log.warning("cannot read %r in %s: %s", names.decode(path), self._source.name, error.strerror)
                self.outcome.unreadable.append(path)
                continue
            if path in self._away:
                if not found.files and not found.folders:
                    continue  # an empty mount point
                self._away.discard(path)
            self._walked.add(path)
            below = [join_path(path, name) for name in sorted(found.folders, reverse=True)]
            if into:
                stack += [(child, True) for child in below]
            else:
                stack += [(child, True) for child in below if child not in self._folders]
                self._lost_folders(path, set(found.folders))
            self._compare(path, found)
            if self._edits.due():
                self._edits.flush()
        self._edits.flush()

    def _lost_folders(self, path: bytes, there: set[bytes]) -> None:
        folder = self._folders.get(path)
        if folder is not None:
            for name in files.subfolders(self._database, folder).keys() - there:
                self._lose(join_path(path, name), deep=True)

    def _lose(self, path: bytes, *, deep: bool) -> None:
        """A known folder is not there any more."""
        if path not in self._folders:
            return
        if deep:
            rows = scanning.rows_below(self._database, self._source.id, path)
            gone = [known for known in self._folders if inside(known, [path])]
        else:
            rows = [placed(row, path) for row in scanning.rows_in(self._database, self._folders[path])]
            gone = [path]
        new = set(gone) - self._lost
        self._lost |= new
        self._news.gone += [row for row in rows if row.known.missing_ns is None and row.folder in new]

    # ---------------------------------------------------------------------------------------- compare

    def _compare(self, path: bytes, found: directory.Directory) -> None:
        folder = self._folders.get(path)
        rows = scanning.rows_in(self._database, folder) if folder is not None and self._had_files else []
        if not rows:
            arrivals = found.files
        else:
            arrivals = []
            known = {row[1]: row for row in rows}
            take = known.pop
            for entry in found.files:
                row = take(entry[0], None)
                if row is None:
                    arrivals.append(entry)
                elif row[3] != entry[2] or row[2] != entry[1] or row[4] != entry[3] or row[6] is not None:
                    self._differs(path, row, entry, entry.name in found.fresh)
            for row in known.values():
                if row[6] is None:
                    self._news.gone.append(placed(row, path))
        if found.fresh:
            self._fresh_sizes.update(entry.size for entry in found.files if entry.name in found.fresh)
        if folder is None and not arrivals:
            self._edits.folder(path)
        if arrivals:
            self._arrivals(path, arrivals, found.fresh)

    def _differs(self, path: bytes, row: Row, entry: Entry, fresh: bool) -> None:
        """A known file whose size, mtime or inode is not what the row says, or that was held as missing."""
        _, _, size, mtime_ns, inode, _, missing_ns = row
        if unchanged(Stamp(size, mtime_ns, inode), entry, self._source.grain_ns):
            if missing_ns is not None or inode != entry.inode:
                self._edits.settle(placed(row, path), entry._replace(mtime_ns=mtime_ns))
            self.outcome.back += missing_ns is not None
        elif fresh:
            self.outcome.again.add(path)
        else:
            self._news.changed.append((placed(row, path), entry))

    def _arrivals(self, path: bytes, entries: list[Entry], fresh: frozenset[bytes]) -> None:
        ready: list[Entry] = []
        for entry in sorted(entries):
            # Rows with the same inode, size and mtime: the file has moved, or it is a hard link. The end decides.
            if self._had_files and entry.inode and scanning.rows_with_inode(self._database, self._source.id, entry):
                self._news.suspects.append((path, entry, entry.name in fresh))
            elif entry.name in fresh:
                self.outcome.again.add(path)
            else:
                ready.append(entry)
        self._arrive(path, ready)
        if not ready and path not in self._folders:
            self._edits.folder(path)

    def _arrive(self, path: bytes, entries: list[Entry]) -> None:
        self.outcome.arrived += len(entries)
        self._edits.arrive(path, entries)

    # --------------------------------------------------------------------------------------- the end

    def _finish(self) -> None:
        news = self._news
        if (news.gone or news.changed or self._lost) and not self._still_online():
            self.outcome.complete = False
            self._arrive_rest(moves.Plan(links=[(p, e) for p, e, fresh in news.suspects if not fresh]))
            return
        blind = self._blind()
        news.gone = [row for row in news.gone if not inside(row.folder, blind)]
        self._ask_elsewhere()
        plan = moves.resolve(news)
        self._move(plan)
        self._arrive_rest(plan)
        for row, entry in plan.changed:
            self._edits.change(row, entry)
        self.outcome.changed += len(plan.changed)
        self.outcome.again |= plan.again
        self._edits.flush()
        self._drop(self._really(plan.gone))
        self._forget_folders()
        remembered = scanning.inner_mounts(self._database, self._source.id)
        if remembered != self._inner | self._away:
            keep = self._inner | self._away
            self._edits.add(partial(scanning.remember_inner_mounts, source=self._source.id, paths=keep))
        self._edits.flush()

    def _ask_elsewhere(self) -> None:
        """The twins of the suspects may be held as missing, or stand where this scan did not look: see if they do."""
        met = {row.known.id for row in self._news.gone} | {row.known.id for row, _ in self._news.changed}
        blind = self._blind()
        for _, entry, _ in self._news.suspects:
            for row in scanning.rows_with_inode(self._database, self._source.id, entry):
                self._answered()
                if row.known.id in met or inside(row.folder, blind):
                    continue
                if row.folder in self._walked and row.known.missing_ns is None:
                    continue
                try:
                    stands = directory.stands(self._source.path + b"/" + row.path, entry)
                except OSError as error:
                    log.debug("no look at a file of %s: %s", self._source.name, error.strerror)
                    continue
                if not stands:
                    met.add(row.known.id)
                    self._news.away.append(row)

    def _move(self, plan: moves.Plan) -> None:
        for group in plan.steps:
            for move in group:
                self._edits.move(move)
            self._edits.flush()
        if plan.swaps:
            self._edits.swap(plan.swaps)
        self.outcome.moved += plan.moved

    def _arrive_rest(self, plan: moves.Plan) -> None:
        by_folder: dict[bytes, list[Entry]] = {}
        for path, entry in plan.links:
            by_folder.setdefault(path, []).append(entry)
        for path, entries in by_folder.items():
            self._arrive(path, entries)
        self._edits.flush()

    def _really(self, gone: list[Placed]) -> list[Placed]:
        """Those rows whose file is not there on a second look, and that are not just being written anew."""
        lost = []
        second = directory.SecondLook(self._source.path)
        for row in gone:
            self._answered()
            if row.known.size not in self._fresh_sizes:
                try:
                    if path_left_out(row.path) or not second.is_there(row.path):
                        lost.append(row)
                        continue
                except OSError as error:
                    log.debug("no second look at a file of %s: %s", self._source.name, error.strerror)
            self.outcome.again.add(row.folder)
        return lost

    def _drop(self, gone: list[Placed]) -> None:
        """Let go of files, or hold them when too many went at once."""
        if not gone:
            return
        if not self._still_online():
            self.outcome.complete = False
            return
        total = files.count(self._database, self._source.id)
        if len(gone) > BRAKE_FILES and len(gone) > BRAKE_SHARE * total:
            held = gone
        else:
            by_top: dict[bytes, list[Placed]] = {}
            for row in gone:
                if row.folder:
                    by_top.setdefault(row.folder.partition(b"/")[0], []).append(row)
            held = [
                row
                for top, rows in by_top.items()
                if scanning.present_below(self._database, self._source.id, top) == len(rows)
                for row in rows
            ]
        kept = {row.known.id for row in held}
        self._edits.hold(held)
        for row in gone:
            if row.known.id not in kept:
                self._edits.vanish(row)
        self.outcome.held += len(held)
        self.outcome.gone += len(gone) - len(held)
        self._edits.flush()

    def _forget_folders(self) -> None:
        if not self.outcome.complete:
            return
        blind = self._blind()
        for path in sorted(self._lost, key=len, reverse=True):  # the deepest first
            if path not in self._walked and not inside(path, blind):
                self._edits.remove_folder(self._folders[path])
