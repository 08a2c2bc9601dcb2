"""Dates as they are written in files, and wall clocks from UTC by the place where it happened.

Offline: ``timezonefinder`` knows the zones of the earth, ``zoneinfo`` their history. Both are loaded at the first
question.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from ..core.capture import from_moment, offset_text, wall_clock
from ..core.facts import CaptureTime, Origin, Position

_WRITTEN = re.compile(
    r"^\s*(\d{4})[-:/.](\d{1,2})[-:/.](\d{1,2})"
    r"(?:[T ]+(\d{1,2})[:.](\d{1,2})(?:[:.](\d{1,2})(?:[.,]\d*)?)?\s*(Z|[+-]\d{1,2}:?\d{2})?)?"
)
_PARTIAL = re.compile(r"^\s*(\d{4})(?:-(\d{2}))?\s*$")


def written(text: str | None, origin: Origin, *, day_only: bool = False) -> CaptureTime | None:
    """The claim in ``2024:04:13 18:22:05``, ``2024-04-13T18:22:05.31+02:00`` and their like; None if it cannot be true.

    Without ``day_only`` a date without a time is no claim.
    """
    if not text:
        return None
    found = _WRITTEN.match(text.replace("\0", " "))
    if not found or (found[4] is None and not day_only):
        return None
    hour, minute, second = (int(found[group] or 0) for group in (4, 5, 6))
    local = wall_clock(int(found[1]), int(found[2]), int(found[3]), hour, minute, second)
    return CaptureTime(local, offset_text(found[7]), origin) if local else None


def in_utc(claim: CaptureTime) -> datetime:
    """The moment of a claim whose clock stood in UTC, or in its offset."""
    moment = datetime.fromisoformat(f"{claim.local}{claim.offset or '+00:00'}")
    return moment.astimezone(UTC)


@lru_cache(maxsize=4096)
def _zone_name(lat: float, lon: float) -> str | None:
    import timezonefinder

    return timezonefinder.timezone_at(lng=lon, lat=lat)


def at_place(moment: datetime, position: Position | None, origin: Origin) -> CaptureTime | None:
    """The wall clock at ``position`` at an aware ``moment``. Without a position, or a zone there: UTC, ``+00:00``."""
    zone = _zone_name(round(position.lat, 3), round(position.lon, 3)) if position else None
    if zone:
        from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

        try:
            local = moment.astimezone(ZoneInfo(zone))
        except (ZoneInfoNotFoundError, ValueError, OverflowError):
            return from_moment(moment, origin)
        seconds = (local.utcoffset() or timedelta()).total_seconds()
        if seconds % 60 == 0:  # before standard time, offsets had seconds: no camera meant those
            return from_moment(local, origin)
    return from_moment(moment, origin)
