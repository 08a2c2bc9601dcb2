"""The upkeep of the graph: whether there shall be one, building it, keeping it on disk, following the rows.

There is one only for more than ``exact_rows`` rows, and only if it can serve what is commonly asked, the ``nearest``
ones (``graph.reach``), and finds them. ``Upkeep.maintain`` takes minutes when it builds; it holds ``Stock.writing``
only in between, for moments, and while it changes the graph that is withdrawn, so that searches scan.

``close`` makes whatever runs stop at its next step (``Closing``): a batch of rows, a query that is measured, a piece of
a file. Only hnswlib's own writing and reading of a file cannot be interrupted.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from . import files, graph, memory
from .graph import Closing, Graph
from .rows import CHUNK, Floats, Scanner
from .stock import Stock

log = logging.getLogger(__name__)

_STALE = 0.2
"""Marked rows in the graph beyond this share mean a new graph."""
_GONE = 0.02
"""Rows that are gone from the graph beyond this share are marked in it."""
_TAIL = 0.1
"""The tail may be this share of the graph before it is merged in."""
_SMALL_TAIL = 2_000
_TRIED = 65_536
"""A new graph of so many rows is measured before the rest is added: at the same share of rows visited recall hardly
depends on their number, and an hour is saved where none will hold."""
_KEEP_EVERY_S = 600.0
"""A build that takes longer is kept on disk in between."""
_READ = 4096


class Upkeep:
    """Of the graph of the model ``key``, kept in ``folder``. ``asked`` are the queries of late, which it is to answer.

    ``why``: one sentence why there is no graph; None: there is one, or nobody knows yet.
    """

    def __init__(
        self,
        stock: Stock,
        scanner: Scanner,
        asked: Iterable[Floats],
        folder: Path,
        key: str,
        exact_rows: int,
        nearest: int,
    ) -> None:
        self._stock, self._scanner, self._asked = stock, scanner, asked
        self._folder, self._key, self._dimensions = folder, key, stock.rows.dimensions
        self._exact_rows, self._nearest = exact_rows, nearest
        self._maintaining = threading.Lock()
        self._closing = threading.Event()
        self._looked_on_disk = False
        self._refused = files.refused(folder, key, self._dimensions)
        self.why: str | None = None

    def maintain(self) -> None:
        """Bring the graph up to date. Returns at once when another thread is at it, and soon after ``close``."""
        if not self._maintaining.acquire(blocking=False):
            return
        try:
            self._go_on()
            self._tend()
        except Closing:
            pass
        finally:
            self._maintaining.release()

    def close(self) -> None:
        """Stop ``maintain``, and let no graph serve any more."""
        self._closing.set()
        with self._maintaining:
            self._stock.withdraw()

    def _go_on(self) -> None:
        if self._closing.is_set():
            raise Closing

    def _tend(self) -> None:
        self._stock.compact()
        self.why = self._why_not()
        if self.why is not None:
            self._stock.withdraw()
            if self._too_few() is not None:
                files.drop(self._folder, self._key)
            return
        serving = self._stock.state.graph
        if serving is None and not self._looked_on_disk:
            held = files.load(self._folder, self._key, self._dimensions, self._go_on)
            self._looked_on_disk = True
            if held is not None and self._reconciled(held):
                serving = held
        elif serving is not None and self._changed(serving):
            self._stock.withdraw()
            serving = serving if self._reconciled(serving) else None
        if serving is None:
            self._build()
        else:
            self._extend(serving)

    def _why_not(self) -> str | None:
        """Why there shall be no graph, if so."""
        rows = len(self._stock)
        if (few := self._too_few()) is not None:
            return few
        if graph.library() is None:
            return "hnswlib is not installed"
        if self._refused is not None and rows < 2 * self._refused[0]:
            return f"a graph finds only {self._refused[1]:.0%} of the nearest of these vectors"
        if self._stock.state.graph is None:
            needed, free = graph.size(rows, self._dimensions, graph.LADDER[-1][0]), memory.free()
            if needed * 1.2 > free:
                return f"a graph needs {needed / 1e9:.1f} GB of memory, {free / 1e9:.1f} GB are free"
        return None

    def _too_few(self) -> str | None:
        rows = len(self._stock)
        if rows <= self._exact_rows:
            return f"up to {self._exact_rows} vectors are compared one by one"
        if graph.reach(self._nearest) > graph.widest(rows):
            return f"among {rows} vectors a graph finds {self._nearest} no sooner than comparing them one by one"
        return None

    def _changed(self, serving: Graph) -> bool:
        view = self._stock.state.view
        gone = len(serving.labels) - len(serving.marked) - view.meshed_rows()
        return gone > _GONE * len(serving.labels) or len(view.tail()) > _longest_tail(serving)

    def _reconciled(self, held: Graph) -> bool:
        """Make marks and graph agree: covered is a row that the graph holds with this very vector, marked all else.

        False when so much of it is marked that a new one is better; then no row is covered.
        """
        view = self._stock.forget_graph()
        at = view.find(held.labels)
        held.unmark(held.marked)
        known = np.flatnonzero(at >= 0)
        same = np.zeros(len(at), np.bool_)
        for begin in range(0, len(known), _READ):
            self._go_on()
            part = known[begin : begin + _READ]
            difference = np.abs(held.vectors(held.labels[part]) - view.vectors(at[part])).max(axis=1)
            same[part] = difference < 1e-3
        held.mark(held.labels[~same])
        if len(held.marked) > _STALE * len(held.labels):
            return False
        with self._stock.writing:
            self._stock.rows.view.covered[at[same]] = True
        return True

    def _build(self) -> None:
        """A new graph of all rows, by the first rung of the ladder that holds."""
        self._stock.withdraw()
        for m, ef_construction in graph.LADDER:
            self._stock.forget_graph()
            rows = len(self._stock)
            made = Graph.new(self._dimensions, rows, m, ef_construction)
            if self._grow(made):
                return
            recall = made.recall
        self._refused = rows, recall
        self.why = self._why_not()
        log.info("no graph over %d vectors: it finds only %.3f of the nearest", rows, recall)
        try:
            files.refuse(self._folder, self._key, self._dimensions, rows, recall)
        except OSError as error:
            log.warning("cannot write to %s: %s", self._folder, error)

    def _extend(self, held: Graph) -> None:
        """Put the tail into the graph if that is due, and let it serve."""
        if self._stock.state.graph is held:
            return
        due = len(self._stock.state.view.tail()) > _longest_tail(held)
        if not self._grow(held, add=due):
            self._build()

    def _grow(self, made: Graph, add: bool = True) -> bool:
        """Add the tail, measure, keep and serve. False when recall does not hold."""
        kept = time.monotonic()
        added, tried = False, len(made.labels) > 0
        while add:
            view = self._stock.state.view
            tail = view.tail()
            tail = tail[~np.isin(view.ids[tail], made.labels)]
            if len(tail) <= (_SMALL_TAIL if added else 0):
                break
            part = tail[:CHUNK]
            done = made.add(view.ids[part], view.vectors(part), lambda: not self._closing.is_set())
            added = True
            with self._stock.writing:
                self._stock.rows.view.covered[part[:done]] = True
            self._go_on()
            if not tried and len(made.labels) >= _TRIED:
                tried = True
                if len(tail) - done >= _TRIED and not self._holds(made, 0):
                    return False
            if time.monotonic() - kept > _KEEP_EVERY_S:
                self._keep(made)
                kept = time.monotonic()
        if not self._holds(made, self._nearest):
            return False
        if added:
            self._keep(made)
        with self._stock.writing:
            self._go_on()
            made.serve()
            self._stock.publish(made)
        self._refused = None
        return True

    def _keep(self, made: Graph) -> None:
        try:
            files.save(self._folder, self._key, self._dimensions, made, self._go_on)
        except OSError as error:
            log.warning("the graph cannot be kept in %s: %s", self._folder, error)

    def _holds(self, made: Graph, nearest: int) -> bool:
        asked = list(self._asked)
        queries = np.array(asked, np.float32).reshape(len(asked), self._dimensions)
        return made.settle(self._scanner, self._stock.state.view, queries, nearest, self._go_on)


def _longest_tail(serving: Graph) -> int:
    return max(_SMALL_TAIL, int(_TAIL * len(serving.labels)))
