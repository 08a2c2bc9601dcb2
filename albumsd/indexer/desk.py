"""What the threads of one indexer share: which scans run, which folders are to be looked at again, how the jobs go.

Every access holds ``lock``; the methods take it themselves. The main thread and the scans write ``running``, ``again``
and ``not_before`` (``attendance``), the runner ``at_work``, ``settings_seen``, ``eta_s`` and ``rates``; anybody may ask
for a look or doubt a source.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from .scan import Scan
from .wishes import Stamp


@dataclass
class Desk:
    """What the threads of one indexer share. Every access holds ``lock``."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    running: dict[int, Scan | None] = field(default_factory=dict)  # source id: its scan; None while it is being set up
    again: dict[int, dict[bytes, float]] = field(default_factory=dict)  # source id: folder: when to look (monotonic)
    not_before: dict[int, float] = field(default_factory=dict)  # source id: when a failed scan is tried again
    first: dict[int, float] = field(default_factory=dict)  # source id: until when its first scan goes first
    doubted: set[int] = field(default_factory=set)  # sources whose drive is to be checked at once
    at_work: bool = False  # the runner does something, or finds out what there is to do
    settings_seen: Stamp | None = None  # by the runner; None: not yet, or they do not matter to it
    eta_s: float | None = None
    rates: dict[str, float] = field(default_factory=dict)

    def look_again(self, source: int, folders: Iterable[bytes], delay_s: float) -> None:
        with self.lock:
            row = self.again.setdefault(source, {})
            for folder in folders:
                row.setdefault(folder, time.monotonic() + delay_s)

    def forget_looks(self, source: int) -> None:
        """The source is away: when it comes back it is looked at whole."""
        with self.lock:
            self.again.pop(source, None)

    def doubt(self, source: int) -> None:
        with self.lock:
            self.doubted.add(source)

    def names_first(self) -> bool:
        """A new source is being walked: its names come before anybody reads what is in the files."""
        with self.lock:
            return any(until > time.monotonic() for until in self.first.values())

    def has_ripe(self, source: int) -> bool:
        with self.lock:
            now = time.monotonic()
            return any(at <= now for at in self.again.get(source, {}).values())

    def ripe(self, source: int) -> set[bytes]:
        """Folders whose time has come; they are taken."""
        with self.lock:
            row = self.again.get(source, {})
            now = time.monotonic()
            found = {folder for folder, at in row.items() if at <= now}
            for folder in found:
                del row[folder]
            return found

    def hangs(self, source: int) -> bool:
        """Whether a scan of the source hangs in its disk."""
        with self.lock:
            scan = self.running.get(source)
        return scan is not None and scan.hangs()

    def has_news(self, settings: Stamp) -> bool:
        """Whether the settings are others than those that the runner has seen."""
        with self.lock:
            return self.settings_seen not in (None, settings)

    def work(self) -> tuple[bool, bool, bool]:
        """Whether a scan gets on, whether folders wait for a look, and whether the runner is at work.

        A scan that hangs does not get on: its source is stalled, and waits like one that is offline.
        """
        with self.lock:
            scanning = any(scan is None or not scan.hangs() for scan in self.running.values())
            return scanning, any(self.again.values()), self.at_work
