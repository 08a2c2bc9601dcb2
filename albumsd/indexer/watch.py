"""Where to look again: inotify (through watchdog) for every source that has it, polling for the rest.

A watch says only in which folders something happened; what, the scan finds out. So events that are lost, doubled or out
of order do no harm, and an unmount (which sends events too) deletes nothing. Folders are collected until their source
has been quiet for ``QUIET_S``, at the latest ``LONGEST_S`` after the first event.

* The queue of the kernel ran over: the whole source is looked at again.
* No more watches are to be had (``fs.inotify.max_user_watches``), or the filesystem does not tell what other machines
  do: the source is *polled*, and ``why`` says so with the cure.

``SourceWatch`` is used by the indexer's main thread; watchdog's threads call ``_Handler`` and ``_Descriptor``. What
they share (``_dirty``, ``_first``, ``_last``, ``_overflow``, ``_refused``) is under ``_lock``. Setting up a watch walks
the tree, so it happens in a thread of its own that may hang with its disk.
"""

from __future__ import annotations

import errno
import logging
import os
import threading
import time
from collections.abc import Callable

from watchdog import events
from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers.api import BaseObserver
from watchdog.observers.inotify import InotifyEmitter
from watchdog.observers.inotify_c import CallbackId, InotifyEvent, InotifyFD, Mask, WatchCallback, WatchDescriptor

from albumsd.core.mountinfo import Mount

from .ignore import path_left_out
from .scan import inside
from .volumes import NO_INOTIFY, Mounts

log = logging.getLogger(__name__)

QUIET_S = 0.4
LONGEST_S = 3.0
SETTLE_S = 1.2
"""How long watchdog may keep an event to itself (it pairs the two halves of a move)."""

_EVENTS = [
    events.FileCreatedEvent,
    events.FileModifiedEvent,
    events.FileClosedEvent,
    events.FileDeletedEvent,
    events.FileMovedEvent,
    events.DirCreatedEvent,
    events.DirDeletedEvent,
    events.DirMovedEvent,
    *(getattr(events, name) for name in ("FileAttribEvent",) if hasattr(events, name)),
]

_RAISE = "sudo sysctl fs.inotify."


class SourceWatch:
    """The watch over one source, from construction until ``stop``."""

    def __init__(
        self,
        root: bytes,
        mounts: Mounts,
        skip: frozenset[bytes] = frozenset(),
        ready: Callable[[], None] = lambda: None,
    ) -> None:
        """``skip``: absolute paths not watched. ``ready`` is called, maybe in another thread, when ``mode`` is set."""
        self.root = root
        self.begun = time.monotonic()
        self._mounts = self._around(mounts)
        self.skip = skip
        self.mode = ""
        """'inotify', 'polling', or '' while it is being set up."""
        self.why = ""
        self._ready = ready
        self._lock = threading.Lock()
        self._dirty: set[bytes] = set()
        self._first = self._last = self._raw = 0.0
        self._overflow = False
        self._refused = ""
        self._observer: BaseObserver | None = None
        self._stopped = False
        self._root_gone = False
        fstype = mounts.volume(root).fstype
        if fstype in NO_INOTIFY:
            self.mode, self.why = "polling", f"{fstype} does not say what other machines change"
            ready()
        else:
            threading.Thread(target=self._start, name="watch", daemon=True).start()

    def _start(self) -> None:
        try:
            observer = BaseObserver(InotifyEmitter, timeout=1, inotify_fd=_started(_Descriptor(self)))
            observer.schedule(_Handler(self), os.fsdecode(self.root), recursive=True, event_filter=list(_EVENTS))
            observer.start()  # walks the tree
        except OSError as error:
            self._poll(error)
        else:
            with self._lock:
                stopped, refused = self._stopped, self._refused
                if not stopped and not refused:
                    self._observer = observer
                    self.mode = "inotify"
            if stopped or refused:
                _end(observer)
                if refused:
                    self.mode, self.why = "polling", refused
        self._ready()

    def _poll(self, error: OSError) -> None:
        self.mode, self.why = "polling", explain(error)
        log.info("a source is polled: %s", self.why)

    # -------------------------------------------------------------------------- from watchdog's threads

    def happened(self, path: str | bytes, is_folder: bool, deleted: bool = False) -> None:
        """Something happened at an absolute path."""
        raw = os.fsencode(path)
        if raw == self.root and deleted:
            self._root_gone = True
        if raw != self.root and not raw.startswith(self.root.rstrip(b"/") + b"/"):
            return
        below = raw[len(self.root.rstrip(b"/")) + 1 :]
        if path_left_out(below) or inside(raw, self.skip):
            return
        with self._lock:
            now = time.monotonic()
            if not self._dirty:
                self._first = now
            self._last = now
            self._dirty.add(below.rpartition(b"/")[0])
            if is_folder and below:
                self._dirty.add(below)

    def noticed(self) -> None:
        """The kernel reported something that ``happened`` may still be told."""
        self._raw = time.monotonic()

    def overflowed(self) -> None:
        with self._lock:
            self._overflow = True

    def refused(self, error: OSError) -> None:
        """The kernel gives no more watches."""
        with self._lock:
            if not self._refused:
                self._refused = explain(error)
                log.info("a source is polled: %s", self._refused)

    # ------------------------------------------------------------------------- for the indexer's thread

    def ripe(self) -> bool:
        """Whether ``take`` has something: False while things still happen there."""
        with self._lock:
            now = time.monotonic()
            return bool(self._dirty) and (now - self._last >= QUIET_S or now - self._first >= LONGEST_S)

    def take(self) -> set[bytes]:
        """The folders to look at (below the source), each once."""
        with self._lock:
            dirty, self._dirty = self._dirty, set()
            return dirty

    def pending(self) -> bool:
        """Whether something happened, or may have, that was not taken yet."""
        with self._lock:
            return bool(self._dirty) or self._overflow or time.monotonic() - self._raw < SETTLE_S

    def take_overflow(self) -> bool:
        """True once after events were lost: the whole source must be looked at."""
        with self._lock:
            found, self._overflow = self._overflow, False
            return found

    def check(self) -> None:
        """Go over to polling when watches ran out since the last call."""
        with self._lock:
            refused = self._refused if self.mode == "inotify" else ""
            observer = self._observer if refused else None
            if refused:
                self._observer, self.mode, self.why = None, "polling", refused
                self._overflow = True  # what was not watched may have changed
        if observer is not None:
            _end(observer)

    def outlived(self, mounts: Mounts) -> bool:
        """Whether it sees nothing any more: its threads died, or other things are mounted there than at first."""
        with self._lock:
            emitters = self._observer.emitters if self._observer is not None else ()
            dead = any(not emitter.is_alive() for emitter in emitters)
        return dead or self._root_gone or self._around(mounts) != self._mounts

    def _around(self, mounts: Mounts) -> tuple[Mount | None, list[Mount]]:
        return mounts.mount_of(self.root), mounts.below(self.root)

    def stop(self) -> None:
        with self._lock:
            self._stopped = True
            observer, self._observer = self._observer, None
        if observer is not None:
            _end(observer)


