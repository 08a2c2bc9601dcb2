"""A small library with every kind of row in it, and what a query tree means, said a second time without SQL."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from albumsd.core.names import name_key
from albumsd.core.words import words
from albumsd.query import tree
from albumsd.store.database import Database, Reader, Tx, open_library

PLACES = [
    ("Portugal", "Lisboa", "Lisbon", "", 38.72, -9.14),
    ("Portugal", "Lisboa", "Lisbon", "Alfama", 38.72, -9.14),
    ("Portugal", "Lisboa", "Sintra", "", 38.8, -9.38),
    ("Brazil", "Rio de Janeiro", "Rio de Janeiro", "Sintra", -22.9, -43.2),
    ("United States", "New York", "New York City", "", 40.71, -74.0),
    ("United States", "New York", "Buffalo", "", 42.88, -78.87),
    ("Monaco", "", "Monaco", "", 43.73, 7.42),
    ("Fiji", "Northern", "Labasa", "", -16.43, 179.37),
    ("Norway", "Svalbard", "Ny-Ålesund", "", 89.3, 11.9),
]
CAMERAS = ["Google Pixel 7", "Google Pixel 8 Pro", "Canon EOS R5", "SAMSUNG Ünï 1"]
LENSES = ["50mm f_1.8", "EF 24-70mm"]
TAGS = ["beach", "Summer Beach", "Łódź trip", "dog"]
TYPES = ["photos", "videos", "documents", "raw", "screenshots", "live-photos"]
WORDS = ["warranty", "letter", "dog", "beach", "lisbon", "lodz", "invoice", "2024", "washing", "machine"]
SOURCES = [("phone", "online"), ("Old Drive", "offline"), ("nas", "stalled")]
FOLDERS = ["", "2024/summer", "Old Stuff/Łódź"]
ORIGINS = ["exif", "gps", "name", "mtime"]


@dataclass
class Asset:
    """One asset as plain Python: ``columns`` as in the table, all else as sets and lists."""

    id: int
    columns: dict[str, Any]
    facets: set[tuple[str, str]] = field(default_factory=set)
    files: list[tuple[str, str, str]] = field(default_factory=list)  # source, folder, name
    told: dict[str, list[str]] = field(default_factory=dict)
    text: str | None = None
    document: dict[str, list[str]] = field(default_factory=dict)

    @property
    def live(self) -> bool:
        return bool(self.files)


@dataclass
class Library:
    path: Path
    assets: list[Asset]
    reader: Reader

    @property
    def live(self) -> list[Asset]:
        return [asset for asset in self.assets if asset.live]


def _draw(number: int, rng: random.Random) -> Asset:
    day = date(2019, 1, 1) + timedelta(days=rng.choice([0, 1, 100, 365, 730, 1100, 1826]) + rng.randrange(3))
    week = "{}-W{:02}".format(*day.isocalendar()[:2])
    place = rng.randrange(len(PLACES)) if rng.random() < 0.6 else None
    level = PLACES[place] if place is not None else (None,) * 6
    extension = rng.choice(["jpg", "JPG", "tar.gz", "pdf", ""])
    name = f"{rng.choice(['IMG', 'warranty letter', 'Łódź'])}_{number}" + (f".{extension}" if extension else "")
    columns: dict[str, Any] = {
        "sha256": None if rng.random() < 0.1 else number.to_bytes(32, "big"),
        "size": rng.choice([0, 10, 1000, 5_000_000]), "name": name, "name_key": name_key(name),
        "copies": rng.choice([1, 1, 2, 3]), "arrived_ns": number,
        "kind": rng.choice(["photo", "video", "document", "other"]), "local": f"{day}T10:00:{number % 60:02}",
        "origin": rng.choice(ORIGINS), "mtime_ns": number * 10**9, "year": str(day)[:4], "month": str(day)[:7],
        "week": week, "day": str(day), "mime": rng.choice([None, "image/jpeg", "application/pdf"]),
        "width": rng.choice([None, 640, 4000]), "height": rng.choice([None, 480, 3000]),
        "duration_s": rng.choice([None, 1.5, 90.0]), "rating": rng.choice([None, -1, 0, 1, 3, 5]),
        "camera": rng.choice([None, *CAMERAS]), "lens": rng.choice([None, *LENSES]),
        "aperture": rng.choice([None, 1.8, 8.0]), "shutter_s": rng.choice([None, 0.01]),
        "iso": rng.choice([None, 100, 800]), "focal_mm": rng.choice([None, 50.0]),
        "lat": level[4], "lon": level[5], "place": None if place is None else place + 1,
        "country": level[0], "region": level[1] or level[0], "city": level[2], "hood": level[3] or None,
        "title": rng.choice([None, "", "Dog on the beach"]), "problem": rng.choice([None, None, "truncated", "no-pixels"]),
    }  # fmt: skip
    if place is not None and rng.random() < 0.3:
        columns["lon"] = (columns["lon"] + 181.0 + rng.uniform(-1, 1)) % 360 - 180.0
    asset = Asset(number, columns)
    asset.facets |= {("type", rng.choice(TYPES)) for _ in range(2)} | {
        (facet, rng.choice(TAGS)) for facet in ("tag", "cluster", "person", "album") for _ in range(rng.randrange(3))
    }
    for copy in range(rng.choice([0, 1, 1, 1, 1, 2])):
        asset.files.append((rng.choice(SOURCES)[0], rng.choice(FOLDERS), f"{number}-{copy}.bin"))
    if not asset.files:
        asset.facets.add(("tag", "of nothing that is here"))
    asset.told = {
        key: [rng.choice(["Dog", "a warranty letter", ""]) for _ in range(rng.randrange(3))]
        for key in ("description", "caption")
    }
    asset.text = rng.choice([None, "", "x"])
    if rng.random() < 0.9:
        asset.document = {
            column: [rng.choice(WORDS) for _ in range(rng.randrange(5))]
            for column in ("title", "path", "context", "body", "suggested")
        }
        if number % 3 == 0:
            asset.document["title"] = [*words(name), *asset.document["title"]]
    return asset


def insert(tx: Tx, assets: list[Asset]) -> None:
    """Write ``assets`` and the places, sources and folders they need."""
    for place in PLACES:
        tx.run("INSERT INTO place(country, region, city, hood, lat, lon) VALUES (?, ?, ?, ?, ?, ?)", place)
    folders: dict[tuple[str, str], int] = {}
    for name, state in SOURCES:
        source = tx.insert("INSERT INTO source(name, path, added_ns) VALUES (?, ?, 1)", (name, f"/{name}".encode()))
        tx.run("INSERT INTO source_state(source, state) VALUES (?, ?)", (source, state))
        for path in FOLDERS:
            folders[name, path] = tx.insert(
                "INSERT INTO folder(source, parent, name, shown, path) VALUES (?, NULL, ?, ?, ?)",
                (source, path.encode(), path, path.encode()),
            )
    for asset in assets:
        row = {"id": asset.id, "live": int(asset.live), **asset.columns}
        tx.run(f"INSERT INTO asset({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", tuple(row.values()))
        tx.many("INSERT INTO asset_facet VALUES (?, ?, ?)", [(*facet, asset.id) for facet in sorted(asset.facets)])
        files = [
            tx.insert(
                "INSERT INTO file(folder, name, asset, size, mtime_ns, inode) VALUES (?, ?, ?, 1, 1, 0)",
                (folders[source, path], name.encode(), asset.id),
            )
            for source, path, name in asset.files
        ]
        for n, place_told in enumerate(["reading", "sidecar"][: 1 + bool(files)]):
            facts = {key: told[n] for key, told in asset.told.items() if len(told) > n}
            owner = asset.id if place_told == "reading" else files[0]
            tx.run(f"INSERT INTO {place_told} VALUES (?, ?)", (owner, json.dumps(facts)))
        if asset.text is not None:
            tx.run("INSERT INTO content_text VALUES (?, ?)", (asset.id, asset.text))
        if asset.document:
            columns = [" ".join(tokens) for tokens in asset.document.values()]
            length = sum(map(len, asset.document.values()))
            tx.run(
                "INSERT INTO document(asset, title, path, context, body, suggested, length) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (asset.id, *columns, length),
            )
            tx.run(
                "INSERT INTO fts(rowid, title, path, context, body, suggested) VALUES (?, ?, ?, ?, ?, ?)",
                (asset.id, *columns),
            )


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    """160 assets, some of them without a file (not live), some provisional, some without a document."""
    rng = random.Random(7)
    assets = [_draw(number, rng) for number in range(1, 161)]
    folder = tmp_path_factory.mktemp("library")
    with open_library(folder, create=True) as database:
        with database.write() as tx:
            insert(tx, assets)
        with database.reader() as reader:
            yield Library(folder, assets, reader)


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Database]:
    with open_library(tmp_path / "library", create=True) as database:
        yield database


# --------------------------------------------------------------------------- what a tree means


def values_of(asset: Asset, attribute: str) -> list[Any]:
    """The values of an attribute: none, one or several."""
    if attribute == "place":
        found = [asset.columns[level] for level in ("country", "region", "city", "hood")]
    elif attribute == "position":
        found = [asset.columns["lat"]]
    elif attribute in ("type", "tag", "cluster", "person", "album"):
        found = [value for facet, value in asset.facets if facet == attribute]
    elif attribute == "source":
        found = [source for source, _, _ in asset.files]
    elif attribute == "folder":
        found = [folder for _, folder, _ in asset.files]
    elif attribute == "extension":
        key = asset.columns["name_key"]
        found = [key.rpartition(".")[2] if "." in key else ""]
    elif attribute in ("description", "caption"):
        found = asset.told[attribute][: 1 + bool(asset.files)]
    elif attribute == "text":
        found = [asset.text]
    elif attribute == "week_year":
        found = [asset.columns["week"][:4]]
    elif attribute == "rating":
        found = [asset.columns["rating"]] if (asset.columns["rating"] or 0) >= 1 else []
    else:
        found = [asset.columns[attribute]]
    return [value for value in found if value not in (None, "")]


def _says(asset: Asset, node: tree.Text) -> bool:
    scope = {"title": ("title", "suggested"), "path": ("path",), "text": ("body",)}.get(node.scope or "")
    columns = [column for name, column in asset.document.items() if not scope or name in scope]
    if node.phrase:
        return any(_stands(column, node.words, node.prefix) for column in columns)
    whole = node.words[:-1] if node.prefix else node.words
    return all(any(word in column for column in columns) for word in whole) and (
        not node.prefix or any(token.startswith(node.words[-1]) for column in columns for token in column)
    )


def _stands(column: list[str], wanted: tuple[str, ...], prefix: bool) -> bool:
    for at in range(len(column) - len(wanted) + 1):
        piece = column[at : at + len(wanted)]
        if tuple(piece[:-1]) == wanted[:-1] and (
            piece[-1].startswith(wanted[-1]) if prefix else piece[-1] == wanted[-1]
        ):
            return True
    return False


def _km(lat: float, lon: float, other_lat: float, other_lon: float) -> float:
    """By vectors, not by haversine: two ways that must agree."""
    one, two = (
        (math.cos(math.radians(y)) * math.cos(math.radians(x)), math.cos(math.radians(y)) * math.sin(math.radians(x)),
         math.sin(math.radians(y)))
        for y, x in ((lat, lon), (other_lat, other_lon))
    )  # fmt: skip
    chord = math.dist(one, two)
    return 2 * 6371.0088 * math.asin(min(1.0, chord / 2))


def _within(asset: Asset, lat: float, lon: float, km: float) -> bool:
    here = asset.columns["lat"], asset.columns["lon"]
    return here[0] is not None and _km(lat, lon, *here) <= km + 1e-6


def _centres(wanted: set[str]) -> set[tuple[float, float]]:
    for which in (slice(2, 3), slice(3, 4), slice(0, 4)):
        found = {place[4:] for place in PLACES if wanted <= set(words(" ".join(place[which])))}
        if found:
            return found
    return set()


def referred(library: Library, reference: str) -> Asset | None:
    """The asset that ``like=`` means: by its whole name, else by its hash, else by how its title begins."""
    wanted = words(reference)
    for rule in (
        lambda asset: asset.columns["name_key"] == reference,
        lambda asset: len(reference) >= 6 and (asset.columns["sha256"] or b"").hex().startswith(reference),
        lambda asset: (
            bool(wanted)
            and bool(asset.document)
            and asset.document["title"][: len(wanted)] == wanted
            and set(wanted) <= set(words(asset.columns["name"]))
        ),
    ):
        found = [asset for asset in library.live if rule(asset)]
        if len(found) == 1:
            return found[0]
    return None


def evaluate(library: Library, node: tree.Node, asset: Asset) -> bool:
    """Whether a live asset is in the selection."""
    match node:
        case tree.Everything():
            return True
        case tree.Nothing():
            return False
        case tree.And(parts):
            return all(evaluate(library, part, asset) for part in parts)
        case tree.Or(parts):
            return any(evaluate(library, part, asset) for part in parts)
        case tree.Not(part):
            return not evaluate(library, part, asset)
        case tree.Text():
            return _says(asset, node)
        case tree.Equals(attribute, value) | tree.OneOf(attribute, value):
            return value in values_of(asset, attribute)
        case tree.Match("place", wanted):
            return set(wanted) <= set(words(" ".join(values_of(asset, "place"))))
        case tree.Match("text", wanted):
            return bool(asset.document) and set(wanted) <= set(asset.document["body"])
        case tree.Match(attribute, wanted):
            return any(set(wanted) <= set(words(value)) for value in values_of(asset, attribute))
        case tree.Range(attribute, low, high):
            return any(
                (low is None or low <= value) and (high is None or value <= high)
                for value in values_of(asset, attribute)
            )
        case tree.Has(attribute):
            return bool(values_of(asset, attribute))
        case tree.Flag("offline"):
            return all(dict(SOURCES)[source] != "online" for source, _, _ in asset.files)
        case tree.Flag("undated"):
            return asset.columns["origin"] == "mtime"
        case tree.Flag("provisional"):
            return asset.columns["sha256"] is None
        case tree.Flag("problem"):
            return asset.columns["problem"] is not None
        case tree.Within(lat, lon, km):
            return _within(asset, lat, lon, km)
        case tree.NearPlace(wanted, km):
            return any(_within(asset, lat, lon, km) for lat, lon in _centres(set(wanted)))
        case tree.Newest(count):
            return asset.id in [found.id for found in library.live][-count:] if count > 0 else False
        case tree.SameDay(month_day):
            return bool(asset.columns["day"][5:] == month_day)
        case tree.Copies(minimum):
            return bool(asset.columns["copies"] >= minimum)
        case tree.Like(reference):
            return asset is referred(library, reference)
    raise AssertionError(node)


@pytest.fixture(scope="session")
def selected(library: Library) -> Callable[[tree.Node], list[int]]:
    """The ids in a selection, ascending, by the naive loop."""
    return lambda node: [asset.id for asset in library.live if evaluate(library, node, asset)]


@pytest.fixture(scope="session")
def shown_values(library: Library) -> Callable[[tree.Node, str], list[str]]:
    """The distinct values of an attribute in a selection, ascending, by the naive loop."""
    return lambda node, attribute: sorted(
        {value for asset in library.live if evaluate(library, node, asset) for value in values_of(asset, attribute)}
    )
