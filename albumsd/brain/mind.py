"""What brain has of meaning at this moment: the models, the index of the one that answers, and why when there is none.

``Standing`` is a value that ``attend`` replaces; whoever answers a question takes it once and works with that.
``attend`` is for one thread (``upkeep``): it looks at the settings and the models, and makes the index like the rows.
A model that shall answer from now on does so when its index is whole; until then the one before it goes on. At the
start there is none before it: then it answers with what is there, and says that it is late.

Vectors are *still being made* until the indexer's pass for the chosen model has ended and no job of it is left that
somebody will do: one that is open, or that waits because brain was away.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from albumsd.core.config import Config
from albumsd.ml.folders import Model
from albumsd.ml.host import ModelHost
from albumsd.query.meant import Meant, meant
from albumsd.store import embeddings, jobs, model_jobs, scanning
from albumsd.store.database import Tx
from albumsd.vectors import sweep

from . import meaning
from .calibration import Floors
from .choice import Choice, Known, Watch
from .fusion import Sense
from .mirror import Mirror
from .phrases import Phrases, Vector

log = logging.getLogger(__name__)

EMBED = "embed"
_FOLLOWS = ("tags", "caption")
"""Stages that bring no vectors."""


class Standing(NamedTuple):
    """``mirror``: the index of the model that answers; None: no meaning. ``working``: vectors are still being made."""

    choice: Choice
    mirror: Mirror | None = None
    working: bool = False


class Heard(NamedTuple):
    """A query as the model of ``mirror`` heard it. ``vectors``: of its texts; None: they did not come in time."""

    mirror: Mirror
    meant: Meant
    vectors: Mapping[str, Vector] | None


class Mind:
    """Safe for several threads, but ``attend`` for one."""

    def __init__(self, config: Config, host: ModelHost, watch: Watch, floors: Floors) -> None:
        self.host = host
        self._watch = watch
        self._floors = floors
        self._folder = config.library / "cache" / "vectors"
        self._exact_rows = int(config["exact_vectors"])
        self._keys: set[str] | None = None  # of the models of which something may lie on the disk
        self._parked: tuple[dict[str, int], bool] = ({}, False)  # counts of jobs, and whether one waits for brain
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

    def hear(self, asked: Meant, deadline: float) -> Heard | None:
        """Wait until ``deadline`` (``time.monotonic``) for the texts of a query; None when there is nobody to ask.

        Waits for no model that is not in memory.
        """
        mirror = self.standing.mirror
        state = self.host.state(mirror.model) if mirror else "failed"
        if mirror is None or state == "failed":
            return None
        waits = deadline if state == "warm" else 0.0
        return Heard(mirror, asked, self.phrases.get(mirror.model, meaning.texts(asked), waits))

    def sense(self, tx: Tx, heard: Heard, limit: int, deadline: float) -> Sense:
        """What meaning finds. ``deadline``: for looking farther and farther for what fulfils a condition."""
        return meaning.sense(tx, heard.mirror, self._floors, heard.meant, heard.vectors, limit, deadline)

    def is_waking(self) -> bool:
        """Whether a model is chosen that was not looked at yet."""
        choice = self.standing.choice
        return not choice.known and bool(choice.config["model"])

    def attend(self, tx: Tx, stopped: Callable[[], bool] = lambda: False) -> None:
        """Look whether something changed, and follow it."""
        choice = self._watch.look()
        rows = embeddings.models(tx)
        working = choice.model is not None and self._is_working(tx, choice.model.key)
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
        keys = {row.key for row in rows} | ({choice.model.key} if choice.model else set())
        if keys != self._keys:
            self._keys = keys
            sweep(self._folder, keys)
            self._floors.forget(keys)
        if now is not None and not stopped():
            mine = choice.model is not None and choice.model.key == now.model.key
            self._floors.learn(now, settled=mine and not working and not _comes(tx))

    def _is_working(self, tx: Tx, key: str) -> bool:
        """Whether vectors of the model ``key`` are still being made."""
        said = model_jobs.fingerprints(tx, EMBED)
        if not said.now or said.now.partition("/")[2] != key:
            return True
        if scanning.stage_version(tx, EMBED) != said.numbers.get(said.now):
            return True
        counts = jobs.counts(tx).get(EMBED, {})
        if counts.get("open"):
            return True
        if counts != self._parked[0]:
            waits = tx.value(
                "SELECT EXISTS (SELECT 1 FROM job WHERE stage=? AND state='parked' AND error IN (?, ?))",
                (EMBED, jobs.AWAY, jobs.NO_MODEL),
            )
            self._parked = counts, bool(waits)
        return self._parked[1]

    def _mirror(self, number: int, model: Model) -> Mirror:
        return Mirror(self._folder, model, number, self._exact_rows)

    def told(self) -> dict[str, Any]:
        """What is said of meaning, and seldom changes. ``why``: one sentence when something is missing.
        ``answers``: the model before this one, as long as its vectors are the ones that answer."""
        choice = self.standing.choice
        model = choice.model
        info = self.host.info(model) if model else None
        mirror = self.standing.mirror
        other = mirror is not None and model is not None and mirror.model.key != model.key and len(mirror.index) > 0
        return {
            "model": model.name if model else None,
            "device": info["device"] if info else None,
            "dtype": info["dtype"] if info else None,
            "why": (self.host.why(model) if model else choice.why) or choice.captioner_why,
            "model_state": self.host.state(model) if model else None,
            "input_px": model.input_px if model else None,
            "answers": mirror.model.name if mirror and other else None,
        }

    def sizes(self) -> dict[str, Any]:
        """What changes with every picture, for who asks."""
        mirror = self.standing.mirror
        return {
            "vectors": len(mirror.index) if mirror else 0,
            "index": mirror.index.describe() if mirror else None,
        }

    def close(self) -> None:
        self.host.close()
        self.phrases.close()
        if self.standing.mirror:
            self.standing.mirror.close()


def _comes(tx: Tx) -> bool:
    """Whether something is in work from which more vectors may come."""
    return any(count["open"] for stage, count in jobs.counts(tx).items() if stage not in _FOLLOWS)
