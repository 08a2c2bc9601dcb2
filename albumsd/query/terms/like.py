"""``like=``: ranked by likeness to a file of the library.

The file is named as it is shown, or by the beginning of its SHA-256. Which one that is, the library knows
(``albumsd.search.likeness``); here it is text.
"""

from __future__ import annotations

from albumsd.query.term import BadValue, Term
from albumsd.query.tree import Like, Node
from albumsd.query.writing import written


def parse(value: str, _today: str) -> Node:
    reference = " ".join(value.split())
    if written(reference) is None:
        raise BadValue("a name with both kinds of quotes in it cannot be typed; give the beginning of its SHA-256")
    return Like(reference)


TERM = Term(
    "like",
    "Looks like a file: its name, or 6 and more digits of its SHA-256. In search/ only.",
    "like=IMG_1.jpg",
    parse,
    aliases=("similar",),
    examples=("like='IMG 2.jpg' -tag=dog", "like=3fa81c date=2024"),
)
