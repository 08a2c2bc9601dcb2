"""``text=``: words inside documents."""

from __future__ import annotations

from albumsd.query.term import Term, scope_parser

TERM = Term(
    "text",
    "Words inside a document, and not in its name.",
    "text=warranty",
    scope_parser("text"),
    examples=("text='two years'",),
)
