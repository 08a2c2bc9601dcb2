"""``album=``: the words of one album's name."""

from __future__ import annotations

from albumsd.query.term import Term, match_parser

TERM = Term(
    "album",
    "In an album, by any words of its name.",
    "album=summer",
    match_parser("album"),
)
