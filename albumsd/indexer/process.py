"""The process ``indexer``: sources, watches, scans and jobs of one library, until it is told to stop.

Threads, and what each owns:

* main: pings, the check of the sources every few seconds, which scan is to begin; its own ``Database``
* one per running scan, at most one per source: a ``Database`` of its own; may hang with its drive
* the runner: all jobs, with a ``Database`` of its own; the decoders are processes
* the socket's threads: ``status``, with a ``Reader`` for each question

What they share is ``Desk``, under its lock. Nothing here holds a socket but two of the kind AF_UNIX.
"""

from __future__ import annotations

import logging
import os
import select
import signal
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from albumsd.core.config import Config
from albumsd.ipc import calls, locks, pings
from albumsd.media.limits import Limits
from albumsd.media.pool import DecoderPool
from albumsd.store import changes, jobs, sources
from albumsd.store.database import Database, Reader
from albumsd.store.processes import Pulse

from . import previews
from .once import Report, index_once, scan_of
from .pace import Pressure, be_modest
from .roots import Prober
from .runner import Calls, Runner
from .scan import Gone, Scan
from .volumes import Mounts
from .watch import SourceWatch

log = logging.getLogger(__name__)

NAMES_FIRST_S = 20.0
"""For so long a first scan runs without decoders beside it: names are there in a third of the time."""
TICK_S = 0.2
CHECK_S = 3.0
WATCH_FIRST_S = 0.5
RETRY_S = 30.0
WHOLE_SCAN_S = 6 * 3600.0
"""Even a watched source is looked at whole this often: a lost event costs hours, not forever."""
TRIM_S = 600.0
PULSE_S = 1.0
"""How often the main thread looks whether there is something to write into the indexer's row of `process`."""
GOODBYE_S = 5.0
PING_S = 0.1

__all__ = ["Indexer", "Report", "index_once", "main"]


