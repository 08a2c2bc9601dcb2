"""Around a point and around a place by its name: conditions on the position.

A band of latitudes comes from the index, the distance decides. It is taken on the sphere, so the antimeridian and
the poles are places like any other.
"""

from __future__ import annotations

import math

from .condition import ID, Condition, Mode

EARTH_KM = 6371.0088
"""Mean radius. Distances are those on a sphere: up to 0.5 % off."""


def within(lat: float, lon: float, km: float) -> Condition:
    """At most ``km`` from a point in degrees."""
    reach = math.degrees(km / EARTH_KM)
    return Condition(
        f"(a.lat BETWEEN ? AND ? AND {_distance('a', '?', '?')} <= ?)",
        (lat - reach, lat + reach, lat, lat, lon, km),
    )


def _distance(table: str, lat: str, lon: str) -> str:
    """Kilometres between ``table``'s position and a point: haversine; ``lat`` is used twice, then ``lon`` once."""
    half_lat = f"pow(sin(radians({table}.lat - {lat}) / 2), 2)"
    half_lon = f"pow(sin(radians({table}.lon - {lon}) / 2), 2)"
    chord = f"{half_lat} + cos(radians({lat})) * cos(radians({table}.lat)) * {half_lon}"
    return f"2 * {EARTH_KM} * asin(min(1, sqrt({chord})))"


_CENTRES = (
    "SELECT DISTINCT lat, lon FROM (SELECT lat, lon, tier, min(tier) OVER () AS best FROM (SELECT lat, lon,"
    " CASE WHEN has_words(city, ?) THEN 1 WHEN has_words(hood, ?) THEN 2"
    " WHEN has_words(country || ' ' || region || ' ' || city || ' ' || hood, ?) THEN 3 END AS tier"
    " FROM place) WHERE tier) WHERE tier = best"
)
"""Where a place's name may mean: cities called so, else neighbourhoods, else all places in something called so."""


def near_place(wanted: str, km: float, mode: Mode) -> Condition:
    """At most ``km`` from one of the points that the words of a place's name may mean."""
    reach = math.degrees(km / EARTH_KM)
    names = (wanted, wanted, wanted)
    if mode == "point":
        return Condition(
            f"EXISTS (SELECT 1 FROM ({_CENTRES}) p WHERE a.lat BETWEEN p.lat - ? AND p.lat + ?"
            f" AND {_distance('a', 'p.lat', 'p.lon')} <= ?)",
            (*names, reach, reach, km),
        )
    return Condition(
        f"({ID[mode]} IN (SELECT b.id FROM ({_CENTRES}) p CROSS JOIN asset b WHERE b.live AND b.lat BETWEEN p.lat - ?"
        f" AND p.lat + ? AND {_distance('b', 'p.lat', 'p.lon')} <= ?))",
        (*names, reach, reach, km),
    )
