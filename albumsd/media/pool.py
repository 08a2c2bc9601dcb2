"""The parent's side of decoding: children that may hang, crash or eat memory, and a queue that goes on regardless.

``DecoderPool.submit`` returns a future that holds the task's answer (plain data) or raises ``TaskFailed`` with a
Problem. Each child has one thread here. It keeps up to ``AHEAD`` requests in its child, so that headers of small
files cost no waiting; longer tasks wait here, where any idle child can take them. Answers come in the order of the
requests, so the first one outstanding is the one being worked on: its deadline counts from the answer before it,
and when the child dies it alone is to blame. It is tried again, alone in a fresh child, only by whoever submits it
again; those behind it go back to the head of the queue.

A child that ends before it has said that it is ready blames no file: its jobs go back, and its thread waits a little
longer each time before it starts another. When ``STARTS`` in a row failed and no other child runs, something is wrong
with the installation or the machine: the pool fails, ``check`` raises PoolFailed, and all tasks are ``cancelled``.

Shared state is ``_waiting``, ``_idle``, ``_closed``, ``_failure`` and each worker's ``asleep``, under ``_lock``;
everything else belongs to one thread. No decoder is imported here, nor anything that would import one.
"""

from __future__ import annotations

import json
import logging
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from types import TracebackType
from typing import Any

from ..core.errors import AlbumsdError
from ..core.facts import Problem
from .limits import DEFAULT, Limits
from .wire import path_to_wire

log = logging.getLogger(__name__)

AHEAD = {"facts": 8, "sidecar": 8, "hash": 2}
"""How many requests of a task may be inside one child, the one being worked on included; 1 for all others."""

RECYCLE = 2000
"""Tasks after which a child is replaced, so that what a decoder leaks is returned."""

STARTS = 5
"""Failed starts of a child in a row after which there is no hope."""

_REST_S = 0.25
"""How long a worker rests after the first failed start; twice as long after each further one."""
_LONGEST_REST_S = 30.0
_START_S = 30.0
_DEATH_S = 2.0
_READ = 1 << 18
_PIPE = 32_768
"""Bytes of requests inside one child beyond the first: less than any pipe holds, so that writing never waits."""
_QUIET_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "2",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONUNBUFFERED": "",
}

Answer = dict[str, Any]


