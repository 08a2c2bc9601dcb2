"""Connections, transactions and versions of the one file."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from albumsd.core.errors import LibraryDamaged, LibraryFull, LibraryMissing, LibraryOld, LibraryTooNew, StoreBusy
from albumsd.core.facts import Facts
from albumsd.store import assets, clusters, database, embeddings, files, migrations, suggestions
from albumsd.store.database import Database, Reader

RELEASED = sorted(Path(__file__).with_name("released").glob("*.sql"), key=lambda path: int(path.stem))


def _schema(db: Any) -> list[tuple[str, str]]:
    """Every table, index and trigger with its statement, without comments and spaces."""
    rows = db.all("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name")
    plain = [(name, " ".join(re.sub(r"--[^\n]*", "", sql).split())) for name, sql in rows]
    return [(name, re.sub(r"\s*([,()])\s*", r"\1", sql)) for name, sql in plain]  # ALTER TABLE sets them its own way


def test_every_table_of_ours_is_strict_and_the_modes_are_set(lib: Any) -> None:
    kinds = {row[1]: row[5] for row in lib.db.all("PRAGMA table_list") if row[2] == "table"}
    assert {name for name, strict in kinds.items() if not strict} == {
        "sqlite_schema",
        "sqlite_temp_schema",
        "sqlite_sequence",
    }
    assert lib.db.value("PRAGMA journal_mode") == "wal"
    assert lib.db.value("PRAGMA foreign_keys") == 1
    with pytest.raises(apsw.SQLError):
        lib.db.value('SELECT "no_such_column"')


def test_every_column_is_explained() -> None:
    """A table's head says whether it is authored or derived; ids, and what is plain from its name, may go without."""
    for table in re.findall(r"CREATE TABLE (\w+) \(([^\n]*)", database.schema()):
        assert re.search(r"-- (AUTHORED|DERIVED|KEPT): \S", table[1]), table[0]


def test_the_library_belongs_to_its_person_alone(tmp_path: Path) -> None:
    os.umask(old := os.umask(0))
    try:
        os.umask(0)
        database.open_library(tmp_path / "new" / "library", create=True).close()
    finally:
        os.umask(old)
    assert (tmp_path / "new" / "library").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "new" / "library" / "albumsd.db").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("released", RELEASED, ids=lambda path: path.stem)
def test_two_roads_to_one_schema_meet(released: Path, tmp_path: Path, lib: Any) -> None:
    version = int(released.stem)
    path = tmp_path / "albumsd.db"
    with apsw.Connection(os.fspath(path)) as old:
        old.execute(released.read_text("utf-8"))
        old.execute("INSERT INTO source(id, name, path, added_ns) VALUES (7, 'kept', x'2f61', 1)")
        old.execute(f"PRAGMA user_version={version}")
    old.close()
    with Database(path) as migrated:
        assert migrated.value("PRAGMA user_version") == migrations.SCHEMA_VERSION
        assert _schema(migrated) == _schema(lib.db)
        assert migrated.all("SELECT id, name FROM source") == [(7, "kept")]


def test_the_newest_schema_is_among_the_released() -> None:
    assert [int(path.stem) for path in RELEASED] == list(range(1, migrations.SCHEMA_VERSION + 1))
    assert set(migrations.STEPS) == set(range(1, migrations.SCHEMA_VERSION))


@pytest.fixture
def first(tmp_path: Path) -> Path:
    """A library as version 1 left it: a letter that is found by its words, and work that is done."""
    path = tmp_path / "first" / "albumsd.db"
    path.parent.mkdir()
    old = apsw.Connection(os.fspath(path))
    old.execute("PRAGMA journal_mode=WAL")
    old.execute((Path(__file__).with_name("released") / "1.sql").read_text("utf-8"))
    old.execute(
        "INSERT INTO source(id, name, path, added_ns) VALUES (1, 'papers', x'2f61', 1);"
        "INSERT INTO source_state(source, state) VALUES (1, 'online');"
        "INSERT INTO folder(id, source, name, shown, path) VALUES (1, 1, x'', '', x'');"
        "INSERT INTO asset(id, sha256, size, name, name_key, live, arrived_ns, kind, local, origin, mtime_ns, year, month,"
        " week, day) VALUES (7, zeroblob(32), 1, 'Letter.pdf', 'letter.pdf', 1, 1, 'document', '2024-04-13T10:00:00',"
        " 'name', 1, '2024', '2024-04', '2024-W15', '2024-04-13');"
        "INSERT INTO file(folder, name, asset, size, mtime_ns, inode) VALUES (1, CAST('Letter.pdf' AS BLOB), 7, 1, 1, 0);"
        'INSERT INTO reading VALUES (7, \'{"kind": "document", "title": "Warranty"}\');'
        "INSERT INTO document VALUES (7, 'letter pdf warranty', 'papers letter pdf', '2024 04 13', 'dear sir', 11);"
        "INSERT INTO fts(rowid, title, path, context, body)"
        " SELECT asset, title, path, context, body FROM document;"
        "INSERT INTO job(asset, stage, version, state) VALUES (7, 'text', 1, 'done');"
        "PRAGMA user_version=1"
    )
    old.close()
    return path


