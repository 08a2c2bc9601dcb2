"""Periods of time as people write them: what ``date=``, ``before=`` and ``after=`` share.

A period is a pair of days ``(first, last)``, both ``datetime.date`` and both inside. Accepted: ``2024``,
``2024-04``, ``2024-04-13``, ``2024-w15``, ``april 2024``, ``13 april 2024``, ``april 13 2024``, ``today``,
``yesterday``, and ``this`` or ``last`` before ``week``, ``month`` or ``year``. Weeks are ISO weeks: they begin on
Monday. Years are 1000 to 9998.
"""

from __future__ import annotations

import re
from datetime import date, timedelta

from .term import BadValue

Period = tuple[date, date]

_MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
_MONTH = {name: number for number, full in enumerate(_MONTHS, 1) for name in (full, full[:3])} | {"sept": 9}
_ISO = re.compile(r"([0-9]{4})(?:-([0-9]{1,2})(?:-([0-9]{1,2}))?)?")
_WEEK = re.compile(r"([0-9]{4})-?w([0-9]{1,2})")
_DAY = timedelta(days=1)


def month(year: int, number: int) -> Period:
    """The whole month; ValueError if there is none."""
    first = date(year, number, 1)
    return first, (first.replace(day=28) + 4 * _DAY).replace(day=1) - _DAY


def period(text: str, today: str) -> Period:
    """The period that ``text`` (folded) names. Raises BadValue."""
    text = " ".join(text.split())
    try:
        found = _named(text, date.fromisoformat(today)) or _iso(text) or _written(text)
    except (ValueError, OverflowError):
        raise BadValue(f"there is no such date as {text}") from None
    if not found:
        raise BadValue(f"{text!r} is not a date; write 2024, 2024-04, 2024-04-13, 2024-W15 or 'april 2024'")
    if not 1000 <= found[0].year <= found[1].year <= 9998:
        raise BadValue(f"there is no such date as {text}")
    return found


def _named(text: str, today: date) -> Period | None:
    if text in ("today", "yesterday"):
        day = today if text == "today" else today - _DAY
        return day, day
    which, _, unit = text.replace("-", " ").partition(" ")
    if which not in ("this", "last"):
        return None
    back = which == "last"
    if unit == "week":
        monday = today - timedelta(days=today.weekday() + 7 * back)
        return monday, monday + 6 * _DAY
    if unit == "month":
        inside = today.replace(day=1) - _DAY * back
        return month(inside.year, inside.month)
    if unit == "year":
        return date(today.year - back, 1, 1), date(today.year - back, 12, 31)
    return None


def _iso(text: str) -> Period | None:
    if found := _WEEK.fullmatch(text):
        monday = date.fromisocalendar(int(found[1]), int(found[2]), 1)
        return monday, monday + 6 * _DAY
    if not (found := _ISO.fullmatch(text)):
        return None
    year = int(found[1])
    if found[3]:
        day = date(year, int(found[2]), int(found[3]))
        return day, day
    return month(year, int(found[2])) if found[2] else (date(year, 1, 1), date(year, 12, 31))


def _written(text: str) -> Period | None:
    parts = re.split(r"[\s,./-]+", text)
    names = [part for part in parts if part in _MONTH]
    numbers = [part for part in parts if part.isascii() and part.isdigit()]
    if len(names) != 1 or len(parts) != 1 + len(numbers) or len(numbers) not in (1, 2):
        return None
    years = [part for part in numbers if len(part) == 4]
    days = [part for part in numbers if len(part) <= 2]
    if len(years) != 1 or len(days) != len(numbers) - 1:
        return None
    year, number = int(years[0]), _MONTH[names[0]]
    if not days:
        return month(year, number)
    day = date(year, number, int(days[0]))
    return day, day
