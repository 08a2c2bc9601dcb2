"""Threads for work that may wait, with a deadline for whoever waits for it.

trio's own worker threads do not fit: a thread that hangs keeps its limiter token or its caller. A ``Lane`` has at
most ``size`` daemon threads. A caller waits for its job until a deadline and then goes on without it; the thread
stays with the job until it ends (perhaps never) and counts as one of ``size``. So a hung disk costs its lane's
threads and nobody else's.

When is a job overdue? A running one ``deadline_s`` after it began; a waiting one ``deadline_s`` after the lane last
finished anything (others are served: the disk is slow, not hung), but after four times that in any case.
``Missed.hung`` tells the two apart.

Jobs are submitted from the trio thread only. ``_lock`` guards the queue, the counts and the fields of jobs.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import trio

from albumsd.store.database import Reader

log = logging.getLogger(__name__)

IDLE_S = 20.0
_PATIENCE = 4.0


class Missed(Exception):
    """The deadline passed. ``hung``: the lane finished nothing for that long; else there was only too much to do."""

    def __init__(self, hung: bool) -> None:
        self.hung = hung
        super().__init__("hung" if hung else "busy")


class Job:
    """``result`` or ``error`` is set before ``finished``. Abandoned: nobody waits for it any more."""

    __slots__ = ("abandoned", "call", "discard", "error", "event", "finished", "result", "started", "token")

    def __init__(self, call: Callable[..., Any], discard: Callable[[Any], object] | None, waited_for: bool) -> None:
        self.call = call
        self.discard = discard
        self.result: Any = None
        self.error: BaseException | None = None
        self.started: float | None = None
        self.finished = False
        self.abandoned = not waited_for
        self.event = trio.Event() if waited_for else None
        self.token = trio.lowlevel.current_trio_token() if waited_for else None


class Lane:
    def __init__(self, name: str, size: int) -> None:
        self.name = name
        self._size = size
        self._lock = threading.Lock()
        self._work = threading.Condition(self._lock)
        self._queue: deque[Job] = deque()
        self._threads = 0
        self._idle = 0
        self._progress = 0.0

    # ------------------------------------------------------------------------------- the loop's side

    async def run(
        self, call: Callable[..., Any], *, deadline_s: float, discard: Callable[[Any], object] | None = None
    ) -> Any:
        """What ``call()`` returns, from a thread. Raises what it raises, or Missed.

        ``discard`` is given a result that comes when nobody waits for it any more.
        """
        job = Job(call, discard, True)
        began = time.monotonic()
        self._submit(job)
        event = job.event
        assert event is not None
        try:
            while not job.finished:
                since = job.started if job.started is not None else max(began, self._progress)
                due = since + deadline_s
                last = began + _PATIENCE * deadline_s
                wait = min(due, last) - time.monotonic()
                if wait <= 0:
                    if self._abandon(job):
                        raise Missed(hung=due <= last)
                    break
                with trio.move_on_after(wait):
                    await event.wait()
        except trio.Cancelled:
            self._abandon(job)
            raise
        error, job.error = job.error, None  # an error refers to the frames it came through, and they to the job
        if error is not None:
            try:
                raise error
            finally:
                del error
        return job.result

    def post(self, call: Callable[..., Any]) -> None:
        """Run ``call()`` some time; nobody waits for it."""
        self._submit(Job(call, None, False))

    def fail_queued(self, error: Exception) -> None:
        """Everybody who waits for a job that has not begun gets ``error`` at once."""
        with self._lock:
            kept = deque(job for job in self._queue if job.event is None)
            failed = [job for job in self._queue if job.event is not None and not job.abandoned]
            self._queue = kept
            for job in failed:
                job.error = error
                job.finished = True
        for job in failed:
            assert job.event is not None
            job.event.set()

    def _submit(self, job: Job) -> None:
        with self._lock:
            self._queue.append(job)
            grow = self._idle < len(self._queue) and self._threads < self._size
            if grow:
                self._threads += 1
            else:
                self._work.notify()
        if grow:
            threading.Thread(target=self._live, name=f"lane:{self.name}", daemon=True).start()

    def _abandon(self, job: Job) -> bool:
        """True if nobody gets the result; False if it came just now."""
        with self._lock:
            if job.finished:
                return False
            job.abandoned = True
            with suppress(ValueError):
                self._queue.remove(job)
            return True

    # ---------------------------------------------------------------------------- the threads' side

    def _live(self) -> None:
        while (job := self._next()) is not None:
            self._finish(job, *self._perform(job))
            del job  # with it the files that its call and its result hold open

    def _next(self) -> Job | None:
        with self._lock:
            while not self._queue:
                self._idle += 1
                came = self._work.wait(IDLE_S)
                self._idle -= 1
                if not came and not self._queue:
                    self._threads -= 1
                    return None
            job = self._queue.popleft()
            job.started = time.monotonic()
            return job

    def _perform(self, job: Job) -> tuple[Any, BaseException | None]:
        try:
            return self._call(job), None
        except BaseException as error:
            return None, error

    def _call(self, job: Job) -> Any:
        return job.call()

    def _finish(self, job: Job, result: Any, error: BaseException | None) -> None:
        with self._lock:
            self._progress = time.monotonic()
            nobody = job.abandoned
            if not nobody:
                job.result, job.error = result, error
            job.finished = True
        if nobody:
            if error is None and job.discard is not None:
                job.discard(result)
            elif error is not None and job.event is None:
                log.warning("%s: %s", self.name, error)
        elif job.token is not None and job.event is not None:
            with suppress(trio.RunFinishedError):
                job.token.run_sync_soon(job.event.set)


class ReaderLane(Lane):
    """A lane whose threads have a Reader each: ``call(reader)``. A statement of an abandoned job stops by itself."""

    def __init__(self, name: str, size: int, database: Path) -> None:
        super().__init__(name, size)
        self._database = database
        self._local = threading.local()

    def _live(self) -> None:
        try:
            super()._live()
        finally:
            reader: Reader | None = getattr(self._local, "reader", None)
            if reader is not None:
                reader.close()

    def _call(self, job: Job) -> Any:
        reader: Reader | None = getattr(self._local, "reader", None)
        if reader is None:
            reader = self._local.reader = slim_reader(self._database)
            reader.connection.set_progress_handler(self._unwanted, 20_000)
        self._local.job = job
        try:
            return job.call(reader)
        finally:
            self._local.job = None

    def _unwanted(self) -> bool:
        """Asked by SQLite every so often: True stops the statement."""
        job: Job | None = self._local.job
        return job is not None and job.abandoned


def slim_reader(database: Path) -> Reader:
    """A Reader for a process that must stay small (mapped pages count as resident once per connection) and that must
    answer: a library that stays busy is an error after a second."""
    reader = Reader(database)
    reader.all("PRAGMA mmap_size=0")
    reader.all("PRAGMA cache_size=-4096")
    reader.all("PRAGMA busy_timeout=1000")
    return reader
