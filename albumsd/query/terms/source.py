"""``source=``: the words of a source's name."""

from __future__ import annotations

from albumsd.query.term import Term, match_parser

TERM = Term(
    "source",
    "Lies in a source.",
    "source=nas",
    match_parser("source"),
)
