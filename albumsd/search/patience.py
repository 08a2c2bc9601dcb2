"""How long a search waits for brain, and how often it lets itself be kept waiting.

A brain that is there but does not answer (stopped, swapped out, overwhelmed) would cost every search the whole wait,
again and again. So a missed answer is remembered for REST_S: meanwhile nobody asks, and the order is FTS5's at once.
Then one search tries again; those beside it do not wait with it. Only answers that were waited for count as missed:
a socket at which nobody listens costs nothing, and a brain that was started again is asked at once.

One ``Patience`` per process (``search.run`` keeps it), for any number of sockets; safe for any number of threads.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

WAIT_S = 1.0
"""Brain answers within 0.15 s for a million assets; who takes that many times longer is not coming."""
REST_S = 10.0


class Patience:
    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        """``now``: seconds that only go forward."""
        self._now = now
        self._lock = threading.Lock()
        self._until: dict[Path, float] = {}  # socket: before this nobody asks

    def begin(self, socket: Path) -> float | None:
        """When the question began, for ``missed``; None: do not ask now."""
        now = self._now()
        with self._lock:
            until = self._until.get(socket)
            if until is not None:
                if now < until:
                    return None
                self._until[socket] = now + WAIT_S  # this one tries; others wait for what becomes of it
        return now

    def answered(self, socket: Path) -> None:
        """Whatever it said, it is awake."""
        with self._lock:
            self._until.pop(socket, None)

    def missed(self, socket: Path, began: float, deadline_s: float) -> None:
        """No answer came. Who was only not there, which is found out sooner, may be asked again at once."""
        now = self._now()
        with self._lock:
            if now - began >= deadline_s / 2:
                self._until[socket] = now + REST_S
            else:
                self._until.pop(socket, None)
