"""``place=``: the words of country, region, city or neighbourhood."""

from __future__ import annotations

from albumsd.query.term import Term, match_parser

TERM = Term(
    "place",
    "Taken in a place: country, region, city or neighbourhood.",
    "place=lisbon",
    match_parser("place"),
    aliases=("in",),
    examples=("place='new york'",),
)
