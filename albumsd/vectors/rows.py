"""The vectors themselves, in memory, and the comparison of a query with all of them or with some.

A row is a unit vector as 16-bit integers with one factor: value = integer * factor, factor = largest component /
32767. That is half of float32 and truer than float16 (a cosine is off by less than 2e-5, commonly 2e-6), and the way
back is one conversion that processors do in bulk: a block of 512 rows becomes float32 in the processor's cache and
is multiplied there, so a scan takes as long as one over float32 rows. float16 would take ten times that, because
numpy converts it one by one. A vector that is zero or not finite has factor 0: it is kept, and is like nothing.

Rows are appended to chunks of ``CHUNK`` and never change; removing one clears its mark. Readers take ``Rows.view``,
which is replaced whole by every change, and need no lock: what was appended after it lies beyond its ``count``.
Writers (``add``, ``remove``, ``compact``) take turns by the lock of whoever owns the rows. Blocks have the same
borders whatever the number of threads, so a score does not depend on it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]
Positions = NDArray[np.int64]
Floats = NDArray[np.float32]
Marks = NDArray[np.bool_]

Block = tuple[slice, NDArray[np.int16], Positions | None]
"""Where its scores go; rows of one chunk; which of them, or None for all."""

Scalar = TypeVar("Scalar", bound=np.generic)

CHUNK = 32_768
BLOCK = 512
"""Rows converted at a time: the fastest of 64 to 4096 that OpenBLAS does not spread over threads of its own."""
_STEPS = 32_767


@dataclass(frozen=True, slots=True)
class View:
    """Rows 0 to ``count`` - 1. The arrays may be longer; the marks are the only thing that changes in place."""

    count: int
    chunks: tuple[NDArray[np.int16], ...]
    factors: Floats
    ids: Ids
    alive: Marks
    covered: Marks
    """The row is in the graph. Changed only while the graph is not in use."""
    ascending: bool
    """ids[:count] ascend strictly, so that none stands there twice."""

    def live(self) -> Positions:
        return np.flatnonzero(self.alive[: self.count])

    def tail(self) -> Positions:
        """Positions of the live rows that the graph does not hold."""
        return np.flatnonzero(self.alive[: self.count] & ~self.covered[: self.count])

    def meshed(self) -> Positions:
        """Positions of the live rows that the graph holds."""
        return np.flatnonzero(self.alive[: self.count] & self.covered[: self.count])

    def meshed_rows(self) -> int:
        return int(np.count_nonzero(self.alive[: self.count] & self.covered[: self.count]))

    def find(self, ids: Ids) -> Positions:
        """The position of each id, -1 for one that is not here or no longer."""
        if not self.count or not len(ids):
            return np.full(len(ids), -1, np.int64)
        if self.ascending:
            own = self.ids[: self.count]
            at = np.minimum(np.searchsorted(own, ids), self.count - 1)
            return np.where((own[at] == ids) & self.alive[at], at, -1)
        live = self.live()
        order = live[np.argsort(self.ids[live], kind="stable")]
        if not len(order):
            return np.full(len(ids), -1, np.int64)
        at = order[np.minimum(np.searchsorted(self.ids[order], ids), len(order) - 1)]
        return np.where(self.ids[at] == ids, at, -1)

    def among(self, ids: Ids) -> Positions:
        """The live positions, ascending, whose id is one of ``ids``."""
        if len(ids) * 16 < self.count and self.ascending:
            found = self.find(np.unique(ids))
            return found[found >= 0]
        return np.flatnonzero(np.isin(self.ids[: self.count], ids) & self.alive[: self.count])

    def vectors(self, positions: Positions) -> Floats:
        """Those rows as float32 (n, d), in that order."""
        out = np.empty((len(positions), self.chunks[0].shape[1] if self.chunks else 0), np.float32)
        chunk_of = positions // CHUNK
        for chunk in np.unique(chunk_of):
            here = np.flatnonzero(chunk_of == chunk)
            out[here] = self.chunks[chunk][positions[here] - chunk * CHUNK]
        out *= self.factors[positions, None]
        return out

    def blocks(self, positions: Positions | None) -> Iterator[list[Block]]:
        """All rows, or those at ascending ``positions``: one list of blocks for each chunk, a piece of work."""
        for number, chunk in enumerate(self.chunks):
            first = number * CHUNK
            if positions is None:
                last = min(first + CHUNK, self.count)
                yield [
                    (
                        slice(begin, min(begin + BLOCK, last)),
                        chunk[begin - first : min(begin + BLOCK, last) - first],
                        None,
                    )
                    for begin in range(first, last, BLOCK)
                ]
                continue
            low, high = np.searchsorted(positions, (first, first + CHUNK))
            if low < high:
                yield [
                    (slice(begin, end), chunk, positions[begin:end] - first)
                    for begin in range(int(low), int(high), BLOCK)
                    for end in (min(begin + BLOCK, int(high)),)
                ]


def unit(vectors: NDArray[np.floating]) -> Floats:
    """Rows of length one as float32; zero for a row that is zero or not finite."""
    rows = np.array(vectors, np.float32, ndmin=2)
    rows[~np.isfinite(rows).all(axis=1)] = 0
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    np.divide(rows, lengths, out=rows, where=lengths > 0)
    return rows


class Rows:
    """Vectors of ``dimensions`` under ids. See the module for who may call what when."""

    def __init__(self, dimensions: int) -> None:
        self.dimensions = dimensions
        self.view = View(
            0, (), np.empty(0, np.float32), np.empty(0, np.int64), np.empty(0, np.bool_), np.empty(0, np.bool_), True
        )
        self.dead = 0

    def __len__(self) -> int:
        return self.view.count - self.dead

    def add(self, ids: Ids, vectors: NDArray[np.floating]) -> None:
        """Append rows; an id that is here already is replaced, of one that stands twice in ``ids`` the last counts."""
        ids, last = np.unique(ids[::-1], return_index=True)
        if not len(ids):
            return
        rows = unit(vectors[len(vectors) - 1 - last])
        view = self.view
        newest = view.ids[view.count - 1] if view.count else None
        behind = newest is None or bool(ids[0] > newest)
        if not (behind and view.ascending):
            self.remove(ids)
        begin, end = view.count, view.count + len(ids)
        factors = np.abs(rows).max(axis=1) / _STEPS
        whole = np.rint(np.divide(rows, factors[:, None], out=rows, where=factors[:, None] > 0)).astype(np.int16)
        chunks = list(view.chunks)
        while len(chunks) * CHUNK < end:
            chunks.append(np.empty((CHUNK, self.dimensions), np.int16))
        at = begin
        while at < end:
            stop = min(end, (at // CHUNK + 1) * CHUNK)
            chunks[at // CHUNK][at % CHUNK : at % CHUNK + stop - at] = whole[at - begin : stop - begin]
            at = stop
        room = end if end <= len(view.ids) else max(1024, end * 3 // 2)
        grown = View(
            end,
            tuple(chunks),
            _grown(view.factors, begin, room),
            _grown(view.ids, begin, room),
            _grown(view.alive, begin, room),
            _grown(view.covered, begin, room),
            view.ascending and behind,
        )
        grown.factors[begin:end], grown.ids[begin:end] = factors, ids
        grown.alive[begin:end], grown.covered[begin:end] = True, False
        self.view = grown

    def remove(self, ids: Ids) -> int:
        """Take ids away, and say how many were here."""
        at = self.view.find(np.unique(ids))
        at = at[at >= 0]
        self.view.alive[at] = False
        self.dead += len(at)
        return len(at)

    def compact(self) -> None:
        """Rows without the dead ones, in the order of their ids. Who still reads the old ones may go on."""
        old = self.view
        live = old.live()
        order = live[np.argsort(old.ids[live], kind="stable")]
        chunks = []
        for begin in range(0, len(order), CHUNK):
            part = order[begin : begin + CHUNK]
            chunk = np.empty((CHUNK, self.dimensions), np.int16)
            source = part // CHUNK
            for number in np.unique(source):
                here = np.flatnonzero(source == number)
                chunk[here] = old.chunks[number][part[here] - number * CHUNK]
            chunks.append(chunk)
        self.view = View(
            len(order), tuple(chunks), old.factors[order], old.ids[order], old.alive[order], old.covered[order], True
        )
        self.dead = 0

    def forget_graph(self) -> None:
        """No row is in a graph. The marks are new ones: who still uses the old view keeps the old marks."""
        self.view = replace(self.view, covered=np.zeros(len(self.view.covered), np.bool_))


def _grown(array: NDArray[Scalar], used: int, room: int) -> NDArray[Scalar]:
    if room <= len(array):
        return array
    out = np.empty(room, array.dtype)
    out[:used] = array[:used]
    return out


class Scanner:
    """Compares queries with rows, in as many threads as there are processors. Any number of callers at once."""

    QUICK = 2 * CHUNK
    """Fewer rows than this are not worth a thread."""

    def __init__(self) -> None:
        self.threads = min(4, len(os.sched_getaffinity(0)))
        self._pool = ThreadPoolExecutor(self.threads, "vectors") if self.threads > 1 else None

    def cosines(self, view: View, query: Floats, positions: Positions | None = None) -> Floats:
        """Cosine of every row, or of those at ascending ``positions``. Dead rows have one too."""
        out = np.empty(view.count if positions is None else len(positions), np.float32)

        def work(blocks: list[Block]) -> None:
            wide = np.empty((BLOCK, len(query)), np.float32)
            for where, rows, which in blocks:
                part = wide[: where.stop - where.start]
                np.copyto(part, rows if which is None else rows[which], casting="unsafe")
                np.dot(part, query, out=out[where])

        self._run(work, list(view.blocks(positions)), len(out))
        out *= view.factors[: view.count] if positions is None else view.factors[positions]
        return out

    def best_of_many(
        self, view: View, queries: Floats, k: int, positions: Positions, go_on: Callable[[], None]
    ) -> Floats:
        """The ``k`` best cosines of each query over ascending ``positions``: (queries, k), unordered.

        ``go_on`` is called now and then, and may raise what ends it.
        """
        best = np.full((len(queries), k), -np.inf, np.float32)
        turned = np.ascontiguousarray(queries.T)
        for blocks in view.blocks(positions):
            for where, rows, which in blocks:
                go_on()
                found = (rows[which].astype(np.float32) @ turned) * view.factors[positions[where], None]
                both = np.concatenate([best, found.T], axis=1)
                best = np.partition(both, both.shape[1] - k, axis=1)[:, -k:]
        return best

    def _run(self, work: Callable[[list[Block]], None], pieces: list[list[Block]], rows: int) -> None:
        if self._pool is not None and rows > self.QUICK:
            try:
                list(self._pool.map(work, pieces))
                return
            except RuntimeError:  # closed meanwhile: this thread does it all, again
                pass
        for piece in pieces:
            work(piece)

    def close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown()


def best(ids: Ids, scores: Floats, k: int) -> tuple[Ids, Floats]:
    """The ``k`` best, best first, the smaller id first among equals, within [-1, 1]."""
    k = min(k, len(ids))
    if k <= 0:
        return np.empty(0, np.int64), np.empty(0, np.float32)
    if k < len(ids):
        least = np.partition(scores, len(scores) - k)[len(scores) - k]
        kept = np.flatnonzero(scores >= least)
        ids, scores = ids[kept], scores[kept]
    order = np.lexsort((ids, -scores))[:k]
    return ids[order], np.clip(scores[order], -1.0, 1.0)