def test_a_library_of_version_1_opens_with_all_that_it_knew(first: Path) -> None:
    with Database(first) as library:
        assert library.value("PRAGMA user_version") == migrations.SCHEMA_VERSION
        for scope, word in (("title", "warranty"), ("path", "papers"), ("context", "13"), ("body", "dear")):
            assert library.all(f"SELECT rowid FROM fts WHERE fts MATCH '{scope} : {word}'") == [(7,)]
        assert library.value("SELECT doc FROM fts_words WHERE term='letter'") == 1
        assert library.one("SELECT length, suggested FROM document") == (11, "")
        assert library.all("SELECT asset, stage, state FROM job") == [(7, "text", "done")]
    with Database(first) as library, library.write() as tx:
        assert suggestions.set_tags(tx, 7, [("paper", 0.5)], "m")
        assert tx.all("SELECT rowid FROM fts WHERE fts MATCH 'suggested : paper'") == [(7,)]
        assert tx.value("PRAGMA integrity_check") == "ok"
        tx.run("INSERT INTO fts(fts) VALUES ('integrity-check')")


def test_a_migration_is_whole_or_not_at_all(first: Path, disk: _Disk) -> None:
    stops = 0
    while True:
        disk.left = stops
        try:
            migrated = Database(first)
        except LibraryFull:
            stops += 1
            disk.left = 10**9
            with apsw.Connection(os.fspath(first)) as old:
                assert old.execute("PRAGMA user_version").fetchone() == (1,)
                assert old.execute("SELECT name FROM sqlite_schema WHERE name='embedding'").fetchall() == []
                assert old.execute("SELECT rowid FROM fts WHERE fts MATCH 'title : warranty'").fetchall() == [(7,)]
            old.close()
        else:
            assert disk.left >= 0, "a write failed and nobody was told"
            disk.left = 10**9
            assert migrated.all("SELECT rowid FROM fts WHERE fts MATCH 'title : warranty'") == [(7,)]
            migrated.close()
            break
    assert stops > 12


def test_who_comes_while_another_migrates_waits_for_it(first: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "GESTURE_PATIENCE_S", 0.01)
    monkeypatch.setattr(database, "MIGRATION_PATIENCE_S", 0.03)
    migrating = os.open(first.with_name("urgent.lock"), os.O_RDWR | os.O_CREAT)
    fcntl.flock(migrating, fcntl.LOCK_EX)
    with pytest.raises(StoreBusy, match=r"busy for 0\.03 s"):
        database.bring_up_to_date(first)
    os.close(migrating)
    database.bring_up_to_date(first)
    Reader(first).close()


def test_a_reader_migrates_nothing(first: Path) -> None:
    """It may be a mount's, which has to answer at once, or one in a thread with a deadline."""
    before = first.read_bytes()
    with pytest.raises(LibraryOld, match=f"schema 1, this one has {migrations.SCHEMA_VERSION}"):
        Reader(first)
    assert first.read_bytes() == before


@pytest.mark.parametrize("opened", [Database, Reader])
def test_a_newer_library_is_refused(opened: Callable[[Path], Any], lib: Any) -> None:
    with lib.db.write() as tx:
        tx.run(f"PRAGMA user_version={migrations.SCHEMA_VERSION + 1}")
    with pytest.raises(
        LibraryTooNew, match=f"schema {migrations.SCHEMA_VERSION + 1}, this one knows {migrations.SCHEMA_VERSION}"
    ):
        opened(lib.folder / "albumsd.db")
    with lib.db.write() as tx:
        tx.run(f"PRAGMA user_version={migrations.SCHEMA_VERSION}")


