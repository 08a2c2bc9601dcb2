"""Places: the points that misled other lookups, the search against a naive one, and the cache."""

from __future__ import annotations

import math
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from albumsd.media import places
from albumsd.media.places import Gazetteer


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("places")


@pytest.fixture(scope="module")
def gazetteer(cache: Path) -> Gazetteer:
    return Gazetteer.load(cache)


CITIES = [
    # name, latitude, longitude, country code, region, city, hood
    ("Eiffel Tower", 48.8584, 2.2945, "FR", "Île-de-France", "Paris", None),
    ("Montmartre", 48.8867, 2.3431, "FR", "Île-de-France", "Paris", "Saint-Vincent de Paul"),
    ("Vanves, in another county", 48.8206, 2.2876, "FR", "Île-de-France", "Paris", None),
    ("Empire State Building", 40.7484, -73.9857, "US", "New York", "New York City", "Times Square"),
    ("Sydney Opera House", -33.8568, 151.2153, "AU", "New South Wales", "Sydney", "The Rocks"),
    ("Corcovado", -22.9519, -43.2105, "BR", "Rio de Janeiro", "Rio de Janeiro", None),
    ("Cape Town", -33.9249, 18.4241, "ZA", "Western Cape", "Cape Town", None),
    ("Rondebosch", -33.963, 18.476, "ZA", "Western Cape", "Cape Town", "Rondebosch"),
    ("Reykjavik", 64.1466, -21.9426, "IS", "Capital Region", "Reykjavík", None),
    ("India Gate", 28.6129, 77.2295, "IN", "Delhi", "Delhi", "New Delhi"),
    ("St Peter's", 41.9022, 12.4539, "VA", None, "Vatican City", None),
    ("Annemasse, beside Geneva", 46.1934, 6.2349, "FR", "Auvergne-Rhône-Alpes", "Annemasse", None),
    ("Petite France", 48.5734, 7.7521, "FR", "Grand Est", "Strasbourg", None),
    ("Zermatt", 46.0207, 7.7491, "CH", "Valais", "Zermatt", None),
    ("Labasa", -16.4167, 179.3833, "FJ", "Northern", "Labasa", None),
    ("Tokyo Tower", 35.6586, 139.7454, "JP", "Tokyo", "Tokyo", "Shibakōen"),
    ("Alfama", 38.7118, -9.1300, "PT", "Lisbon", "Lisbon", "Alfama"),
    ("Belém, nearer to Algés", 38.6916, -9.2160, "PT", "Lisbon", "Lisbon", "Ajuda"),
    ("Kreuzberg", 52.4990, 13.4030, "DE", "State of Berlin", "Berlin", "Kreuzberg"),
    ("over the antimeridian", -16.80, -179.98, "FJ", "Northern", "Labasa", None),
]


@pytest.mark.parametrize(
    ("lat", "lon", "code", "region", "city", "hood"), [row[1:] for row in CITIES], ids=[row[0] for row in CITIES]
)
def test_known_points(
    gazetteer: Gazetteer, lat: float, lon: float, code: str, region: str | None, city: str, hood: str | None
) -> None:
    place = gazetteer.lookup(lat, lon)
    assert place is not None
    assert (place.country_code, place.region, place.city, place.hood) == (code, region, city, hood)


@pytest.mark.parametrize(
    ("lat", "lon"),
    [
        (35.0, -40.0),
        (90.0, 0.0),
        (-89.9, 10.0),
        (0.0, 0.0),
        (91.0, 0.0),
        (0.0, 181.0),
        (math.nan, 1.0),
        (1.0, math.inf),
    ],
)
def test_no_place(gazetteer: Gazetteer, lat: float, lon: float) -> None:
    assert gazetteer.lookup(lat, lon) is None


@pytest.mark.parametrize(
    ("lat", "lon", "country"),
    [
        (41.9022, 12.4539, "Vatican City"),
        (37.5512, 126.9882, "South Korea"),
        (50.0875, 14.4213, "Czechia"),
        (-21.11, 55.53, "Réunion"),
    ],
)
def test_country_names_are_the_usual_ones(gazetteer: Gazetteer, lat: float, lon: float, country: str) -> None:
    place = gazetteer.lookup(lat, lon)
    assert place is not None
    assert place.country == country


