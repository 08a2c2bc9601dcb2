"""Make watchers see what changed: the kernel sends inotify events only for system calls, so one thread makes them.

For a name that came, the thread calls mknod or mkdir on the mount itself; for one that went, unlink or rmdir. The
handlers know the thread by its id and the one name that is pending: LOOKUP of it answers ENOENT (came) or a
placeholder inode (went), MKNOD and MKDIR the entry that exists, UNLINK and RMDIR success. Nothing is made or removed.
The placeholder is there because the kernel lowers the link count of what it unlinked; the real inode may be shown
elsewhere.

Before each call the kernel's own entry for the name is dropped, else the name would exist already.

Only folders that somebody opened in the last hour are told of, at most 200 names of one folder and 500 per second;
beyond that the folder gets one ATTRIB event (utimensat), after which file managers list it again.

``Pending`` is written by this thread and read by the loop thread; it changes only while no call on the mount is under
way.
"""

from __future__ import annotations

import logging
import os
import queue
import stat
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import NamedTuple

from albumsd.core.ids import computed_inode

log = logging.getLogger(__name__)

OPENED_S = 3600.0
PER_FOLDER = 200
PER_SECOND = 500
_PLACEHOLDER = "\0gone"  # no path has a NUL: its inode is nobody else's


class News(NamedTuple):
    """A name that came or went in a folder."""

    path: tuple[str, ...]
    name: bytes
    is_folder: bool
    gone: bool


class Pending:
    """The one name that the announcer is about to make or remove, or the folder that it touches."""

    __slots__ = ("_gone", "_key", "_thread", "_touched", "inode", "mode")

    def __init__(self) -> None:
        self._thread = 0
        self._key: tuple[int, bytes] | None = None
        self._gone = False
        self._touched = 0
        self.inode = 0  # of the placeholder
        self.mode = 0

    def begin(self) -> None:
        """The calling thread is the announcer."""
        self._thread = threading.get_native_id()

    def expect(self, folder_inode: int, news: News) -> None:
        self._gone = news.gone
        self.mode = stat.S_IFDIR | 0o700 if news.is_folder else stat.S_IFREG | 0o600
        self.inode = computed_inode((_PLACEHOLDER, *news.path, os.fsdecode(news.name), "d" if news.is_folder else "f"))
        self._key = (folder_inode, news.name)

    def expect_touch(self, folder_inode: int) -> None:
        self._touched = folder_inode

    def clear(self) -> None:
        self._key = None
        self._touched = 0

    def asked_by(self, pid: int, folder_inode: int, name: bytes) -> bool | None:
        """None: this is not the announcer's request. False: its name came. True: its name went."""
        if pid != self._thread or self._key != (folder_inode, name):
            return None
        return self._gone

    def touched_by(self, pid: int, inode: int) -> bool:
        return pid == self._thread and inode == self._touched


class Announcer:
    """One thread. ``tell`` never waits."""

    def __init__(
        self,
        mountpoint: str,
        pending: Pending,
        opened: dict[int, float],
        held: Callable[[tuple[str, ...]], bool],
        drop: Callable[[int, bytes], object],
    ) -> None:
        """``opened``: folder inode to monotonic second of its opening; ``drop``: forget the kernel's entry."""
        self._mountpoint = mountpoint
        self._pending = pending
        self._opened = opened
        self._held = held
        self._drop = drop
        self._queue: queue.SimpleQueue[tuple[list[News], set[tuple[str, ...]]] | None] = queue.SimpleQueue()
        self._pause = threading.Event()  # set: the mount ends
        self._thread = threading.Thread(target=self._run, name="announcer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._pause.set()
        self._queue.put(None)

    def tell(self, news: Iterable[News], touched: set[tuple[str, ...]]) -> None:
        """Names that came and went, and folders in which something else changed."""
        watched = [item for item in news if self._watched(item.path)]
        folders = {path for path in touched if self._watched(path)}
        if watched or folders:
            self._queue.put((watched, folders))

    def _watched(self, path: tuple[str, ...]) -> bool:
        opened = self._opened.get(computed_inode(path))
        return opened is not None and time.monotonic() - opened < OPENED_S and self._held(path)

    # --------------------------------------------------------------------------------- its thread

    def _run(self) -> None:
        self._pending.begin()
        while (batch := self._queue.get()) is not None:
            try:
                self._announce(*batch)
            except Exception:
                log.exception("announcing")
            self._prune()

    def _announce(self, news: list[News], touched: set[tuple[str, ...]]) -> None:
        folders: dict[tuple[str, ...], list[News]] = {}
        for item in news:
            folders.setdefault(item.path, []).append(item)
        began, sent = time.monotonic(), 0
        for path, items in folders.items():
            if len(items) > PER_FOLDER:
                touched = touched | {path}
                continue
            for item in items:
                if self._pause.is_set():
                    return
                if not self._make(item):
                    touched = touched | {path}
                sent += 1
                if sent >= PER_SECOND:
                    self._pause.wait(max(0.0, began + 1.0 - time.monotonic()))
                    began, sent = time.monotonic(), 0
        for path in touched:
            if not self._pause.is_set():
                self._touch(path)

    def _make(self, item: News) -> bool:
        """True if watchers were told of the name."""
        folder = computed_inode(item.path)
        place = os.path.join(os.fsencode(self._mountpoint), *(os.fsencode(part) for part in item.path), item.name)
        self._drop(folder, item.name)
        self._pending.expect(folder, item)
        try:
            if item.gone:
                (os.rmdir if item.is_folder else os.unlink)(place)
            elif item.is_folder:
                os.mkdir(place, 0o700)
            else:
                os.mknod(place, stat.S_IFREG | 0o600)
        except OSError as error:
            log.debug("not announced: %s", error)
            return False
        finally:
            self._pending.clear()
            if item.gone:  # the placeholder must not stay in the kernel's cache
                self._drop(folder, item.name)
        return True

    def _touch(self, path: tuple[str, ...]) -> None:
        folder = computed_inode(path)
        place = os.path.join(os.fsencode(self._mountpoint), *(os.fsencode(part) for part in path))
        self._pending.expect_touch(folder)
        try:
            with suppress(OSError):
                os.utime(place)
        finally:
            self._pending.clear()

    def _prune(self) -> None:
        now = time.monotonic()
        for inode, opened in list(self._opened.items()):
            if now - opened >= OPENED_S:
                self._opened.pop(inode, None)
