"""``type=``: the folders of by-type/."""

from __future__ import annotations

from albumsd.query.attributes import TYPES
from albumsd.query.term import Term, choice
from albumsd.query.tree import Node, OneOf

CHOICES = (
    {name: name for name in TYPES}
    | {name.removesuffix("s"): name for name in TYPES}
    | {"picture": "photos", "pictures": "photos", "image": "photos", "images": "photos", "movie": "videos"}
    | {"movies": "videos", "live": "live-photos", "others": "other"}
)
"""Spelling -> type. Singular and plural mean the same."""


def parse(value: str, _today: str) -> Node:
    return OneOf("type", choice(value, CHOICES, "type"))


TERM = Term(
    "type",
    "What it is: " + ", ".join(TYPES) + ".",
    "type=videos",
    parse,
    aliases=("types",),
    examples=("type=photo", "type=live-photos"),
)
