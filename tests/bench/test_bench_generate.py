"""The generated library is one that the store itself could have made."""

from __future__ import annotations

from pathlib import Path

import pytest

from albumsd.store import assets, status
from albumsd.store.database import Database

COUNT = 300


@pytest.fixture(scope="module")
def generated(tmp_path_factory):
    import generate

    return generate.generate(tmp_path_factory.mktemp("generated") / "library", COUNT)


def test_its_schema_is_the_schema(generated: Path, tmp_path: Path):
    everything = "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY 1, 2"
    with Database(tmp_path / "new" / "albumsd.db", create=True) as fresh, Database(generated) as made:
        assert made.all(everything) == fresh.all(everything)
        assert made.value("PRAGMA integrity_check") == "ok"
        assert made.all("PRAGMA foreign_key_check") == []


def test_the_store_computes_the_same_rows_again(generated: Path):
    tables = ("asset", "asset_facet", "document", "changes")
    with Database(generated) as made:
        before = {table: made.all(f"SELECT * FROM {table}") for table in tables}
        with made.write() as tx:
            for asset in range(1, COUNT + 1):
                assets.refresh(tx, asset)
        for table in tables:
            assert made.all(f"SELECT * FROM {table}") == before[table]


def test_every_word_of_a_document_is_in_the_index(generated: Path):
    with Database(generated) as made:
        words = made.value("SELECT body FROM document WHERE body <> '' LIMIT 1").split()
        asset = made.value("SELECT asset FROM document WHERE body <> '' LIMIT 1")
        for word in set(words):
            assert (asset,) in made.all("SELECT rowid FROM fts WHERE fts MATCH ?", (f'"{word}"',))


def test_its_status_counts_it(generated: Path):
    with Database(generated) as made:
        report = status.report(made)
    assert report["assets"] == COUNT
    assert report["provisional"] == 0
    assert sum(source["files"] for source in report["sources"]) == COUNT + COUNT // 100
    assert all(stage["open"] == 0 and stage["done"] == COUNT for stage in report["jobs"].values())


def test_two_runs_give_the_same_rows(generated: Path, tmp_path: Path):
    import generate

    again = generate.generate(tmp_path / "library", COUNT)
    timeless = "SELECT id, sha256, name, local, mtime_ns, camera, city, title, rating FROM asset ORDER BY id"
    with Database(generated) as one, Database(again) as other:
        assert one.all(timeless) == other.all(timeless)


def test_queries_differ_and_find_something(generated: Path):
    import world

    queries = world.text_queries(50)
    assert len(set(queries)) == 50
    with Database(generated) as made:
        found = [made.value("SELECT 1 FROM fts WHERE fts MATCH ? LIMIT 1", (" OR ".join(q.split()),)) for q in queries]
    assert any(found)
