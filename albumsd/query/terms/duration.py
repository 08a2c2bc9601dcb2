"""``duration=``: how long a video runs."""

from __future__ import annotations

from albumsd.query.term import Term, range_parser

_UNITS = {"": 1, "s": 1, "sec": 1, "m": 60, "min": 60, "h": 3600}

TERM = Term(
    "duration",
    "Length of a video: a range, in seconds (s), minutes (min) or hours (h).",
    "duration=1min+",
    range_parser("duration_s", _UNITS, whole=False, exact=False, what="a length such as 30s, 2min or 1h"),
    ordered=True,
    examples=("duration=10s..30s", "duration<5"),
)
