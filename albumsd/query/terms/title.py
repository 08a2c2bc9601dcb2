"""``title=``: words of title, description and caption."""

from __future__ import annotations

from albumsd.query.term import Term, scope_parser

TERM = Term(
    "title",
    "Words of title, description or caption.",
    "title=birthday",
    scope_parser("title"),
)
