"""Dates in the names of files and folders, and the date that a file system keeps.

A name is read as a wall clock without a zone, except where its writer is known to use UTC: Pixel phones
(``PXL_20240413_182205123.jpg``) and names that are a UNIX time in milliseconds; those get the offset ``+00:00``, and
whoever knows the place turns them into its wall clock. A name with a day but no time means midnight, a folder with a
month its first day, a folder with a year the first of January. Only year-month-day order is read: ``13-04-2024`` has
two meanings. One compiled pattern decides whether there is a date at all, so a name without one costs a microsecond.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime

from .capture import from_moment, wall_clock
from .facts import CaptureTime

_DATE = re.compile(
    r"""(?<![0-9])
    (?: ((?:18|19|20)[0-9]{2}) (?:
            ([-_.]?) (0[1-9]|1[0-2]) \2 (0[1-9]|[12][0-9]|3[01])
          |  [ ] (0[1-9]|1[0-2]) [ ] (0[1-9]|[12][0-9]|3[01])
        )
        (?: (?: [-_ T.,]{0,3} | [ _]+ (?:at|um|à|a\ las|kl\.?) [ _]+ | [_-]at[_-] )
            ([01]?[0-9]|2[0-3]) ([-_.:h]?) ([0-5][0-9]) [-_.:m]? ([0-5][0-9]) (?: [._-]? [0-9]{3} (?![0-9]) )?
            (?![0-9]) (?: [ \u00a0\u202f]? ([AaPp])\.?[Mm]\b )? (Z\b)?
        )?
      | (1[0-9]{12})
    ) (?![0-9])""",
    re.VERBOSE,
)
_UNIX_STEM = re.compile(r"^[^\W\d]*[ _-]?$|^[^\W\d]+(?:[ _-][^\W\d]+)*[ _-]?$")
_OLDEST_UNIX_MS = 1_104_537_600_000  # 2005: phones that name pictures by the millisecond are younger

_FOLDER_DAY = re.compile(r"(?<![0-9])((?:18|19|20)[0-9]{2})([-_. ]?)(0[1-9]|1[0-2])\2(0[1-9]|[12][0-9]|3[01])(?![0-9])")
_FOLDER_MONTH = re.compile(r"(?<![0-9])((?:18|19|20)[0-9]{2})[-_. ](0[1-9]|1[0-2])(?![0-9])(?![-_.][0-9])")
_FOLDER_YEAR = re.compile(r"(?<![\w.])((?:18|19|20)[0-9]{2})(?![\w])(?![-_.–][0-9])")
_YEAR_RANGE = re.compile(r"(?:18|19|20)[0-9]{2} ?[-–_] ?(?:18|19|20)[0-9]{2}(?![0-9])")
_ONLY_MONTH = re.compile(r"^(0?[1-9]|1[0-2])(?![0-9])(?![-_.][0-9])")
_ONLY_DAY = re.compile(r"^(0?[1-9]|[12][0-9]|3[01])(?![0-9])(?![-_.][0-9])")


def from_name(name: str) -> CaptureTime | None:
    """The date that a file's name claims, origin ``name``; None if it has none, or none that can be true."""
    for found in _DATE.finditer(name):
        if found[13]:
            claim = _from_unix(int(found[13]), name[: found.start()])
        else:
            claim = _from_parts(found, name)
        if claim is not None:
            return claim
    return None


def _from_parts(found: re.Match[str], name: str) -> CaptureTime | None:
    year, month, day = int(found[1]), int(found[3] or found[5]), int(found[4] or found[6])
    hour, minute, second = int(found[7] or 0), int(found[9] or 0), int(found[10] or 0)
    if found[11]:
        if not 1 <= hour <= 12:
            hour, minute, second = 0, 0, 0
        else:
            hour = hour % 12 + (12 if found[11] in "Pp" else 0)
    local = wall_clock(year, month, day, hour, minute, second)
    if local is None:
        return None
    in_utc = bool(found[7]) and (bool(found[12]) or name.startswith("PXL_"))
    return CaptureTime(local, "+00:00" if in_utc else None, "name")


def _from_unix(milliseconds: int, before: str) -> CaptureTime | None:
    """A UNIX time, believed only when nothing but words stands before it (``FB_IMG_``, ``mmexport``)."""
    if milliseconds < _OLDEST_UNIX_MS or not _UNIX_STEM.match(before):
        return None
    return from_moment(datetime.fromtimestamp(milliseconds / 1000, UTC), "name")


def from_folder(parts: Sequence[str]) -> CaptureTime | None:
    """The date that the folders above a file claim, origin ``folder``. ``parts`` are names, the nearest first.

    ``2024-04-13 Lisbon``, ``2024-04``, ``2024``, ``Photos from 2019``, and the same spread over folders
    (``2024/04/13``). A range of years (``2019-2024``) is no date.
    """
    for depth, part in enumerate(parts):
        if not any(map(str.isdigit, part)):
            continue
        if found := _FOLDER_DAY.search(part):
            local = wall_clock(int(found[1]), int(found[3]), int(found[4]))
        elif found := _FOLDER_MONTH.search(part):
            local = wall_clock(int(found[1]), int(found[2]), _day_below(parts, depth))
        elif not _YEAR_RANGE.search(part) and (found := _FOLDER_YEAR.search(part)):
            local = _below_year(parts, depth, int(found[1]))
        else:
            continue
        if local is not None:
            return CaptureTime(local, None, "folder")
    return None


def _day_below(parts: Sequence[str], depth: int) -> int:
    found = _ONLY_DAY.match(parts[depth - 1]) if depth else None
    return int(found[1]) if found else 1


def _below_year(parts: Sequence[str], depth: int, year: int) -> str | None:
    """A year's folder with what stands below it: ``2024/04/13``, ``2024/04``, or the year alone."""
    month = _ONLY_MONTH.match(parts[depth - 1]) if depth and len(parts[depth].strip()) == 4 else None
    if month:
        exact = wall_clock(year, int(month[1]), _day_below(parts, depth - 1))
        return exact or wall_clock(year, int(month[1]), 1)
    return wall_clock(year, 1, 1)


def from_mtime(mtime_ns: int) -> CaptureTime:
    """What the file system says: the mtime on the wall clock of this machine. Never None: it is the last resort."""
    try:
        moment = datetime.fromtimestamp(mtime_ns // 1_000_000_000).astimezone()
    except (OverflowError, ValueError, OSError):
        moment = datetime(1970, 1, 1, tzinfo=UTC)
    claim = from_moment(moment, "mtime")
    return claim or CaptureTime(moment.replace(tzinfo=None).isoformat(timespec="seconds"), None, "mtime")
