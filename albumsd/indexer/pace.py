"""How fast jobs go, and when to let others go first.

``Meter`` keeps what one job of each stage costs, as it was lately, and makes an honest estimate of what is left: None
as long as a stage that has work was never measured. ``Pressure`` reads the kernel's own account of who waits for the
disk (PSI). ``be_modest`` makes this process and its children nice and gives them idle I/O.
"""

from __future__ import annotations

import ctypes
import os
import platform
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

_WEIGHT = 0.05
_IDLE_GAP_S = 5.0

_IOPRIO_SET = {"x86_64": 251, "i686": 289, "aarch64": 30, "armv7l": 314, "armv6l": 314, "riscv64": 30, "ppc64le": 273}
_IOPRIO_WHO_PROCESS = 1
_IOPRIO_IDLE = 3 << 13

BUSY_SHARE = 60.0
"""Percent of the last ten seconds in which something waited for a disk, above which the indexer makes room."""
LONGEST_PAUSE_S = 20.0


class Meter:
    """Used by one thread. Seconds per job and lane are moving averages."""

    def __init__(self) -> None:
        self._cost: dict[str, float] = {}
        self._last: dict[str, float] = {}

    def count(self, lane: str, stage: str, now: float | None = None) -> None:
        """One job of ``stage`` came out of its lane."""
        self.counts(lane, {stage: 1}, now)

    def counts(self, lane: str, ended: Mapping[str, int], now: float | None = None) -> None:
        """So many jobs of each stage came out of a lane at once."""
        now = time.monotonic() if now is None else now
        before = self._last.get(lane)
        self._last[lane] = now
        if before is None or now - before > _IDLE_GAP_S:
            return
        spent = (now - before) / sum(ended.values())
        for stage, number in ended.items():
            known = self._cost.get(stage)
            weight = 1 - (1 - _WEIGHT) ** number
            self._cost[stage] = spent if known is None else known + weight * (spent - known)

    def rates(self) -> dict[str, float]:
        """Jobs per second of each stage that was measured, while it had its lane to itself."""
        return {stage: round(1 / cost, 1) for stage, cost in self._cost.items() if cost > 0}

    def eta_s(self, lanes: Mapping[str, str], counts: Mapping[str, Mapping[str, int]], first: str) -> float | None:
        """Seconds until nothing is open; None when nobody can know. ``lanes``: stage to lane; ``first``: first stage.

        An open job of the first stage will bring others: as many of each stage as it did so far.
        """
        coming = counts.get(first, {}).get("open", 0)
        past = counts.get(first, {}).get("done", 0)
        left: dict[str, float] = {}
        for stage, lane in lanes.items():
            row = counts.get(stage, {})
            number = float(row.get("open", 0))
            if stage != first and coming:
                share = (row.get("done", 0) + number) / past if past else 1.0
                number += coming * min(1.0, share)
            if number:
                cost = self._cost.get(stage)
                if cost is None:
                    return None
                left[lane] = left.get(lane, 0.0) + number * cost
        return max(left.values(), default=0.0)


class Pressure:
    """Whether others wait for the disk. Used by one thread."""

    def __init__(self, path: Path = Path("/proc/pressure/io")) -> None:
        self._path = path
        self._asked = float("-inf")
        self._since: float | None = None
        self._high = False

    def pause(self) -> bool:
        """True while nothing new should be begun; never for more than LONGEST_PAUSE_S in a row."""
        now = time.monotonic()
        if now - self._asked >= 1.0:
            self._asked = now
            self._high = self._share() > BUSY_SHARE
        if not self._high:
            self._since = None
            return False
        if self._since is None:
            self._since = now
        if now - self._since <= LONGEST_PAUSE_S:
            return True
        self._since = None
        self._asked = now + 1.0  # a turn of its own before the next pause
        self._high = False
        return False

    def _share(self) -> float:
        try:
            line = self._path.read_text("ascii").splitlines()[0]
            return float(line.split("avg10=")[1].split()[0])
        except (OSError, IndexError, ValueError):
            return 0.0  # a kernel without PSI


def be_modest(nice: int) -> None:
    """Niceness and the idle I/O class, for this thread and all that it starts. Call it first; failing is no harm."""
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, max(nice, os.getpriority(os.PRIO_PROCESS, 0)))
    number = _IOPRIO_SET.get(platform.machine())
    if number is not None:
        with suppress(OSError):
            ctypes.CDLL(None).syscall(number, _IOPRIO_WHO_PROCESS, 0, _IOPRIO_IDLE)
