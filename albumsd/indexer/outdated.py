"""What a start opens again: the work of older versions of a stage, of stages that are new or on again, and bad luck.

The stages of brain are not opened here: what they make depends on what brain says (``meaning``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from albumsd.store import jobs, scanning
from albumsd.store.database import Database, Tx

from .stage import Stage

PAGE = 500

Follow = Callable[[Tx, int], None]


def open_all(database: Database, on: Sequence[Stage], off: Sequence[Stage], follow: Follow) -> int:
    """Open all of it; ``on`` and ``off`` are the stages, in their order. How many jobs.

    And what a drive that hung was to blame for, or brain, for a new start may find them well.
    """
    with database.write() as tx:
        jobs.unpark_hung(tx)
        opened = jobs.retry_bad_luck(tx)
    for stage in off:
        with database.write() as tx:
            jobs.switch_off(tx, stage.name)
            scanning.forget_stage(tx, stage.name)  # so that it is asked for everywhere once it is on again
    for stage in on:
        with database.write() as tx:
            jobs.switch_on(tx, stage.name)
        if stage.where != "brain":
            opened += _open_outdated(database, stage)
            if scanning.stage_version(database, stage.name) != stage.version:
                with database.write() as tx:
                    jobs.raise_version(tx, stage.name, stage.version)
                if stage is not on[0]:
                    opened += _open_new(database, stage, follow)
                with database.write() as tx:
                    scanning.remember_stage(tx, stage.name, stage.version)
    return opened


def _open_outdated(database: Database, stage: Stage) -> int:
    """What older versions did, where this one makes something else of it."""
    after, opened = 0, 0
    while rows := jobs.outdated(database, stage.name, stage.version, after, PAGE):
        after = rows[-1][0]
        with database.write() as tx:
            again = [row for row in rows if _concerns(tx, stage, row[1])]
            subjects = [(asset, jobs.day_number(local)) for _, asset, local in again]
            jobs.open_jobs(tx, stage.name, stage.version, subjects)
            jobs.keep(tx, [row[0] for row in rows if row not in again], stage.version)
        opened += len(again)
    return opened


def _concerns(tx: Tx, stage: Stage, asset: int) -> bool:
    subject = scanning.subject(tx, asset)
    return subject is not None and stage.concerns(subject)


def _open_new(database: Database, stage: Stage, follow: Follow) -> int:
    """A stage that this library has not seen: ask for it wherever what it needs is done."""
    after, opened = 0, 0
    while ids := scanning.assets_without(database, stage.name, after, PAGE):
        after = ids[-1]
        before = jobs.open_count(database)
        database.batches(ids, follow)
        opened += jobs.open_count(database) - before
    return opened
