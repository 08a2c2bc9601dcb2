"""``has=``: something is known about it."""

from __future__ import annotations

from albumsd.query.term import Term, choice
from albumsd.query.tree import Flag, Has, Node, Not

_NAMES = (
    "position", "place", "camera", "lens", "tag", "person", "album", "rating", "title", "description", "caption", "text"
)  # fmt: skip
_CHOICES = (
    {name: name for name in (*_NAMES, "date")}
    | {"gps": "position", "location": "position", "tags": "tag", "people": "person", "persons": "person"}
    | {"albums": "album", "stars": "rating", "words": "text"}
)


def parse(value: str, _today: str) -> Node:
    name = choice(value, _CHOICES, "attribute")
    return Not(Flag("undated")) if name == "date" else Has(name)


TERM = Term(
    "has",
    "Something is known of it: " + ", ".join(_NAMES) + ", date (more than a guess).",
    "has=position",
    parse,
    examples=("-has=place", "has=caption"),
)
