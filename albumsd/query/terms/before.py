"""``before=``: taken before the period begins."""

from __future__ import annotations

from datetime import timedelta

from albumsd.query.dates import period
from albumsd.query.term import Term
from albumsd.query.tree import Node, Range


def parse(value: str, today: str) -> Node:
    return Range("day", None, str(period(value, today)[0] - timedelta(days=1)))


TERM = Term(
    "before",
    "Taken before a year, month, day or week began.",
    "before=2024",
    parse,
    examples=("before=2024-04-13", "before=today"),
)
