"""Whether a source is there: online, offline, stalled.

Everything that touches the source's disk runs in a thread of its own with a deadline, because a dead share never
answers. ``Prober`` remembers the threads that did not come back: while one hangs on a source, no other is sent, and the
source is *stalled*. The decision itself (``judge``) is a pure function.

A source is offline when its root is missing, when the root is empty although files of it are known (an empty mount
point), or when another volume lies there than the one remembered, unless the files that are known are found on it (a
drive that was copied to a larger one, or a volume that the system names differently today).
"""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Sequence
from typing import NamedTuple

from albumsd.store import jobs, scanning, sources
from albumsd.store.database import Database

from .ignore import left_out
from .volumes import Mounts, Volume

DEADLINE_S = 5.0


class Seen(NamedTuple):
    """What a probe saw at the root of a source."""

    exists: bool
    empty: bool
    error: str  # '' or what the system said
    sampled: int  # how many known files were looked for
    found: int  # and how many of them were there, with their size


class Verdict(NamedTuple):
    state: str
    why: str
    volume: Volume | None  # to be remembered; None unless online


def look(root: bytes, sample: Sequence[tuple[bytes, int]]) -> Seen:
    """Look at a root. Touches the disk: call it in a thread that may hang."""
    try:
        with os.scandir(root) as entries:
            empty = all(left_out(entry.name) for entry in entries)
    except (FileNotFoundError, NotADirectoryError) as error:
        return Seen(False, True, error.strerror or str(error), 0, 0)
    except OSError as error:
        return Seen(True, False, error.strerror or str(error), 0, 0)
    found = 0
    for path, size in sample:
        try:
            status = os.lstat(root + b"/" + path)
        except OSError:
            continue
        found += stat.S_ISREG(status.st_mode) and status.st_size == size
    return Seen(True, empty, "", len(sample), found)


def judge(source: sources.Source, volume: Volume, seen: Seen | None, known_files: bool) -> Verdict:
    """The state of a source. ``seen`` is None when nothing answered before the deadline."""
    if seen is None:
        return Verdict("stalled", "its drive does not answer", None)
    if not seen.exists:
        return Verdict("offline", "its folder is not there: plug in its drive", None)
    if seen.error:
        return Verdict("offline", f"its folder cannot be read: {seen.error}", None)
    if seen.empty and known_files:
        return Verdict(
            "offline",
            "its folder is empty, as when its drive is not mounted; if you emptied it, forget the source",
            None,
        )
    if source.volume is not None and source.volume != volume.identity and known_files:
        if seen.found * 10 < seen.sampled * 9:
            return Verdict("offline", "another drive is mounted there", None)
    return Verdict("online", "", volume)


class Prober:
    """Looks at roots with a deadline. Used by one thread."""

    def __init__(self, deadline_s: float = DEADLINE_S) -> None:
        self._deadline_s = deadline_s
        self._hung: dict[bytes, threading.Thread] = {}

    def look(self, root: bytes, sample: Sequence[tuple[bytes, int]] = ()) -> Seen | None:
        """What is at ``root``; None when the deadline passed, or while an earlier look still hangs there."""
        earlier = self._hung.get(root)
        if earlier is not None:
            if earlier.is_alive():
                return None
            del self._hung[root]
        answer: list[Seen] = []
        thread = threading.Thread(target=lambda: answer.append(look(root, sample)), name="probe", daemon=True)
        thread.start()
        thread.join(self._deadline_s)
        if not answer:
            self._hung[root] = thread
            return None
        return answer[0]

    def check(
        self, database: Database, source: sources.Source, mounts: Mounts | None = None, *, hung: bool = False
    ) -> Verdict:
        """Look at a source, store its state, and open its parked jobs when it came back.

        ``hung``: a scan hangs in it, so that it is *stalled* without a look, even if its root answers.
        """
        mounts = mounts or Mounts.now()
        volume = mounts.volume(source.path)
        known = scanning.has_files(database, source.id)
        foreign = known and source.volume is not None and source.volume != volume.identity
        seen = None if hung else self.look(source.path, scanning.sample(database, source.id) if foreign else ())
        verdict = judge(source, volume, seen, known)
        if not _is_news(source, verdict):
            return verdict
        with database.write() as tx:
            came_back = sources.set_state(tx, source.id, verdict.state, verdict.why) and verdict.state == "online"
            if verdict.volume:
                scanning.remember_volume(tx, source, *_columns(verdict.volume))
            if came_back:
                jobs.unpark_source(tx, source.id)
                scanning.want_scan_of(tx, source.id)
        return verdict


def _is_news(source: sources.Source, verdict: Verdict) -> bool:
    if (source.state, source.why) != (verdict.state, verdict.why):
        return True
    volume = verdict.volume
    return volume is not None and (source.volume, source.grain_ns, source.inodes) != _columns(volume)


def _columns(volume: Volume) -> tuple[str, int, bool]:
    return volume.identity, volume.grain_ns, volume.inodes
