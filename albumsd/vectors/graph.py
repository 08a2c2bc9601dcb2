"""hnswlib's graph over rows, and how many of the true nearest it finds.

A graph answers in a millisecond what a scan answers in tens, and is wrong in a share of the answers that depends on
the vectors: next to nothing for a library in tight bursts, half for vectors without clusters. So its recall is
measured after every build, and the width of its search (ef) raised until ``RECALL`` holds: over stored vectors with
noise of several strengths, and apart from them over queries that were really asked, because the vector of a text lies
elsewhere than those of pictures; for some of both also over as many nearest as are commonly asked for, which a graph
that finds the first ten may well miss. A graph that needs to visit so much that a scan is as quick is not worth its
memory (``widest``); then one with more links is tried (``LADDER``), then none.

hnswlib allows many searches at once, or one change, never both: ``search`` refuses while the graph is ``withdrawn``,
and ``withdraw`` waits for the searches that are under way. Labels are the ids of rows. Building uses one thread: with
more the graph would come out differently each time, and the other cores belong to whoever sits there.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from .rows import Floats, Ids, Scanner, View

RECALL = 0.98
K = 10
LADDER = ((16, 100), (32, 200))
"""(M, ef_construction), tried in this order."""
_SMALLEST_EF = 64
_BATCH = 256
_CHECKS = 96
_WIDE_CHECKS = 16
"""Queries of either sort whose many nearest are looked for."""
_ENOUGH_ASKED = 16
"""Fewer queries say too little about a graph to throw it away."""
_NOISE = (0.3, 0.6, 1.0)
_SEED = 20


class Closing(Exception):
    """Whoever waits for this wants it to stop."""


def library() -> Any | None:
    """The module hnswlib, or None where it is not installed."""
    try:
        import hnswlib
    except ImportError:
        return None
    return hnswlib


def widest(rows: int) -> int:
    """The greatest ef at which a graph of so many rows is still clearly quicker than a scan.

    Visiting a row by its links costs about 50 times what it costs in a scan (measured: docs/decisions/0006.md).
    """
    return max(256, rows // 128)


def reach(k: int, share: float = 1.0) -> int:
    """How many are asked for so that ``k`` are left, of which a ``share`` may be shown: spare ones are rescored."""
    return math.ceil((2 * k + 16) / max(share, 1e-9) * 1.25)


def size(rows: int, dimensions: int, m: int) -> int:
    """Bytes of such a graph, in memory and on disk: vectors as float32, 2 m links of the lowest layer, some more."""
    return rows * (dimensions * 4 + m * 9 + 32)


class Graph:
    """One graph. ``add``, ``mark`` and ``unmark`` only while it is withdrawn, as it is when new, and by one thread."""

    def __init__(self, index: Any, m: int, ef_construction: int, labels: Ids) -> None:
        self.index, self.m, self.ef_construction = index, m, ef_construction
        self.labels = np.sort(labels)
        """All labels, ascending, the marked ones too."""
        self.marked = np.empty(0, np.int64)
        """Labels that are marked as deleted, ascending."""
        self.ef = _SMALLEST_EF
        self.recall = 0.0
        self._searching = 0
        self._withdrawn = True
        self._change = threading.Condition()

    @classmethod
    def new(cls, dimensions: int, rows: int, m: int, ef_construction: int) -> Graph:
        hnswlib = library()
        assert hnswlib is not None
        index = hnswlib.Index("ip", dimensions)
        index.init_index(max(rows, 1), M=m, ef_construction=ef_construction, random_seed=_SEED)
        return cls(index, m, ef_construction, np.empty(0, np.int64))

    # --- one thread, withdrawn -----------------------------------------------------------------

    def add(self, ids: Ids, vectors: Floats, on: Callable[[], bool]) -> int:
        """Add ids that are no labels yet, in this order; how many, which is fewer when ``on()`` turned False."""
        needed = len(self.labels) + len(ids)
        if needed > self.index.get_max_elements():
            self.index.resize_index(needed + needed // 8)
        done = 0
        while done < len(ids) and on():
            part = slice(done, min(done + _BATCH, len(ids)))
            self.index.add_items(vectors[part], ids[part], num_threads=1)
            done = part.stop
        self.labels = np.union1d(self.labels, ids[:done])
        return done

    def mark(self, ids: Ids) -> None:
        """These labels are no longer to be found."""
        for label in ids.tolist():
            self.index.mark_deleted(label)
        self.marked = np.union1d(self.marked, ids)

    def unmark(self, ids: Ids) -> None:
        for label in ids.tolist():
            self.index.unmark_deleted(label)
        self.marked = np.setdiff1d(self.marked, ids, assume_unique=True)

    def vectors(self, labels: Ids) -> Floats:
        """The vectors of labels that are not marked, as the graph holds them."""
        return np.asarray(self.index.get_items(labels), np.float32)

    def settle(self, scanner: Scanner, view: View, asked: Floats, nearest: int, go_on: Callable[[], None]) -> bool:
        """Find the smallest ef with which ``RECALL`` holds over what the graph shares with ``view``.

        ``asked``: queries that were really asked, (n, d). ``nearest``: how many are commonly asked for; 0: only the
        first ``K`` are looked for. False if there is no ef that is worth it. ``go_on`` may raise what ends it.
        """
        meshed = view.meshed()
        sample = meshed[np.linspace(0, len(meshed) - 1, min(_CHECKS, len(meshed))).astype(np.int64)]
        groups = [_perturbed(view.vectors(sample)), *([asked] if len(asked) >= _ENOUGH_ASKED else [])]
        some = [group[np.linspace(0, len(group) - 1, min(_WIDE_CHECKS, len(group))).astype(int)] for group in groups]
        most = widest(len(meshed))
        checks = [(groups, min(K, len(meshed)), 0)]
        if nearest > K:
            checks.append((some, min(nearest, len(meshed)), reach(nearest)))
        goals = [
            [scanner.best_of_many(view, group, k, meshed, go_on).min(axis=1) for group in queries]
            for queries, k, _ in checks
        ]
        ef = _SMALLEST_EF
        while True:
            self.ef = ef
            self.index.set_ef(ef)
            self.recall = 1.0
            for (queries, k, fetch), least in zip(checks, goals, strict=True):
                fetch = min(max(fetch, ef), len(meshed)) if fetch else k
                found = [self._found(*pair, k, fetch, go_on) for pair in zip(queries, least, strict=True)]
                self.recall = min(self.recall, *found)
                if self.recall < RECALL:
                    break
            if self.recall >= RECALL or ef >= most:
                return self.recall >= RECALL
            ef = min(ef * 2, most)

    def _found(self, queries: Floats, least: Floats, k: int, fetch: int, go_on: Callable[[], None]) -> float:
        """Share of the best ``k`` that is found. Whatever is as near as the k-th counts: equal vectors are common."""
        found = 0
        for query, goal in zip(queries, least, strict=True):
            go_on()
            try:
                _, distances = self.index.knn_query(query, k=fetch, num_threads=1)
            except RuntimeError:
                continue
            found += min(k, int(np.count_nonzero(1.0 - distances[0] >= goal - 1e-5)))
        return found / (k * len(queries))

    # --- in use ----------------------------------------------------------------------------------

    def search(self, query: Floats, k: int) -> Ids | None:
        """Labels of the ``k`` nearest or fewer, or None: the graph is withdrawn, or cannot find so many."""
        with self._change:
            if self._withdrawn:
                return None
            self._searching += 1
        try:
            k = min(k, len(self.labels) - len(self.marked))
            if k <= 0:
                return np.empty(0, np.int64)
            labels, _ = self.index.knn_query(query, k=k, num_threads=1)
            return np.asarray(labels[0]).astype(np.int64)
        except RuntimeError:  # "Cannot return the results in a contiguous 2D array": it got stuck before it had k
            return None
        finally:
            with self._change:
                self._searching -= 1
                self._change.notify_all()

    def serve(self) -> None:
        with self._change:
            self._withdrawn = False

    def withdraw(self) -> None:
        """No search begins any more; returns when none is under way, after some milliseconds."""
        with self._change:
            self._withdrawn = True
            self._change.wait_for(lambda: self._searching == 0)


def _perturbed(vectors: Floats) -> Floats:
    """The vectors with noise of ``_NOISE`` times their length, strengths in turn; of length one. Always the same."""
    noise = np.random.default_rng(_SEED).standard_normal(vectors.shape, np.float32)
    noise *= (np.resize(np.array(_NOISE, np.float32), len(vectors)) / np.linalg.norm(noise, axis=1))[:, None]
    mixed = vectors + noise
    return np.asarray(mixed / np.maximum(np.linalg.norm(mixed, axis=1, keepdims=True), 1e-9), np.float32)
