"""``after=``: taken after the period has ended."""

from __future__ import annotations

from datetime import timedelta

from albumsd.query.dates import period
from albumsd.query.term import Term
from albumsd.query.tree import Node, Range


def parse(value: str, today: str) -> Node:
    return Range("day", str(period(value, today)[1] + timedelta(days=1)), None)


TERM = Term(
    "after",
    "Taken after a year, month, day or week had ended.",
    "after=2024-04",
    parse,
    examples=("after=2024-04-13", "after=yesterday"),
)