@pytest.mark.parametrize("opened", [Database, Reader])
def test_a_damaged_file_is_named_and_no_descriptor_stays_open(opened: Callable[[Path], Any], tmp_path: Path) -> None:
    path = tmp_path / "albumsd.db"
    path.write_bytes(b"this is no database, " * 1000)
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(LibraryDamaged, match=r"albumsd\.db is damaged: .*not a database.* The originals are untouched"):
        opened(path)
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize("opened", [Database, Reader])
@pytest.mark.parametrize("empty", [False, True])
def test_no_library_is_no_library(opened: Callable[[Path], Any], empty: bool, tmp_path: Path) -> None:
    if empty:
        (tmp_path / "albumsd.db").touch()
    with pytest.raises(LibraryMissing, match=re.escape(str(tmp_path))):
        opened(tmp_path / "albumsd.db")
    assert list(tmp_path.glob("*-wal")) == []


def test_damage_met_while_writing_is_named(lib: Any) -> None:
    with pytest.raises(LibraryDamaged), lib.db.write():
        raise apsw.CorruptError("database disk image is malformed")
    with pytest.raises(LibraryFull, match="No space is left"), lib.db.write():
        raise apsw.FullError("database or disk is full")


def test_a_write_is_whole_or_not_at_all(lib: Any) -> None:
    def half() -> None:
        with lib.db.write() as tx:
            tx.run("INSERT INTO meta VALUES ('half', 1)")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        half()
    assert lib.db.value("SELECT 1 FROM meta WHERE key='half'") is None
    with lib.db.write() as tx:
        tx.run("INSERT INTO meta VALUES ('whole', 1)")
    assert lib.db.value("SELECT 1 FROM meta WHERE key='whole'") == 1


def test_who_goes_on_after_sqlite_rolled_back_is_told(lib: Any) -> None:
    with pytest.raises(RuntimeError, match="over before its end"), lib.db.write() as tx:
        tx.connection.execute("ROLLBACK")


def test_a_write_inside_a_write_is_a_mistake(lib: Any) -> None:
    with lib.db.write(), pytest.raises(RuntimeError, match="inside a write"), lib.db.write():
        pass
    with lib.db.write() as tx:
        assert tx.value("SELECT 1") == 1


@pytest.mark.parametrize(("durable", "synchronous"), [(True, 2), (False, 1)])
def test_gestures_are_written_through_and_bulk_is_not(lib: Any, durable: bool, synchronous: int) -> None:
    with lib.db.write(durable=durable) as tx:
        assert tx.value("PRAGMA synchronous") == synchronous


@pytest.mark.parametrize("durable", [True, False])
def test_a_busy_library_says_so_after_its_patience(lib: Any, durable: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "GESTURE_PATIENCE_S", 0.02)
    monkeypatch.setattr(database, "BULK_PATIENCE_S", 0.02)
    with lib.db.write(), Database(lib.folder / "albumsd.db") as other:
        with pytest.raises(StoreBusy, match=r"busy for 0\.02 s"), other.write(durable=durable):
            pass
    with Database(lib.folder / "albumsd.db") as other, other.write(durable=durable) as tx:
        tx.run("INSERT INTO meta VALUES ('after', 1)")


