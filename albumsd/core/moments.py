"""A capture time as folder names and as a moment.

Folders use the wall clock at the place of capture; the moment (``st_mtime``) uses the offset when there is
one and the zone of this machine when there is none, so that ``ls -l`` then shows the wall clock itself.
"""

from __future__ import annotations

from datetime import date, datetime
from functools import lru_cache
from typing import NamedTuple

from .facts import CaptureTime


class Calendar(NamedTuple):
    """The date facets of a wall-clock time, as folder names."""

    year: str  # '2024'
    month: str  # '2024-04'
    week: str  # '2024-W15', ISO 8601: the year is the week's
    day: str  # '2024-04-13'


def calendar(local: str) -> Calendar:
    """Date facets of ``YYYY-MM-DDTHH:MM:SS``. Raises ValueError for what is no date."""
    return _calendar(local[:10])


@lru_cache(4096)
def _calendar(day: str) -> Calendar:
    year, week, _ = date.fromisoformat(day).isocalendar()
    return Calendar(day[:4], day[:7], f"{year:04d}-W{week:02d}", day)


def moment_ns(captured: CaptureTime) -> int:
    """Nanoseconds since the epoch, whole seconds; negative before 1970."""
    moment = datetime.fromisoformat(captured.local + (captured.offset or ""))
    try:
        return int(moment.timestamp()) * 1_000_000_000
    except (OverflowError, ValueError, OSError):  # the platform's zone rules end somewhere
        return int((moment.replace(tzinfo=None) - datetime(1970, 1, 1)).total_seconds()) * 1_000_000_000
