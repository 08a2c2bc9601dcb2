"""Which sources are there, who watches them, and when each is scanned.

``check``, ``begin_scans`` and ``stop`` belong to the indexer's main thread, and with them all that an ``Attendance``
holds; ``watches`` may be asked by any thread. Each scan is a thread of its own, at most one per source, with a
``Database`` of its own; it may hang with its drive, which then is *stalled* until the scan is heard of again. What the
threads share is the ``Desk``. What a scan finds is decided in ``scan``, whether a source is there in ``roots``.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from albumsd.core.config import Config
from albumsd.store import jobs, sources
from albumsd.store.database import Database, Reader

from .desk import Desk
from .once import scan_of
from .roots import Prober
from .scan import Gone
from .volumes import Mounts
from .watch import SourceWatch

log = logging.getLogger(__name__)

NAMES_FIRST_S = 20.0
"""For so long a first scan runs without decoders beside it: names are there in a third of the time."""
WATCH_FIRST_S = 0.5
RETRY_S = 30.0
WHOLE_SCAN_S = 6 * 3600.0
"""Even a watched source is looked at whole this often: a lost event costs hours, not forever."""


class Attendance:
    """The sources of one library, as long as its indexer runs."""

    def __init__(
        self,
        config: Config,
        desk: Desk,
        *,
        committed: Callable[[], None] = lambda: None,
        wake: Callable[[], None] = lambda: None,
        stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        """``committed`` is told of rows that others may read, in any thread; ``wake`` that there may be jobs to do."""
        self._config, self._desk = config, desk
        self._rest_s = float(config["rest_s"])
        self._committed, self._wake, self._stopped = committed, wake, stopped
        self._watches: dict[int, SourceWatch] = {}
        self._polled: dict[int, float] = {}
        self._early: set[int] = set()  # sources whose scan began before their watch was there
        self._scanners: list[threading.Thread] = []

    def watches(self) -> dict[int, SourceWatch]:
        """``{source id: its watch}``, as it is now."""
        return dict(self._watches)

    def stop(self) -> list[threading.Thread]:
        """End the watches. The scans, which end by themselves once ``stopped`` says so."""
        for watch in self._watches.values():
            watch.stop()
        return self._scanners

    # ------------------------------------------------------------------------------------- main thread

    def check(self, database: Database, prober: Prober) -> None:
        """The state of every source; watches begin and end with it."""
        mounts = Mounts.now()
        known = sources.all_sources(database)
        for source in known:
            if self._stopped():
                return
            before = source.state
            verdict = prober.check(database, source, mounts, hung=self._desk.hangs(source.id))
            if verdict.state != before:
                self._committed()
            watch = self._watches.get(source.id)
            if verdict.state != "online":
                self._desk.forget_looks(source.id)
                if watch is not None:
                    self._unwatch(source.id)
                    with database.write() as tx:
                        sources.set_watch(tx, source.id, "")
            elif watch is None:
                self._watch(source, mounts)
            elif watch.outlived(mounts):
                self._unwatch(source.id)
                self._watch(source, mounts)
                self._early.add(source.id)
                with database.write() as tx:
                    sources.set_watch(tx, source.id, "")
            else:
                self._tend(database, source, watch)
        for gone in self._watches.keys() - {source.id for source in known}:
            self._unwatch(gone)

    def _watch(self, source: sources.Source, mounts: Mounts) -> None:
        skip = mounts.ours(os.fsencode(self._config.mount))
        self._watches[source.id] = SourceWatch(source.path, mounts, skip, partial(self._desk.doubt, source.id))
        self._polled[source.id] = time.monotonic()

    def _unwatch(self, source: int) -> None:
        self._watches.pop(source).stop()
        self._desk.forget_looks(source)

    def _tend(self, database: Database, source: sources.Source, watch: SourceWatch) -> None:
        watch.check()
        patience = float(self._config["poll_s"]) if watch.mode == "polling" else WHOLE_SCAN_S
        due = time.monotonic() - self._polled[source.id] >= patience
        overflow = watch.take_overflow()
        if watch.mode and (source.watch, source.watch_why) != (watch.mode, watch.why):
            with database.write() as tx:
                sources.set_watch(tx, source.id, watch.mode, watch.why)
            if source.id in self._early:
                self._early.discard(source.id)
                due = True  # what happened between the beginning of the scan and the watch was seen by neither
        if not (due or overflow):
            return
        with database.write() as tx:
            sources.want_scan(tx, source.name)
        self._polled[source.id] = time.monotonic()

    def begin_scans(self, database: Database) -> None:
        """Send a thread to every source that is there and has something to look at."""
        self._scanners = [thread for thread in self._scanners if thread.is_alive()]
        for source in sources.all_sources(database):
            if source.state != "online":
                continue
            watch = self._watches.get(source.id)
            if watch is None:
                continue
            if not watch.mode:  # give the watch a moment to be first, so that one scan is enough
                if time.monotonic() - watch.begun < WATCH_FIRST_S:
                    continue
                self._early.add(source.id)
            if not (source.scan_due or watch.ripe() or self._desk.has_ripe(source.id)):
                continue
            with self._desk.lock:  # `status` sees the work here before it is gone from where it was
                if source.id in self._desk.running or time.monotonic() < self._desk.not_before.get(source.id, 0.0):
                    continue
                self._desk.running[source.id] = None
                if source.scanned_ns is None:
                    self._desk.first[source.id] = time.monotonic() + NAMES_FIRST_S
            folders = self._desk.ripe(source.id) | watch.take()
            thread = threading.Thread(
                target=self._scan, args=(source, folders), name=f"scan:{source.name}", daemon=True
            )
            self._scanners.append(thread)
            thread.start()

    # ---------------------------------------------------------------------------------------- scan threads

    def _scan(self, source: sources.Source, folders: set[bytes]) -> None:
        try:
            with Database(self._config.database) as database:
                scan = scan_of(
                    database,
                    self._config,
                    source,
                    Prober(),
                    Mounts.now(),
                    self._rest_s,
                    self._committed,
                    self._stopped,
                )
                with self._desk.lock:
                    self._desk.running[source.id] = scan
                outcome = scan.whole() if source.scan_due else scan.some(folders)
                with database.write() as tx:
                    jobs.unpark_waiting(tx, source.id)
            if outcome.again:
                self._desk.look_again(source.id, outcome.again, max(self._rest_s, 0.1))
            if not outcome.complete:
                self._not_seen(source.id, folders)
        except Gone:
            self._not_seen(source.id, folders)
            self._desk.doubt(source.id)
        except Exception as error:
            self._scan_failed(source, folders, error)
        finally:
            with self._desk.lock:
                self._desk.running.pop(source.id, None)
                self._desk.first.pop(source.id, None)
            self._wake()

    def _not_seen(self, source: int, folders: set[bytes]) -> None:
        """Something happened in these folders, and the scan could not say what. Nobody else remembers them."""
        if not self._stopped():
            self._desk.look_again(source, folders, RETRY_S)

    def _scan_failed(self, source: sources.Source, folders: set[bytes], error: Exception) -> None:
        with suppress(Exception), Reader(self._config.database) as reader:
            if source.id not in {known.id for known in sources.all_sources(reader)}:
                return  # it was forgotten meanwhile
        log.error("a scan of %s failed and is tried again", source.name, exc_info=error)
        self._desk.look_again(source.id, folders, RETRY_S)
        with self._desk.lock:
            self._desk.not_before[source.id] = time.monotonic() + RETRY_S
