"""``path=``: words that stand together in a path."""

from __future__ import annotations

from albumsd.query.term import Term, scope_parser

TERM = Term(
    "path",
    "Words of the file's name and the folders above it.",
    "path=holiday",
    scope_parser("path"),
    aliases=("folder",),
    examples=("path=holiday∕2024", "path=img_12*"),
)
