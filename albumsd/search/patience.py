"""How long a search waits for brain, and how often it lets itself be kept waiting.

A brain that is there but does not answer (stopped, swapped out, overwhelmed) would cost every search the whole wait,
again and again. So a missed answer is remembered for REST_S: meanwhile nobody asks, and the order is FTS5's at once.
Then one search tries again; those beside it do not wait with it. Only answers that were waited for count as missed:
a socket at which nobody listens costs nothing, and a brain that was started again is asked at once.

A query whose answer was late (its meaning is still to come) is asked again when its folder is opened again, but not
more often than every AGAIN_S: a file manager that reads a folder over and over keeps no model from loading.

One ``Patience`` per process (``search.run`` keeps it), for any number of sockets; safe for any number of threads.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

WAIT_S = 1.0
"""Brain answers within 0.15 s for a million assets; who takes that many times longer is not coming."""
WAIT_FOR_MEANING_S = 3.0
"""With a model there may be a batch of pictures before the query, and a second core is not always free."""
REST_S = 10.0
AGAIN_S = 1.0
_REMEMBERED = 256
"""Late queries that are remembered; of more, the oldest may be asked again too soon."""


def wait_s(deadline_s: float, model: bool) -> float:
    """How long a search that must be over in ``deadline_s`` waits for brain; what is left is for the order of FTS5."""
    return min(deadline_s * 0.6, WAIT_FOR_MEANING_S) if model else min(deadline_s, WAIT_S)


class Patience:
    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        """``now``: seconds that only go forward."""
        self._now = now
        self._lock = threading.Lock()
        self._until: dict[Path, float] = {}  # socket: before this nobody asks
        self._late: OrderedDict[tuple[Path, str], float] = OrderedDict()  # socket and query: the same; oldest first

    def begin(self, socket: Path, query: str = "", wait_s: float = WAIT_S) -> float | None:
        """When the question began, for ``missed``; None: do not ask now."""
        now = self._now()
        with self._lock:
            if now < self._late.get((socket, query), now):
                return None
            until = self._until.get(socket)
            if until is not None:
                if now < until:
                    return None
                self._until[socket] = now + wait_s  # this one tries; others wait for what becomes of it
        return now

    def answered(self, socket: Path, query: str = "", late: bool = False) -> None:
        """Whatever it said, it is awake. ``late``: there is more to come."""
        now = self._now()
        with self._lock:
            self._until.pop(socket, None)
            self._late.pop((socket, query), None)
            if late:
                self._late[socket, query] = now + AGAIN_S
                while len(self._late) > _REMEMBERED:
                    self._late.popitem(last=False)

    def missed(self, socket: Path, began: float, deadline_s: float) -> None:
        """No answer came. Who was only not there, which is found out sooner, may be asked again at once."""
        now = self._now()
        with self._lock:
            if now - began >= deadline_s / 2:
                self._until[socket] = now + REST_S
            else:
                self._until.pop(socket, None)
