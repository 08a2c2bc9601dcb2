"""What a scan does to rows: each edit a function of a transaction, collected and committed in batches of about 40 ms.

The disk is never asked while a transaction is open: a scan collects edits here and calls ``flush``. A sidecar
(``.xmp``) that comes, changes or goes asks, in the same commit, for another reading of the files that it is about; so a
kill between the two cannot lose the question. One ``Edits`` belongs to one scan and its thread.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from albumsd.store import files, jobs, scanning
from albumsd.store.database import Database, Tx
from albumsd.store.files import Entry
from albumsd.store.scanning import Placed

from .moves import Move

CHUNK = 400
"""Arrivals of one folder that are given to the store at once: some 10 ms."""
FLUSH_ENTRIES = 1500
FLUSH_S = 0.25
TELL_S = 0.2

Edit = Callable[[Tx], object]


class Edits:
    """The edits of one scan of one source, in order."""

    def __init__(self, database: Database, source: int, stage: tuple[str, int], committed: Callable[[], None]) -> None:
        """``stage`` is the first stage and its version: what arrives is to be read by it."""
        self._database, self._source, self._committed = database, source, committed
        self._stage, self._version = stage
        self._waiting: list[Edit] = []
        self._weight = 0
        self.flushed = time.monotonic()

    # --------------------------------------------------------------------------------------- collecting

    def add(self, edit: Edit, weight: int = 1) -> None:
        """``weight``: how many rows it is about."""
        self._waiting.append(edit)
        self._weight += weight

    def folder(self, path: bytes) -> None:
        """A folder is there, maybe empty."""
        self.add(partial(files.ensure_folder, source=self._source, path=path))

    def arrive(self, path: bytes, entries: Sequence[Entry]) -> None:
        """New files in one folder."""
        for start in range(0, len(entries), CHUNK):
            chunk = entries[start : start + CHUNK]
            self.add(partial(self._arrive, path, chunk), len(chunk))

    def settle(self, row: Placed, entry: Entry) -> None:
        """The same content, back from being missing, or with another inode number."""
        self.add(partial(self._settle, row, entry))

    def change(self, row: Placed, entry: Entry) -> None:
        """The path holds other bytes, or says so."""
        self.add(partial(self._change, row, entry), 5)

    def move(self, move: Move) -> None:
        """A file stands at another path, which is free by now."""
        self.add(partial(self._move, move), 5)

    def swap(self, swaps: Sequence[Move]) -> None:
        """Files that took each other's paths: one transaction."""
        self.add(partial(self._swap, swaps), len(swaps))

    def vanish(self, row: Placed) -> None:
        """A file is gone."""
        self.add(partial(self._vanish, row), 5)

    def hold(self, rows: Sequence[Placed]) -> None:
        """Too many files are gone."""
        for start in range(0, len(rows), CHUNK):
            ids = [row.known.id for row in rows[start : start + CHUNK]]
            self.add(partial(files.hold, files=ids), len(ids))

    def remove_folder(self, folder: int) -> None:
        """A folder is gone; those below it come first."""
        self.add(partial(files.remove_folder, folder=folder))

    # ---------------------------------------------------------------------------------------- committing

    def due(self) -> bool:
        """Whether enough waits, or has waited long enough, to be committed."""
        return self._weight >= FLUSH_ENTRIES or time.monotonic() - self.flushed > FLUSH_S

    def flush(self) -> None:
        """Commit what waits, in transactions of about 40 ms."""
        edits, self._waiting, self._weight = self._waiting, [], 0
        if edits:
            self._database.batches(self._telling(edits), _run)
            self._committed()
        self.flushed = time.monotonic()

    def _telling(self, edits: list[Edit]) -> Iterator[Edit]:
        """``edits``, and now and then, between them, a word to whoever shows what was committed."""
        told = time.monotonic()
        for edit in edits:
            yield edit
            if time.monotonic() - told > TELL_S:
                told = time.monotonic()
                self._committed()

    # -------------------------------------------------------------------------------- in the transaction

    def _ensure(self, tx: Tx, path: bytes) -> int:
        return files.ensure_folder(tx, self._source, path)

    def _arrive(self, path: bytes, entries: Sequence[Entry], tx: Tx) -> None:
        files.arrive(tx, self._ensure(tx, path), path, entries, self._version)
        for entry in entries:
            self._beside(tx, path, entry.name)

    def _settle(self, row: Placed, entry: Entry, tx: Tx) -> None:
        files.settle_stat(tx, row.known.id, entry)
        if row.known.missing_ns is not None:
            jobs.unpark(tx, row.known.asset)

    def _change(self, row: Placed, entry: Entry, tx: Tx) -> None:
        files.change(tx, row.known, row.folder, entry, self._version)
        self._beside(tx, row.folder, row.known.name)

    def _vanish(self, row: Placed, tx: Tx) -> None:
        files.vanish(tx, row.known.id)
        self._beside(tx, row.folder, row.known.name)

    def _move(self, move: Move, tx: Tx) -> None:
        row, path, entry = move
        files.move(tx, row.known.id, self._ensure(tx, path), entry)
        self._moved(move, tx)

    def _swap(self, swaps: Sequence[Move], tx: Tx) -> None:
        files.move_around(tx, [(row.known.id, self._ensure(tx, path), entry) for row, path, entry in swaps])
        for move in swaps:
            self._moved(move, tx)

    def _moved(self, move: Move, tx: Tx) -> None:
        row, path, entry = move
        if row.known.missing_ns is not None:
            jobs.unpark(tx, row.known.asset)
        if scanning.has_sidecar(tx, row.known.id) or scanning.sidecar_name(tx, row.known.id):
            scanning.read_again(tx, row.known.id, self._stage, self._version)
        self._beside(tx, row.folder, row.known.name)
        self._beside(tx, path, entry.name)

    def _beside(self, tx: Tx, path: bytes, name: bytes) -> None:
        """If ``name`` is a sidecar, the files that it is about are to be read once more."""
        if name[-4:].lower() != b".xmp":
            return
        folder = files.folder_id(tx, self._source, path)
        for file in scanning.beside(tx, folder, name[:-4]) if folder is not None else ():
            scanning.read_again(tx, file, self._stage, self._version)


def _run(tx: Tx, edit: Edit) -> None:
    edit(tx)