def explain(error: OSError) -> str:
    """Why there is no inotify, and what to do about it."""
    if error.errno == errno.ENOSPC:
        return f"inotify has no watches left: {_RAISE}max_user_watches=1048576"
    if error.errno == errno.EMFILE:
        return f"inotify has no instances left: {_RAISE}max_user_instances=512"
    return f"inotify does not work there: {error.strerror or error}"


def _end(observer: BaseObserver) -> None:
    """Stop an observer without waiting for a disk."""
    observer.stop()
    for emitter in list(observer.emitters):
        emitter.stop()
        descriptor = getattr(emitter, "_inotify_fd", None)
        if isinstance(descriptor, InotifyFD):
            descriptor.stop()


def _started(descriptor: InotifyFD) -> InotifyFD:
    descriptor.start()
    return descriptor


class _Handler(FileSystemEventHandler):
    def __init__(self, watch: SourceWatch) -> None:
        self._watch = watch

    def on_any_event(self, event: FileSystemEvent) -> None:
        for path in (event.src_path, event.dest_path):
            if path:
                self._watch.happened(path, event.is_directory, event.event_type == events.EVENT_TYPE_DELETED)


class _Descriptor(InotifyFD):
    """An inotify instance that tells when it runs over or out of watches, and leaves out what is never looked at."""

    def __init__(self, watch: SourceWatch) -> None:
        super().__init__()
        self._source = watch

    def add_callback(self, path: bytes, mask: Mask, callback: WatchCallback, id_: CallbackId) -> WatchDescriptor:
        root = self._source.root
        if path != root and (inside(path, self._source.skip) or path_left_out(path[len(root.rstrip(b"/")) + 1 :])):
            raise OSError(errno.EACCES, "left out")  # watchdog goes on without this folder
        try:
            return super().add_callback(path, mask, callback, id_)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.ENOMEM):
                self._source.refused(error)
            raise

    def _add_callback(self, path: bytes, mask: Mask, callback: WatchCallback, id_: CallbackId) -> WatchDescriptor:
        # A folder that is made and found in one breath is added twice; that is no reason for a warning.
        watch = self._get_or_create_watch(path, mask)
        watch.callbacks[id_] = callback
        return watch.wd

    def handle_event(self, event: InotifyEvent) -> None:
        if event.is_queue_overflow:
            self._source.overflowed()
        else:
            self._source.noticed()
        try:
            super().handle_event(event)
        except Exception:  # without this thread nobody would hear of anything any more
            log.exception("an event was lost")
            self._source.overflowed()
