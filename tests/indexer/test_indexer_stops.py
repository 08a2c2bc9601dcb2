"""Killed at any commit, the next indexer ends where an undisturbed one does; and the order of arrival changes no answer."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from albumsd.indexer import results
from albumsd.store import database as store_database
from albumsd.store import jobs
from albumsd.store.database import Database, Tx

Library = Any  # conftest.Library
OLD_NS = 1_500_000_000_000_000_000


class Killed(BaseException):
    """What no handler catches."""


class Mortal(Database):
    """Dies right after its n-th commit from ``arm`` on."""

    __slots__ = ("commits", "last")

    def arm(self, last: int) -> None:
        self.commits, self.last = 0, last

    @contextmanager
    def write(self, *, durable: bool = False, patience_s: float | None = None) -> Iterator[Tx]:
        with super().write(durable=durable, patience_s=patience_s) as tx:
            yield tx
        if hasattr(self, "last"):
            self.commits += 1
            if self.commits == self.last:
                raise Killed


def answers(library: Library) -> dict[str, Any]:
    """All that a person could see, without ids and without the names of assets."""
    ask = library.database.all
    label = "hex(a.sha256)"
    return {
        "files": sorted(
            ask(
                f'SELECT d.path, f.name, f.missing_ns IS NULL, {label}, hex(a.sha256), a.kind, a.local, a."offset", a.origin,'
                " a.year, a.month, a.country, a.city, a.rating, a.problem, a.copies, a.size FROM file f"
                " JOIN folder d ON d.id=f.folder JOIN asset a ON a.id=f.asset"
            )
        ),
        "facets": sorted(
            ask(f"SELECT {label}, x.facet, x.value FROM asset_facet x JOIN asset a ON a.id=x.asset WHERE a.live")
        ),
        "folders": sorted(ask("SELECT path, shown FROM folder")),
        "live": sorted(ask("SELECT hex(sha256) FROM asset WHERE live")),
        "provisional": ask("SELECT count(*) FROM asset WHERE sha256 IS NULL"),
        "words": sorted(
            (sha, path, context, body)
            for sha, path, context, body in ask(
                "SELECT hex(a.sha256), t.path, t.context, t.body FROM document t JOIN asset a ON a.id=t.asset WHERE a.live"
            )
        ),
        "jobs": sorted(
            ask("SELECT hex(a.sha256), j.stage, j.state FROM job j JOIN asset a ON a.id=j.asset WHERE a.live")
        ),
        "integrity": ask("PRAGMA integrity_check") + ask("PRAGMA foreign_key_check"),
    }


def names(library: Library) -> list[Any]:
    """Names of what lies in one place only: which of two twins keeps its name is decided by who was hashed first."""
    return sorted(library.database.all("SELECT name, hex(sha256) FROM asset WHERE live AND copies=1"))


def fill(library: Library) -> None:
    for number in range(6):
        library.put(f"2019/IMG_{number}.jpg")
    library.put("2020/IMG_1.jpg", "another with that name")
    library.put("copy/one.jpg", "2019/IMG_0.jpg")  # the content of IMG_0
    library.put("docs/letter.txt", "warranty")
    library.put("docs/page.jpg")
    library.put("a/b/c/deep.jpg")
    library.put("a/b/c/deep.jpg.xmp")
    library.decoders.facts[b"deep.jpg.xmp"] = {"rating": 3}
    library.decoders.facts[b"IMG_3.jpg"] = {"position": [38.7139, -9.1334, None]}
    library.decoders.problems[b"IMG_4.jpg"] = [("preview", "corrupt")]


def disturb(library: Library) -> None:
    library.move("2019", "Lisbon 2019")
    library.put("2020/IMG_1.jpg", "other content now", mtime_ns=OLD_NS + 10**10)
    library.move("a/b/c/deep.jpg", "x")
    library.move("docs/page.jpg", "a/b/c/deep.jpg")
    library.move("x", "docs/page.jpg")
    (library.root / "copy/one.jpg").unlink()
    library.put("new/p.jpg")
    library.put("new/q.jpg", "2019/IMG_2.jpg")


def indexed(library: Library) -> None:
    library.index()
    assert jobs.open_count(library.database) == 0


@pytest.mark.slow
@pytest.mark.parametrize("act", ["first", "second"])
def test_killed_at_every_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, library: Library, act: str) -> None:
    monkeypatch.setattr(store_database, "BATCH_S", 0.0)  # every row a transaction of its own: many places to die
    monkeypatch.setattr(results, "BATCH_S", 0.0)
    make = type(library)
    fill(library)
    if act == "second":
        indexed(library)
        disturb(library)
        saved = tmp_path / "saved"
        library.database.value("PRAGMA wal_checkpoint(TRUNCATE)")
        shutil.copytree(library.config.library, saved)
    indexed(library)
    wanted, wanted_names = answers(library), names(library)
    library.database.close()
    stops = 0
    while True:
        shutil.rmtree(library.config.library)
        if act == "second":
            shutil.copytree(saved, library.config.library)
        mortal = Mortal(library.config.database, create=True)
        victim = make(library.folder, database=mortal)
        victim.decoders.facts, victim.decoders.problems = library.decoders.facts, {}
        victim.decoders.problems[b"IMG_4.jpg"] = [("preview", "corrupt")] * 2
        mortal.arm(stops + 1)
        try:
            victim.index()
        except Killed:
            stops += 1
            mortal.close()
        else:
            mortal.close()
            break
        heir = make(library.folder, database=Database(library.config.database))
        heir.decoders = victim.decoders
        indexed(heir)
        found, found_names = answers(heir), names(heir)
        heir.database.close()
        assert found_names == wanted_names or act == "second"
        for part, value in wanted.items():
            assert found[part] == value, f"{part} after a stop at commit {stops}"
    assert stops > 15
    library.database = Database(library.config.database)


@pytest.mark.slow
def test_the_order_of_arrival_changes_no_answer(tmp_path: Path, library: Library) -> None:
    """Dates, places, types, copies, words: the same in any order. Ids and which twin has the plain name may differ."""
    fill(library)
    library.put("dup/2015-03-04.jpg", "2019/IMG_5.jpg")
    library.put("dup/other.jpg", "2019/IMG_5.jpg", mtime_ns=OLD_NS - 10**15)
    files = sorted(path for path in library.root.rglob("*") if path.is_file())
    contents = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in files}
    indexed(library)
    wanted = answers(library)
    wanted.pop("jobs")
    for seed in range(4):
        order = list(contents)
        random.Random(seed).shuffle(order)
        other = type(library)(_folder(tmp_path / str(seed)))
        other.decoders.facts = library.decoders.facts
        other.decoders.problems[b"IMG_4.jpg"] = [("preview", "corrupt")]
        while order:
            for path in [order.pop() for _ in range(min(3, len(order)))]:
                data, mtime_ns = contents[path]
                other.put(os.fspath(path.relative_to(library.root)), data, mtime_ns=mtime_ns)
            indexed(other)
        found = answers(other)
        other.database.close()
        for part, value in wanted.items():
            assert found[part] == value, f"{part} with seed {seed}"


def _folder(path: Path) -> Path:
    path.mkdir()
    return path
