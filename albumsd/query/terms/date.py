"""``date=``: taken in a period, or from one period to another."""

from __future__ import annotations

from datetime import timedelta

from albumsd.query.dates import period
from albumsd.query.term import BadValue, Term
from albumsd.query.tree import Node, Range

_DAY = timedelta(days=1)


def parse(value: str, today: str) -> Node:
    for order in (">=", "<=", ">", "<"):
        if value.startswith(order):
            first, last = period(value[len(order) :], today)
            if order[0] == ">":
                return Range("day", str(first if order == ">=" else last + _DAY), None)
            return Range("day", None, str(last if order == "<=" else first - _DAY))
    if ".." not in value:
        first, last = period(value, today)
        return Range("day", str(first), str(last))
    begin, _, end = (part.strip() for part in value.partition(".."))
    low = str(period(begin, today)[0]) if begin else None
    high = str(period(end, today)[1]) if end else None
    if low is None and high is None:
        raise BadValue("a range needs at least one end")
    if low and high and low > high:
        raise BadValue(f"{value} ends before it begins")
    return Range("day", low, high)


TERM = Term(
    "date",
    "Taken in a year, month, day or week, or from one to another.",
    "date=2024-04",
    parse,
    aliases=("day", "on"),
    ordered=True,
    examples=(
        "date=2024-04-13..2024-05-01",
        "date=2024-W15",
        "date='april 2024'",
        "date=yesterday",
        "date='last month'",
    ),
)