@dataclass
class Desk:
    """What the threads of one indexer share. Every access holds ``lock``."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    running: dict[int, Scan | None] = field(default_factory=dict)  # source id: its scan; None while it is being set up
    again: dict[int, dict[bytes, float]] = field(default_factory=dict)  # source id: folder: when to look (monotonic)
    not_before: dict[int, float] = field(default_factory=dict)  # source id: when a failed scan is tried again
    first: dict[int, float] = field(default_factory=dict)  # source id: until when its first scan goes first
    doubted: set[int] = field(default_factory=set)  # sources whose drive is to be checked at once
    eta_s: float | None = None
    rates: dict[str, float] = field(default_factory=dict)

    def look_again(self, source: int, folders: set[bytes], delay_s: float) -> None:
        with self.lock:
            row = self.again.setdefault(source, {})
            for folder in folders:
                row.setdefault(folder, time.monotonic() + delay_s)

    def names_first(self) -> bool:
        """A new source is being walked: its names come before anybody reads what is in the files."""
        with self.lock:
            return any(until > time.monotonic() for until in self.first.values())

    def has_ripe(self, source: int) -> bool:
        with self.lock:
            now = time.monotonic()
            return any(at <= now for at in self.again.get(source, {}).values())

    def ripe(self, source: int) -> set[bytes]:
        """Folders whose time has come; they are taken."""
        with self.lock:
            row = self.again.get(source, {})
            now = time.monotonic()
            found = {folder for folder, at in row.items() if at <= now}
            for folder in found:
                del row[folder]
            return found


class Indexer:
    """One library's indexer. ``run`` works until ``stop`` is called (from any thread, or by a signal)."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._rest_s = float(config["rest_s"])
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._desk = Desk()
        self._watches: dict[int, SourceWatch] = {}
        self._polled: dict[int, float] = {}
        self._early: set[int] = set()  # sources whose scan began before their watch was there
        self._scanners: list[threading.Thread] = []
        self._pinged = 0.0
        self._unsent = False
        self._pulse = Pulse("indexer")
        self._failure: BaseException | None = None

    def stop(self) -> None:
        self._stop.set()
        self._wake.set()

    def run(self) -> int:
        """0 after ``stop``, 1 after a failure. Raises LibraryBusy, LibraryMissing."""
        config = self._config
        lock = locks.ProcessLock(config.run, "indexer")
        database = Database(config.database)
        with database.write() as tx:
            jobs.release_all(tx)
            jobs.unpark_waiting(tx)
            jobs.retry_unreadable(tx)
            sources.want_scan(tx)  # nobody watched until now
            for source in sources.all_sources(tx):
                sources.set_watch(tx, source.id, "")
        bell = pings.listen(config.run / "indexer.ping")
        server = calls.Server(config.run / "indexer.sock", self._answer)
        runner = threading.Thread(target=self._run_jobs, name="jobs", daemon=True)
        runner.start()
        try:
            self._main(database, bell)
        finally:
            self.stop()
            server.close()
            bell.close()
            (config.run / "indexer.ping").unlink(missing_ok=True)
            for watch in self._watches.values():
                watch.stop()
            end = time.monotonic() + GOODBYE_S
            for thread in (runner, *self._scanners):
                thread.join(max(0.0, end - time.monotonic()))
            with database.write() as tx:
                jobs.release_all(tx)
                self._pulse.stop(tx)
            database.close()
            lock.release()
        if self._failure is not None:
            log.error("the indexer stopped", exc_info=self._failure)
            return 1
        return 0

    # --------------------------------------------------------------------------------------- main thread

    def _main(self, database: Database, bell: Any) -> None:
        prober = Prober()
        checked = trimmed = felt = float("-inf")
        while not self._stop.is_set():
            now = time.monotonic()
            with self._desk.lock:
                doubted, self._desk.doubted = self._desk.doubted, set()
            if now - checked >= CHECK_S or doubted:
                checked = now
                self._check(database, prober)
            self._begin_scans(database)
            if now - trimmed >= TRIM_S:
                trimmed = now
                with database.write() as tx:
                    changes.trim(tx)
            if now - felt >= PULSE_S:
                felt = now
                self._beat(database)
            if self._unsent:
                self._ping()
            ready, _, _ = select.select([bell], [], [], TICK_S)
            if ready and self._heard(database, pings.drain(bell)):
                checked = float("-inf")

    def _beat(self, database: Database) -> None:
        """Say in the library how it goes: the mount reads that for status/."""
        with self._desk.lock:
            eta_s = self._desk.eta_s
        phase = self._phase(sources.scans_due(database), jobs.any_open(database))
        self._pulse.beat(database, phase, eta_s if phase == "jobs" and eta_s else None)

    def _phase(self, due: list[str], open_jobs: bool) -> str:
        """'scan', 'jobs', 'rest' (something happened and settles) or 'idle'. Safe for any thread."""
        with self._desk.lock:
            scanning, waiting = bool(self._desk.running), any(self._desk.again.values())
        if scanning or due:
            return "scan"
        if open_jobs:
            return "jobs"
        watches = dict(self._watches).values()
        return "rest" if waiting or any(watch.pending() or not watch.mode for watch in watches) else "idle"

    def _heard(self, database: Database, texts: list[str]) -> bool:
        """Do what pings ask for. True when the sources should be checked at once."""
        looked: list[int] = []
        lost: list[int] = []
        scan = False
        for text in texts:
            word, _, rest = text.partition(":")
            if word == "stop":
                self.stop()
            elif word == "look":
                looked += [int(part) for part in rest.split(",") if part.isdigit()]
            elif word == "preview":
                lost += [int(part) for part in rest.split(",") if part.isdigit()]
            elif word == "changed":
                self._changed(database, os.fsencode(rest))
            else:
                scan = True
        if looked:
            with database.write() as tx:
                jobs.raise_priority(tx, looked)
            self._wake.set()
        if lost and previews.restore(database, self._config, lost):
            self._wake.set()
        return scan

    def _changed(self, database: Database, path: bytes) -> None:
        """Somebody found a file not to be what was indexed: its folder is looked at again."""
        for source in sources.all_sources(database):
            if path.startswith(source.path + b"/"):
                self._look_again(source.id, os.path.dirname(path[len(source.path) + 1 :]))

    def _check(self, database: Database, prober: Prober) -> None:
        """The state of every source; watches begin and end with it."""
        mounts = Mounts.now()
        known = sources.all_sources(database)
        for source in known:
            if self._stop.is_set():
                return
            before = source.state
            verdict = prober.check(database, source, mounts)
            if verdict.state != before:
                self._ping()
                self._wake.set()
            watch = self._watches.get(source.id)
            if verdict.state != "online":
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
        self._watches[source.id] = SourceWatch(source.path, mounts, skip, partial(self._doubt, source.id))
        self._polled[source.id] = time.monotonic()

    def _unwatch(self, source: int) -> None:
        self._watches.pop(source).stop()
        with self._desk.lock:
            self._desk.again.pop(source, None)

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

    def _begin_scans(self, database: Database) -> None:
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
                    self._stop.is_set,
                )
                with self._desk.lock:
                    self._desk.running[source.id] = scan
                outcome = scan.whole() if source.scan_due else scan.some(folders)
                with database.write() as tx:
                    jobs.unpark_waiting(tx, source.id)
            if outcome.again:
                self._desk.look_again(source.id, outcome.again, max(self._rest_s, 0.1))
        except Gone:
            with self._desk.lock:
                self._desk.doubted.add(source.id)
        except Exception as error:
            self._scan_failed(source, folders, error)
        finally:
            with self._desk.lock:
                self._desk.running.pop(source.id, None)
                self._desk.first.pop(source.id, None)
            self._wake.set()

    def _scan_failed(self, source: sources.Source, folders: set[bytes], error: Exception) -> None:
        with suppress(Exception), Reader(self._config.database) as reader:
            if source.id not in {known.id for known in sources.all_sources(reader)}:
                return  # it was forgotten meanwhile
        log.error("a scan of %s failed and is tried again", source.name, exc_info=error)
        self._desk.look_again(source.id, folders, RETRY_S)
        with self._desk.lock:
            self._desk.not_before[source.id] = time.monotonic() + RETRY_S

    def _committed(self) -> None:
        self._wake.set()
        self._ping()

    def _ping(self) -> None:
        """Tell the mount that there is something to read, at most every PING_S; the main thread sends the last one."""
        now = time.monotonic()
        self._unsent = now - self._pinged < PING_S
        if not self._unsent:
            self._pinged = now
            pings.send(self._config.run / "mount.ping")

    # ------------------------------------------------------------------------------------------- the runner

    def _run_jobs(self) -> None:
        try:
            limits = Limits.from_settings(self._config.values)
            pool = DecoderPool(self._config.workers, limits)
            with Database(self._config.database) as database:
                told = Calls(self._ping, self._doubt, self._look_again)
                runner = Runner(database, self._config, pool.submit, calls=told, pressure=Pressure())
                runner.open_outdated()
                self._work(database, runner)
                runner.stop()
            closing = threading.Thread(target=pool.close, name="close", daemon=True)
            closing.start()
            closing.join(GOODBYE_S / 2)  # a child that hangs in a dead drive dies when the drive answers
        except BaseException as error:
            self._failure = error
            self.stop()

    def _work(self, database: Database, runner: Runner) -> None:
        lanes, measured = runner.lanes(), 0.0
        while not self._stop.is_set():
            if self._desk.names_first():
                self._stop.wait(TICK_S)
                continue
            worked = runner.step(TICK_S)
            now = time.monotonic()
            if now - measured > 2.0 or not worked:
                measured = now
                eta_s = runner.meter.eta_s(lanes, jobs.counts(database), runner.first.name) if worked else 0.0
                with self._desk.lock:
                    self._desk.eta_s, self._desk.rates = eta_s, runner.meter.rates()
            if not worked:
                self._wake.wait(1.0)
                self._wake.clear()

    def _doubt(self, source: int) -> None:
        with self._desk.lock:
            self._desk.doubted.add(source)

    def _look_again(self, source: int, folder: bytes) -> None:
        self._desk.look_again(source, {folder}, 0.1)

    # ----------------------------------------------------------------------------------------------- status

    def _answer(self, asked: dict[str, Any]) -> dict[str, Any]:
        if asked.get("ask") != "status":
            return {"error": f"unknown question: {asked.get('ask')}"}
        return self.status()

    def status(self) -> dict[str, Any]:
        """``busy`` is False only when nothing is left to see or to do. Safe for any thread."""
        with self._desk.lock:
            waiting = sum(map(len, self._desk.again.values()))
            found = sum(scan.outcome.arrived for scan in self._desk.running.values() if scan is not None)
            eta_s, rates = self._desk.eta_s, dict(self._desk.rates)
        watches = dict(self._watches)
        with Reader(self._config.database) as reader:
            names = {source.id: source.name for source in sources.all_sources(reader)}
            due = sources.scans_due(reader)
            queue = jobs.counts(reader)
            open_jobs = jobs.open_count(reader)
        phase = self._phase(due, open_jobs > 0)
        return {
            "busy": phase != "idle",
            "phase": phase,
            "scans_due": due,
            "found": found,
            "waiting_folders": waiting,
            "queue": queue,
            "open": open_jobs,
            "watch": {names[i]: {"mode": w.mode, "why": w.why} for i, w in watches.items() if i in names},
            "eta_s": eta_s if open_jobs else 0.0,
            "rate": rates,
            "pid": os.getpid(),
        }


def main(config: Config) -> int:
    """Run the indexer of a library until SIGTERM or SIGINT. The exit code."""
    os.umask(0o077)
    be_modest(int(config["nice"]))
    indexer = Indexer(config)
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: indexer.stop())
    return indexer.run()
