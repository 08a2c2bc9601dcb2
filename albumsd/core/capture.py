"""When a picture was taken: which dates can be true, and which of several claims is believed.

Every claim is a ``CaptureTime``. ``best`` chooses by the written order of origins (``facts.ORIGINS``), within one
origin the earliest wall clock, and among equal clocks the one that knows its offset; so the order in which files are
scanned never changes the answer. ``wall_clock`` is the one gate through which a date enters: what it refuses (zero
dates, clocks that were never set, the far future) is no claim at all. Nothing here reads a file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from . import clock
from .facts import ORIGINS, CaptureTime, Origin

_RANK: dict[str, int] = {origin: rank for rank, origin in enumerate(ORIGINS)}

EARLIEST_YEAR = 1826
"""The year of the oldest photograph that is kept. Dates before 1970 are valid: scans carry them."""

KNOWN_PAST = "2027-01-01"
"""Dates before this are never called future, so that a machine whose clock was never set loses none."""

NEVER_SET = frozenset({"1904-01-01T00:00:00", "1970-01-01T00:00:00", "1980-01-06T00:00:00"})
"""The zeros of QuickTime, UNIX and GPS time: what a device without a date writes."""

_OFFSET = re.compile(r"^([+-])(\d{1,2}):?([0-5]\d)$")
_GRAIN_S = 2
_DAY_S = 86_400
_WIDEST_ZONE_S = 14 * 3600


def wall_clock(year: int, month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0) -> str | None:
    """``YYYY-MM-DDTHH:MM:SS`` if that moment exists, can hold a photograph and is not in the future; else None."""
    if year < EARLIEST_YEAR or year > 9999:
        return None
    if second == 60:
        second = 59
    try:
        local = datetime(year, month, day, hour, minute, second).isoformat()
    except ValueError:
        return None
    if local in NEVER_SET:
        return None
    if local >= KNOWN_PAST:
        tomorrow = datetime.fromtimestamp(clock.now_ns() / 1e9, UTC) + timedelta(days=1)
        if local > tomorrow.strftime("%Y-%m-%dT%H:%M:%S"):
            return None
    return local


def offset_text(text: str | None) -> str | None:
    """``+02:00`` from ``+02:00``, ``+0200``, ``+2:00`` or ``Z``; None for everything else and beyond 14 hours."""
    if not text:
        return None
    text = text.strip()
    if text in ("Z", "z"):
        return "+00:00"
    found = _OFFSET.match(text)
    if not found or int(found[2]) > 14:
        return None
    return f"{found[1]}{int(found[2]):02d}:{found[3]}"


def offset_seconds(offset: str) -> int:
    """Seconds east of Greenwich of ``+HH:MM``."""
    seconds = int(offset[1:3]) * 3600 + int(offset[4:6]) * 60
    return -seconds if offset[0] == "-" else seconds


def from_moment(moment: datetime, origin: Origin) -> CaptureTime | None:
    """The claim that an aware ``datetime`` makes: its own wall clock and offset. None if the date cannot be true."""
    local = wall_clock(moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second)
    delta = moment.utcoffset()
    if local is None or delta is None:
        return None
    minutes = round(delta.total_seconds() / 60)
    sign = "-" if minutes < 0 else "+"
    return CaptureTime(local, f"{sign}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}", origin)


def order(candidate: CaptureTime) -> tuple[int, str, str]:
    """The key by which candidates are sorted, best first. Total: equal keys are equal candidates."""
    return _RANK[candidate.origin], candidate.local, candidate.offset or "~"


def best(candidates: Iterable[CaptureTime]) -> CaptureTime | None:
    """The candidate that is believed; None if there is none. The order of ``candidates`` has no influence."""
    return min(candidates, key=order, default=None)


def _seconds(candidate: CaptureTime) -> float:
    moment = datetime.fromisoformat(candidate.local).replace(tzinfo=UTC)
    return moment.timestamp() - (offset_seconds(candidate.offset) if candidate.offset else 0)


def agree(one: CaptureTime, other: CaptureTime) -> bool:
    """Whether two claims can be about the same moment, each taken as precisely as its origin can know.

    Zones that nobody wrote down explain a difference of up to 14 hours in whole quarters of an hour. A folder's or a
    name's midnight is a day, its first of a month a month, its first of January a year. A file's mtime is worth a day.
    """
    for coarse, fine in ((one, other), (other, one)):
        if coarse.origin in ("name", "folder") and coarse.local.endswith("T00:00:00"):
            length = 10
            if coarse.origin == "folder":
                length = 4 if coarse.local[4:10] == "-01-01" else 7 if coarse.local[7:10] == "-01" else 10
            return coarse.local[:length] == fine.local[:length]
    apart = abs(_seconds(one) - _seconds(other))
    if "mtime" in (one.origin, other.origin):
        return apart <= _DAY_S
    if one.offset is None or other.offset is None:
        apart_local = abs((datetime.fromisoformat(one.local) - datetime.fromisoformat(other.local)).total_seconds())
        if apart_local <= _GRAIN_S:
            return True
        rest = apart % 900
        return apart <= _WIDEST_ZONE_S and min(rest, 900 - rest) <= _GRAIN_S
    return apart <= _GRAIN_S


def disagreements(chosen: CaptureTime | None, others: Iterable[CaptureTime]) -> tuple[CaptureTime, ...]:
    """Those of ``others`` that cannot be about the same moment as ``chosen``, best first, each once."""
    if chosen is None:
        return ()
    return tuple(sorted({other for other in others if not agree(chosen, other)}, key=order))
