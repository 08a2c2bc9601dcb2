"""``size=``: bytes."""

from __future__ import annotations

from albumsd.query.term import Term, range_parser

_UNITS = {"": 1, "b": 1, "kb": 1e3, "k": 1e3, "mb": 1e6, "m": 1e6, "gb": 1e9, "g": 1e9}
_UNITS |= {"kib": 2**10, "mib": 2**20, "gib": 2**30}

TERM = Term(
    "size",
    "Size of the file: a range, in bytes, kB, MB or GB.",
    "size=10mb+",
    range_parser("size", _UNITS, whole=True, exact=False, what="a size such as 500kb or 10mb"),
    ordered=True,
    examples=("size=1mb..5mb", "size<100kb"),
)
