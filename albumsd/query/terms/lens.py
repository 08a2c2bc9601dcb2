"""``lens=``: the words of the lens."""

from __future__ import annotations

from albumsd.query.term import Term, match_parser

TERM = Term(
    "lens",
    "Taken with a lens, by any words of its name.",
    "lens=50mm",
    match_parser("lens"),
)
