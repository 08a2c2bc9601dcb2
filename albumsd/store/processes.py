"""The processes of a library as they describe themselves: a row each, so that status/ in the mount can tell.

The indexer and brain write their row (``Pulse``) when they begin, when their state changes, every BUSY_S while they
work and every IDLE_S while they do not, which lets a disk sleep; at a clean stop the row goes. The mount writes only
what a person does, so it has none. ``living`` believes a row while its process is there and its time is not over:
a process that was killed is away at once, one that hangs within HOLDS times what it promised.

Whether a process is there is asked of /proc, by pid and the tick of its start: pids come again.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from albumsd.core import clock
from albumsd.core.errors import LibraryFull, StoreBusy

from .database import Database, Tx

BUSY_S = 10.0
IDLE_S = 300.0
HOLDS = 3
BUSY = frozenset({"scan", "jobs", "rest"})
"""States in which there is work; in all others ('ready', 'idle') nothing is expected soon."""


class Process(NamedTuple):
    """``at_ns``: when it said so."""

    name: str
    pid: int
    at_ns: int
    state: str
    eta_s: float | None
    detail: dict[str, Any]


def born(pid: int) -> int | None:
    """When a process began, in ticks since boot; None when there is none, or only what remains of one."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
        return None if fields[0] in (b"Z", b"X") else int(fields[19])
    except (OSError, ValueError, IndexError):
        return None


def living(tx: Tx) -> dict[str, Process]:
    """The processes that are there, by name."""
    now = clock.now_ns()
    rows = tx.all("SELECT name, pid, born, until_ns, at_ns, state, eta_s, detail FROM process")
    return {
        name: Process(name, pid, at_ns, state, eta_s, json.loads(detail))
        for name, pid, begun, until_ns, at_ns, state, eta_s, detail in rows
        if now <= until_ns and born(pid) == begun
    }


class Pulse:
    """What one process says of itself. Used by one thread; the row is written in a bulk transaction of its own."""

    def __init__(self, name: str, now: Callable[[], float] = time.monotonic) -> None:
        """``now``: seconds that only go forward."""
        self._name = name
        self._now = now
        self._born = born(os.getpid()) or 0
        self._said: tuple[str, bool, dict[str, Any]] | None = None
        self._due = float("-inf")

    def beat(self, database: Database, state: str, eta_s: float | None = None, **detail: Any) -> bool:
        """Say how it is, if that is news or due. A database that is busy or full is no harm: False, as if not due."""
        now = self._now()
        if self._said == (state, eta_s is None, detail) and now < self._due:
            return False
        rest = BUSY_S if state in BUSY else IDLE_S
        at_ns = clock.now_ns()
        try:
            with database.write() as tx:
                tx.run(
                    "INSERT OR REPLACE INTO process VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    (self._name, os.getpid(), self._born, at_ns, at_ns + int(rest * HOLDS * 1e9), state, eta_s,
                     json.dumps(detail)),
                )  # fmt: skip
        except (StoreBusy, LibraryFull):
            return False
        self._said, self._due = (state, eta_s is None, detail), self._now() + rest
        return True

    def stop(self, tx: Tx) -> None:
        """It ends cleanly: no row."""
        tx.run("DELETE FROM process WHERE name=? AND pid=?", (self._name, os.getpid()))