def test_distance_is_from_the_city(gazetteer: Gazetteer) -> None:
    place = gazetteer.lookup(48.8584, 2.2945)
    assert place is not None
    assert (place.lat, place.lon) == pytest.approx((48.85341, 2.3488), abs=1e-4)
    assert place.km == pytest.approx(4.01, abs=0.02)


def test_neighbourhood_equals_a_naive_search(gazetteer: Gazetteer) -> None:
    """Every place within a distance and no other, also at poles, antimeridian and edges of the bands."""
    rng = random.Random(1)
    points = [(rng.uniform(-90, 90), rng.uniform(-180, 180)) for _ in range(60)]
    points += [
        (-16.8, 179.99),
        (-16.8, -179.99),
        (65.0, 180.0),
        (65.0, -180.0),
        (89.7, 30.0),
        (-90.0, 0.0),
        (51.5, 0.0),
        (35.5, 139.5),
    ]
    everything = np.arange(len(gazetteer))
    found = 0
    for lat, lon in points:
        for km in (20.0, places.LIMIT_KM, 900.0):
            rows, distances = gazetteer._within(lat, lon, km)
            naive = gazetteer._km(lat, lon, everything)
            assert set(rows.tolist()) == set(np.flatnonzero(naive <= km).tolist()), (lat, lon, km)
            assert (distances <= km).all()
            found += len(rows)
    assert found > 10_000


def test_cache_is_used_and_gives_the_same(cache: Path, gazetteer: Gazetteer, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [path.suffix for path in cache.iterdir()] == [".npz"]

    def refuse(source: Path) -> dict[str, places.Column]:
        raise AssertionError("the cache was not used")

    monkeypatch.setattr(places, "_convert", refuse)
    again = Gazetteer.load(cache)
    assert len(again) == len(gazetteer) > 150_000
    assert again.lookup(38.7118, -9.13) == gazetteer.lookup(38.7118, -9.13)


@pytest.mark.parametrize("harm", ["cut", "flip", "empty", "foreign"])
def test_damaged_cache_is_made_again(
    cache: Path, gazetteer: Gazetteer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, harm: str
) -> None:
    good = next(cache.glob("*.npz"))
    data = bytearray(good.read_bytes())
    if harm == "cut":
        del data[len(data) // 2 :]
    elif harm == "flip":
        data[len(data) // 2] ^= 0xFF
    elif harm == "empty":
        data.clear()
    damaged = tmp_path / good.name
    damaged.write_bytes(data)
    if harm == "foreign":
        with damaged.open("wb") as file:
            np.savez(file, lat=np.zeros(3))
    columns = places._read(good)
    assert columns is not None
    monkeypatch.setattr(places, "_convert", lambda source: columns)
    assert Gazetteer.load(tmp_path).lookup(52.499, 13.403) == gazetteer.lookup(52.499, 13.403)
    assert damaged.read_bytes() == good.read_bytes()
    assert list(tmp_path.iterdir()) == [damaged]


def test_a_cache_that_cannot_be_written_is_no_error(
    cache: Path, gazetteer: Gazetteer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    columns = places._read(next(cache.glob("*.npz")))
    assert columns is not None
    monkeypatch.setattr(places, "_convert", lambda source: columns)
    (tmp_path / "file").write_bytes(b"")
    assert Gazetteer.load(tmp_path / "file" / "below").lookup(52.499, 13.403) is not None


def test_small_and_without_scipy(cache: Path, gazetteer: Gazetteer) -> None:
    """A process that only looks places up stays under 60 MB and does not load scipy."""
    code = (
        "import sys; from pathlib import Path; from albumsd.media.places import Gazetteer;"
        f"g = Gazetteer.load(Path({str(cache)!r})); assert g.lookup(35.6586, 139.7454).city == 'Tokyo';"
        "assert not any(name.split('.')[0] in ('scipy', 'reverse_geocode') for name in sys.modules);"
        "print(next(int(line.split()[1]) for line in open('/proc/self/status') if line.startswith('VmHWM')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert int(done.stdout) < 60 * 1024
