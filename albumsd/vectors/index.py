"""``Index``: the vectors of one model, to be asked for the nearest.

How a query is answered: compare it with all rows, or with the ``allowed`` ones, exactly. Only a library of more than
``exact_rows`` gets a graph (``maintain`` builds it), and only while its recall holds; then the graph gives candidates,
the rows that came after it (the tail) are compared one by one, and both are scored from the same rows: an answer by
the graph and one by a scan differ in what they miss, never in a score. The scan steps in whenever the graph cannot
answer: it is being changed, too few of what it found may be shown, or ``allowed`` is narrow.

Who may do what: any thread may call anything at any time. Searches take ``_state`` (an immutable view of the rows, and
the graph if it serves) and no lock. ``add`` and ``remove`` take ``_writing`` for some milliseconds. ``maintain`` takes
``_maintaining`` for as long as it runs, minutes when it builds, and ``_writing`` only in between for moments; while it
changes the graph, that is withdrawn and searches scan.

Not here: which row belongs to which asset, and where rows come from. After a start the caller adds them all again; the
graph that was kept on disk is then compared with them vector by vector, and only what is the same is used.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import deque
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from . import files, graph
from .graph import Graph
from .rows import CHUNK, Floats, Ids, Positions, Rows, Scanner, View, best, unit

log = logging.getLogger(__name__)

NARROW = 50_000
"""So many allowed rows are compared one by one even where there is a graph."""
_STALE = 0.2
"""Dead rows beyond this share are cleared away; marked ones in the graph beyond it mean a new graph."""
_TAIL = 0.1
"""The tail may be this share of the graph before it is merged in."""
_SMALL_TAIL = 2_000
_TRIED = 65_536
"""A new graph of so many rows is measured before the rest is added: at the same share of rows visited recall hardly
depends on their number, and an hour is saved where none will hold."""
_KEEP_EVERY_S = 600.0
"""A build that takes longer is kept on disk in between."""
_ASKED = 64
_READ = 4096


class _State(NamedTuple):
    view: View
    graph: Graph | None


class Index:
    """Vectors of ``dimensions`` under ids that are never used again for another vector.

    ``folder`` keeps the graph of the model ``key``; nobody else may have an Index on the same folder and key.
    """

    def __init__(self, folder: Path, key: str, dimensions: int, exact_rows: int) -> None:
        self.folder, self.key, self.dimensions, self.exact_rows = folder, key, dimensions, exact_rows
        self._rows = Rows(dimensions)
        self._scanner = Scanner()
        self._state = _State(self._rows.view, None)
        self._asked: deque[Floats] = deque(maxlen=_ASKED)
        self._writing = threading.Lock()
        self._maintaining = threading.Lock()
        self._closing = threading.Event()
        self._looked_on_disk = False
        self._refused = files.refused(folder, key, dimensions)
        self._why: str | None = None

    def __len__(self) -> int:
        return len(self._rows)

    def ids(self) -> Ids:
        """All ids, ascending."""
        view = self._state.view
        return np.sort(view.ids[view.live()])

    # --- changes -----------------------------------------------------------------------------------

    def add(self, ids: NDArray[np.integer], vectors: NDArray[np.floating]) -> None:
        """Take ``vectors`` (n, d), of any length but zero, under ``ids`` (n,). What stood under one of them goes.

        A vector that is zero or not finite is kept and is like nothing. Raises ValueError for another shape.
        """
        labels: Ids = np.asarray(ids, np.int64)
        vectors = np.asarray(vectors)
        if labels.ndim != 1 or vectors.shape != (len(labels), self.dimensions):
            raise ValueError(f"{vectors.shape} vectors for {labels.shape} ids of {self.dimensions} dimensions")
        with self._writing:
            self._rows.add(labels, vectors)
            self._publish(self._state.graph)

    def remove(self, ids: NDArray[np.integer]) -> int:
        """Take ids away; how many of them were here. No search that begins later finds one."""
        with self._writing:
            return self._rows.remove(np.asarray(ids, np.int64))

    def _publish(self, serving: Graph | None) -> None:
        self._state = _State(self._rows.view, serving)

    # --- questions ---------------------------------------------------------------------------------

    def search(
        self, query: NDArray[np.floating], k: int, allowed: NDArray[np.integer] | None = None
    ) -> tuple[Ids, Floats]:
        """The ``k`` nearest ids, or as many as there are, and their cosines; best first, among equals the smaller id.

        ``query`` (d,) may have any length; one that is zero or not finite is near nothing. Raises ValueError.
        """
        wanted = self._query(query)
        if wanted is None:
            return best(np.empty(0, np.int64), np.empty(0, np.float32), 0)
        state = self._state
        self._asked.append(wanted)
        positions = None if allowed is None else state.view.among(np.asarray(allowed, np.int64))
        if state.graph is not None and (positions is None or len(positions) > NARROW):
            found = self._by_graph(state.view, state.graph, wanted, k, positions)
            if found is not None:
                return found
        return best(*self._exact(state.view, wanted, positions), k)

    def scores(self, query: NDArray[np.floating], allowed: NDArray[np.integer] | None = None) -> tuple[Ids, Floats]:
        """Every id, or every allowed one that is here, with its cosine; in no particular order."""
        wanted = self._query(query)
        view = self._state.view
        positions = view.live() if allowed is None else view.among(np.asarray(allowed, np.int64))
        if wanted is None:
            return view.ids[positions], np.zeros(len(positions), np.float32)
        if len(positions) == view.count:
            return view.ids[: view.count].copy(), self._scanner.cosines(view, wanted)
        return view.ids[positions], self._scanner.cosines(view, wanted, positions)

    def get(self, ids: NDArray[np.integer]) -> Floats:
        """Their vectors, of length one (n, d). Raises KeyError when one is not here."""
        view = self._state.view
        wanted = np.asarray(ids, np.int64)
        at = view.find(wanted)
        if (at < 0).any():
            raise KeyError(int(wanted[at < 0][0]))
        return view.vectors(at).reshape(-1, self.dimensions)

    def _query(self, query: NDArray[np.floating]) -> Floats | None:
        if np.shape(query) != (self.dimensions,):
            raise ValueError(f"a query of shape {np.shape(query)} for vectors of {self.dimensions} dimensions")
        wanted: Floats = unit(np.asarray(query))[0]
        return wanted if wanted.any() else None

    def _exact(self, view: View, query: Floats, positions: Positions | None) -> tuple[Ids, Floats]:
        if positions is not None:
            return view.ids[positions], self._scanner.cosines(view, query, positions)
        scores = self._scanner.cosines(view, query)
        alive, ids = view.alive[: view.count], view.ids[: view.count]
        return (ids, scores) if alive.all() else (ids[alive], scores[alive])

    def _by_graph(
        self, view: View, serving: Graph, query: Floats, k: int, allowed: Positions | None
    ) -> tuple[Ids, Floats] | None:
        """As ``search``; None when the graph did not give enough and all must be compared.

        A filter is put on what was found, of which that many more is asked for: a filter inside hnswlib's walk would
        be a call of Python for every row that it visits.
        """
        tail, meshed = view.tail(), view.meshed_rows()
        share = 1.0
        inside: NDArray[np.bool_] | None = None
        if allowed is not None:
            inside = np.zeros(view.count, np.bool_)
            inside[allowed] = True
            tail = tail[inside[tail]]
            share = (len(allowed) - len(tail)) / max(1, meshed)
        fetch = (2 * k + 16) / max(share, 1e-9) * 1.25
        if fetch > graph.widest(meshed):
            return None
        labels = serving.search(query, max(math.ceil(fetch), serving.ef))
        if labels is None:
            return None
        at = view.find(labels)
        at = at[at >= 0]
        at = at[view.covered[at]]
        if inside is not None:
            at = at[inside[at]]
        if len(at) < min(k, round(share * meshed)):
            return None
        at = np.sort(np.concatenate([at, tail]))
        return best(view.ids[at], self._scanner.cosines(view, query, at), k)

    # --- the graph -----------------------------------------------------------------------------------

    def maintain(self) -> None:
        """Bring the graph up to date with the rows, which may take minutes; searches go on.

        To be called when all rows are there that were there before (a graph of which a fifth is missing is thrown
        away), and again after changes. Returns at once when another thread is at it, and soon after ``close``.
        """
        if not self._maintaining.acquire(blocking=False):
            return
        try:
            self._compact()
            self._why = self._why_not()
            if self._why is not None:
                self._withdraw()
                if len(self) <= self.exact_rows:
                    files.drop(self.folder, self.key)
                return
            serving = self._state.graph
            if serving is None and not self._looked_on_disk:
                self._looked_on_disk = True
                serving = files.load(self.folder, self.key, self.dimensions)
                if serving is not None and not self._reconciled(serving):
                    serving = None
            elif serving is not None and self._changed(serving):
                self._withdraw()
                serving = serving if self._reconciled(serving) else None
            if serving is None:
                self._build()
            else:
                self._extend(serving)
        finally:
            self._maintaining.release()

    def _compact(self) -> None:
        with self._writing:
            if self._rows.dead > max(1000, _STALE * self._rows.view.count):
                self._rows.compact()
                self._publish(self._state.graph)

    def _why_not(self) -> str | None:
        """Why there shall be no graph, if so."""
        rows = len(self)
        if rows <= self.exact_rows:
            return f"up to {self.exact_rows} vectors are compared one by one"
        if graph.library() is None:
            return "hnswlib is not installed"
        if self._refused is not None and rows < 2 * self._refused[0]:
            return f"a graph finds only {self._refused[1]:.0%} of the nearest of these vectors"
        if self._state.graph is None:
            needed, free = graph.size(rows, self.dimensions, graph.LADDER[-1][0]), _free_memory()
            if needed * 1.2 > free:
                return f"a graph needs {needed / 1e9:.1f} GB of memory, {free / 1e9:.1f} GB are free"
        return None

    def _withdraw(self) -> None:
        """No search uses the graph from here on, and the marks of who is in it may change."""
        with self._writing:
            before = self._state.graph
            self._publish(None)
        if before is not None:
            before.withdraw()

    def _changed(self, serving: Graph) -> bool:
        view = self._state.view
        tail = len(view.tail())
        gone = len(serving.labels) - len(serving.marked) - len(view.meshed())
        return gone > 0.02 * len(serving.labels) or tail > self._longest_tail(serving)

    @staticmethod
    def _longest_tail(serving: Graph) -> int:
        return max(_SMALL_TAIL, int(_TAIL * len(serving.labels)))

    def _reconciled(self, held: Graph) -> bool:
        """Make marks and graph agree: covered is a row that the graph holds with this very vector, marked all else.

        False when so much of it is marked that a new one is better; then no row is covered.
        """
        with self._writing:
            self._rows.forget_graph()
            self._publish(None)
            view = self._rows.view
        at = view.find(held.labels)
        held.unmark(held.marked)
        known = np.flatnonzero(at >= 0)
        same = np.zeros(len(at), np.bool_)
        for begin in range(0, len(known), _READ):
            part = known[begin : begin + _READ]
            difference = np.abs(held.vectors(held.labels[part]) - view.vectors(at[part])).max(axis=1)
            same[part] = difference < 1e-3
        held.mark(held.labels[~same])
        if len(held.marked) > _STALE * len(held.labels):
            return False
        with self._writing:
            self._rows.view.covered[at[same]] = True
        return True

    def _build(self) -> None:
        """A new graph of all rows, by the first rung of the ladder that holds."""
        self._withdraw()
        for m, ef_construction in graph.LADDER:
            with self._writing:
                self._rows.forget_graph()
                self._publish(None)
                rows = len(self._rows)
            made = Graph.new(self.dimensions, rows, m, ef_construction)
            if self._grow(made):
                return
            if self._closing.is_set():
                return
            recall = made.recall
        self._refused = rows, recall
        self._why = self._why_not()
        log.info("no graph over %d vectors: it finds only %.3f of the nearest", rows, recall)
        try:
            files.refuse(self.folder, self.key, self.dimensions, rows, recall)
        except OSError as error:
            log.warning("cannot write to %s: %s", self.folder, error)

    def _extend(self, held: Graph) -> None:
        """Put the tail into the graph if that is due, and let it serve."""
        if self._state.graph is held:
            return
        due = len(self._state.view.tail()) > self._longest_tail(held)
        if not self._grow(held, add=due) and not self._closing.is_set():
            self._build()

    def _grow(self, made: Graph, add: bool = True) -> bool:
        """Add the tail, measure, keep and serve. False when recall does not hold, or the index is being closed."""
        kept = time.monotonic()
        added, tried = False, len(made.labels) > 0
        while add:
            view = self._state.view
            tail = view.tail()
            tail = tail[~np.isin(view.ids[tail], made.labels)]
            if len(tail) <= (_SMALL_TAIL if added else 0):
                break
            part = tail[:CHUNK]
            done = made.add(view.ids[part], view.vectors(part), lambda: not self._closing.is_set())
            added = True
            with self._writing:
                self._rows.view.covered[part[:done]] = True
            if self._closing.is_set():
                return False
            if not tried and len(made.labels) >= _TRIED:
                tried = True
                if len(tail) - done >= _TRIED and not self._holds(made):
                    return False
            if time.monotonic() - kept > _KEEP_EVERY_S:
                self._keep(made)
                kept = time.monotonic()
        if not self._holds(made):
            return False
        if added:
            self._keep(made)
        with self._writing:
            made.serve()
            self._publish(made)
        self._refused = None
        return True

    def _keep(self, made: Graph) -> None:
        try:
            files.save(self.folder, self.key, self.dimensions, made)
        except OSError as error:
            log.warning("the graph cannot be kept in %s: %s", self.folder, error)

    def _holds(self, made: Graph) -> bool:
        asked = list(self._asked)
        queries = np.array(asked, np.float32).reshape(len(asked), self.dimensions)
        return made.settle(self._scanner, self._state.view, queries)

    # --- the rest ------------------------------------------------------------------------------------

    def describe(self) -> dict[str, Any]:
        """How searches are answered, for status: ``method`` "exact" or "graph", ``why`` a sentence or None, sizes."""
        view, serving = self._state
        about: dict[str, Any] = {
            "rows": len(self),
            "method": "graph" if serving is not None else "exact",
            "why": None if serving is not None else self._why,
            "bytes": view.count * (2 * self.dimensions + 14),
            "graph": None,
        }
        if serving is not None:
            about["graph"] = {
                "rows": len(serving.labels) - len(serving.marked),
                "tail": len(view.tail()),
                "m": serving.m,
                "ef": serving.ef,
                "recall": round(serving.recall, 4),
                "bytes": graph.size(len(serving.labels), self.dimensions, serving.m),
            }
        return about

    def close(self) -> None:
        """Stop ``maintain`` within a second or two and give the threads back. Searches are still answered."""
        self._closing.set()
        with self._maintaining:
            self._withdraw()
        self._scanner.close()


def sweep(folder: Path, keys: Iterable[str]) -> None:
    """Remove the graphs of all models but these."""
    files.sweep(folder, keys)


def _free_memory() -> int:
    """Bytes that programs may still take; without /proc, plenty."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return 1 << 60
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")), 1 << 60)
