"""What a person looks at goes first: tells the indexer which assets were listed, while it still has work.

Being looked at starts nothing; it raises the priority of jobs that exist (the indexer does that). Loop thread only.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from albumsd.store import jobs
from albumsd.store.database import Reader
from albumsd.vfs.node import Entry, Leaf

EVERY_S = 0.5
ASK_S = 5.0
MOST = 500


class Interest:
    """``tell`` is given ids of listed assets, at most twice a second and only while jobs are open."""

    def __init__(self, reader: Reader, tell: Callable[[Sequence[int]], object]) -> None:
        self._reader = reader
        self._tell = tell
        self._told = self._asked = float("-inf")
        self._busy = False

    def seen(self, page: Sequence[Entry]) -> None:
        """A page of a listing went to the kernel."""
        now = time.monotonic()
        if now - self._told < EVERY_S:
            return
        if now - self._asked > ASK_S:
            self._asked, self._busy = now, jobs.any_open(self._reader)
        if self._busy:
            ids = [entry.node.asset for entry in page[:MOST] if isinstance(entry.node, Leaf) and entry.node.asset]
            if ids:
                self._told = now
                self._tell(ids)
