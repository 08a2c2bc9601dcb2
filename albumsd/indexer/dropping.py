"""Vectors of models that are not used any more: dropped when nobody can need them, and never those of now.

While vectors go nothing is embedded, because a vector that is made again and is there already is not written anew: it
would go with the others. When another model is chosen meanwhile the dropping is given up at once (``give_up``), and
what is left stays.

That the jobs of the model of now are done must mean that its vectors are there, before others go. ``unseen`` finds
where that is not so, once for each start and each change of the model, and only where there are fewer vectors than
jobs that are done.

Belongs to the runner's thread. The deleting is done in a thread of its own, with its own ``Database``: it may be a
million rows.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait

from albumsd.core.config import Config
from albumsd.store import embeddings, jobs, model_jobs
from albumsd.store.database import Database

from .announced import EMBED
from .lane import alone

log = logging.getLogger(__name__)

FAILED_SHARE = 0.05
"""Of a new model more failures than this share are no reason to drop the vectors of the old one."""
PAGE = 2000
END_S = 2.0
"""For so long a dropping that is given up may take to notice."""


class Dropping:
    """``due``: something has ended, so that it may be time to drop; True at the start."""

    def __init__(self, database: Database, config: Config) -> None:
        self._database, self._config = database, config
        self._running: Future[int] | None = None
        self._stop = threading.Event()
        self._looked: tuple[str, int | None] = "", 0  # for vectors of this key, up to this asset; None: at all
        self.due = True

    def going_on(self) -> bool:
        """Whether vectors are being dropped."""
        return self._running is not None and not self._running.done()

    def give_up(self) -> None:
        """Leave what is not dropped yet. It goes on until the transaction in hand is over."""
        self._stop.set()

    def close(self) -> None:
        self.give_up()
        if self._running is not None:
            wait([self._running], END_S)

    def unseen(self, key: str, version: int) -> list[tuple[int, str]] | None:
        """``(asset, local)`` of some assets that have no vector though their job is done; None: all were looked at."""
        if self._looked[0] != key:
            seen = {model.key: model.assets for model in embeddings.models(self._database)}
            done = jobs.counts(self._database).get(EMBED, {}).get("done", 0)
            self._looked = key, None if done <= seen.get(key, 0) else 0
        after = self._looked[1]
        if after is None:
            return None
        self._looked = key, after + PAGE if after + PAGE < model_jobs.last_asset(self._database) else None
        number = embeddings.model_id(self._database, key) or 0
        return model_jobs.lost(self._database, EMBED, version, number, after, after + PAGE)

    def old(self, key: str) -> list[int]:
        """The models whose vectors can go now; those of ``key`` stay."""
        counts = jobs.counts(self._database).get(EMBED, {})
        if counts.get("open") or counts.get("parked"):
            return []
        models = embeddings.models(self._database)
        new = next((model for model in models if model.key == key and model.assets), None)
        if new is None or counts.get("failed", 0) > FAILED_SHARE * new.assets:
            return []
        return [model.id for model in models if model.key != key]

    def begin(self, models: Sequence[int]) -> None:
        """Drop these."""
        self._stop.clear()
        self._running = alone(_drop, self._config, models, self._stop.is_set)

    def ended(self) -> bool:
        """Whether what was begun is over, told once."""
        if self._running is None or not self._running.done():
            return False
        error = self._running.exception()
        if error is not None:
            log.warning("old vectors are dropped another time: %s", error)
        self._running = None
        return True


def _drop(config: Config, models: Sequence[int], stopped: Callable[[], bool]) -> int:
    with Database(config.database) as database:
        return sum(embeddings.drop_model(database, model, stopped) for model in models)
