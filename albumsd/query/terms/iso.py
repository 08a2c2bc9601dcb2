"""``iso=``: sensitivity."""

from __future__ import annotations

from albumsd.query.term import Term, range_parser

TERM = Term(
    "iso",
    "Sensitivity as an ISO number.",
    "iso=1600+",
    range_parser("iso", {"": 1}, whole=True, what="an ISO number such as 400"),
    ordered=True,
    examples=("iso=100..400",),
)
