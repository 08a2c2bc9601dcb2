"""``rating=``: stars."""

from __future__ import annotations

from albumsd.query.term import Term, range_parser

TERM = Term(
    "rating",
    "Stars, 1 to 5.",
    "rating=4+",
    range_parser("rating", {"": 1}, whole=True, least=1, most=5, what="a number of stars from 1 to 5"),
    aliases=("stars",),
    ordered=True,
    examples=("rating=5", "rating=3..5", "rating>=4"),
)
