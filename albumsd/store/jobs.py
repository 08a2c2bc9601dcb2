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

from .database import Tx

MAX_ATTEMPTS = 2
LOOKED_AT = 10_000_000
"""Bonus for what a person looks at: greater than any day number."""


def day_number(local: str) -> int:
    """Priority of a capture time: newest first. Grows with the date; not a count of days."""
    return int(local[:4]) * 372 + int(local[5:7]) * 31 + int(local[8:10])


class Job(NamedTuple):
    id: int
    asset: int
    stage: str
    attempts: int


def open_jobs(tx: Tx, stage: str, version: int, subjects: Iterable[tuple[int, int]]) -> None:
    """Ask for ``stage`` on each ``(asset, priority)``. Asking twice is asking once."""
    tx.many(
        "INSERT INTO job(asset, stage, version, state, priority) VALUES (?, ?, ?, 'open', ?)"
        " ON CONFLICT(asset, stage) WHERE state <> 'done' DO UPDATE SET state='open', attempts=0, error=NULL,"
        " version=excluded.version, lease_ns=NULL WHERE state IN ('failed', 'parked')",
        ((asset, stage, version, priority) for asset, priority in subjects),
    )


def claim(tx: Tx, stage: str, count: int, lease_s: float) -> list[Job]:
    """Lease up to ``count`` jobs of a stage, greatest priority first, newest first among equals."""
    now = clock.now_ns()
    tx.run(
        "UPDATE job SET state='open', lease_ns=NULL WHERE stage=? AND state='leased' AND lease_ns < ?", (stage, now)
    )
    rows = tx.all(
        "SELECT id, asset, stage, attempts FROM job WHERE stage=? AND state='open' ORDER BY priority DESC, id DESC LIMIT ?",
        (stage, count),
    )
    until = now + int(lease_s * 1e9)
    tx.many("UPDATE job SET state='leased', lease_ns=? WHERE id=?", ((until, row[0]) for row in rows))
    return [Job(*row) for row in rows]


def release_all(tx: Tx) -> int:
    """Open every leased job: for the one indexer of a library, at its start."""
    return tx.run("UPDATE job SET state='open', lease_ns=NULL WHERE state='leased'")


def finish(tx: Tx, job: Job) -> None:
    """The job is done. A job whose asset is gone meanwhile is gone too; that is no error."""
    tx.run("DELETE FROM job WHERE asset=? AND stage=? AND state='done'", (job.asset, job.stage))
    tx.run("UPDATE job SET state='done', lease_ns=NULL, error=NULL WHERE id=?", (job.id,))


def fail(tx: Tx, job: Job, error: str) -> bool:
    """Count a failure. True when it was the last one: the job is ``failed``, else it is open again."""
    attempts = job.attempts + 1
    last = attempts >= MAX_ATTEMPTS
    tx.run(
        "UPDATE job SET state=?, attempts=?, error=?, lease_ns=NULL WHERE id=?",
        ("failed" if last else "open", attempts, error, job.id),
    )
    return last


def put_back(tx: Tx, job: Job) -> None:
    """Open it again without counting a failure (its drive went away, the indexer stops)."""
    tx.run("UPDATE job SET state='open', lease_ns=NULL WHERE id=?", (job.id,))


def park(tx: Tx, job: Job, why: str) -> None:
    """Nobody can do it now; it does not count as open."""
    tx.run("UPDATE job SET state='parked', lease_ns=NULL, error=? WHERE id=?", (why, job.id))


def unpark_source(tx: Tx, source: int) -> int:
    """Open the parked jobs of assets that have a file in ``source``: it is back. How many."""
    return tx.run(
        "UPDATE job SET state='open', error=NULL WHERE state='parked' AND asset IN"
        " (SELECT f.asset FROM file f JOIN folder d ON d.id=f.folder WHERE d.source=?)",
        (source,),
    )


def raise_priority(tx: Tx, assets: Iterable[int]) -> None:
    """A person looks at these: their jobs that exist go first. Starts nothing."""
    tx.many(
        f"UPDATE job SET priority=priority + {LOOKED_AT} WHERE asset=? AND state <> 'done' AND state='open' AND priority < {LOOKED_AT}",
        ((asset,) for asset in assets),
    )


def counts(tx: Tx) -> dict[str, dict[str, int]]:
    """``{stage: {open, done, failed, parked}}``; a leased job counts as open."""
    table: dict[str, dict[str, int]] = {}
    for stage, state, number in tx.all("SELECT stage, state, count(*) FROM job GROUP BY stage, state"):
        row = table.setdefault(stage, {"open": 0, "done": 0, "failed": 0, "parked": 0})
        row["open" if state == "leased" else state] += number
    return table


def open_count(tx: Tx) -> int:
    """How many jobs are open or leased."""
    return int(tx.value("SELECT count(*) FROM job WHERE state <> 'done' AND state IN ('open', 'leased')"))
