"""What brain has of meaning at this moment: the models, the index of the one that answers, and why when there is none.

``Standing`` is a value that ``attend`` replaces; whoever answers a question takes it once and works with that.
``attend`` is for one thread (``upkeep``): it looks at the settings and the models, and makes the index like the rows.
A model that shall answer from now on does so when its index is whole; until then the one before it goes on. At the
start there is none before it: then it answers with what is there, and says that it is late.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from albumsd.core.config import Config
from albumsd.ml.folders import Model
from albumsd.ml.host import ModelHost
from albumsd.query.meant import Meant, meant
from albumsd.store import embeddings, jobs
from albumsd.store.database import Tx
from albumsd.vectors import sweep

from . import meaning
from .choice import Choice, Known, Watch
from .fusion import Sense
from .mirror import Mirror
from .phrases import Phrases

log = logging.getLogger(__name__)


class Floors(meaning.Floors, Protocol):
    def learn(self, tx: Tx, mirror: Mirror) -> bool:
        """Follow the library; may take seconds."""


class Standing(NamedTuple):
    """``mirror``: the index of the model that answers; None: no meaning. ``working``: vectors are still being made."""

    choice: Choice
    mirror: Mirror | None = None
    working: bool = False


class Mind:
    """Safe for several threads, but ``attend`` for one."""

    def __init__(self, config: Config, host: ModelHost, watch: Watch, floors: Floors) -> None:
        self.host = host
        self._watch = watch
        self._floors = floors
        self._folder = config.library / "cache" / "vectors"
        self._exact_rows = int(config["exact_vectors"])
        self._keys: set[str] | None = None  # of the models whose graphs may lie on the disk
        self.phrases = Phrases(host)
        self.standing = Standing(watch.current)

    def listen(self, query: str, today: str) -> Meant | None:
        """The query for ``sense``, whose texts are encoded from now on; None when meaning has nothing to say to it.

        Raises QueryError.
        """
        mirror = self.standing.mirror
        asked = meant(query, today)
        if mirror is None or not asked.ways or self.host.state(mirror.model) == "failed":
            return None
        self.phrases.ask(mirror.model, meaning.texts(asked))
        return asked

    def sense(self, tx: Tx, asked: Meant | None, limit: int, deadline: float) -> Sense | None:
        """What meaning finds; None when nobody can say. Waits for no model that is not in memory.

        ``deadline``: of ``time.monotonic``, for encoding the query.
        """
        mirror = self.standing.mirror
        if mirror is None or asked is None:
            return None
        state = self.host.state(mirror.model)
        if state == "failed":
            return None
        return meaning.sense(tx, mirror, self.phrases, self._floors, asked, limit, deadline, waits=state == "warm")

    def is_waking(self) -> bool:
        """Whether a model is chosen that was not looked at yet."""
        choice = self.standing.choice
        return not choice.known and bool(choice.config["model"])

    def has_seen(self, tx: Tx, asset: int) -> bool:
        """Whether the model that answers has seen it, and not only read it: of words BM25 is the better judge."""
        mirror = self.standing.mirror
        rows = embeddings.of_asset(tx, asset, mirror.number) if mirror else []
        return any(row.tower == "image" for row in rows)

    def attend(self, tx: Tx, stopped: Callable[[], bool] = lambda: False) -> None:
        """Look whether something changed, and follow it."""
        choice = self._watch.look()
        rows = embeddings.models(tx)
        working = bool(jobs.counts(tx).get("embed", {}).get("open"))
        found = self._watch.answering([Known(row.id, row.key, row.assets) for row in rows], working)
        old = self.standing.mirror
        if found is None:
            self.standing = Standing(choice, None, working)
        else:
            number, model = found
            mirror = old if old and old.number == number else self._mirror(number, model)
            if old is None:
                self.standing = Standing(choice, mirror, working)
            whole = mirror.catch_up(tx, stopped)
            self.standing = Standing(choice, mirror if whole or old is None else old, working)
        now = self.standing.mirror
        if old is not None and old is not now:
            old.close()
        if (keys := {row.key for row in rows}) != self._keys:
            self._keys = keys
            sweep(self._folder, keys)
        if now is not None and not stopped():
            self._floors.learn(tx, now)

    def _mirror(self, number: int, model: Model) -> Mirror:
        return Mirror(self._folder, model, number, self._exact_rows)

    def told(self) -> dict[str, Any]:
        """What status says of meaning. ``why``: one sentence when something is missing."""
        choice, mirror, _ = self.standing
        model = choice.model
        info = self.host.info(model) if model else None
        return {
            "model": model.name if model else None,
            "device": info["device"] if info else None,
            "why": (self.host.why(model) if model else choice.why) or choice.captioner_why,
            "model_state": self.host.state(model) if model else None,
            "input_px": model.input_px if model else None,
            "vectors": len(mirror.index) if mirror else 0,
            "index": mirror.index.describe() if mirror else None,
        }

    def close(self) -> None:
        self.host.close()
        self.phrases.close()
        if self.standing.mirror:
            self.standing.mirror.close()
