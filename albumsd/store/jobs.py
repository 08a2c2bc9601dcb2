"""Jobs: this stage, for this asset, in this state.

``open`` → ``leased`` (until lease_ns; an expired lease counts as open) → ``done``, or back to ``open`` after a first
failure and ``failed`` after the second. ``parked``: nobody can do it now (its process or model is not there).
A stage's result and ``finish`` belong into one transaction, so a crash loses both or neither.
The partial unique index ``job_todo`` holds the rule that a thing to do exists once; ``open_jobs`` relies on it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from albumsd.core import clock

from . import tally
from .database import Tx

MAX_ATTEMPTS = 2
LOOKED_AT = 10_000_000
"""Bonus for what a person looks at: greater than any day number."""

# What ``error`` says of jobs that nothing went wrong with. All but the last are why a job is parked.
OFF = "this stage is switched off"
WAITS = "waits for the next look at its folder"  # its file is not what its row says
HUNG = "its drive does not answer"  # though the root of its source may
AWAY = "brain is not running"  # which does what needs a model
NO_MODEL = "there is no model for it"  # says brain
PREVIEW = "waits for its preview, which is made again"
AGAIN = "asked for again while it was being done"  # of a leased job


def day_number(local: str) -> int:
    """Priority of a capture time: newest first. Grows with the date; not a count of days."""
    return int(local[:4]) * 372 + int(local[5:7]) * 31 + int(local[8:10])


class Job(NamedTuple):
    id: int
    asset: int
    stage: str
    attempts: int


def open_jobs(tx: Tx, stage: str, version: int, subjects: Iterable[tuple[int, int]]) -> None:
    """Ask for ``stage`` on each ``(asset, priority)``. Asking twice is asking once.

    A job that is being done is done again afterwards: what it reads may have changed since it began.
    """
    subjects = list(subjects)
    last = _last(tx)
    tx.many(
        "UPDATE job SET error=? WHERE asset=? AND stage=? AND state <> 'done' AND state='leased'",
        ((AGAIN, asset, stage) for asset, _ in subjects),
    )
    tx.many(
        "INSERT INTO job(asset, stage, version, state, priority) VALUES (?, ?, ?, 'open', ?)"
        " ON CONFLICT(asset, stage) WHERE state <> 'done' DO UPDATE SET state='open', attempts=0, error=NULL,"
        " version=excluded.version, lease_ns=NULL WHERE state IN ('failed', 'parked')",
        ((asset, stage, version, priority) for asset, priority in subjects),
    )
    tally.asked(tx, stage, _last(tx) - last)


def _last(tx: Tx) -> int:
    """The greatest id. New rows are numbered on from it, so the difference says how many came."""
    return int(tx.value("SELECT coalesce(max(id), 0) FROM job"))


def again(tx: Tx, stage: str, version: int, asset: int, priority: int) -> bool:
    """Ask once more for a stage whose result was lost. False where it is not done: it waits, failed, or never was."""
    if of_asset(tx, asset).get(stage) != {"done"}:
        return False
    open_jobs(tx, stage, version, [(asset, priority)])
    return True


def open_new(tx: Tx, stage: str, version: int, first: int, last: int) -> None:
    """Ask for ``stage`` on assets ``first`` to ``last``, which have no job yet."""
    came = tx.run(
        "INSERT INTO job(asset, stage, version, state, priority) SELECT id, ?, ?, 'open',"
        " substr(day, 1, 4) * 372 + substr(day, 6, 2) * 31 + substr(day, 9) FROM asset WHERE id BETWEEN ? AND ?",
        (stage, version, first, last),
    )
    tally.asked(tx, stage, came)


def claim(tx: Tx, stage: str, count: int, lease_s: float) -> list[Job]:
    """Lease up to ``count`` jobs of a stage, greatest priority first, newest first among equals."""
    now = clock.now_ns()
    tx.run("UPDATE job SET state='open', lease_ns=NULL WHERE stage=? AND state='leased' AND lease_ns < ?", (stage, now))
    rows = tx.all(
        "SELECT id, asset, stage, attempts FROM job WHERE stage=? AND state='open'"
        " ORDER BY priority DESC, id DESC LIMIT ?",
        (stage, count),
    )
    until = now + int(lease_s * 1e9)
    tx.many("UPDATE job SET state='leased', lease_ns=? WHERE id=?", ((until, row[0]) for row in rows))
    return [Job(*row) for row in rows]


def release_all(tx: Tx) -> int:
    """Open every leased job: for the one indexer of a library, at its start."""
    return tx.run("UPDATE job SET state='open', lease_ns=NULL WHERE state='leased'")


def finish(tx: Tx, job: Job) -> None:
    """The job is done. A job whose asset is gone meanwhile, or that another has finished, is no error."""
    if _asked_again(tx, job):
        return
    tx.run("DELETE FROM job WHERE asset=? AND stage=? AND state='done' AND id<>?", (job.asset, job.stage, job.id))
    tx.run("UPDATE job SET state='done', lease_ns=NULL, error=NULL WHERE id=?", (job.id,))


def fail(tx: Tx, job: Job, error: str) -> bool:
    """Count a failure. True when it was the last one: the job is ``failed``, else it is open again.

    A failure at what has changed meanwhile does not count: the job that was asked for again begins anew.
    """
    if _asked_again(tx, job):
        return False
    attempts = job.attempts + 1
    last = attempts >= MAX_ATTEMPTS
    tx.run(
        "UPDATE job SET state=?, attempts=?, error=?, lease_ns=NULL WHERE id=? AND state<>'done'",
        ("failed" if last else "open", attempts, error, job.id),
    )
    return last


def _asked_again(tx: Tx, job: Job) -> bool:
    """Open a job that was asked for while it was being done. False when it was not."""
    return bool(
        tx.run(
            "UPDATE job SET state='open', attempts=0, lease_ns=NULL, error=NULL"
            " WHERE id=? AND state='leased' AND error=?",
            (job.id, AGAIN),
        )
    )


def put_back(tx: Tx, job: Job) -> None:
    """Open it again without counting a failure (its drive went away, the indexer stops)."""
    tx.run("UPDATE job SET state='open', lease_ns=NULL WHERE id=? AND state<>'done'", (job.id,))


def park(tx: Tx, job: Job, why: str) -> None:
    """Nobody can do it now; it does not count as open."""
    tx.run("UPDATE job SET state='parked', lease_ns=NULL, error=? WHERE id=? AND state<>'done'", (why, job.id))


def unpark_source(tx: Tx, source: int) -> int:
    """Open the parked jobs of assets that have a file in ``source``: it is back. How many."""
    return tx.run(
        "UPDATE job SET state='open', error=NULL WHERE state='parked' AND state <> 'done' AND asset IN"
        " (SELECT f.asset FROM file f JOIN folder d ON d.id=f.folder WHERE d.source=?)",
        (source,),
    )


def raise_priority(tx: Tx, assets: Iterable[int]) -> None:
    """A person looks at these: their jobs that exist go first. Starts nothing."""
    tx.many(
        f"UPDATE job SET priority=priority + {LOOKED_AT}"
        f" WHERE asset=? AND state <> 'done' AND state='open' AND priority < {LOOKED_AT}",
        ((asset,) for asset in assets),
    )


def counts(tx: Tx) -> dict[str, dict[str, int]]:
    """``{stage: {open, done, failed, parked}}``; a leased job counts as open."""
    return tally.jobs(tx)


def any_open(tx: Tx) -> bool:
    """Whether there is anything to do. A few index steps, however many jobs there are."""
    stage = ""
    while stage := tx.value("SELECT min(stage) FROM job WHERE stage > ?", (stage,)):
        if tx.value("SELECT 1 FROM job WHERE stage=? AND state='open' LIMIT 1", (stage,)):
            return True
    return False


def open_count(tx: Tx) -> int:
    """How many jobs are open or leased."""
    return int(tx.value("SELECT count(*) FROM job WHERE state <> 'done' AND state IN ('open', 'leased')"))


def of_asset(tx: Tx, asset: int) -> dict[str, set[str]]:
    """``{stage: states}`` of an asset; a stage that is done and asked for again has two."""
    table: dict[str, set[str]] = {}
    for stage, state in tx.all("SELECT stage, state FROM job WHERE asset=?", (asset,)):
        table.setdefault(stage, set()).add(state)
    return table


def exists(tx: Tx, job: Job) -> bool:
    """Whether a claimed job still is to be done: its asset may be gone."""
    return tx.value("SELECT 1 FROM job WHERE id=? AND state='leased'", (job.id,)) is not None


def top(tx: Tx, stage: str) -> int | None:
    """The greatest priority of the open jobs of a stage; None when there are none."""
    found = tx.value("SELECT max(priority) FROM job WHERE stage=? AND state='open'", (stage,))
    return None if found is None else int(found)


def unpark(tx: Tx, asset: int) -> int:
    """Open the parked jobs of an asset: a file of it is here again. How many."""
    return tx.run("UPDATE job SET state='open', error=NULL WHERE asset=? AND state='parked'", (asset,))


def switch_off(tx: Tx, stage: str) -> None:
    """Park what is open of a stage that the settings leave out."""
    tx.run(
        "UPDATE job SET state='parked', lease_ns=NULL, error=? WHERE stage=? AND state IN ('open', 'leased')",
        (OFF, stage),
    )


def switch_on(tx: Tx, stage: str) -> None:
    """Open what was parked while the stage was left out."""
    tx.run("UPDATE job SET state='open', error=NULL WHERE stage=? AND state='parked' AND error=?", (stage, OFF))


def unpark_waiting(tx: Tx, source: int | None = None) -> int:
    """Open the jobs that waited for a look at a folder of ``source``, or of any, or for its drive. How many."""
    return _unpark(tx, (WAITS, HUNG), source)


def unpark_hung(tx: Tx, source: int | None = None) -> int:
    """Open the jobs that waited for the drive of ``source``, or for any: it answers again. How many."""
    return _unpark(tx, (HUNG,), source)


def _unpark(tx: Tx, why: tuple[str, ...], source: int | None) -> int:
    marks = ", ".join("?" * len(why))
    found = tx.all(f"SELECT id, asset FROM job WHERE state='parked' AND state <> 'done' AND error IN ({marks})", why)
    if source is not None:
        found = [row for row in found if _has_file_in(tx, row[1], source)]
    tx.many("UPDATE job SET state='open', error=NULL WHERE id=?", ((row[0],) for row in found))
    return len(found)


def _has_file_in(tx: Tx, asset: int, source: int) -> bool:
    return bool(
        tx.value("SELECT 1 FROM file f JOIN folder d ON d.id=f.folder WHERE f.asset=? AND d.source=?", (asset, source))
    )


def retry_unreadable(tx: Tx) -> int:
    """Open the jobs that failed because a file could not be opened: rights may have changed. How many."""
    return tx.run(
        "UPDATE job SET state='open', attempts=0, error=NULL WHERE state='failed' AND state <> 'done'"
        " AND error LIKE 'unreadable:%'"
    )


def retry_bad_luck(tx: Tx) -> int:
    """Open the jobs that failed because nothing came in time, because brain failed, or because a preview was lost while
    its drive was bad: not the file may have been to blame, but its drive, a full memory or a model that hung. How many.

    They come after everything else, and one more failure is the end: a file that does hang its decoder costs every
    start one deadline, at a time when nobody waits for anything.
    """
    return tx.run(
        "UPDATE job SET state='open', attempts=?, priority=0, error=NULL WHERE state='failed' AND state <> 'done'"
        " AND (error LIKE 'timeout:%' OR error LIKE 'brain:%' OR error LIKE 'preview:%')",
        (MAX_ATTEMPTS - 1,),
    )


def outdated(tx: Tx, stage: str, version: int, after: int, count: int) -> list[tuple[int, int, str]]:
    """``(job id, asset, local)`` of live assets for which an older version of the stage is on record, by job id."""
    rows = tx.all(
        "SELECT j.id, a.id, a.local FROM job j JOIN asset a ON a.id=j.asset"
        " WHERE j.stage=? AND j.state IN ('done', 'failed') AND j.version < ? AND a.live AND j.id > ?"
        " ORDER BY j.id LIMIT ?",
        (stage, version, after, count),
    )
    return [(row[0], row[1], row[2]) for row in rows]


def keep(tx: Tx, ids: Iterable[int], version: int) -> None:
    """What these jobs have done is what this version would have done."""
    tx.many("UPDATE job SET version=? WHERE id=?", ((version, number) for number in ids))


def raise_version(tx: Tx, stage: str, version: int) -> None:
    """What is still to be done will be done by this version."""
    tx.run(
        "UPDATE job SET version=?1 WHERE stage=?2 AND state IN ('open', 'parked') AND version <> ?1", (version, stage)
    )
