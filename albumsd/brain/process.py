"""The process ``brain``: answers questions at ``run/brain.sock`` until it is told to stop.

    {"ask": "rank", "query": text, "today": "YYYY-MM-DD", "limit": n}  ->  {"hits": [[asset, score, why], …]}
    {"ask": "status"}  ->  {"state": "ready", "model": null, "device": null, "documents": n}

The socket appears when the words have been counted, so that the first answer is as quick as any. Each question is
answered in a thread of its own, with one of a few read connections; nothing is kept between questions but those
connections and three numbers. The one thing it writes is its own row of ``process`` (``store.processes``), from the
main thread, which answers nobody: a busy database keeps no question waiting.
"""

from __future__ import annotations

import logging
import queue
import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from albumsd.core import clock
from albumsd.core.config import Config
from albumsd.core.errors import AlbumsdError
from albumsd.ipc import calls, locks
from albumsd.search.run import SOCKET
from albumsd.store.database import Database, Reader
from albumsd.store.processes import Pulse

from . import ranker

log = logging.getLogger(__name__)

READERS = 4
PULSE_S = 10.0
"""How often the main thread looks whether its row is due."""


class Readers:
    """At most READERS connections, opened when first needed, lent to one thread at a time."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self._idle: queue.LifoQueue[Reader | None] = queue.LifoQueue()
        for _ in range(READERS):
            self._idle.put(None)

    @contextmanager
    def lend(self) -> Iterator[Reader]:
        reader = self._idle.get()
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


class Brain:
    """What the socket answers. Safe for several threads."""

    def __init__(self, database: Path) -> None:
        """Counts the words. Raises LibraryMissing."""
        self._corpus = ranker.CorpusWatch(database)
        self._readers = Readers(database)
        self._corpus.current()

    def answer(self, asked: dict[str, Any]) -> dict[str, Any]:
        """One answer. Raises QueryError for a bad query, ValueError for what is no question."""
        match asked.get("ask"):
            case "rank":
                with self._readers.lend() as reader:
                    today = asked.get("today") or clock.today()
                    hits = ranker.rank(
                        reader, self._corpus.current(), str(asked["query"]), str(today), int(asked["limit"])
                    )
                return {"hits": hits}
            case "status":
                documents = self._corpus.current().documents
                return {"state": "ready", "model": None, "device": None, "documents": documents}
        raise ValueError(f"no such question: {asked.get('ask')!r}")

    def close(self) -> None:
        self._readers.close()
        self._corpus.close()


def main(config: Config) -> int:
    """Rank for a library until SIGTERM or SIGINT. The exit code. Raises LibraryBusy and LibraryMissing."""
    stop = threading.Event()
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
    with ExitStack() as stack:
        lock = locks.ProcessLock(config.run, "brain")
        stack.callback(lock.release)
        database = stack.enter_context(Database(config.database))
        pulse = Pulse("brain")
        stack.callback(_leave, database, pulse)
        brain = Brain(config.database)
        stack.callback(brain.close)
        server = calls.Server(config.run / SOCKET, brain.answer)
        stack.callback(server.close)
        pulse.beat(database, "ready", model=None, device=None)
        log.info("ready")
        while not stop.wait(PULSE_S):
            pulse.beat(database, "ready", model=None, device=None)
    return 0


def _leave(database: Database, pulse: Pulse) -> None:
    """Clean or not: a row that cannot be taken away now is not believed when its process is gone."""
    with suppress(AlbumsdError), database.write() as tx:
        pulse.stop(tx)
