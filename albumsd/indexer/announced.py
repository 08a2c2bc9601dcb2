"""What brain has announced for each of its stages: the fingerprint under which it would do it now, and its number.

Kept in the library (``model_jobs.Fingerprints``), so that a start knows what was announced last. The code of a stage
counts too: what is remembered of a fingerprint has the stage's version before it. As long as brain has never announced
anything, the settings say what is asked for.

Belongs to the runner's thread.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from albumsd.core.config import Config
from albumsd.store import model_jobs, scanning
from albumsd.store.database import Database, Tx

from .stage import Stage

EMBED = "embed"


class Announced:
    """``stages``: those of brain that are not switched off."""

    def __init__(self, database: Database, config: Config, stages: Iterable[Stage]) -> None:
        self._config = config
        self._stages = {stage.name: stage for stage in stages}
        self._known = {name: model_jobs.fingerprints(database, name) for name in self._stages}

    def __iter__(self) -> Iterator[str]:
        """The names of the stages."""
        return iter(self._stages)

    def asked(self, stage: str) -> bool:
        """Whether a stage of brain is asked for at all."""
        known = self._known.get(stage)
        if known is None:
            return False
        if known.now == "":
            return bool(self._config["model"] or (stage == "caption" and self._config["captioner"]))
        return known.now is not None

    def version(self, stage: str) -> int:
        """Under which number its results are made now."""
        known = self._known[stage]
        return known.numbers.get(known.now or "", 0)

    def number(self, tx: Tx, stage: str, fingerprint: str) -> int:
        """The number of a fingerprint; a new one if it was never heard of."""
        known, text = self._known[stage], f"{self._stages[stage].version}/{fingerprint}"
        if text not in known.numbers:
            known = known._replace(numbers={**known.numbers, text: known.next}, next=known.next + 1)
            self._known[stage] = known
            model_jobs.remember_fingerprints(tx, stage, known)
        return known.numbers[text]

    def is_news(self, stage: str, fingerprint: str | None) -> bool:
        """Whether this is not what was announced last."""
        return self._text(stage, fingerprint) != self._known[stage].now

    def announce(self, tx: Tx, stage: str, fingerprint: str | None) -> None:
        """brain says another fingerprint, or None: there is no model for it.

        The stage counts as one that the library has not seen, so that it is asked for everywhere: also when brain goes
        back to what it had announced before.
        """
        scanning.forget_stage(tx, stage)
        if fingerprint is not None:
            self.number(tx, stage, fingerprint)
        self._known[stage] = self._known[stage]._replace(now=self._text(stage, fingerprint))
        model_jobs.remember_fingerprints(tx, stage, self._known[stage])

    def key(self) -> str | None:
        """The key of the model that embeds now, as far as brain has said."""
        known = self._known.get(EMBED)
        return known.now.partition("/")[2] if known and known.now else None

    def forget_others(self, tx: Tx) -> None:
        """The vectors of all other models go: what was made under them would have to be made again."""
        known = self._known[EMBED]
        numbers = {text: number for text, number in known.numbers.items() if text == known.now}
        self._known[EMBED] = known._replace(numbers=numbers)
        model_jobs.remember_fingerprints(tx, EMBED, self._known[EMBED])

    def _text(self, stage: str, fingerprint: str | None) -> str | None:
        return None if fingerprint is None else f"{self._stages[stage].version}/{fingerprint}"
