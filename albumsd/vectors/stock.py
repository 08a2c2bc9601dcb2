"""What there is at this moment, for all who read and change it: the rows, and the graph if it serves.

``state`` is a pair that is only ever replaced, so a reader takes it once and needs no lock. Writers hold ``writing``
for some milliseconds. ``withdraw`` is how the graph is taken away from searches before it is changed.
"""

from __future__ import annotations

import threading
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .graph import Graph
from .rows import Ids, Rows, View

_STALE = 0.2
"""Dead rows beyond this share are cleared away."""


class State(NamedTuple):
    view: View
    graph: Graph | None
    """The one that serves."""


class Stock:
    """``rows`` is changed by who holds ``writing``, and published by it after."""

    def __init__(self, dimensions: int) -> None:
        self.rows = Rows(dimensions)
        self.writing = threading.Lock()
        self.state = State(self.rows.view, None)

    def __len__(self) -> int:
        return len(self.rows)

    def add(self, ids: Ids, vectors: NDArray[np.floating]) -> None:
        with self.writing:
            self.rows.add(ids, vectors)
            self.publish(self.state.graph)

    def remove(self, ids: Ids) -> int:
        with self.writing:
            return self.rows.remove(ids)

    def publish(self, serving: Graph | None) -> None:
        """With ``writing`` held: from here on searches see the rows as they are, and ask that graph."""
        self.state = State(self.rows.view, serving)

    def compact(self) -> None:
        """Clear dead rows away once they are many."""
        with self.writing:
            if self.rows.dead > max(1000, _STALE * self.rows.view.count):
                self.rows.compact()
                self.publish(self.state.graph)

    def withdraw(self) -> None:
        """No search uses the graph from here on, and the marks of who is in it may change."""
        with self.writing:
            before = self.state.graph
            self.publish(None)
        if before is not None:
            before.withdraw()

    def forget_graph(self) -> View:
        """No row is in a graph, and none serves; the rows as they are then."""
        with self.writing:
            self.rows.forget_graph()
            self.publish(None)
            return self.rows.view
