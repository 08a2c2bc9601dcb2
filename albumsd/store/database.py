"""Connections, transactions and the order of writers.

Every connection has WAL, foreign keys, a busy handler, and no double-quoted strings. A ``Database`` object
belongs to one thread at a time; ``reader()`` makes a further read-only connection for another thread.

Who may write when. SQLite lets one writer in and gives no order to those who wait: a process that writes
back to back can keep all others out. So writers are told apart. A *gesture* (``durable=True``: a person
waits for it) holds the lock file ``urgent`` from before its BEGIN until after its COMMIT; a *bulk* writer
passes through that lock before its BEGIN. A gesture therefore waits for at most the one transaction that
is already running; bulk transactions are kept near 40 ms, and end after the row in hand when a gesture
waits (``batches``). The locks are flock(2): a process that dies leaves none behind.

Gestures commit with synchronous=FULL before the caller hears of it, bulk writes with NORMAL (a power cut may
take back the last of them, never damage the file).
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import apsw

from albumsd.core import clock
from albumsd.core.errors import LibraryDamaged, LibraryFull, LibraryMissing, LibraryOld, LibraryTooNew, StoreBusy

from . import authored, functions
from .migrations import SCHEMA_VERSION, migrate

Row = tuple[Any, ...]
T = TypeVar("T")

GESTURE_PATIENCE_S = 5.0
BULK_PATIENCE_S = 60.0
MIGRATION_PATIENCE_S = 600.0
"""Another process may be bringing a large library up to date: a million assets take some 15 s, long documents more."""
READ_PATIENCE_S = 5.0
"""In WAL mode a reader waits only while another process opens, recovers or closes the file."""
BATCH_S = 0.04
LOOK_S = 0.003
"""How often a batch looks whether a gesture waits; then it ends at once."""

BULK_WAL_PAGES = 4_000
GESTURE_WAL_PAGES = 16_000
"""Size of the write-ahead log, in pages, at which a commit copies it back into the database. A gesture leaves that to
bulk writers, unless there are none."""

_POLL_S = 0.001


class Tx:
    """One running transaction: ``all``, ``one``, ``value``, ``run``, ``put`` and ``many`` on its connection."""

    __slots__ = ("connection",)

    def __init__(self, connection: apsw.Connection) -> None:
        self.connection = connection

    def all(self, sql: str, bindings: Sequence[Any] | dict[str, Any] = ()) -> list[Row]:
        return self.connection.execute(sql, bindings).fetchall()

    def one(self, sql: str, bindings: Sequence[Any] | dict[str, Any] = ()) -> Row | None:
        """The first row, or None."""
        row: Row | None = self.connection.execute(sql, bindings).fetchone()
        return row

    def value(self, sql: str, bindings: Sequence[Any] | dict[str, Any] = ()) -> Any:
        """The first column of the first row, or None."""
        row = self.connection.execute(sql, bindings).fetchone()
        return row[0] if row else None

    def run(self, sql: str, bindings: Sequence[Any] | dict[str, Any] = ()) -> int:
        """Run a statement; how many rows it changed."""
        self.connection.execute(sql, bindings)
        return self.connection.changes()

    def insert(self, sql: str, bindings: Sequence[Any] | dict[str, Any] = ()) -> int:
        """Run an INSERT; the new row's id."""
        self.connection.execute(sql, bindings)
        return self.connection.last_insert_rowid()

    def put(self, table: str, **row: Any) -> None:
        """Insert a row, or bring the one with the same primary key, which comes first, up to date.

        Not INSERT OR REPLACE: that may have to undo its deletion, so before each one SQLite has FTS5 write out all the
        words that it holds back until the commit, which took 100 µs.
        """
        self.connection.execute(_upsert(table, tuple(row)), tuple(row.values()))

    def many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        self.connection.executemany(sql, rows)


@lru_cache(64)
def _upsert(table: str, columns: tuple[str, ...]) -> str:
    update = ", ".join(f"{column}=excluded.{column}" for column in columns[1:])
    marks = ", ".join("?" * len(columns))
    return (
        f"INSERT INTO {table}({', '.join(columns)}) VALUES ({marks}) ON CONFLICT({columns[0]}) DO UPDATE SET {update}"
    )


@contextmanager
def _said_plainly(path: Path) -> Iterator[None]:
    """SQLite's word about the file, as the error that a person reads."""
    try:
        yield
    except (apsw.NotADBError, apsw.CorruptError) as error:
        raise LibraryDamaged(path=path, what=str(error)) from None
    except apsw.FullError as error:
        raise LibraryFull(path=path) from error


