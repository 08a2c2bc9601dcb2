"""Drives whose reads hang although the roots of their sources answer, as a job found them.

A source is *held back* from the first file that missed its deadline until another file of it answers. While it is held
back no job reads it, so its decoders and threads are free for the others. Probes, one every ``HOLD_S`` and at most
``PROBES`` that hang at once, run in threads of their own; one that comes back late is an answer too.

A file that hangs again after others of its source answered is a *suspect*: from then on it costs only itself.

Belongs to the runner's thread. In memory only: at a start every drive is believed in again. The state of a source
(online, offline, stalled), which its root decides, is in ``roots``.
"""

from __future__ import annotations

import os
import time
from concurrent.futures import Future
from dataclasses import dataclass, field

from albumsd.media.source import open_fd
from albumsd.store.files import Location

from .lane import alone

HOLD_S = 180.0
PLACES = 4


@dataclass
class _Stall:
    culprit: Location
    until: float  # monotonic: when the next probe is sent
    places: dict[int, Location] = field(default_factory=dict)  # file id: one that could answer
    probes: dict[int, Future[bool]] = field(default_factory=dict)  # file id: what reads it


class Stalls:
    """Which sources are held back, and which files are suspects."""

    def __init__(self) -> None:
        self._stalls: dict[int, _Stall] = {}
        self._suspects: set[int] = set()
        self._last: dict[int, Location] = {}  # source id: the file that answered last

    def held_back(self, at: Location) -> bool:
        """Whether nothing is to be read there now."""
        return at.source in self._stalls

    def suspect(self, at: Location) -> bool:
        """Whether this file hung, and has not answered since."""
        return at.file in self._suspects

    def hung(self, at: Location) -> None:
        """This file missed its deadline: its source is held back, unless the file is known for it."""
        known = at.file in self._suspects
        self._suspects.add(at.file)
        if not known and at.source not in self._stalls:
            stall = self._stalls[at.source] = _Stall(at, time.monotonic() + HOLD_S)
            if (last := self._last.get(at.source)) is not None:
                stall.places[last.file] = last

    def remember(self, at: Location) -> None:
        """A file that could tell whether its source answers."""
        stall = self._stalls.get(at.source)
        if stall is not None and len(stall.places) < PLACES and not self.suspect(at):
            stall.places[at.file] = at

    def answered(self, at: Location) -> None:
        """A job read this file to its end."""
        self._suspects.discard(at.file)
        self._last[at.source] = at

    def back(self) -> list[int]:
        """Send the probes that are due. The sources that answered, which are no longer held back."""
        now, found = time.monotonic(), []
        for source, stall in list(self._stalls.items()):
            ended = [stall.probes.pop(file) for file, probe in list(stall.probes.items()) if probe.done()]
            if any(probe.result() for probe in ended):
                del self._stalls[source]
                found.append(source)
            elif now >= stall.until:
                stall.until = now + HOLD_S
                places = stall.places or {stall.culprit.file: stall.culprit}
                free = [at for file, at in places.items() if file not in stall.probes]
                if free:
                    stall.probes[free[0].file] = alone(answers, free[0])
        return found


def answers(at: Location) -> bool:
    """Whether a byte can be read of a file, or the system says that the file is not there. May hang."""
    try:
        touch(at)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return True


def touch(at: Location) -> None:
    """Read two bytes of a file from its disk, not from what is still in memory. May hang. Raises OSError."""
    fd = open_fd(at.path)
    try:
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        for offset in (0, at.size // 2):
            os.pread(fd, 1, offset)
    finally:
        os.close(fd)
