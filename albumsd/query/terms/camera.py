"""``camera=``: the words of make and model."""

from __future__ import annotations

from albumsd.query.term import Term, match_parser

TERM = Term(
    "camera",
    "Taken with a camera, by any words of its make and model.",
    "camera=pixel",
    match_parser("camera"),
    examples=("camera='canon eos'",),
)