class TaskFailed(Exception):
    """A task could not be done; ``problem`` says why."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(f"{problem.reason}: {problem.detail}")


class PoolFailed(AlbumsdError):
    """No decoder can be started: {why}. No file is to blame; `python -m albumsd.media.worker --help` may say more."""


class _Job:
    __slots__ = ("ahead", "begun", "data", "future", "seconds")

    def __init__(self, name: str, request: dict[str, Any], seconds: float) -> None:
        text = json.dumps({"id": 0, "task": name, **request}, separators=(",", ":"), ensure_ascii=False)
        self.data = text.encode("utf-8", "surrogatepass")
        self.seconds = seconds
        self.ahead = AHEAD.get(name, 1)
        self.begun = False  # it was given to a child, maybe to one that died under another job
        self.future: Future[Answer] = Future()


class DecoderPool:
    """``size`` children with ``limits`` and niceness. Safe for use from any thread; a context manager that closes it.

    ``task_modules`` are importable modules with further ``TASKS``, for the children.
    """

    def __init__(
        self,
        size: int,
        limits: Limits = DEFAULT,
        nice: int = 0,
        *,
        task_modules: Sequence[str] = (),
        recycle: int = RECYCLE,
    ) -> None:
        self.limits, self.nice, self._modules, self._recycle = limits, nice, tuple(task_modules), recycle
        self._lock = threading.Lock()
        self._waiting: deque[_Job] = deque()
        self._idle = 0
        self._closed = False
        self._failure: PoolFailed | None = None
        self._workers = [_Worker(self, number) for number in range(max(1, size))]
        for worker in self._workers:
            worker.thread.start()

    def submit(self, task: str, path: bytes | str, *, seconds: float | None = None, **arguments: Any) -> Future[Answer]:
        """Queue a task for ``path``. ``seconds`` replaces the limit's deadline. Raises RuntimeError after ``close``.

        When the pool has failed the task is ``cancelled`` at once.
        """
        job = _Job(task, {"path": path_to_wire(path), **arguments}, self.limits.seconds if seconds is None else seconds)
        with self._lock:
            if self._closed:
                raise RuntimeError("the pool is closed")
            failure = self._failure
            if failure is None:
                self._waiting.append(job)
            # One idle child takes it, and is not counted on for the next; with none idle, those with room ahead may.
            sleeper = next((worker for worker in self._workers if worker.asleep), None)
            if sleeper is not None:
                self._set_asleep(sleeper, False)
        if failure is not None:
            _fail(job, Problem("cancelled", failure.message))
        for worker in self._workers if sleeper is None else (sleeper,):
            worker.wake()
        return job.future

    def check(self) -> None:
        """Raises PoolFailed when no decoder can be started any more."""
        with self._lock:
            if self._failure is not None:
                raise self._failure

    def pending(self) -> int:
        """How many tasks no child has taken yet."""
        with self._lock:
            return len(self._waiting)

    def pids(self) -> list[int]:
        """The children that run now."""
        return [child.pid for worker in self._workers if (child := worker.child) is not None]

    def close(self) -> None:
        """Kill every child. Tasks that have no answer yet fail with the reason ``cancelled``."""
        with self._lock:
            self._closed = True
            left = list(self._waiting)
            self._waiting.clear()
        for worker in self._workers:
            worker.wake()
        for worker in self._workers:
            worker.thread.join()
        for job in left:
            _fail(job, Problem("cancelled", "the pool was closed"))

    def __enter__(self) -> DecoderPool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # --- for the workers ----------------------------------------------------------------------------

    def _take(self, inside: int, unread: int) -> _Job | None:
        """The next job for a worker with ``inside`` jobs of ``unread`` bytes already; None if it gets none now."""
        with self._lock:
            while self._waiting:
                job = self._waiting[0]
                if inside and (inside >= job.ahead or self._idle or unread + len(job.data) > _PIPE):
                    return None
                self._waiting.popleft()
                if job.begun or job.future.set_running_or_notify_cancel():
                    job.begun = True
                    return job
            return None

    def _give_back(self, jobs: Sequence[_Job]) -> None:
        with self._lock:
            why = "the pool was closed" if self._failure is None else self._failure.message
            if not self._closed and self._failure is None:
                self._waiting.extendleft(reversed(jobs))
                jobs = ()
        for job in jobs:
            _fail(job, Problem("cancelled", why))
        for worker in self._workers:
            worker.wake()

    def _hopeless(self, why: str) -> None:
        """A worker cannot start its child. Nothing happens as long as another one has a child that works."""
        if any(worker.ready for worker in self._workers):
            return
        with self._lock:
            if self._failure is None:
                self._failure = PoolFailed(why=why)
            failure = self._failure
            left = list(self._waiting)
            self._waiting.clear()
        for job in left:
            _fail(job, Problem("cancelled", failure.message))

    def _sleeping(self, worker: _Worker, asleep: bool) -> bool:
        """Note that a worker waits for work. False, and not noted, when there is work again."""
        with self._lock:
            if asleep and self._waiting:
                return False
            self._set_asleep(worker, asleep)
            return True

    def _set_asleep(self, worker: _Worker, asleep: bool) -> None:
        """With the lock held."""
        if worker.asleep != asleep:
            worker.asleep = asleep
            self._idle += 1 if asleep else -1


def _fail(job: _Job, problem: Problem) -> None:
    try:
        job.future.set_exception(TaskFailed(problem))
    except InvalidStateError:
        return  # cancelled before it began


class _Worker:
    """One thread and its child. Everything here but ``wake``, ``asleep`` and ``ready`` is used by that thread only.

    ``ready``: the child has said so, and none has replaced it. Others may read it.
    """

    def __init__(self, pool: DecoderPool, number: int) -> None:
        self.pool = pool
        self.asleep = False
        self.child: subprocess.Popen[bytes] | None = None
        self.ready = False
        self._inside: deque[_Job] = deque()
        self._buffer = bytearray()
        self._done = 0
        self._since = 0.0
        self._failed_starts = 0  # in a row
        self._rests_until = 0.0
        self._bell, self._ring = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self.thread = threading.Thread(target=self._run, name=f"decoder-{number}", daemon=True)

    def wake(self) -> None:
        try:
            os.write(self._ring, b"!")
        except (BlockingIOError, OSError):
            return  # it rings already, or is closing

    def _run(self) -> None:
        try:
            while not self.pool._closed:
                self._fill()
                self._wait()
        finally:
            self._stop()
            for job in self._inside:
                _fail(job, Problem("cancelled", "the pool was closed"))
            os.close(self._bell)
            os.close(self._ring)

    def _fill(self) -> None:
        """Give the child what it has room for."""
        while True:
            if self._done >= self.pool._recycle:
                if self._inside:
                    return
                self._stop()
            if any(job.ahead == 1 for job in self._inside):
                return  # nothing waits behind a long task
            if self._resting():
                return
            job = self.pool._take(len(self._inside), sum(len(job.data) for job in self._inside))
            if job is None:
                return
            if self.child is None:
                try:
                    self._start()
                except OSError as error:
                    self.pool._give_back([job])
                    self._failed_start(error.strerror or str(error))
                    return
            self._send(job)

    def _start(self) -> None:
        """Raises OSError when there is no room for another process, no memory or no Python."""
        command = [sys.executable, "-m", "albumsd.media.worker", "--parent", str(os.getpid())]
        command += ["--limits", json.dumps(self.pool.limits.to_json()), "--nice", str(self.pool.nice)]
        for module in self.pool._modules:
            command += ["--tasks", module]
        environment = {
            **os.environ,
            **_QUIET_ENVIRONMENT,
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        }
        self.child = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            bufsize=0,
        )
        self._buffer.clear()
        self._done = 0
        self._since = time.monotonic()

    def _failed_start(self, why: str) -> None:
        self._failed_starts += 1
        rest = min(_LONGEST_REST_S, _REST_S * 2.0 ** (self._failed_starts - 1))
        self._rests_until = time.monotonic() + rest
        log.warning("a decoder could not be started: %s", why)
        if self._failed_starts >= STARTS:
            self.pool._hopeless(why)

    def _resting(self) -> bool:
        """After a failed start: no job is taken."""
        return self.child is None and time.monotonic() < self._rests_until

    def _send(self, job: _Job) -> None:
        if not self._inside and self.ready:
            self._since = time.monotonic()
        self._inside.append(job)
        assert self.child is not None
        assert self.child.stdin is not None
        with suppress(BrokenPipeError):  # it is dead: what it has answered is read first, then its end
            self.child.stdin.write(len(job.data).to_bytes(4, "big") + job.data)

    def _wait(self) -> None:
        """Until an answer, a bell or the deadline of the job being worked on."""
        if not self._inside and not self._resting() and not self.pool._sleeping(self, True):
            return
        waiting = select.poll()
        waiting.register(self._bell, select.POLLIN)
        answers = -1
        if self.child is not None and self.child.stdout is not None:
            answers = self.child.stdout.fileno()
            waiting.register(answers, select.POLLIN)
        ready = [stream for stream, _ in waiting.poll(self._timeout_ms())]
        self.pool._sleeping(self, False)
        if self._bell in ready:
            os.read(self._bell, 4096)
        if answers in ready:
            self._read(answers)
        elif not ready and self._inside:
            seconds = self._inside[0].seconds if self.ready else _START_S
            self._bury(Problem("timeout", f"it took more than {seconds:g} s"))

    def _timeout_ms(self) -> float | None:
        """Milliseconds until the deadline of the job being worked on, of the start or of the rest; None for none."""
        if not self._inside:
            return max(1.0, (self._rests_until - time.monotonic()) * 1000) if self._resting() else None
        seconds = self._inside[0].seconds if self.ready else _START_S
        return max(0.0, (self._since + seconds - time.monotonic()) * 1000)

    def _read(self, stream: int) -> None:
        data = os.read(stream, _READ)
        if not data:
            self._bury(dying=True)
            return
        self._buffer += data
        while len(self._buffer) >= 4:
            length = int.from_bytes(self._buffer[:4], "big")
            if len(self._buffer) < 4 + length:
                return
            message = json.loads(self._buffer[4 : 4 + length].decode("utf-8", "surrogatepass"))
            del self._buffer[: 4 + length]
            if "ready" in message:
                self.ready, self._since, self._failed_starts = True, time.monotonic(), 0
            else:
                self._answered(message)
            if self.child is None:
                return

    def _answered(self, message: Answer) -> None:
        job = self._inside.popleft()
        self._done += 1
        self._since = time.monotonic()
        if "ok" in message:
            job.future.set_result(message["ok"])
            return
        problem = Problem(*message["problem"])
        _fail(job, problem)
        if problem.reason == "memory":  # what is left of that process is not to be trusted
            self._bury(blame=False)

    def _bury(self, problem: Problem | None = None, *, blame: bool = True, dying: bool = False) -> None:
        """End the child. The job being worked on fails if it is to ``blame``; the others go back to the queue.

        Of a child that never was ready no job is to blame.
        """
        started = self.ready
        status = self._stop(dying=dying)
        what = f"signal {-status}" if status < 0 else f"status {status}"
        if blame and started and self._inside:
            job = self._inside.popleft()
            if problem is None:
                killed = status == -signal.SIGKILL
                problem = Problem("crash", f"the decoder ended with {what}")
                if killed:
                    problem = Problem("memory", "the system ran out of memory")
            _fail(job, problem)
        left = list(self._inside)
        self._inside.clear()
        self.pool._give_back(left)
        if not started:
            self._failed_start(f"it ended with {what}" if problem is None else problem.detail)

    def _stop(self, *, dying: bool = False) -> int:
        """Kill the child and return its status. One that is ``dying`` by itself gets time for a status of its own."""
        child, self.child, self.ready = self.child, None, False
        if child is None:
            return 0
        if dying:
            try:
                child.wait(_DEATH_S)
            except subprocess.TimeoutExpired:
                child.kill()
        else:
            child.kill()
        status = child.wait()
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                pipe.close()
        return status
