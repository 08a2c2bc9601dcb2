"""``near=``: around a position, or around a place by its name.

Without a distance it is 1 km around a position (a walk away from what somebody pointed at) and 10 km around
a named place (whose one point stands for a town). Where several places of the library are called so, all are meant;
``near='paris, france'`` says which.
"""

from __future__ import annotations

import re

from albumsd.query.term import BadValue, Term, tokens
from albumsd.query.tree import NearPlace, Node, Within

POSITION_KM = 1.0
PLACE_KM = 10.0
_MOST_KM = 20_040.0
"""Half the way around the earth: everything with a position."""

_DEGREES = re.compile(r"[+-]?[0-9]{1,3}(?:\.[0-9]{1,12})?°?")
_KM = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,6})?)\s*(km|m)?")


def parse(value: str, _today: str) -> Node:
    parts = [part.strip() for part in value.split(",")]
    if len(parts) in (2, 3) and all(_DEGREES.fullmatch(part) for part in parts[:2]):
        lat, lon = (round(float(part.rstrip("°")), 6) + 0.0 for part in parts[:2])
        if abs(lat) > 90 or abs(lon) > 180:
            raise BadValue("latitude is -90 to 90, longitude -180 to 180")
        return Within(lat, lon, _km(parts[2]) if len(parts) == 3 else POSITION_KM)
    if len(parts) > 1 and _KM.fullmatch(parts[-1]):
        return NearPlace(_name(",".join(parts[:-1])), _km(parts[-1]))
    return NearPlace(_name(value), PLACE_KM)


def _name(text: str) -> tuple[str, ...]:
    found = tokens(text)
    if all(word.isdigit() for word in found):
        raise BadValue("near= needs latitude,longitude or the name of a place")
    return found


def _km(text: str) -> float:
    found = _KM.fullmatch(text)
    km = round(float(found[1]) / (1000 if found[2] == "m" else 1), 6) if found else 0.0
    if not 0 < km <= _MOST_KM:
        raise BadValue(f"{text!r} is not a distance in km, such as 5")
    return km


TERM = Term(
    "near",
    "Around a position (1 km) or a place (10 km); a last number says how many km.",
    "near=38.7,-9.1,5",
    parse,
    examples=("near=lisbon", "near='new york',25"),
)
