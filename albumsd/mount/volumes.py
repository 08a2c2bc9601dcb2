"""Disks as the mount sees them: one ``Volume`` per volume, with threads of its own and a gate.

The gate: after one missed deadline the volume is *stalled*. Everything asked of it then fails at once
(errors.Stalled) until the probe has succeeded: a thread of its own, one per volume, that stats the source's folder
and does again what missed the deadline. An error is an answer too: only silence keeps the gate shut.

``stalled`` is set by the loop thread and cleared by the probe's.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from albumsd.core.errors import Stalled
from albumsd.store import sources
from albumsd.store.database import Reader

from .lanes import Lane, Missed

log = logging.getLogger(__name__)

THREADS = 16
PROBE_EVERY_S = 1.0


class Volume:
    def __init__(self, name: str, deadline_s: float, threads: int = THREADS) -> None:
        self.name = name
        self.stalled = False
        self._deadline_s = deadline_s
        self._lane = Lane(name, threads)

    async def run(
        self,
        call: Callable[[], Any],
        *,
        probe: Callable[[], object],
        discard: Callable[[Any], object] | None = None,
    ) -> Any:
        """What ``call()`` returns. ``probe`` does the like again, with nothing to clean up after.

        Raises Stalled, at once while the volume is stalled, else after the deadline.
        """
        if self.stalled:
            raise Stalled(name=self.name)
        try:
            return await self._lane.run(call, deadline_s=self._deadline_s, discard=discard)
        except Missed as missed:
            if missed.hung:
                self._stall(probe)
            raise Stalled(name=self.name) from None

    def later(self, call: Callable[[], object]) -> None:
        """Run ``call`` in a thread of this volume; nobody waits for it."""
        self._lane.post(call)

    def _stall(self, probe: Callable[[], object]) -> None:
        if self.stalled:
            return
        self.stalled = True
        log.warning("%s does not answer; its reads fail until it does", self.name)
        self._lane.fail_queued(Stalled(name=self.name))
        threading.Thread(target=self._probe, args=(probe,), name=f"probe:{self.name}", daemon=True).start()

    def _probe(self, probe: Callable[[], object]) -> None:
        pause = threading.Event()
        while True:
            began = time.monotonic()
            with suppress(OSError):
                probe()
            if time.monotonic() - began < self._deadline_s:
                break
            pause.wait(PROBE_EVERY_S)
        self.stalled = False
        log.warning("%s answers again", self.name)


class Volumes:
    """The volumes of all sources. Two sources on one volume share it. Loop thread only, but for ``renew``."""

    def __init__(self, deadline_s: float) -> None:
        self._deadline_s = deadline_s
        self._volumes: dict[str, Volume] = {}
        self._of_source: dict[int, tuple[Volume, bytes]] = {}
        self.library = Volume("the library", deadline_s)

    def of(self, reader: Reader, source: int) -> tuple[Volume, bytes]:
        """The volume that a source lies on, and the source's folder."""
        found = self._of_source.get(source)
        if found is None:
            fresh = {}
            for known in sources.all_sources(reader):
                key = known.volume or f"source {known.id}"
                volume = self._volumes.get(key)
                if volume is None:
                    volume = self._volumes[key] = Volume(known.name, self._deadline_s)
                fresh[known.id] = (volume, known.path)
            self._of_source = fresh
            found = fresh.get(source) or (self.library, b"")
        return found

    def renew(self) -> None:
        """Sources changed: ask again where they lie."""
        self._of_source = {}

    def stalled(self) -> list[str]:
        """Names of the volumes that do not answer."""
        return sorted(volume.name for volume in [*self._volumes.values(), self.library] if volume.stalled)


def touch(root: bytes, path: bytes, offset: int) -> None:
    """The probe: stat the source's folder and read one byte. Raises OSError, or never returns."""
    if root:
        os.stat(root)
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        os.pread(fd, 1, offset)
    finally:
        os.close(fd)
