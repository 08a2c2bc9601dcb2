"""Texts as vectors, for queries: remembered, and waited for no longer than a person would.

A text tower takes 25 to 50 ms, as much as all the rest of a search; a model that is not in memory takes seconds to get
there. So vectors are remembered by (model, text), the most recently used SIZE of them, and encoding goes on behind when
the one who asked had to leave: who asks again finds it done. A text that is being encoded is not begun a second time.

Safe for any number of threads: one lock around the two dictionaries, never held while something is encoded.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait

import numpy as np
from numpy.typing import NDArray

from albumsd.ml.folders import Model

from .sentences import TextTower

log = logging.getLogger(__name__)

Vector = NDArray[np.float32]
SIZE = 4000
MOST_WAITING = 32
"""Calls that may be under way; who comes then is told to come again."""
ENCODE_S = 120.0
"""Long enough to load a large model from a slow disk."""


class Phrases:
    def __init__(self, host: TextTower) -> None:
        self._host = host
        self._lock = threading.Lock()
        self._known: OrderedDict[tuple[str, str], Vector] = OrderedDict()
        self._coming: dict[tuple[str, str], Future[None]] = {}
        self._pool = ThreadPoolExecutor(2, "phrases")

    def ask(self, model: Model, texts: Sequence[str]) -> None:
        """Begin to encode those that are not known."""
        with self._lock:
            wanted = [
                text
                for text in dict.fromkeys(texts)
                if (model.key, text) not in self._known and (model.key, text) not in self._coming
            ]
            if not wanted or len(set(map(id, self._coming.values()))) >= MOST_WAITING:
                return
            future: Future[None] = Future()
            self._coming.update({(model.key, text): future for text in wanted})
        self._pool.submit(self._encode, model, wanted, future)

    def get(self, model: Model, texts: Sequence[str], deadline: float) -> dict[str, Vector] | None:
        """``{text: unit vector}``; None when not all are there at ``deadline`` (``time.monotonic``)."""
        self.ask(model, texts)
        with self._lock:
            coming = {self._coming[model.key, text] for text in texts if (model.key, text) in self._coming}
        if coming:
            wait(coming, max(0.0, deadline - time.monotonic()))
        found: dict[str, Vector] = {}
        with self._lock:
            for text in texts:
                vector = self._known.get((model.key, text))
                if vector is None:
                    return None
                self._known.move_to_end((model.key, text))
                found[text] = vector
        return found

    def _encode(self, model: Model, texts: list[str], future: Future[None]) -> None:
        vectors: NDArray[np.float32] | None = None
        try:
            vectors = self._host.encode_texts(model, texts, ENCODE_S)
        except Exception as error:  # whatever it is, the search goes on without
            log.warning("%s does not encode: %s", model.name, error)
        with self._lock:
            for number, text in enumerate(texts):
                self._coming.pop((model.key, text), None)
                if vectors is not None:
                    self._known[model.key, text] = np.array(vectors[number], np.float32)
            while len(self._known) > SIZE:
                self._known.popitem(last=False)
        future.set_result(None)

    def close(self) -> None:
        """Whoever encodes is not waited for; close the host too, and it comes to an end."""
        self._pool.shutdown(wait=False, cancel_futures=True)
