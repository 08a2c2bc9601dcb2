"""A library without a disk behind it: sources are rows, files are what a directory would have said."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from albumsd.core.facts import Facts
from albumsd.store import assets, changes, database, files
from albumsd.store.database import Database

NOON = 1_713_009_600_000_000_000  # 2024-04-13T12:00:00Z


@pytest.fixture(scope="session")
def empty_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library as it is made, to be copied."""
    folder = tmp_path_factory.mktemp("empty") / "library"
    database.open_library(folder, create=True).close()
    return folder


class Made:
    """One library with the source ``photos``; ``a`` and ``b`` are short words for what a scan and a stage do."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.db: Database = database.open_library(folder)
        self.source = self.add_source("photos")

    def add_source(self, name: str, path: str | None = None) -> int:
        with self.db.write() as tx:
            new = tx.insert(
                "INSERT INTO source(name, path, added_ns) VALUES (?, ?, 1)", (name, (path or f"/disk/{name}").encode())
            )
            tx.run("INSERT INTO source_state(source, state) VALUES (?, 'online')", (new,))
            files.ensure_folder(tx, new, b"")
        return new

    def arrive(
        self, *paths: bytes | str, size: int = 1000, mtime_ns: int = NOON, inode: int = 0, source: int = 0
    ) -> list[int]:
        """New files, all of one folder or each in its own; their provisional assets in order."""
        found = []
        for path in paths:
            raw = path if isinstance(path, bytes) else path.encode()
            folder, _, name = raw.rpartition(b"/")
            with self.db.write() as tx:
                folder_id = files.ensure_folder(tx, source or self.source, folder)
                files.arrive(tx, folder_id, folder, [files.Entry(name, size, mtime_ns, inode)], 1)
            found.append(self.asset(raw, source))
        return found

    def file(self, path: bytes | str, source: int = 0) -> int:
        raw = path if isinstance(path, bytes) else path.encode()
        folder, _, name = raw.rpartition(b"/")
        found = self.db.value(
            "SELECT f.id FROM file f JOIN folder d ON d.id=f.folder WHERE d.source=? AND d.path=? AND f.name=?",
            (source or self.source, folder, name),
        )
        assert found is not None, path
        return int(found)

    def asset(self, path: bytes | str, source: int = 0) -> int:
        return int(self.db.value("SELECT asset FROM file WHERE id=?", (self.file(path, source),)))

    def known(self, path: bytes | str, source: int = 0) -> files.Known:
        rows = self.db.all(
            "SELECT id, name, size, mtime_ns, inode, asset, missing_ns FROM file WHERE id=?", (self.file(path, source),)
        )
        return files.Known(*rows[0])

    def change(self, path: str, *, size: int = 2000, mtime_ns: int = NOON + 10**9) -> int:
        """Other bytes stand at ``path``; the asset that stands in."""
        folder, _, name = path.encode().rpartition(b"/")
        with self.db.write() as tx:
            files.change(tx, self.known(path), folder, files.Entry(name, size, mtime_ns, 0), 1)
        return self.asset(path)

    def identify(self, asset: int, content: str) -> int:
        with self.db.write() as tx:
            return assets.identify(tx, asset, sha(content))

    def facts(self, asset: int, facts: Facts) -> None:
        with self.db.write() as tx:
            assets.store_facts(tx, asset, facts)

    def vanish(self, path: str | bytes) -> None:
        with self.db.write() as tx:
            files.vanish(tx, self.file(path))

    def sha(self, content: str) -> bytes:
        return sha(content)

    def name(self, asset: int) -> str | None:
        return self.db.value("SELECT name FROM asset WHERE id=?", (asset,))  # type: ignore[no-any-return]

    def names(self) -> list[str]:
        return [row[0] for row in self.db.all("SELECT name FROM asset WHERE live ORDER BY id")]

    def shown(self, folder: str = "", source: int = 0) -> dict[bytes, str]:
        """``{name on disk: name under by-folder/}``, files and folders of a folder."""
        found = files.folder_id(self.db, source or self.source, folder.encode())
        rows = self.db.all("SELECT name, coalesce(shown, CAST(name AS TEXT)) FROM file WHERE folder=?", (found,))
        rows += self.db.all("SELECT name, shown FROM folder WHERE parent=?", (found,))
        return {row[0]: row[1] for row in rows}

    def snapshots(self) -> dict[int, changes.Shown]:
        found = {row[0]: changes.snapshot(self.db, row[0]) for row in self.db.all("SELECT id FROM asset")}
        return {asset: facets for asset, facets in found.items() if facets is not None}

    def check(self) -> None:
        """What must hold of every library, whatever was done to it."""
        db = self.db
        assert db.value("PRAGMA integrity_check") == "ok"
        assert db.all("PRAGMA foreign_key_check") == []
        assert db.all("SELECT id FROM asset WHERE name LIKE '%/%'") == []
        assert db.all("SELECT id FROM asset a WHERE live <> EXISTS (SELECT 1 FROM file WHERE asset=a.id)") == []
        assert (
            db.all("SELECT id FROM asset a WHERE sha256 IS NULL AND (SELECT count(*) FROM file WHERE asset=a.id) <> 1")
            == []
        )
        assert (
            db.all("SELECT folder, coalesce(shown, CAST(name AS TEXT)) FROM file GROUP BY 1, 2 HAVING count(*) > 1")
            == []
        )
        assert db.all("SELECT asset FROM document EXCEPT SELECT rowid FROM fts") == []
        assert db.all("SELECT rowid FROM fts EXCEPT SELECT asset FROM document") == []
        assert kept_counts(db) == counted(db)


def kept_counts(db: Database) -> list[Any]:
    """What store.tally keeps."""
    tally = db.all("SELECT what, stage, state, number FROM tally WHERE number <> 0 ORDER BY 1, 2, 3")
    return tally + db.all("SELECT source, files FROM source_state ORDER BY 1")


def counted(db: Database) -> list[Any]:
    """The same, counted."""
    found = db.all(
        "SELECT * FROM (SELECT 'asset' AS what, '' AS stage, 'live' AS state, count(*) AS number FROM asset WHERE live"
        " UNION ALL SELECT 'asset', '', 'provisional', count(*) FROM asset WHERE live AND sha256 IS NULL"
        " UNION ALL SELECT 'job', stage, replace(state, 'leased', 'open'), count(*) FROM job GROUP BY 2, 3)"
        " WHERE number <> 0 ORDER BY 1, 2, 3"
    )
    return found + db.all(
        "SELECT s.id, (SELECT count(*) FROM file f JOIN folder d ON d.id=f.folder WHERE d.source=s.id) FROM source s ORDER BY 1"
    )


def sha(content: str) -> bytes:
    return sha256(content.encode()).digest()


@pytest.fixture
def lib(empty_library: Path, tmp_path: Path) -> Iterator[Made]:
    folder = tmp_path / "library"
    shutil.copytree(empty_library, folder)
    made = Made(folder)
    yield made
    made.check()
    made.db.close()
