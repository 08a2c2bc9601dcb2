"""The vectors of one model as an index outside the database, kept like the rows.

The rows are the truth; ``vectors.Index`` is a copy that can be searched. What the rows have more is added in the order
of their ids, what they have less is taken out: ``store.embeddings.version`` says in two numbers whether there is
anything to do. Ids are never given again, so a label in the index can never come to mean another asset.

A search calls ``follow`` before it, which does what is done in a moment (QUICK rows) and says whether that was all; the
rest is ``catch_up``'s, in a thread that nobody waits for, page by page: memory does not grow with what is missing, and
searches see each page when it is in. One lock lets one of them change the index at a time.

To find what is gone all ids are compared, a second for a million: not more often than every COMPARE_S, since what is
gone is hidden anyway by who asks the rows whose vector it is.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from albumsd.ml.folders import Model
from albumsd.store import embeddings
from albumsd.store.database import Tx
from albumsd.store.embeddings import Version
from albumsd.vectors import Index

Ids = NDArray[np.int64]

QUICK = 2000
"""Rows that are read and added while somebody waits: 10 ms."""
PAGE = 5000
COMPARE_S = 60.0


class Mirror:
    """The index of ``model``, whose rows in the store are those of ``number``. Safe for several threads."""

    def __init__(self, folder: Path, model: Model, number: int, exact_rows: int) -> None:
        self.model = model
        self.number = number
        self.index = Index(folder, model.key, model.dimensions, exact_rows)
        self._lock = threading.Lock()
        held = self.index.ids()
        self._last = int(held.max()) if len(held) else 0
        self._version: Version | None = None
        """The rows that the index is equal to; None: not known."""
        self._compare_from = float("-inf")
        self._texts: tuple[Ids, ...] = ()  # pieces that are only replaced, by who holds the lock
        self._whole: tuple[tuple[Ids, ...], Ids] = ((), np.zeros(0, np.int64))  # pieces, and all of them as one

    def follow(self, tx: Tx) -> bool:
        """Take in a few new rows; whether the index has them all. Does not wait for ``catch_up``.

        What is gone from the rows may stay in the index for a while: whoever searches asks the rows whose vector it is.
        """
        last = embeddings.version(tx, self.number).last
        if last <= self._last:
            return True
        if last - self._last > QUICK or not self._lock.acquire(blocking=False):
            return False
        try:
            self._add(tx, QUICK)
        finally:
            self._lock.release()
        return last <= self._last

    def catch_up(self, tx: Tx, stopped: Callable[[], bool] = lambda: False) -> bool:
        """Make the index like the rows, however much it is; False when ``stopped`` before that.

        What is gone from the rows may stay a while longer.
        """
        while not stopped():
            with self._lock:
                if self._add(tx, PAGE) < PAGE:
                    break
        while not stopped():
            with self._lock:
                version = embeddings.version(tx, self.number)
                if version == self._version:
                    return True
                self._add(tx, PAGE)
                if self._last < version.last:
                    continue
                if len(self.index) == version.rows:
                    self._version = version
                elif time.monotonic() < self._compare_from:
                    return True
                else:
                    self._compare(tx)
                    self._compare_from = time.monotonic() + COMPARE_S
        return False

    def texts(self) -> Ids:
        """The rows that are of texts; some may be gone."""
        pieces, whole = self._whole
        if pieces is not self._texts:
            pieces = self._texts
            whole = np.concatenate(pieces) if pieces else np.zeros(0, np.int64)
            self._whole = pieces, whole
        return whole

    def _add(self, tx: Tx, most: int) -> int:
        """Add the next rows; how many."""
        rows = embeddings.since(tx, self.number, self._last, most)
        if rows:
            vectors = np.frombuffer(b"".join(row.vector for row in rows), "<f2")
            self.index.add(np.array([row.id for row in rows], np.int64), vectors.reshape(len(rows), -1))
            if texts := [row.id for row in rows if row.tower == "text"]:
                self._texts = (*self._texts, np.array(texts, np.int64))
            self._last = rows[-1].id
        return len(rows)

    def _compare(self, tx: Tx) -> None:
        """Take out what has no row. Should something below be missing, everything from there on is read again."""
        held, wanted = self.index.ids(), np.array(embeddings.ids(tx, self.number), np.int64)
        gone = np.setdiff1d(held, wanted)
        lost = np.setdiff1d(wanted[wanted <= self._last], held)
        if len(lost):
            self._last = int(lost.min()) - 1
            self._texts = (self.texts()[self.texts() <= self._last],)
            gone = np.union1d(gone, held[held > self._last])
        if len(gone):
            self.index.remove(gone)

    def close(self) -> None:
        self.index.close()
