"""Tell the kernel what changed: one thread that follows the ``changes`` rows.

It wakes on a ping (``run/mount.ping``) or every two seconds, reads the rows after the last generation it has seen,
asks the tree what they do to names, and invalidates exactly that: entries that left a folder the kernel holds, inodes
whose size, times or content changed, attributes of folders. At most once per second, so that an indexer at work costs
little.

Notifications wait for the kernel's locks on a directory, which a request in flight may hold: so they are sent from
this thread and the announcer's only, never from the loop thread, and no handler ever waits for either.

When rows were trimmed before they were read, everything the kernel holds is dropped.
"""

from __future__ import annotations

import logging
import select
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

import pyfuse3

from albumsd.core.ids import ROOT, computed_inode
from albumsd.ipc import pings
from albumsd.store import changes
from albumsd.store.changes import Change
from albumsd.store.database import Reader

from .announcer import Announcer, News
from .inodes import Inodes

if TYPE_CHECKING:
    from albumsd.vfs.effects import Effects
    from albumsd.vfs.tree import Tree

log = logging.getLogger(__name__)

EVERY_S = 2.0
COALESCE_S = 1.0


class Kernel(Protocol):
    """What can be said to the kernel; tests listen instead."""

    def drop_entry(self, folder: int, name: bytes) -> None: ...
    def drop_inode(self, inode: int, attributes_only: bool) -> None: ...


class FuseKernel:
    """The kernel behind the mounted session. What it does not hold is no error; after the unmount nothing is."""

    def drop_entry(self, folder: int, name: bytes) -> None:
        with suppress(OSError):
            pyfuse3.invalidate_entry(folder, name)

    def drop_inode(self, inode: int, attributes_only: bool) -> None:
        with suppress(OSError):
            pyfuse3.invalidate_inode(inode, attributes_only)


class Follower:
    """``applied_gen``: the last generation whose effects the kernel knows."""

    def __init__(
        self,
        tree: Tree,
        reader: Reader,
        inodes: Inodes,
        kernel: Kernel,
        announcer: Announcer,
        bell: socket.socket,
        sources_changed: Callable[[], object],
    ) -> None:
        """``reader`` belongs to this object's thread from ``start`` on; ``bell``: a socket of pings.listen."""
        self._tree = tree
        self._reader = reader
        self._inodes = inodes
        self._kernel = kernel
        self._announcer = announcer
        self._bell = bell
        self._sources_changed = sources_changed
        self._ending = threading.Event()
        self.applied_gen = changes.latest(reader)
        self._thread = threading.Thread(target=self._run, name="notify", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._ending.set()

    def _run(self) -> None:
        last = 0.0
        while not self._ending.is_set():
            select.select([self._bell], [], [], EVERY_S)
            if self._ending.wait(max(0.0, last + COALESCE_S - time.monotonic())):
                return
            pings.drain(self._bell)
            last = time.monotonic()
            try:
                self.follow()
            except Exception:
                log.exception("following changes")

    def follow(self) -> None:
        """Bring the kernel up to date."""
        while True:
            rows = changes.since(self._reader, self.applied_gen)
            if rows is None:
                latest = changes.latest(self._reader)
                self._sources_changed()
                self._drop_everything()
                self.applied_gen = latest
                continue
            if not rows:
                return
            try:
                self._apply(rows)
            except Exception:  # one bad row must not end the following of all others
                log.exception("following changes up to %d", rows[-1].gen)
                self._drop_everything()
            self.applied_gen = rows[-1].gen

    def _apply(self, rows: list[Change]) -> None:
        if any(row.what == "source" for row in rows):
            self._sources_changed()
        effects = self._tree.apply(self._reader, rows, self._held)
        news = self._news(effects)  # before the kernel lets go of what tells folders from files
        for path, name in effects.gone:
            if self._held(path):
                self._kernel.drop_entry(computed_inode(path), name)
        for path, name in effects.doubtful:
            if self._held(path):
                self._kernel.drop_entry(computed_inode(path), name)
        for inode in effects.inodes:
            self._kernel.drop_inode(inode, False)
        folders = {path for path, _ in effects.gone} | {a.path for a in effects.arrived} | effects.touched
        for path in folders:
            if self._held(path):
                self._kernel.drop_inode(computed_inode(path), True)
        self._announcer.tell(news, effects.touched)

    def _news(self, effects: Effects) -> list[News]:
        """A name that went and came back under the same name is another file: watchers hear of both."""
        gone = [News(path, name, self._is_folder(path, name), True) for path, name in effects.gone]
        return gone + [News(a.path, a.name, a.is_folder, False) for a in effects.arrived]

    def _is_folder(self, path: tuple[str, ...], name: bytes) -> bool:
        """Whether a name that went was a folder: one that nobody ever looked at is announced as a file."""
        return self._held((*path, name.decode("utf-8", "surrogateescape")))

    def _held(self, path: tuple[str, ...]) -> bool:
        return not path or self._inodes.get(computed_inode(path)) is not None

    def _drop_everything(self) -> None:
        """Deepest first: the kernel lets go of a folder's names together with the folder's own."""
        log.info("what changed cannot be told one by one: dropping all that the kernel holds")
        for folder in sorted(self._inodes.folders(), key=lambda f: len(f.path), reverse=True):
            if folder.inode != ROOT:
                name = folder.path[-1].encode("utf-8", "surrogateescape")
                self._kernel.drop_entry(computed_inode(folder.path[:-1]), name)
            self._kernel.drop_inode(folder.inode, True)
