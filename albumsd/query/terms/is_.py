"""``is=``: states of an asset, and the types under the name that comes to mind first."""

from __future__ import annotations

from albumsd.query.attributes import FLAGS
from albumsd.query.term import Term, choice
from albumsd.query.terms.type import CHOICES as TYPES
from albumsd.query.tree import Copies, Flag, Node, OneOf

_CHOICES = (
    {"duplicate": "duplicate", "duplicates": "duplicate"}
    | {name: name for name in FLAGS}
    | {"problems": "problem", "broken": "problem"}
    | {spelling: spelling.removesuffix("s") for spelling in TYPES}
)


def parse(value: str, _today: str) -> Node:
    name = choice(value, _CHOICES, "state")
    if name == "duplicate":
        return Copies(2)
    return Flag(name) if name in FLAGS else OneOf("type", TYPES[name])


TERM = Term(
    "is",
    "A state: duplicate (more than one copy), " + ", ".join(FLAGS) + "; or a type.",
    "is=duplicate",
    parse,
    examples=("is=screenshot", "-is=offline", "is=undated"),
)
