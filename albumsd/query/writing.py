"""Trees as text: ``describe`` writes in the query language what ``parser.parse`` reads."""

from __future__ import annotations

import re
from datetime import date, timedelta

from .tree import (
    STOP_WORDS,
    And,
    Copies,
    Equals,
    Everything,
    Flag,
    Has,
    Like,
    Match,
    NearPlace,
    Newest,
    Node,
    Not,
    Nothing,
    OneOf,
    Or,
    Range,
    SameDay,
    Text,
    Within,
)

_BARE = re.compile(r"""[^\s()"“”„‟«»'‘’‚][^\s()]*""")
_DOUBLE_QUOTES = re.compile('["“”„‟«»]')
_CLOSING_QUOTE = re.compile(r"['‘’](?!\w)")


def describe(node: Node) -> str:
    """The node in the query language, one text per tree.

    ``parse(describe(node)) == node`` for every node that ``parse`` can give. The nodes that only views make (Equals,
    OneOf of other than types, Newest, SameDay, Copies of three and more, Everything, Nothing) get a text that
    says what they mean and that ``parse`` refuses or reads otherwise.
    """
    match node:
        case Or(parts):
            return " or ".join(describe(part) for part in parts)
        case And(parts):
            return " ".join(f"({describe(part)})" if isinstance(part, Or) else describe(part) for part in parts)
        case Not(part):
            return f"-({describe(part)})" if isinstance(part, And | Or) else f"-{describe(part)}"
        case Everything():
            return "*"
        case Nothing():
            return "-*"
        case Text(tokens, _, prefix, scope):
            body = " ".join(tokens) + ("*" if prefix else "")
            bare = len(tokens) == 1 and (scope or prefix or tokens[0] not in STOP_WORDS | {"or"})
            body = body if bare else f'"{body}"'
            return f"{scope}={body}" if scope else body
        case Match(attribute, tokens):
            return f"{attribute}={_quoted(' '.join(tokens))}"
        case OneOf(attribute, value):
            return f"type={value}" if attribute == "type" else f'{attribute}=="{value}"'
        case Equals(attribute, value):
            return f'{attribute}=="{value}"'
        case Range("day", low, high):
            return f"date={_days(low, high)}"
        case Range(attribute, low, high):
            name = "duration" if attribute == "duration_s" else attribute
            if low == high and name in ("rating", "iso"):
                return f"{name}={_number(low)}"
            return f"{name}={_number(low)}..{_number(high)}"
        case Has(attribute):
            return f"has={attribute}"
        case Flag(name):
            return f"is={name}"
        case Within(lat, lon, km):
            return f"near={_number(lat)},{_number(lon)},{_number(km)}"
        case NearPlace(tokens, km):
            return f"near={_quoted(' '.join(tokens))},{_number(km)}"
        case Newest(count):
            return f"newest={count}"
        case SameDay(month_day):
            return f"sameday={month_day}"
        case Copies(minimum):
            return "is=duplicate" if minimum == 2 else f"copies={minimum}.."
        case Like(reference):
            return f"like={written(reference)}"


def written(value: str) -> str | None:
    """A term's value as it can be typed, bare or in quotes; None when it holds what closes either kind of quotes."""
    if _BARE.fullmatch(value):
        return value
    if not _DOUBLE_QUOTES.search(value):
        return f'"{value}"'
    return None if _CLOSING_QUOTE.search(value) else f"'{value}'"


def _quoted(text: str) -> str:
    return f'"{text}"' if " " in text else text


def _number(value: str | int | float | None) -> str:
    """A number without exponent, to six places; an open end as nothing."""
    if isinstance(value, float):
        return f"{value:.6f}".rstrip("0").rstrip(".")
    return "" if value is None else str(value)


def _days(low: object, high: object) -> str:
    """The shortest text for a range of days: a year, a month, a week, a day, else ``low..high``."""
    if not (isinstance(low, str) and isinstance(high, str)):
        return f"{low or ''}..{high or ''}"
    if low == high:
        return low
    if low[:4] == high[:4] and low[4:] == "-01-01" and high[4:] == "-12-31":
        return low[:4]
    first, last = date.fromisoformat(low), date.fromisoformat(high)
    if first.day == 1 and low[:7] == high[:7] and (last + timedelta(days=1)).day == 1:
        return low[:7]
    if first.weekday() == 0 and (last - first).days == 6:
        year, week, _ = first.isocalendar()
        return f"{year:04}-W{week:02}"
    return f"{low}..{high}"
