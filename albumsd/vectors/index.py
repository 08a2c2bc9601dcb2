"""``Index``: the vectors of one model, to be asked for the nearest.

How a query is answered: compare it with all rows, or with the ``allowed`` ones, exactly. Only a library of more than
``exact_rows`` gets a graph (``maintain`` builds it), and only while its recall holds; then the graph gives candidates,
the rows that came after it (the tail) are compared one by one, and both are scored from the same rows: an answer by
the graph and one by a scan differ in what they miss, never in a score. The scan steps in whenever the graph cannot
answer: it is being changed, too few of what it found may be shown, or ``allowed`` is narrow.

Who may do what: any thread may call anything at any time. Searches take ``stock.State`` (an immutable view of the rows,
and the graph if it serves) and no lock. ``add`` and ``remove`` hold one for some milliseconds. ``maintain`` is for one
thread at a time (``upkeep``); while it changes the graph, that is withdrawn and searches scan.

Not here: which row belongs to which asset, and where rows come from. After a start the caller adds them all again; the
graph that was kept on disk is then compared with them vector by vector, and only what is the same is used.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import files, graph
from .graph import Graph
from .rows import Floats, Ids, Positions, Scanner, View, best, unit
from .stock import Stock
from .upkeep import Upkeep

NARROW = 50_000
"""So many allowed rows are compared one by one even where there is a graph."""
NEAREST = 1064
"""So many are asked for, if nothing else is said: twice as many as a search shows (500), and some. A graph that finds
ten at once but not so many would be of no use."""
_ASKED = 64


class Index:
    """Vectors of ``dimensions`` under ids that are never used again for another vector.

    ``folder`` keeps the graph of the model ``key``; nobody else may have an Index on the same folder and key.
    """

    def __init__(self, folder: Path, key: str, dimensions: int, exact_rows: int, nearest: int = NEAREST) -> None:
        """``nearest``: how many are commonly asked for."""
        self.folder, self.key, self.dimensions, self.exact_rows = folder, key, dimensions, exact_rows
        self._stock = Stock(dimensions)
        self._scanner = Scanner()
        self._asked: deque[Floats] = deque(maxlen=_ASKED)
        self._upkeep = Upkeep(self._stock, self._scanner, self._asked, folder, key, exact_rows, nearest)

    def __len__(self) -> int:
        return len(self._stock)

    def ids(self) -> Ids:
        """All ids, ascending."""
        view = self._stock.state.view
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
        self._stock.add(labels, vectors)

    def remove(self, ids: NDArray[np.integer]) -> int:
        """Take ids away; how many of them were here. No search that begins later finds one."""
        return self._stock.remove(np.asarray(ids, np.int64))

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
        state = self._stock.state
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
        view = self._stock.state.view
        positions = view.live() if allowed is None else view.among(np.asarray(allowed, np.int64))
        if wanted is None:
            return view.ids[positions], np.zeros(len(positions), np.float32)
        if len(positions) == view.count:
            return view.ids[: view.count].copy(), self._scanner.cosines(view, wanted)
        return view.ids[positions], self._scanner.cosines(view, wanted, positions)

    def get(self, ids: NDArray[np.integer]) -> Floats:
        """Their vectors, of length one (n, d). Raises KeyError when one is not here."""
        view = self._stock.state.view
        wanted = np.asarray(ids, np.int64)
        at = view.find(wanted)
        if (at < 0).any():
            raise KeyError(int(wanted[at < 0][0]))
        return view.vectors(at).reshape(-1, self.dimensions)

    def sample(self, count: int, seed: int = 0) -> tuple[Ids, Floats]:
        """``count`` of the rows or all there are, as (ids, vectors of length one), in the order in which they came.

        Which ones is a matter of chance: the same ``seed`` chooses the same of the same rows.
        """
        view = self._stock.state.view
        at = view.live()
        if len(at) > count:
            at = at[np.sort(np.random.default_rng(seed).choice(len(at), max(count, 0), replace=False))]
        return view.ids[at], view.vectors(at).reshape(-1, self.dimensions)

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
        fetch = graph.reach(k, share)
        if fetch > graph.widest(meshed):
            return None
        labels = serving.search(query, max(fetch, serving.ef))
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
        self._upkeep.maintain()

    # --- the rest ------------------------------------------------------------------------------------

    def describe(self) -> dict[str, Any]:
        """How searches are answered, for status: ``method`` "exact" or "graph", ``why`` a sentence or None, sizes."""
        view, serving = self._stock.state
        about: dict[str, Any] = {
            "rows": len(self),
            "method": "graph" if serving is not None else "exact",
            "why": None if serving is not None else self._upkeep.why,
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
        """Stop ``maintain`` and give the threads back. Searches are still answered.

        Takes moments, but when hnswlib reads or writes the file of a graph: seconds for a million rows.
        """
        self._upkeep.close()
        self._scanner.close()


def sweep(folder: Path, keys: Iterable[str]) -> None:
    """Remove the graphs of all models but these."""
    files.sweep(folder, keys)
