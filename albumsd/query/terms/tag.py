"""``tag=``: the words of one tag."""

from __future__ import annotations

from albumsd.query.term import Term, match_parser

TERM = Term(
    "tag",
    "Tagged, by any words of the tag.",
    "tag=beach",
    match_parser("tag"),
    aliases=("tags",),
)