def _connect(path: Path, flags: int, patience_s: float) -> apsw.Connection:
    try:
        connection = apsw.Connection(os.fspath(path), flags=flags, statementcachesize=200)
    except apsw.CantOpenError:
        raise LibraryMissing(path=path.parent) from None
    try:
        connection.set_busy_timeout(int(patience_s * 1000))
        connection.config(apsw.SQLITE_DBCONFIG_DQS_DML, 0)
        connection.config(apsw.SQLITE_DBCONFIG_DQS_DDL, 0)
        connection.config(apsw.SQLITE_DBCONFIG_ENABLE_FKEY, 1)
        with _said_plainly(path):
            connection.execute("PRAGMA temp_store=memory")
            connection.execute("PRAGMA mmap_size=268435456")
            connection.execute("PRAGMA cache_size=-16384")
        functions.register(connection)
    except BaseException:
        connection.close()
        raise
    return connection


class Database(Tx):
    """A read-write connection to one library. Safe for one thread at a time."""

    __slots__ = ("_depth", "_urgent", "path")

    def __init__(self, path: Path, *, create: bool = False) -> None:
        """Open ``path``; a library of an older release is migrated first. ``create``: make it (folder 0700, file 0600).

        Raises LibraryMissing, LibraryTooNew, LibraryDamaged; while it migrates LibraryNotSaved, LibraryFull, StoreBusy.
        """
        self.path = path
        self._depth = 0
        if create:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with suppress(FileExistsError):
                os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        super().__init__(_connect(path, apsw.SQLITE_OPEN_READWRITE, BULK_PATIENCE_S))
        self._urgent = -1
        try:
            self._urgent = os.open(path.with_name("urgent.lock"), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
            with _said_plainly(path):
                self._use_wal()
                self.connection.execute("PRAGMA journal_size_limit=67108864")
                self._check_version(create)
        except BaseException:
            self.close()
            raise

    def _use_wal(self) -> None:
        """Polling by ourselves: SQLite asks no busy handler when several turn a new file into WAL at once."""
        deadline = time.monotonic() + BULK_PATIENCE_S
        while True:
            try:
                self.connection.execute("PRAGMA journal_mode=WAL")
                return
            except apsw.BusyError:
                if time.monotonic() > deadline:
                    raise StoreBusy(seconds=BULK_PATIENCE_S) from None
                time.sleep(_POLL_S)

    def _check_version(self, create: bool) -> None:
        version = int(self.value("PRAGMA user_version"))
        if version > SCHEMA_VERSION:
            raise LibraryTooNew(path=self.path, found=version, known=SCHEMA_VERSION)
        if version < SCHEMA_VERSION:
            if not create and version == 0:
                raise LibraryMissing(path=self.path.parent)
            with self.write(durable=True, patience_s=MIGRATION_PATIENCE_S) as tx:
                version = int(tx.value("PRAGMA user_version"))
                if version >= SCHEMA_VERSION:  # another process did it while this one waited
                    return
                if version == 0:
                    tx.connection.execute(schema())
                    tx.run("INSERT INTO meta VALUES ('created_ns', ?)", (clock.now_ns(),))
                else:
                    authored.export(tx, self.path.parent, version)
                    migrate(tx, version)
                tx.connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")

    def reader(self) -> Reader:
        """A further read-only connection to the same library, for another thread."""
        return Reader(self.path)

    @contextmanager
    def write(self, *, durable: bool = False, patience_s: float | None = None) -> Iterator[Tx]:
        """One BEGIN IMMEDIATE … COMMIT; ROLLBACK when the body raises.

        ``durable`` marks a gesture: it goes before bulk writers and is on the disk when this returns.
        Raises StoreBusy when nobody lets it in within ``patience_s`` (5 s for a gesture, else 60 s), LibraryFull when
        the disk is full (then nothing of it is written), LibraryDamaged.
        """
        if self._depth:
            raise RuntimeError("a write inside a write: pass the Tx on instead")
        patience = patience_s or (GESTURE_PATIENCE_S if durable else BULK_PATIENCE_S)
        deadline = time.monotonic() + patience
        self._lock(fcntl.LOCK_EX if durable else fcntl.LOCK_SH, deadline, patience)
        if not durable:
            fcntl.flock(self._urgent, fcntl.LOCK_UN)
        try:
            with _said_plainly(self.path):
                self.connection.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
                self.connection.wal_autocheckpoint(GESTURE_WAL_PAGES if durable else BULK_WAL_PAGES)
                self._begin(deadline, patience, durable)
                self._depth = 1
                try:
                    yield Tx(self.connection)
                    if not self.connection.in_transaction:  # SQLite rolled back, and somebody went on regardless
                        raise RuntimeError("the transaction was over before its end")
                    self.connection.execute("COMMIT")
                except BaseException:
                    if self.connection.in_transaction:  # a full disk may have rolled back already
                        with suppress(apsw.Error):
                            self.connection.execute("ROLLBACK")
                    raise
                finally:
                    self._depth = 0
        finally:
            if durable:
                fcntl.flock(self._urgent, fcntl.LOCK_UN)

    def _lock(self, mode: int, deadline: float, patience: float) -> None:
        while True:
            try:
                fcntl.flock(self._urgent, mode | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise StoreBusy(seconds=patience) from None
                time.sleep(_POLL_S)

    def _begin(self, deadline: float, patience: float, durable: bool) -> None:
        """BEGIN IMMEDIATE, polling by ourselves: SQLite's busy handler would back off to 100 ms."""
        self.connection.set_busy_timeout(0)
        try:
            while True:
                try:
                    self.connection.execute("BEGIN IMMEDIATE")
                    return
                except apsw.BusyError:
                    if time.monotonic() > deadline:
                        raise StoreBusy(seconds=patience) from None
                    time.sleep(_POLL_S)
                    if not durable:  # a gesture that came meanwhile goes first
                        self._lock(fcntl.LOCK_SH, deadline, patience)
                        fcntl.flock(self._urgent, fcntl.LOCK_UN)
        finally:
            self.connection.set_busy_timeout(int(BULK_PATIENCE_S * 1000))

    def batches(self, rows: Iterable[T], apply: Callable[[Tx, T], object]) -> int:
        """Run ``apply`` on each row in as many bulk transactions as needed to keep each near 50 ms; how many rows.

        ``rows`` is asked for the next one inside a transaction: it must not wait for a disk.
        """
        done = 0
        pending = iter(rows)
        row = next(pending, None)
        while row is not None:
            with self.write() as tx:
                now = time.monotonic()
                end, look = now + BATCH_S, now + LOOK_S
                while row is not None:
                    apply(tx, row)
                    done += 1
                    row = next(pending, None)
                    now = time.monotonic()
                    if now > look:
                        look = now + LOOK_S
                        if now > end or self._gesture_waits():
                            break
        return done

    def _gesture_waits(self) -> bool:
        try:
            fcntl.flock(self._urgent, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        fcntl.flock(self._urgent, fcntl.LOCK_UN)
        return False

    def close(self) -> None:
        self.connection.close()
        if self._urgent >= 0:
            os.close(self._urgent)
            self._urgent = -1

    def __enter__(self) -> Database:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Reader(Tx):
    """A read-only connection. Each statement is its own read transaction, so none outlives a request."""

    __slots__ = ("path",)

    def __init__(self, path: Path) -> None:
        """Open ``path``, which must be there.

        Raises LibraryMissing, LibraryTooNew, LibraryDamaged; LibraryOld: then ``bring_up_to_date`` first.
        """
        self.path = path
        super().__init__(_connect(path, apsw.SQLITE_OPEN_READONLY, READ_PATIENCE_S))
        try:
            with _said_plainly(path):
                version = int(self.value("PRAGMA user_version"))
            if not version:
                raise LibraryMissing(path=path.parent)
            if version < SCHEMA_VERSION:
                raise LibraryOld(path=path, found=version, known=SCHEMA_VERSION)
            if version > SCHEMA_VERSION:
                raise LibraryTooNew(path=path, found=version, known=SCHEMA_VERSION)
        except BaseException:
            self.close()
            raise

    def interrupt(self) -> None:
        """Stop the statement that another thread runs on this connection; it raises ``Interrupted`` there."""
        self.connection.interrupt()

    def close(self) -> None:
        self.connection.close()

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


Interrupted = apsw.InterruptError


def schema() -> str:
    """The text of schema.sql: the current schema, commented column by column."""
    return Path(__file__).with_name("schema.sql").read_text("utf-8")


def bring_up_to_date(path: Path) -> None:
    """Migrate a library of an older release; any other is only looked at. Before a process serves, not while it does.

    Raises what ``Database`` raises.
    """
    with suppress(LibraryOld):
        Reader(path).close()
        return
    Database(path).close()


def open_library(library: Path, *, create: bool = False) -> Database:
    """The database of a library folder (``albumsd.db`` in it)."""
    return Database(library / "albumsd.db", create=create)
