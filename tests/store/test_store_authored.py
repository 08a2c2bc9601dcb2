"""store.authored: before a migration, what a person made is in a plain file; and what counts as that."""

from __future__ import annotations

import errno
import json
import os
import re
from pathlib import Path
from typing import Any

import apsw
import pytest

from albumsd.core.errors import LibraryNotSaved
from albumsd.store import authored, database, migrations
from albumsd.store.database import Database

RELEASED = Path(__file__).with_name("released")
SHA = bytes(range(32))


def library(tmp_path: Path, version: int) -> Path:
    """A library of that release, with a row in each authored table; its database."""
    path = tmp_path / f"v{version}" / "albumsd.db"
    path.parent.mkdir()
    with apsw.Connection(os.fspath(path)) as old:
        old.execute((RELEASED / f"{version}.sql").read_text("utf-8"))
        old.execute("INSERT INTO source(id, name, path, added_ns) VALUES (3, 'Łódź', ?, 17)", ("/a/Łódź".encode(),))
        old.execute(
            "INSERT INTO succession(id, old, new, source, path, at_ns) VALUES (1, ?, ?, 'Łódź', ?, 18)",
            (SHA, b"\xff" + SHA[1:], b"odd \xff\n.jpg"),
        )
        old.execute(f"PRAGMA user_version={version}")
    old.close()
    return path


def exported(path: Path) -> list[Path]:
    return sorted((path.parent / "backups").glob("*"))


ROWS = {
    "source": [{"id": 3, "name": "Łódź", "path": {"hex": "2f612fc581c3b364c5ba", "text": "/a/Łódź"}, "added_ns": 17}],
    "succession": [
        {
            "id": 1, "old": {"hex": SHA.hex()}, "new": {"hex": "ff" + SHA[1:].hex()}, "source": "Łódź",
            "path": {"hex": "6f646420ff0a2e6a7067"}, "at_ns": 18, "undone_ns": None,
        }
    ],
}  # fmt: skip


def test_every_authored_table_is_exported(tmp_path: Path) -> None:
    """A table says in the schema what it is, on its first line; one that says nothing is found by another test."""
    marked = [line for line in database.schema().splitlines() if line.startswith("CREATE") and "AUTHORED" in line]
    names = [re.split(r"[ (]+", line)[2] for line in marked]
    assert names
    assert list(authored.tables()) == names
    assert set(ROWS) == set(names), "a new authored table needs rows here"
    Database(tmp_path / "albumsd.db", create=True).close()
    with Database(tmp_path / "albumsd.db") as new:
        assert set(authored.rows(new)) == set(names)


def test_a_library_of_version_1_is_saved_before_it_is_migrated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = library(tmp_path, 1)
    monkeypatch.setenv("ALBUMSD_NOW", "2024-04-13T18:22:05")
    steps = dict(migrations.STEPS)

    def look(tx: Any) -> None:
        assert [file.name for file in exported(path)] == ["authored-v1-20240413T182205Z.json"]
        steps[1](tx)

    monkeypatch.setitem(migrations.STEPS, 1, look)
    os.umask(old := os.umask(0))
    try:
        os.umask(0)
        Database(path).close()
    finally:
        os.umask(old)
    (file,) = exported(path)
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    told = json.loads(file.read_text("ascii"))
    assert told == {"what": authored.WHAT, "schema": 1, "written": "2024-04-13T18:22:05Z", "tables": ROWS}
    Database(path).close()
    assert exported(path) == [file], "nothing more to migrate, nothing more to save"


def test_a_new_library_has_nothing_to_save(tmp_path: Path) -> None:
    Database(tmp_path / "albumsd.db", create=True).close()
    assert not (tmp_path / "backups").exists()


def test_what_cannot_be_saved_is_not_migrated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = library(tmp_path, 1)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", full)
        with pytest.raises(LibraryNotSaved, match="No space left"):
            Database(path)
    with apsw.Connection(os.fspath(path)) as old:
        assert old.execute("PRAGMA user_version").fetchone() == (1,)
    old.close()
    assert [file for file in exported(path) if file.suffix == ".json"] == []
    Database(path).close()
    assert [file.suffix for file in exported(path)] == [".json"]


def test_trying_again_and_again_leaves_one_file_for_the_same_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = library(tmp_path, 1)
    with monkeypatch.context() as broken:

        def fail(_: object) -> None:
            raise RuntimeError("a step that fails")

        broken.setitem(migrations.STEPS, 1, fail)
        for second in range(3):
            broken.setenv("ALBUMSD_NOW", f"2024-04-13T18:22:0{second}")
            with pytest.raises(RuntimeError):
                Database(path)
            assert [file.name for file in exported(path)] == ["authored-v1-20240413T182200Z.json"]
        with apsw.Connection(os.fspath(path)) as old:
            old.execute("DELETE FROM succession")
        old.close()
        broken.setenv("ALBUMSD_NOW", "2024-04-14T00:00:00")
        with pytest.raises(RuntimeError):
            Database(path)
    assert len(exported(path)) == 2
