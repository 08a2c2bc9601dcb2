"""What brain does without being asked, in two threads.

*attend* looks whether the settings, the models or the vectors changed and follows them (``mind``): it is quick, or
reads what is new. *tend* does what may take minutes: the graph of the index, and the clusters. So a graph of a million
vectors that is being built keeps no new picture from being found. Both stop at the next step when told to.

What goes wrong in a step is logged, once for each kind of failure in a row, and the step is tried again after its
pause: a disk that is full or a database that is busy for a minute ends nothing.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from albumsd.store.database import Reader

from .mind import Mind

log = logging.getLogger(__name__)

ATTEND_S = 1.0
TEND_S = 5.0
"""Pauses between two steps."""
END_S = 3.0
"""How long a step may take to notice that it shall end."""

Stopped = Callable[[], bool]


class Upkeep:
    """Runs from construction until ``close``. ``cluster``: one look at the clusters, given what says when to stop."""

    def __init__(self, database: Path, mind: Mind, cluster: Callable[[Stopped], None]) -> None:
        self._database = database
        self._mind = mind
        self._cluster = cluster
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=run, name=run.__name__.strip("_"), daemon=True)
            for run in (self._attend, self._tend)
        ]
        for thread in self._threads:
            thread.start()

    def _attend(self) -> None:
        reader: Reader | None = None

        def step() -> None:
            nonlocal reader
            reader = reader or Reader(self._database)
            self._mind.attend(reader, self._stop.is_set)

        self._repeat(step, ATTEND_S)
        if reader is not None:
            reader.close()

    def _tend(self) -> None:
        def step() -> None:
            mirror = self._mind.standing.mirror
            if mirror is not None:
                mirror.index.maintain()
            if not self._stop.is_set():
                self._cluster(self._stop.is_set)

        self._repeat(step, TEND_S)

    def _repeat(self, step: Callable[[], None], pause_s: float) -> None:
        failure: str | None = None
        while not self._stop.is_set():
            try:
                step()
                failure = None
            except Exception as error:
                if failure != repr(error):
                    failure = repr(error)
                    log.exception("%s failed; it goes on in a moment", threading.current_thread().name)
            self._stop.wait(pause_s)

    def close(self) -> None:
        """End both. A step that does not end soon is left to die with the process: it writes nothing half."""
        self._stop.set()
        mirror = self._mind.standing.mirror
        if mirror is not None:
            with suppress(Exception):
                mirror.index.close()
        for thread in self._threads:
            thread.join(END_S)
