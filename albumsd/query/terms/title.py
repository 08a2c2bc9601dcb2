"""``title=``: words of title, description, caption and tags."""

from __future__ import annotations

from albumsd.query.term import Term, scope_parser

TERM = Term(
    "title",
    "Words of title, description, caption or tags, a model's too.",
    "title=birthday",
    scope_parser("title"),
)
