"""The life that the demo library tells: where somebody was from 2015 to 2024, with which camera, and what stood there.

``shots(seed)`` turns the tables into a list of ``Shot``, ordered by folder and time. Everything here is data and
arithmetic: no file is touched. Clock changes are avoided (nothing is shot in the last days of March and October), so
that two offsets a city are enough.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from .draw import COLOURS, COUNTS, OBJECTS, Scene
from .world import CITIES, City, Style

FIRST_YEAR, LAST_YEAR = 2015, 2024

ABSENT: frozenset[tuple[str, str]] = frozenset(
    {
        ("purple", "dog"),
        ("green", "cat"),
        ("pink", "car"),
        ("white", "fish"),
        ("blue", "flower"),
        ("orange", "umbrella"),
    }
)
"""Colours and objects that never meet in the library: a search for them has nothing to find."""


@dataclass(frozen=True, slots=True)
class Trip:
    folder: str
    city: str
    first_day: str
    days: int
    cameras: tuple[Style, ...]
    pictures: int


TRIPS: tuple[Trip, ...] = (
    Trip("Paris 2015", "Paris", "2015-05-08", 4, ("compact",), 12),
    Trip("Barcelona with Marta", "Barcelona", "2016-07-02", 6, ("compact", "dslr"), 14),
    Trip("Skiing Zermatt 2017", "Zermatt", "2017-02-04", 6, ("compact", "dslr"), 14),
    Trip("Holiday Lisbon 2018", "Lisbon", "2018-07-09", 9, ("compact", "dslr"), 22),
    Trip("London weekend", "London", "2018-11-16", 3, ("compact",), 9),
    Trip("New York 2019", "New York City", "2019-05-03", 7, ("dslr", "compact"), 16),
    Trip("Iceland ring road", "Reykjavík", "2019-09-06", 8, ("dslr", "compact"), 14),
    Trip("Marrakesh", "Marrakesh", "2020-02-08", 5, ("iphone", "dslr"), 12),
    Trip("Lisbon again 2021", "Lisbon", "2021-09-03", 5, ("iphone", "pixel"), 12),
    Trip("Cape Town 2022", "Cape Town", "2022-01-08", 10, ("pixel", "dslr", "iphone"), 18),
    Trip("Tokyo 2023", "Tokyo", "2023-04-02", 9, ("pixel", "iphone"), 18),
    Trip("Australia 2023-24", "Sydney", "2023-12-22", 12, ("pixel", "iphone"), 15),
    Trip("Rio", "Rio de Janeiro", "2024-06-14", 7, ("pixel", "iphone"), 12),
)
HOME = "Hamburg"
EVERYDAY_PER_YEAR = 7


@dataclass(frozen=True, slots=True)
class Shot:
    """One press of the button. ``when`` is the wall clock there, ``offset_h`` its distance from UTC in hours."""

    scene: Scene
    city: City
    lat: float
    lon: float
    when: datetime
    offset_h: int
    camera: Style
    folder: str
    seed: int

    @property
    def month(self) -> str:
        return f"{self.when:%Y-%m}"


def everyday_camera(year: int, rng: random.Random) -> Style:
    if year < 2018:
        return "compact"
    if year < 2020:
        return rng.choice(("compact", "dslr"))
    return rng.choice(("iphone", "pixel")) if year >= 2022 else "iphone"


_HOURS = {"morning": (6, 9), "noon": (11, 15), "evening": (18, 21)}


def scene_at(city: City, when: datetime, rng: random.Random) -> tuple[Scene, datetime]:
    """What stands there on that day, and the time of day at which the light is right."""
    grounds = [g for g in city.grounds if g != "snow" or when.month in (12, 1, 2, 3) or len(city.grounds) == 1] or [
        "road"
    ]
    light = rng.choice(list(_HOURS))
    colour, thing = rng.choice(list(COLOURS)), rng.choice(OBJECTS)
    while (colour, thing) in ABSENT:
        colour, thing = rng.choice(list(COLOURS)), rng.choice(OBJECTS)
    ground = rng.choice(grounds)
    if thing in ("boat", "fish") and "sea" in grounds and rng.random() < 0.7:
        ground = "sea"
    scene = Scene(rng.choices(COUNTS, (4, 3, 2, 2))[0], colour, thing, ground, light)
    first, last = _HOURS[light]
    return scene, when.replace(hour=rng.randrange(first, last), minute=rng.randrange(60), second=rng.randrange(60))


def _shot(city: City, day: datetime, camera: Style, folder: str, rng: random.Random) -> Shot:
    scene, when = scene_at(city, day, rng)
    lat, lon = rng.choice(city.points)
    return Shot(
        scene,
        city,
        round(lat + rng.uniform(-0.002, 0.002), 5),
        round(lon + rng.uniform(-0.002, 0.002), 5),
        when,
        city.offset(when),
        camera,
        folder,
        rng.randrange(1 << 30),
    )


def shots(seed: int) -> list[Shot]:
    """The whole story, about 260 shots, no two in the same second."""
    rng = random.Random(f"story {seed}")
    out: list[Shot] = []
    for trip in TRIPS:
        start = datetime.fromisoformat(trip.first_day)
        for _ in range(trip.pictures):
            day = start + timedelta(days=rng.randrange(trip.days))
            out.append(_shot(CITIES[trip.city], day, rng.choice(trip.cameras), trip.folder, rng))
    for year in range(FIRST_YEAR, LAST_YEAR + 1):
        for _ in range(EVERYDAY_PER_YEAR):
            day = datetime(year, rng.randrange(1, 13), rng.randrange(1, 24))
            out.append(_shot(CITIES[HOME], day, everyday_camera(year, rng), f"Camera Roll/{year}", rng))
    out.sort(key=lambda shot: (shot.folder, shot.when))
    seen: set[datetime] = set()
    return [shot for shot in out if shot.when not in seen and not seen.add(shot.when)]  # type: ignore[func-returns-value]
