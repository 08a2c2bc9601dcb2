"""What every folder may ask of the mount that it stands in: settings, the day, and what is remembered.

One ``Context`` per process, safe to use from several threads: what changes in it changes under a lock.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence

from albumsd.core import clock
from albumsd.core.config import Config
from albumsd.store import changes, queries
from albumsd.store.database import Database, Reader

from .renditions import Form


class ActiveFilters:
    """Filter folders that were looked up lately, so that changes reach them too. Bounded; newest kept."""

    LIMIT = 64

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._paths: OrderedDict[tuple[str, ...], Form] = OrderedDict()

    def touch(self, path: tuple[str, ...], form: Form) -> None:
        with self._lock:
            self._paths[path] = form
            self._paths.move_to_end(path)
            while len(self._paths) > self.LIMIT:
                self._paths.popitem(last=False)

    def all(self) -> list[tuple[tuple[str, ...], Form]]:
        with self._lock:
            return list(self._paths.items())


class FolderTimes:
    """When a folder last changed, for the folders that somebody looked at; what is not remembered is told anew.

    A time is never earlier than the last change: a folder asked for the first time is as young as the library.
    """

    LIMIT = 100_000

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._times: OrderedDict[tuple[str, ...], int] = OrderedDict()

    def get(self, path: tuple[str, ...], library_ns: int) -> int:
        """``library_ns``: when the library last changed."""
        with self._lock:
            return self._put(path, self._times.get(path, library_ns))

    def touch(self, paths: Iterable[tuple[str, ...]], now_ns: int) -> None:
        with self._lock:
            for path in paths:
                self._put(path, now_ns)

    def _put(self, path: tuple[str, ...], time_ns: int) -> int:
        self._times[path] = time_ns
        self._times.move_to_end(path)
        if len(self._times) > self.LIMIT:
            self._times.popitem(last=False)
        return time_ns


class DiskPaths:
    """Names of folder rows under by-folder/, as they were looked at: a folder that is gone can still be named."""

    LIMIT = 100_000

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._paths: OrderedDict[int, tuple[str, ...]] = OrderedDict()

    def learn(self, folder: int, path: tuple[str, ...]) -> None:
        """``path`` below the mount, with by-folder in it."""
        with self._lock:
            self._paths[folder] = path[path.index("by-folder") + 1 :]
            if len(self._paths) > self.LIMIT:
                self._paths.popitem(last=False)

    def sources(self) -> set[str]:
        """Names of the sources that were looked at."""
        with self._lock:
            return {path[0] for path in self._paths.values() if path}

    def get(self, folder: int) -> tuple[str, ...] | None:
        with self._lock:
            return self._paths.get(folder)


class Context:
    """``opened_ns``: when this mount began; ``changed_ns``: when the library last changed, as far as it is told."""

    def __init__(self, config: Config, reader: Reader) -> None:
        self.config = config
        self.opened_ns = clock.now_ns() // 1_000_000_000 * 1_000_000_000
        self.changed_ns = changes.latest_ns(reader)
        self.filters = ActiveFilters()
        self.times = FolderTimes()
        self.disk_paths = DiskPaths()
        self._writing = threading.Lock()
        self._writer: Database | None = None

    def today(self) -> str:
        """The day on the wall, ``YYYY-MM-DD``."""
        return clock.today()

    def remember(self, key: str, text: str, hits: Sequence[queries.Hit]) -> None:
        """Keep what a listed query has found. Called in a worker thread; a gesture's transaction.

        Raises StoreBusy, LibraryFull.
        """
        with self._writing:
            if self._writer is None:
                self._writer = Database(self.config.database)
            with self._writer.write(durable=True) as tx:
                queries.forget_old(tx, self.config["remember_days"])
                queries.keep(tx, key, text, hits, self.config["search_results"])
