"""The parent's side of one child: its pipes, its death, and how long it has been at one thing.

Used by the keeper's thread alone. Nothing here blocks but ``wait``, and ``end`` for some seconds: what is to be sent
waits here until the pipe takes it.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from .frames import Header, Unpacker, pack

_READ = 1 << 18
_SAID = 4096
"""Bytes that are kept of what the child said last on standard error."""
KILLED_S = 2.0
"""What was killed is gone after this, or hangs in the kernel (a disk, a driver) and is waited for by nobody."""

ENVIRONMENT = {
    # Threads that wait for work sleep: a spinning one takes the core that a decoder needs.
    "OMP_WAIT_POLICY": "PASSIVE",
    "GOMP_SPINCOUNT": "0",
    "KMP_BLOCKTIME": "0",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONUNBUFFERED": "",
}


@dataclass(frozen=True, slots=True)
class Patience:
    """How many seconds the child may take for one thing before it counts as hung."""

    start: float = 60.0
    load: float = 600.0
    unit: float = 120.0


PATIENCE = Patience()

PROGRAM = (sys.executable, "-m", "albumsd.ml.worker")


class Child:
    """A running child. Raises OSError when it cannot be started."""

    def __init__(self, command: Sequence[str], patience: Patience) -> None:
        self._patience = patience
        path = os.pathsep.join(entry for entry in sys.path if entry)
        self._process = subprocess.Popen(
            [*command, "--parent", str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **ENVIRONMENT, "PYTHONPATH": path},
            bufsize=0,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._in, self._out = self._process.stdin.fileno(), self._process.stdout.fileno()
        self._err = self._process.stderr.fileno()
        for stream in (self._in, self._out, self._err):
            os.set_blocking(stream, False)
        self.known: set[str] = set()  # keys whose description was sent
        self._outbox = bytearray()
        self._unpacker = Unpacker()
        self._said = b""
        self._since: dict[str, float] = {"start": time.monotonic()}

    def send(self, header: dict[str, Any]) -> None:
        self._outbox += pack(header)

    def begins(self, thing: str) -> None:
        """It is at ``start``, ``load`` or ``unit`` from now on."""
        self._since[thing] = time.monotonic()

    def ends(self, thing: str) -> None:
        self._since.pop(thing, None)

    def hung(self) -> str | None:
        """The thing that has taken too long, as the end of a sentence."""
        for thing, since in self._since.items():
            allowed = float(getattr(self._patience, thing))
            if time.monotonic() - since >= allowed:
                return f"it did not answer for {allowed:g} s and was ended"
        return None

    def seconds_left(self) -> float | None:
        """Until ``hung`` may say something; None when the child is at nothing."""
        ends = [since + float(getattr(self._patience, thing)) for thing, since in self._since.items()]
        return max(0.0, min(ends) - time.monotonic()) if ends else None

    def wait(self, bell: int, seconds: float | None) -> tuple[list[tuple[Header, bytes]], bool]:
        """Send and receive until something has come, ``bell`` is readable or the time is over.

        Returns the messages, and whether the child has ended its side.
        """
        poll = select.poll()
        poll.register(bell, select.POLLIN)
        poll.register(self._out, select.POLLIN)
        if self._err >= 0:
            poll.register(self._err, select.POLLIN)
        if self._outbox:
            poll.register(self._in, select.POLLOUT)
        ready = {stream for stream, _ in poll.poll(None if seconds is None else seconds * 1000 + 1)}
        if self._in in ready:
            self._push()
        if self._err in ready:
            self._listen()
        if self._out not in ready:
            return [], False
        data = os.read(self._out, _READ)
        return list(self._unpacker.feed(data)), not data

    def _push(self) -> None:
        try:
            sent = os.write(self._in, self._outbox[:_READ])
        except BlockingIOError:
            return
        except BrokenPipeError:
            sent = len(self._outbox)  # it is dead: what it has answered is read first, then its end
        del self._outbox[:sent]

    def _listen(self) -> None:
        said = os.read(self._err, _READ)
        self._said = (self._said + said)[-_SAID:]
        if not said:
            self._err = -1

    def end(self, seconds: float = 0.0) -> str:
        """End the process, after ``seconds`` for it to die by itself, and say how it ended. At most KILLED_S more."""
        status = self._status(seconds)
        if status is None:
            self._process.kill()
            status = self._status(KILLED_S)
        if self._err >= 0:
            with suppress(BlockingIOError):
                self._listen()
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()
        if status is None:
            threading.Thread(target=self._process.wait, name="reaper", daemon=True).start()
            return "its process cannot be ended"
        if status < 0:
            by = signal.Signals(-status).name
            return f"its process was ended by {by}" + (", perhaps for want of memory" if by == "SIGKILL" else "")
        lines = self._said.decode("utf-8", "replace").strip().splitlines()
        return f"its process ended with status {status}" + (f": {lines[-1].strip()[:300]}" if lines else "")

    def _status(self, seconds: float) -> int | None:
        """How it ended, if it does within ``seconds``."""
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None
