"""When a file counts as unchanged: the one rule, for the scan, the stages and the mount.

Unchanged = same size and mtime, and the same inode number where those are stable. Filesystems keep mtimes at
different grains, and FAT keeps wall-clock time: after summer time or a journey, all mtimes of such a drive are
shifted by whole hours. Who compares says the grain of the filesystem, in nanoseconds (0 and 1: exact).

When in doubt the answer is "changed": that costs reading a file again, while the other mistake would show other bytes
under an original's name.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

HOUR_NS = 3_600_000_000_000
LOCAL_TIME_GRAIN_NS = 2_000_000_000
"""FAT's grain, and of nothing else: filesystems with this grain may keep wall-clock time."""
FARTHEST_NS = 26 * HOUR_NS
"""From the westernmost time zone (-12) to the easternmost (+14)."""


class Stamped(Protocol):
    """What a row, a scan or a disk says of a file. ``inode`` 0: not known, or not stable on its filesystem."""

    @property
    def size(self) -> int: ...
    @property
    def mtime_ns(self) -> int: ...
    @property
    def inode(self) -> int: ...


class Stamp(NamedTuple):
    """The plain ``Stamped``."""

    size: int
    mtime_ns: int
    inode: int


def same_time(one_ns: int, other_ns: int, grain_ns: int) -> bool:
    """Whether two mtimes are equal at ``grain_ns``; symmetric. A whole grain apart is a difference."""
    apart = abs(one_ns - other_ns)
    if apart < max(grain_ns, 1):
        return True
    if grain_ns < LOCAL_TIME_GRAIN_NS or apart >= FARTHEST_NS + grain_ns:
        return False
    rest = apart % HOUR_NS
    return rest < grain_ns or HOUR_NS - rest < grain_ns


def unchanged(one: Stamped, other: Stamped, grain_ns: int) -> bool:
    """Whether two looks saw the same file; symmetric."""
    return (
        one.size == other.size
        and same_time(one.mtime_ns, other.mtime_ns, grain_ns)
        and (one.inode == other.inode or 0 in (one.inode, other.inode))
    )
