"""A library of any size, made of rows alone: what a source of N files would have left in the database.

Straight into the tables of ``store/schema.sql``, past the indexer: a million assets in a minute or two. Everything
follows from the number of an asset and ``world.SEED``, so two runs give the same rows. The shape is that of a person's
library: 20 years, one busy month of up to 10,000, a folder per day, 300 cities, ten cameras, tags and titles with a
vocabulary whose words are as unevenly common as those of a language, 4 % documents with text, 1 % exact duplicates in
a second source. What the store would have computed (``assets.refresh``, ``documents.refresh``) is computed here the
same way; a test asks the store to do it again and finds nothing changed.

Indexes are dropped while rows come in and made again from their own text; the result has exactly the schema. No file of
the two sources exists: their folders do, so that they can be called online.

    python contrib/bench/generate.py LIBRARY COUNT
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

from world import SEED, World

from albumsd.core import moments
from albumsd.core.facts import CaptureTime
from albumsd.core.words import words
from albumsd.store import changes, tally
from albumsd.store.database import Database

BUSY_MONTH = "2019-07"
BUSY = 10_000
FIRST_YEAR, YEARS = 2005, 20
BATCH = 25_000
STAGES = ("facts", "hash", "place", "preview")
CAMERAS = (
    ("samsung", "SM-S921U"), ("Google", "Pixel 7"), ("Apple", "iPhone 13"), ("Apple", "iPhone 6s"), ("Canon", "EOS R6"),
    ("NIKON", "D750"), ("SONY", "ILCE-7M3"), ("FUJIFILM", "X-T3"), ("Panasonic", "DC-G9"), ("OLYMPUS", "E-M10"),
)  # fmt: skip


class Rows:
    """Rows of one batch, by table, as their INSERT wants them."""

    SQL = {
        "asset": "INSERT INTO asset(id, sha256, size, name, name_key, live, copies, arrived_ns, kind, local,"
        ' "offset", origin, mtime_ns, year, month, week, day, mime, width, height, duration_s, rating, camera,'
        " lens, aperture, shutter_s, iso, focal_mm, lat, lon, place, country, region, city, hood, title)"
        f" VALUES ({', '.join('?' * 36)})",
        "file": "INSERT INTO file(folder, name, asset, size, mtime_ns, inode) VALUES (?, ?, ?, ?, ?, ?)",
        "asset_facet": "INSERT INTO asset_facet VALUES (?, ?, ?)",
        "reading": "INSERT INTO reading VALUES (?, ?)",
        "preview": "INSERT INTO preview VALUES (?, ?, ?, ?, ?, NULL)",
        "content_text": "INSERT INTO content_text VALUES (?, ?)",
        "document": "INSERT INTO document(asset, title, path, context, body, length) VALUES (?, ?, ?, ?, ?, ?)",
        "fts": "INSERT INTO fts(rowid, title, path, context, body) VALUES (?, ?, ?, ?, ?)",
    }

    def __init__(self) -> None:
        self.of: dict[str, list[tuple[Any, ...]]] = {table: [] for table in self.SQL}

    def insert(self, database: Database) -> None:
        self.of["asset_facet"].sort()
        for table, sql in self.SQL.items():
            database.many(sql, self.of[table])


def _days(count: int) -> Iterator[tuple[int, int, int]]:
    """``count`` calendar days in no order: those of the busy month among all others, which have no such month."""
    chance = random.Random(SEED + 2)
    busy_year, busy_month = int(BUSY_MONTH[:4]), int(BUSY_MONTH[5:])
    busy = min(BUSY, count // 3)
    every = count // busy if busy else 0
    for n in range(count):
        if every and n % every == 0 and n < busy * every:
            yield busy_year, busy_month, chance.randint(1, 31)
        else:
            month = chance.randint(1, 11)
            yield FIRST_YEAR + chance.randrange(YEARS), month + (month >= busy_month), chance.randint(1, 28)


class Folders:
    """Folder rows of one source, made when first asked for."""

    def __init__(self, database: Database, source: int) -> None:
        self._database, self._source = database, source
        self._known: dict[str, int] = {}
        self.root = self._make(None, "", "")

    def _make(self, parent: int | None, name: str, path: str) -> int:
        new = self._database.insert(
            "INSERT INTO folder(source, parent, name, shown, path) VALUES (?, ?, ?, ?, ?)",
            (self._source, parent, name.encode(), name, path.encode()),
        )
        self._known[path] = new
        return new

    def at(self, path: str) -> int:
        found = self._known.get(path)
        if found is None:
            above, _, name = path.rpartition("/")
            found = self._make(self.at(above), name, path)
        return found


class Maker:
    """Turns numbers into rows."""

    def __init__(self, database: Database, arrived_ns: int) -> None:
        self.world = World()
        self._arrived_ns = arrived_ns
        self._chance = random.Random(SEED + 3)
        self._folders = Folders(database, 1)
        self._copies = Folders(database, 2)
        self._calendars: dict[str, tuple[moments.Calendar, int]] = {}

    def _calendar(self, day: str) -> tuple[moments.Calendar, int]:
        found = self._calendars.get(day)
        if found is None:
            noon = f"{day}T00:00:00"
            found = self._calendars[day] = (
                moments.calendar(noon), moments.moment_ns(CaptureTime(noon, "+01:00", "exif"))
            )  # fmt: skip
        return found

    def add(self, rows: Rows, asset: int, date: tuple[int, int, int]) -> None:
        chance, world = self._chance, self.world
        day = f"{date[0]}-{date[1]:02d}-{date[2]:02d}"
        calendar, midnight_ns = self._calendar(day)
        second = chance.randrange(86_400)
        local = f"{day}T{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}"
        moment = midnight_ns + second * 1_000_000_000
        share = chance.random()
        kind, mime, name = (
            ("document", "application/pdf", f"SCAN_{asset:07d}.pdf") if share < 0.04
            else ("video", "video/mp4", f"VID_{asset:07d}.mp4") if share < 0.10
            else ("photo", "image/jpeg", f"IMG_{asset:07d}.jpg")
        )  # fmt: skip
        taken = kind != "document"
        facts: dict[str, Any] = {
            "kind": kind, "mime": mime, "captured": {"local": local, "offset": "+01:00", "origin": "exif"}
        }  # fmt: skip
        make, model = CAMERAS[asset % 7 * asset % len(CAMERAS)] if taken else ("", "")
        camera = f"{make} {model}" if taken else None
        aperture = shutter = iso = focal = duration = rating = title = place = None
        lat = lon = None
        width, height = (4000, 3000) if taken else (None, None)
        if taken:
            facts |= {"width": width, "height": height, "camera": {"make": make, "model": model, "lens": None}}
        if kind == "photo":
            aperture, shutter, iso, focal = 1.8, 1 / (asset % 900 + 30), 50 << asset % 7, 5.4
            facts["exposure"] = {"aperture": aperture, "shutter_s": shutter, "iso": iso, "focal_mm": focal}
        elif kind == "video":
            duration = facts["duration_s"] = float(asset % 90 + 2)
        city = chance.choice(world.cities) if taken and chance.random() < 0.8 else None
        if city:
            place = world.cities.index(city) + 1
            lat = round(city.lat + chance.uniform(-0.02, 0.02), 6)
            lon = round(city.lon + chance.uniform(-0.02, 0.02), 6)
            facts["position"] = {"lat": lat, "lon": lon}
        if asset % 50 == 0:
            rating = facts["rating"] = asset // 50 % 6
        tags = world.some_tags(chance, chance.randint(1, 3)) if chance.random() < 0.3 else []
        if tags:
            facts["tags"] = tags
        if chance.random() < 0.12:
            title = facts["title"] = " ".join(world.some_words(chance, chance.randint(2, 6)))
        if chance.random() < 0.15:
            facts["description"] = " ".join(world.some_words(chance, chance.randint(5, 20)))
        body = " ".join(world.some_words(chance, 120)) if kind == "document" else ""
        folder = f"{day[:4]}/{day}"
        size = chance.randrange(1_500_000, 6_000_000)
        twice = asset % 100 == 0
        rows.of["asset"].append((
            asset, sha256(asset.to_bytes(8, "big")).digest(), size, name, name.lower(), 1, 1 + twice,
            self._arrived_ns + asset, kind, local, "+01:00", "exif", moment, *calendar, mime, width, height, duration,
            rating, camera, None, aperture, shutter, iso, focal, lat, lon, place,
            *(city[:3] if city else (None, None, None)), None, title,
        ))  # fmt: skip
        rows.of["file"].append((self._folders.at(folder), name.encode(), asset, size, moment, 1_000 + asset))
        places = [f"photos {folder} {name}"]
        if twice:
            rows.of["file"].append((self._copies.at(day[:4]), name.encode(), asset, size, moment, 1_000 + asset))
            places.append(f"backup {day[:4]} {name}")
        rows.of["asset_facet"].append(("type", {"photo": "photos", "video": "videos"}.get(kind, "documents"), asset))
        rows.of["asset_facet"] += [("tag", tag, asset) for tag in tags]
        rows.of["reading"].append((asset, json.dumps(facts)))
        if taken:
            rows.of["preview"].append((asset, 90_000 + asset % 9_000, 9_000, 1600, 1200))
        if body:
            rows.of["content_text"].append((asset, body))
        columns = (
            words(" ".join([name, *(facts[key] for key in ("title", "description") if key in facts), *tags])),
            words(" ".join(places)),
            words(" ".join(part for part in (*(city[:3] if city else ()), camera, day) if part)),
            body.split(),
        )
        texts = tuple(" ".join(column) for column in columns)
        rows.of["document"].append((asset, *texts, sum(map(len, columns))))
        rows.of["fts"].append((asset, *texts))


def generate(library: Path, count: int) -> Path:
    """Make ``library`` (which must not exist) with ``count`` assets; the database's path. Its sources lie beside it."""
    database = library / "albumsd.db"
    with Database(database, create=True) as store:
        store.run("PRAGMA journal_mode=OFF")
        for pragma in ("synchronous=OFF", "foreign_keys=OFF", "cache_size=-524288"):
            store.run(f"PRAGMA {pragma}")
        indexes = store.all("SELECT name, sql FROM sqlite_master WHERE type='index' AND sql IS NOT NULL")
        store.run("BEGIN")
        for name, _ in indexes:
            store.run(f"DROP INDEX {name}")
        _sources(store, library)
        maker = Maker(store, time.time_ns())
        store.many(
            "INSERT INTO place(id, country, region, city, hood, lat, lon) VALUES (?, ?, ?, ?, '', ?, ?)",
            ((number, *city) for number, city in enumerate(maker.world.cities, 1)),
        )
        rows = Rows()
        for asset, day in enumerate(_days(count), 1):
            maker.add(rows, asset, day)
            if asset % BATCH == 0:
                rows.insert(store)
                rows = Rows()
                store.run("COMMIT")
                store.run("BEGIN")
        rows.insert(store)
        for stage in STAGES:
            store.run(
                "INSERT INTO job(asset, stage, version, state, priority)"
                " SELECT id, ?, 1, 'done', year * 372 + substr(month, 6) * 31 + substr(day, 9) FROM asset",
                (stage,),
            )
        for _, sql in indexes:
            store.run(sql)
        tally.recount(store)
        changes.record(store, "arrived", 1, count)
        store.run("COMMIT")
        store.run("PRAGMA journal_mode=WAL")
    return database


def _sources(store: Database, library: Path) -> None:
    for number, name in enumerate(("photos", "backup"), 1):
        folder = library.parent / f"{library.name}-{name}"
        folder.mkdir(parents=True, exist_ok=True)
        store.run("INSERT INTO source VALUES (?, ?, ?, ?)", (number, name, os.fsencode(folder), time.time_ns()))
        store.run(
            "INSERT INTO source_state(source, state, volume, inodes, scan_done) VALUES (?, 'online', ?, 1, 1)",
            (number, f"generated-{name}"),
        )


def main(arguments: list[str]) -> int:
    """``generate.py LIBRARY COUNT``"""
    if len(arguments) != 2 or not arguments[1].isdigit():
        print(__doc__)
        return 2
    began = time.monotonic()
    database = generate(Path(arguments[0]).absolute(), int(arguments[1]))
    print(f"{database}: {database.stat().st_size / 1e6:,.0f} MB in {time.monotonic() - began:.1f} s")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
