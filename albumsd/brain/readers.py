"""A few read connections for many threads. Safe for any number of them; one that finds none idle waits for a while.

Whoever has one gives it back before it waits for something else: a model, or another process.
"""

from __future__ import annotations

import queue
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from albumsd.core.errors import NotReady
from albumsd.store.database import Reader

READERS = 4


class Readers:
    """At most READERS connections, opened when first needed, lent to one thread at a time."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self._idle: queue.LifoQueue[Reader | None] = queue.LifoQueue()
        for _ in range(READERS):
            self._idle.put(None)

    @contextmanager
    def lend(self, timeout_s: float) -> Iterator[Reader]:
        """Raises NotReady when none comes back in time."""
        try:
            reader = self._idle.get(timeout=max(0.0, timeout_s))
        except queue.Empty:
            raise NotReady(what="a connection to the library", seconds=f"{timeout_s:.1f}") from None
        try:
            reader = reader or Reader(self._database)
            yield reader
        finally:
            self._idle.put(reader)

    def close(self) -> None:
        """Close those that nobody has."""
        for _ in range(READERS):
            try:
                reader = self._idle.get_nowait()
            except queue.Empty:
                return
            if reader:
                reader.close()
