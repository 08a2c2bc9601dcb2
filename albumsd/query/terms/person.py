"""``person=``: the words of one name."""

from __future__ import annotations

from albumsd.query.term import Term, match_parser

TERM = Term(
    "person",
    "Shows a person, by any part of the name.",
    "person=anna",
    match_parser("person"),
    aliases=("people",),
)
