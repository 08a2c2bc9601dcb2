"""Make watchers see what changed: the kernel sends inotify events only for system calls, so one thread makes them.

For a name that came, the thread calls mknod or mkdir on the mount itself; for one that went, unlink or rmdir. The
handlers know the thread by its id and the one name that is pending: LOOKUP of it answers ENOENT (came) or a
placeholder inode (went), MKNOD and MKDIR the entry that exists, UNLINK and RMDIR success. Nothing is made or removed.
The placeholder is there because the kernel lowers the link count of what it unlinked; the real inode may be shown
elsewhere.

Before each call the kernel's own entry for the name is dropped, else the name would exist already.

The mount may vanish at any moment, and then its path leads to the plain folder below, or to a drive mounted there
since. So each call is made relative to a descriptor of the folder that it is about, opened for this one call, and only
if that folder is on the filesystem that this process serves. From the beginning of the shutdown on none is made.

Only folders that somebody opened in the last hour are told of, at most 200 names of one folder and 500 per second;
beyond that the folder gets one ATTRIB event (utimensat), after which file managers list it again.

``Pending`` is written by this thread and read by the loop thread; it changes only while no call on the mount is under
way.
"""

from __future__ import annotations

import errno
import logging
import os
import queue
import stat
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
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
        self._mountpoint = os.fsencode(mountpoint)
        self._device = -1  # st_dev of the mount; no folder has this one
        self._pending = pending
        self._opened = opened
        self._held = held
        self._drop = drop
        self._queue: queue.SimpleQueue[tuple[list[News], set[tuple[str, ...]]] | None] = queue.SimpleQueue()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="announcer", daemon=True)

    def start(self, device: int) -> None:
        """``device``: the st_dev of the mount. Nothing is announced anywhere else."""
        self._device = device
        self._thread.start()

    def stop(self) -> None:
        """The mount ends. Callable from any thread, more than once; does not wait."""
        self._ending.set()
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
                if self._ending.is_set():
                    return
                if not self._make(item):
                    touched = touched | {path}
                sent += 1
                if sent >= PER_SECOND:
                    self._ending.wait(max(0.0, began + 1.0 - time.monotonic()))
                    began, sent = time.monotonic(), 0
        for path in touched:
            if not self._ending.is_set():
                self._touch(path)

    @contextmanager
    def _opened_folder(self, path: tuple[str, ...]) -> Iterator[int]:
        """A descriptor of a folder of the mount. Raises OSError, also when what is found there is not our mount."""
        place = os.path.join(self._mountpoint, *(os.fsencode(part) for part in path))
        fd = os.open(place, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            if os.fstat(fd).st_dev != self._device:
                raise OSError(errno.EXDEV, "the mount is not there any more")
            yield fd
        finally:
            os.close(fd)

    def _make(self, item: News) -> bool:
        """True if watchers were told of the name."""
        folder = computed_inode(item.path)
        self._drop(folder, item.name)
        try:
            with self._opened_folder(item.path) as there:
                self._pending.expect(folder, item)
                if item.gone:
                    (os.rmdir if item.is_folder else os.unlink)(item.name, dir_fd=there)
                elif item.is_folder:
                    os.mkdir(item.name, 0o700, dir_fd=there)
                else:
                    os.mknod(item.name, stat.S_IFREG | 0o600, dir_fd=there)
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
        try:
            with self._opened_folder(path) as there:
                self._pending.expect_touch(folder)
                os.utime(b".", dir_fd=there)
        except OSError as error:
            log.debug("not announced: %s", error)
        finally:
            self._pending.clear()

    def _prune(self) -> None:
        now = time.monotonic()
        for inode, opened in list(self._opened.items()):
            if now - opened >= OPENED_S:
                self._opened.pop(inode, None)
