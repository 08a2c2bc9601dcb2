"""The process ``indexer``: sources, watches, scans and jobs of one library, until it is told to stop.

Threads, and what each owns:

* main: pings, the check of the sources every few seconds, which scan is to begin (``attendance``); its own
  ``Database``
* one per running scan, at most one per source (``attendance``): a ``Database`` of its own; may hang with its drive
* the runner: all jobs, with a ``Database`` of its own; the decoders are processes
* the socket's threads: ``status``, with a ``Reader`` for each question

What they share is the ``Desk``, under its lock. Nothing here holds a socket but two of the kind AF_UNIX.
"""

from __future__ import annotations

import logging
import os
import select
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

from albumsd.core.config import Config
from albumsd.ipc import calls, locks, pings
from albumsd.media.limits import Limits
from albumsd.media.pool import DecoderPool
from albumsd.store import changes, jobs, sources
from albumsd.store.database import Database, Reader
from albumsd.store.processes import Pulse

from . import previews
from .attendance import Attendance
from .desk import Desk
from .once import Report, index_once
from .pace import Pressure, be_modest
from .results import Calls
from .roots import Prober
from .runner import Runner
from .wishes import stamp

log = logging.getLogger(__name__)

TICK_S = 0.2
CHECK_S = 3.0
TRIM_S = 600.0
PULSE_S = 1.0
"""How often the main thread looks whether there is something to write into the indexer's row of `process`."""
GOODBYE_S = 5.0
PING_S = 0.1

__all__ = ["Indexer", "Report", "index_once", "main"]


class Indexer:
    """One library's indexer. ``run`` works until ``stop`` is called (from any thread, or by a signal)."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._desk = Desk()
        self._attendance = Attendance(
            config, self._desk, committed=self._committed, wake=self._wake.set, stopped=self._stop.is_set
        )
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
            scanners = self._attendance.stop()
            end = time.monotonic() + GOODBYE_S
            for thread in (runner, *scanners):
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
                self._attendance.check(database, prober)
            self._attendance.begin_scans(database)
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
        scanning, waiting, at_work = self._desk.work()
        if scanning or due:
            return "scan"
        if open_jobs or at_work or self._desk.has_news(stamp(self._config)):
            return "jobs"
        watches = self._attendance.watches().values()
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
                told = Calls(self._ping, self._desk.doubt, self._look_again)
                runner = Runner(database, self._config, pool.submit, calls=told, pressure=Pressure())
                runner.open_outdated()
                self._work(database, runner, pool.check)
                runner.stop()
            closing = threading.Thread(target=pool.close, name="close", daemon=True)
            closing.start()
            closing.join(GOODBYE_S / 2)  # a child that hangs in a dead drive dies when the drive answers
        except BaseException as error:
            self._failure = error
            self.stop()

    def _work(self, database: Database, runner: Runner, check: Callable[[], None]) -> None:
        """Work until the stop. ``check`` raises when no decoder can be started: that is nobody's file's fault."""
        lanes, measured = runner.lanes(), 0.0
        while not self._stop.is_set():
            if self._desk.names_first():
                self._stop.wait(TICK_S)
                continue
            worked = runner.step(TICK_S)
            with self._desk.lock:
                self._desk.at_work, self._desk.settings_seen = worked, runner.meaning.settings_seen
            check()
            now = time.monotonic()
            if now - measured > 2.0 or not worked:
                measured = now
                eta_s = runner.meter.eta_s(lanes, jobs.counts(database), runner.first.name) if worked else 0.0
                with self._desk.lock:
                    self._desk.eta_s, self._desk.rates = eta_s, runner.meter.rates()
            if not worked:
                self._wake.wait(1.0)
                self._wake.clear()

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
        watches = self._attendance.watches()
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
