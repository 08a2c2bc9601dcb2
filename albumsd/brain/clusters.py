"""When alike pictures are put together anew, and the child process in which that is done.

``clusterer`` is the mathematics, ``store.clusters`` the rows. Here is decided that it is time: everything is embedded
under the model that answers, and since the last time more than CHANGED of the vectors came or went, or some did and a
day has passed, or there is another model or vocabulary. The first time is as soon as everything is embedded.

The work is done by ``python -m albumsd.brain.clustering``, nicely: it holds all vectors at once, and scikit-learn, and
gives both back when it ends; should the memory not suffice, only it is killed. What fails is tried again after RETRY_S.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from albumsd.core import clock
from albumsd.core.config import Config
from albumsd.store import embeddings
from albumsd.store.database import Reader, Tx

from . import clustering
from .choice import Choice
from .clustering import Order
from .mind import Mind

log = logging.getLogger(__name__)

CHANGED = 0.02
DAY_NS = 86_400_000_000_000
RETRY_S = 3600.0
LEAST = 20
"""So few pictures need no groups."""
_POLL_S = 0.2
_NICE = 10


class Words(Protocol):
    """The vocabulary by which clusters are named: what is needed of ``tagger.Tagging``."""

    def naming(self, choice: Choice) -> str | None:
        """What ``names`` depends on."""

    def names(self, choice: Choice) -> tuple[Sequence[str], NDArray[np.float32]] | None:
        """Words, and a unit vector for each; None: there are none. Raises ModelFailed, NotReady."""


class Clusters:
    """For one thread (``upkeep``)."""

    def __init__(self, config: Config, mind: Mind, words: Words) -> None:
        self._config = config
        self._mind = mind
        self._words = words
        self._not_before = 0.0
        self._installed = find_spec("sklearn") is not None

    def step(self, stopped: Callable[[], bool]) -> None:
        """Put together anew if it is time."""
        standing = self._mind.standing
        mirror, model = standing.mirror, standing.choice.model
        if mirror is None or model is None or mirror.model.key != model.key or standing.working:
            return
        if not self._installed or time.monotonic() < self._not_before:
            return
        words = self._words.naming(standing.choice)
        with Reader(self._config.database) as reader:
            due = is_due(reader, mirror.number, words)
        if due:
            self._not_before = time.monotonic() + RETRY_S
            if self._run(standing.choice, mirror.number, words, stopped):
                self._not_before = 0.0

    def _run(self, choice: Choice, model: int, words: str | None, stopped: Callable[[], bool]) -> bool:
        said, vectors = self._words.names(choice) or ((), np.zeros((0, 0), np.float32))
        order = Order(str(self._config.database), model, words, tuple(said), vectors)
        command = [sys.executable, "-m", clustering.__name__, "--parent", str(os.getpid()), "--nice", str(_NICE)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as child:
            try:
                assert child.stdin is not None
                child.stdin.write(order.to_bytes())
                child.stdin.close()
                while child.poll() is None:
                    if stopped():
                        child.kill()
                        return False
                    time.sleep(_POLL_S)
            except BrokenPipeError:  # it ended before it had read all
                pass
            code = child.wait()
        if code:
            log.warning("no clusters: their process ended with %d; it is tried again in %d min", code, RETRY_S / 60)
        return code == 0


def is_due(tx: Tx, model: int, words: str | None) -> bool:
    """Whether the clusters are old."""
    now = embeddings.version(tx, model)
    if now.rows < LEAST:
        return False
    last = tx.one("SELECT model, at_ns, substr(state, 1, 1000) FROM clustering")  # all of it may be 20 MB
    about = clustering.About.read(last[2]) if last else None
    if last is None or about is None or last[0] != model or about.words != words:
        return True
    came = tx.value("SELECT count(*) FROM embedding WHERE model=? AND id>?", (model, about.last)) or 0
    changed = came + max(0, about.rows + came - now.rows)
    if not changed:
        return False
    return changed > CHANGED * about.rows or clock.now_ns() - last[1] > DAY_NS
