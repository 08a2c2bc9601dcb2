"""Start the processes of a library, keep them running, stop them.

Each process may die and come back without the others; it is started again after a pause that doubles from 0.2 s
to 5 s while it keeps dying, and is forgiven after it has run for 10 s. Two endings are an error of the whole, and the
process is not started again: exit code 2 (bad settings, a mountpoint that cannot be one) and 3 (no library there, or in
use by another). ``common.serve`` sees to it that a process ends with 3 for nothing else: a database that was busy for
a minute must not take the mount away. Should the supervisor itself be killed, its processes go on; the next one takes
them over by ending them first.

A process that was killed while a thread of it hangs in a dead drive is not gone before the drive answers: it stays a
zombie that keeps its mount. Nobody waits for it: its mount is taken away, and another process takes its place.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from albumsd.core.config import Config
from albumsd.ipc import locks

PROCESSES = ("mount", "indexer", "brain")
FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 5.0
FORGIVEN_S = 10.0
STOP_S = 15.0
REMAINS_S = 1.0
"""A process that ended and cannot be waited for is taken for stuck after this time."""
REFUSED = (2, 3)
"""Exit codes that trying again does not change."""


@dataclass(slots=True)
class _Child:
    process: str
    popen: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    pause: float = FIRST_PAUSE_S
    due: float = 0.0
    deaths: int = 0
    ended: float | None = None
    """When it was first seen to have ended without being gone."""

    def poll(self) -> int | None:
        """Its exit code; None while it runs. What is only stuck remains has ended by SIGKILL."""
        if self.popen is None or (code := self.popen.poll()) is not None:
            return None if self.popen is None else code
        if not locks.is_zombie(self.popen.pid):
            return None
        now = time.monotonic()
        self.ended = self.ended or now
        return -signal.SIGKILL if now - self.ended > REMAINS_S else self.popen.poll()

    def wait(self, end: float) -> bool:
        """Whether it has ended before ``end`` (monotonic)."""
        while self.poll() is None:
            if time.monotonic() > end:
                return False
            time.sleep(0.02)
        return True


@dataclass(slots=True)
class Supervisor:
    """``start``, then ``watch`` until ``stop`` is set or a process refuses, then ``shut_down``."""

    config: Config
    arguments: Sequence[str]
    """``--library`` and ``--config`` as the children shall get them."""
    report: Callable[[str], None]
    stop: threading.Event = field(default_factory=threading.Event)
    program: Sequence[str] = (sys.executable, "-m", "albumsd")
    """What is started, with the name of a process as its first argument."""
    _children: list[_Child] = field(default_factory=list)

    def take_over(self) -> None:
        """End what an earlier supervisor left running in this library."""
        for process in PROCESSES:
            pid = locks.holder(self.config.run, process)
            if pid is None:
                continue
            for number in (signal.SIGTERM, signal.SIGKILL):
                with suppress(ProcessLookupError):
                    os.kill(pid, number)
                end = time.monotonic() + STOP_S / 3
                while locks.holder(self.config.run, process) is not None and time.monotonic() < end:
                    time.sleep(0.05)
                if locks.holder(self.config.run, process) is None:
                    break
        if locks.is_remains(self.config.run, "mount"):
            unmount(self.config)

    def start(self) -> None:
        self._children = [_Child(process) for process in PROCESSES]
        for child in self._children:
            self._start(child)

    def _start(self, child: _Child) -> None:
        words = [*self.program, child.process, *self.arguments]
        if child.process == "mount":
            words += ["--mount", os.fspath(self.config.mount)]
        child.popen = subprocess.Popen(words, stdin=subprocess.DEVNULL, start_new_session=True)
        child.started = time.monotonic()

    def pid(self, process: str) -> int | None:
        """Pid of a running process; None while it is down."""
        for child in self._children:
            if child.process == process and child.popen and child.popen.poll() is None:
                return child.popen.pid
        return None

    def deaths(self, process: str) -> int:
        """How often a process has died so far."""
        return sum(child.deaths for child in self._children if child.process == process)

    def tend(self) -> int | None:
        """Start again what has died. The exit code of a process that refused, else None."""
        now = time.monotonic()
        for child in self._children:
            if child.popen is None:
                if now >= child.due:
                    self._start(child)
                continue
            code = child.poll()
            if code is None:
                continue
            if child.process == "mount" and child.popen.returncode is None:
                unmount(self.config)
            child.popen, child.ended = None, None
            child.deaths += 1
            if code in REFUSED:
                self.report(f"{child.process} cannot do its work (see above), so everything ends")
                return code
            if now - child.started > FORGIVEN_S:
                child.pause = FIRST_PAUSE_S
            child.due = now + child.pause
            child.pause = min(LONGEST_PAUSE_S, child.pause * 2)
            self.report(f"{child.process} ended ({_ending(code)}); it is started again")
        return None

    def watch(self) -> int:
        """Tend until ``stop`` is set. The exit code for `albumsd run`."""
        while not self.stop.wait(0.1):
            code = self.tend()
            if code is not None:
                return code
        return 0

    def shut_down(self) -> None:
        """SIGTERM to all, the mount last; SIGKILL to who has not gone in time; no mount is left behind."""
        for child in sorted(self._children, key=lambda child: child.process == "mount"):
            if child.popen and child.popen.poll() is None:
                child.popen.terminate()
        end = time.monotonic() + STOP_S
        for child in self._children:
            if child.popen is None:
                continue
            if not child.wait(max(end, time.monotonic() + 0.1)):
                child.popen.kill()
                child.wait(time.monotonic() + 2 * REMAINS_S)
            if child.process == "mount" and child.popen.returncode in (None, -signal.SIGKILL):
                unmount(self.config)


def unmount(config: Config) -> None:
    """Take away a mount whose process is dead, and, where we may, wake those who wait for its answer."""
    command = ["umount", "-i", "-c", "-l", "-f"] if os.geteuid() == 0 else ["fusermount3", "-uz"]
    subprocess.run([*command, os.fspath(config.mount)], check=False, capture_output=True, timeout=10)


def _ending(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