def test_a_bulk_writer_makes_way_for_a_gesture_that_waits(lib: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BULK_PATIENCE_S", 0.02)
    waiting = os.open(lib.folder / "urgent.lock", os.O_RDWR)
    fcntl.flock(waiting, fcntl.LOCK_EX)  # what a gesture holds from before its BEGIN
    with pytest.raises(StoreBusy), lib.db.write():
        pass
    os.close(waiting)
    with lib.db.write() as tx:
        assert tx.value("SELECT 1") == 1


def test_batches_write_all_rows_in_short_transactions(lib: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BATCH_S", -1.0)  # every row is one transaction
    monkeypatch.setattr(database, "LOOK_S", -1.0)
    seen: list[bool] = []

    def apply(tx: Any, number: int) -> None:
        seen.append(tx.value("SELECT count(*) FROM meta WHERE key LIKE 'n%'") == number)
        tx.run("INSERT INTO meta VALUES (?, 1)", (f"n{number}",))
        if number == 3:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        lib.db.batches(range(5), apply)
    assert seen == [True] * 4
    assert lib.db.value("SELECT count(*) FROM meta WHERE key LIKE 'n%'") == 3, "what was committed before stays"
    assert lib.db.batches([], apply) == 0


def test_a_batch_ends_early_for_a_gesture_that_waits(lib: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BATCH_S", 1e9)
    monkeypatch.setattr(database, "LOOK_S", -1.0)
    monkeypatch.setattr(database, "BULK_PATIENCE_S", 0.02)
    waiting = os.open(lib.folder / "urgent.lock", os.O_RDWR)
    done = []

    def apply(tx: Any, number: int) -> None:
        done.append(number)
        if number == 2:
            fcntl.flock(waiting, fcntl.LOCK_EX | fcntl.LOCK_NB)

    with pytest.raises(StoreBusy):  # and for as long as the gesture lasts it does not come back
        lib.db.batches(range(5), apply)
    assert done == [0, 1, 2]
    os.close(waiting)


def test_a_reader_cannot_write_and_can_be_stopped(lib: Any) -> None:
    with lib.db.reader() as reader:
        with pytest.raises(apsw.ReadOnlyError):
            reader.run("INSERT INTO meta VALUES ('x', 1)")

        def stop() -> bool:
            reader.interrupt()
            return False

        reader.connection.set_progress_handler(stop, 1000)
        with pytest.raises(database.Interrupted):
            reader.value("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n")


def test_a_reader_sees_each_commit_at_once(lib: Any) -> None:
    with lib.db.reader() as reader:
        assert reader.value("SELECT count(*) FROM asset") == 0
        lib.arrive("x.jpg")
        assert reader.value("SELECT count(*) FROM asset") == 1


# ------------------------------------------------------------------------------------- death and disks

WRITER = """
import sys
from pathlib import Path
from albumsd.store.database import Database
db = Database(Path(sys.argv[1]))
with db.write(durable=sys.argv[2] == "durable") as tx:
    for number in range(20000):
        tx.run("INSERT INTO meta VALUES (?, ?)", (f"half {number}", "x" * 200))
    print("inside", flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("kind", ["durable", "bulk"])
def test_a_writer_killed_inside_a_transaction_leaves_nothing(lib: Any, kind: str) -> None:
    path = lib.folder / "albumsd.db"
    argv = [sys.executable, "-c", WRITER, os.fspath(path), kind]
    with subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path(database.__file__).parents[2]
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"inside\n"
        child.kill()
    for durable in (True, False):
        with Database(path) as db, db.write(durable=durable) as tx:
            assert tx.value("SELECT count(*) FROM meta WHERE key LIKE 'half%'") == 0
    lib.check()


class _Disk(apsw.VFS):
    """A disk that refuses the n-th write of the database, and all after it."""

    def __init__(self) -> None:
        super().__init__("broken disk", "unix", makedefault=True)
        self.left = 10**9
        self.error: type[Exception] = apsw.FullError

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:
        disk = self

        class _File(apsw.VFSFile):
            def __init__(self) -> None:
                super().__init__("unix", name, flags)

            def xWrite(self, data: bytes, offset: int) -> None:
                disk.left -= 1
                if disk.left < 0:
                    raise disk.error("the disk says no")
                super().xWrite(data, offset)

        return _File()


@pytest.fixture
def disk() -> Iterator[_Disk]:
    broken = _Disk()
    yield broken
    broken.unregister()


def _work(db: Database, source: int) -> None:
    """One transaction in which much happens."""
    with db.write(durable=True) as tx:
        folder = files.ensure_folder(tx, source, b"a")
        entries = [files.Entry(f"{number}.jpg".encode(), 1, 10**18, 0) for number in range(200)]
        files.arrive(tx, folder, b"a", entries, 1)
        for asset in range(1, 60):
            assets.store_facts(tx, asset, Facts(kind="photo", tags=("dog",), title=f"title {asset} " * 20))


@pytest.mark.parametrize(("error", "told"), [(apsw.FullError, LibraryFull), (apsw.IOError, apsw.IOError)])
def test_a_disk_that_fails_at_any_write_leaves_all_or_nothing(
    error: type[Exception], told: type[Exception], disk: _Disk, lib: Any, tmp_path: Path
) -> None:
    lib.db.value("PRAGMA wal_checkpoint(TRUNCATE)")
    stops, number = 0, 0
    while True:
        folder = tmp_path / f"try{number}"
        shutil.copytree(lib.folder, folder)
        disk.left, disk.error = 10**9, error
        with Database(folder / "albumsd.db") as db:
            disk.left = number
            try:
                _work(db, lib.source)
            except told:
                stops += 1
                disk.left = 10**9
                shutil.copytree(folder, dead := tmp_path / f"dead{number}")  # as a crash at this moment leaves it
                assert db.value("SELECT count(*) FROM asset") == 0
                with Database(dead / "albumsd.db") as again:
                    assert again.value("SELECT count(*) FROM asset") == 0
                    assert again.value("SELECT count(*) FROM job") == 0
                    assert again.value("PRAGMA integrity_check") == "ok"
                    _work(again, lib.source)
                    assert again.value("SELECT count(*) FROM asset") == 200
                shutil.rmtree(dead)
            else:
                assert disk.left >= 0, "a write failed and nobody was told"
                disk.left = 10**9
                assert db.value("SELECT count(*) FROM asset") == 200
                break
        shutil.rmtree(folder)
        number += 1 if number < 12 else 9
    assert stops > 12


def test_stopped_at_every_commit_and_resumed_it_comes_to_the_same(lib: Any, tmp_path: Path) -> None:
    steps: list[Callable[[Any], object]] = [
        lambda made: made.arrive("a/x.jpg", "b/x.jpg"),
        lambda made: made.facts(1, Facts(kind="photo", tags=("dog",), title="one")),
        lambda made: made.identify(1, "one"),
        lambda made: made.identify(2, "one"),
        lambda made: made.change("a/x.jpg"),
        lambda made: made.facts(3, Facts(kind="photo", tags=("cat",))),
        lambda made: made.identify(3, "three"),
        _seen_by_a_model,
        lambda made: made.vanish("b/x.jpg"),
    ]
    stops: list[tuple[int, Path]] = []

    def stop(number: int) -> None:
        stops.append((number, tmp_path / f"stop{number}"))
        shutil.copytree(lib.folder, stops[-1][1])

    for number, step in enumerate(steps):
        stop(number)
        step(lib)
    want = _rows(lib.db)
    assert len(want["asset"]) == 2
    for number, folder in stops:
        made = object.__new__(type(lib))
        made.folder, made.db, made.source = folder, database.open_library(folder), lib.source
        for step in steps[number:]:
            step(made)
        made.check()
        assert _rows(made.db) == want
        made.db.close()


def _seen_by_a_model(made: Any) -> None:
    model = embeddings.Identity("m@1", "m", 1)
    with made.db.write() as tx:
        embeddings.put(tx, 1, model, [embeddings.Part("image", b"12"), embeddings.Part("image", b"34")])
        suggestions.set_tags(tx, 1, [("dog", 0.5), ("sand", 0.25)], "m")
        suggestions.set_caption(tx, 1, "a dog on sand", "m")
        number = embeddings.model_id(tx, model.key)
    clusters.replace(made.db, number, [(1, "dogs", 0.5, 0.5)], {"dogs": b"D"}, b"state")


def _rows(db: Database) -> dict[str, list[Any]]:
    """The content of every table that time does not touch."""
    asset = "SELECT id, sha256, name, live, copies, kind, local, title FROM asset ORDER BY id"
    return {
        "asset": db.all(asset),
        "file": db.all("SELECT folder, name, shown, asset, size, previous FROM file ORDER BY 1, 2"),
        "facet": db.all("SELECT * FROM asset_facet ORDER BY 1, 2, 3"),
        "document": db.all("SELECT * FROM document ORDER BY asset"),
        "vectors": db.all("SELECT * FROM embedding ORDER BY id"),
        "suggestion": db.all("SELECT * FROM suggestion ORDER BY asset"),
        "spot": db.all("SELECT s.*, c.label, c.centroid FROM spot s JOIN cluster c ON c.id=s.cluster ORDER BY 1"),
        "job": db.all("SELECT asset, stage, state FROM job ORDER BY 1, 2, 3"),
        "succession": db.all("SELECT old, new, path FROM succession ORDER BY id"),
        "changes": db.all("SELECT what, first, last, old, new FROM changes ORDER BY gen"),
    }
