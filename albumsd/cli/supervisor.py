"""Start the processes of a library, keep them running, stop them.

Each process may die and come back without the others; it is started again after a pause that doubles from 0.2 s
to 5 s while it keeps dying, and is forgiven after it has run for 10 s. A process that refuses its job (exit code 2:
bad settings, 3: library in use) is not started again: that is an error of the whole. Should the supervisor itself be
killed, its processes go on; the next one takes them over by ending them first.
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
_REFUSED = (2, 3)


@dataclass(slots=True)
class _Child:
    process: str
    popen: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    pause: float = FIRST_PAUSE_S
    due: float = 0.0


@dataclass(slots=True)
class Supervisor:
    """``start``, then ``watch`` until ``stop`` is set or a process refuses, then ``shut_down``."""

    config: Config
    arguments: Sequence[str]
    """``--library`` and ``--config`` as the children shall get them."""
    report: Callable[[str], None]
    stop: threading.Event = field(default_factory=threading.Event)
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

    def start(self) -> None:
        self._children = [_Child(process) for process in PROCESSES]
        for child in self._children:
            self._start(child)

    def _start(self, child: _Child) -> None:
        words = [sys.executable, "-m", "albumsd", child.process, *self.arguments]
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

    def tend(self) -> int | None:
        """Start again what has died. The exit code of a process that refused, else None."""
        now = time.monotonic()
        for child in self._children:
            if child.popen is None:
                if now >= child.due:
                    self._start(child)
                continue
            code = child.popen.poll()
            if code is None:
                continue
            child.popen = None
            if code in _REFUSED:
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
            if child.popen:
                try:
                    child.popen.wait(max(0.1, end - time.monotonic()))
                except subprocess.TimeoutExpired:
                    child.popen.kill()
                    child.popen.wait()
                    if child.process == "mount":
                        unmount(self.config)


def unmount(config: Config) -> None:
    """Take away a mount whose process is dead."""
    command = ["umount", "-l"] if os.geteuid() == 0 else ["fusermount3", "-uz"]
    subprocess.run([*command, os.fspath(config.mount)], check=False, capture_output=True, timeout=10)


def _ending(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
