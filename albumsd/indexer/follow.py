"""Which jobs an asset gets next: those of stages whose needs are met and that have made nothing of it yet.

Called in the transaction that ends a job, so that what follows is never lost; and by whoever finds that something is to
be asked for again.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from albumsd.store import jobs, model_jobs, scanning
from albumsd.store.database import Tx
from albumsd.store.model_jobs import Record
from albumsd.store.scanning import Subject

from .stage import Stage


class Asking(Protocol):
    """What is asked of brain: ``meaning.Meaning``."""

    def asked(self, stage: str) -> bool: ...
    def version(self, stage: str) -> int: ...


class Follow:
    """``everyone``: all stages; ``on``: those that are not switched off."""

    def __init__(self, everyone: Sequence[Stage], on: Sequence[Stage], asking: Asking) -> None:
        self._everyone = {stage.name: stage for stage in everyone}
        self._on = tuple(on)
        self._asking = asking

    def __call__(self, tx: Tx, asset: int) -> None:
        """Open the jobs of ``asset`` that can be done now and are not asked for yet."""
        subject = scanning.subject(tx, asset)
        if subject is None or not subject.live:
            return
        records = model_jobs.records(tx, asset)
        ended = self._ended(records)
        for stage in self._on:
            if self._has(stage, records) or not stage.wants(subject):
                continue
            if subject.sha256 is None and stage.name != "hash":
                continue
            if self._may(stage, subject, ended):
                self.ask(tx, stage, subject)

    def may(self, tx: Tx, stage: Stage, subject: Subject) -> bool:
        """Whether what a stage needs is there now: it may have been asked for when another model was announced."""
        return self._may(stage, subject, self._ended(model_jobs.records(tx, subject.asset)))

    def ask(self, tx: Tx, stage: Stage, subject: Subject) -> None:
        """Open the job of a stage, or have it done again."""
        priority = jobs.day_number(subject.local)
        if stage.where == "brain":
            model_jobs.ask(tx, stage.name, self._asking.version(stage.name), subject.asset, priority)
        else:
            jobs.open_jobs(tx, stage.name, stage.version, [(subject.asset, priority)])

    def _has(self, stage: Stage, records: Collection[Record]) -> bool:
        """Whether there is a result of the stage, or a job for it, or nobody to do it."""
        if stage.where != "brain":
            return any(record.stage == stage.name for record in records)
        if not self._asking.asked(stage.name):
            return True
        version = self._asking.version(stage.name)
        return any(record.stage == stage.name and record.version == version for record in records)

    def _is_now(self, record: Record) -> bool:
        """Whether a result is what its stage would make now, as far as that matters to others."""
        stage = self._everyone.get(record.stage)
        if stage is None or stage.where != "brain" or not self._asking.asked(record.stage):
            return True
        return record.version == self._asking.version(record.stage)

    def _ended(self, records: Collection[Record]) -> set[str]:
        return {record.stage for record in records if record.state in ("done", "failed") and self._is_now(record)}

    def _may(self, stage: Stage, subject: Subject, ended: Collection[str]) -> bool:
        return all(self._met(need, subject, ended) for need in stage.needs)

    def _met(self, need: str, subject: Subject, ended: Collection[str]) -> bool:
        """Whether a stage that another needs has done its part: it ended, or there is nothing for it to do."""
        stage = self._everyone.get(need)
        if need in ended or stage is None:
            return need in ended
        return not stage.wants(subject) or (stage.where == "brain" and not self._asking.asked(need))
