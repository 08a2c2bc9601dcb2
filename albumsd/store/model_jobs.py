"""Jobs of the stages whose work a model does.

What such a stage makes depends on more than its code; its *fingerprint* says on what (the model, the vocabulary). Each
fingerprint has a number, never given again, which takes the place of the stage's version: ``job.version`` of a job that
is done says under which fingerprint its result was made, that of any other under which it shall be made.

There may be as many of these jobs as assets, and all of them are parked, opened or withdrawn at once, when brain goes
or comes: so each of these functions does ``count`` of them, and is called again until there are none.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import NamedTuple

from .database import Tx
from .jobs import Job, open_jobs


class Record(NamedTuple):
    stage: str
    state: str
    version: int


def records(tx: Tx, asset: int) -> list[Record]:
    """All jobs of an asset."""
    return [Record(*row) for row in tx.all("SELECT stage, state, version FROM job WHERE asset=?", (asset,))]


def ask(tx: Tx, stage: str, version: int, asset: int, priority: int) -> None:
    """Ask for ``stage`` on an asset by this version, also where it waits to be done by another."""
    tx.run(
        "UPDATE job SET version=? WHERE asset=? AND stage=? AND state <> 'done' AND state IN ('open', 'parked')",
        (version, asset, stage),
    )
    open_jobs(tx, stage, version, [(asset, priority)])


def finished_by(tx: Tx, job: Job, version: int) -> None:
    """Of a job that is ``finish``ed: this version has made the result, whichever was asked."""
    tx.run("UPDATE job SET version=? WHERE id=? AND state='done' AND version <> ?", (version, job.id, version))


def take_back(tx: Tx, job: Job) -> None:
    """As if it had not been asked for."""
    tx.run("DELETE FROM job WHERE id=? AND state <> 'done'", (job.id,))


def superfluous(tx: Tx, job: Job, version: int) -> bool:
    """Take back a job if the asset has a result of this version, made before the job was asked for. Whether it was."""
    return bool(
        tx.run(
            "DELETE FROM job WHERE id=? AND state <> 'done' AND EXISTS"
            " (SELECT 1 FROM job d WHERE d.asset=? AND d.stage=? AND d.state='done' AND d.version=?)",
            (job.id, job.asset, job.stage, version),
        )
    )


def settle(tx: Tx, stage: str, version: int, assets: Iterable[int]) -> None:
    """Take back what waits to be done by another version on assets that have a result of this one."""
    tx.many(
        "DELETE FROM job WHERE asset=?1 AND stage=?2 AND state NOT IN ('done', 'leased') AND version <> ?3 AND EXISTS"
        " (SELECT 1 FROM job d WHERE d.asset=?1 AND d.stage=?2 AND d.state='done' AND d.version=?3)",
        ((asset, stage, version) for asset in assets),
    )


def page(tx: Tx, stage: str, version: int, day: str, asset: int, count: int) -> list[tuple[int, str, bool]]:
    """``(asset, day, whether a job of that stage and version is on record)`` of the ``count`` live and hashed assets
    that come after ``asset`` of ``day`` when the newest come first. The first page is after ``("~", 0)``."""
    rows = tx.all(
        "SELECT a.id, a.day, EXISTS (SELECT 1 FROM job j WHERE j.asset=a.id AND j.stage=?1 AND j.version=?2)"
        " FROM asset a WHERE a.live AND a.day <= ?3 AND (a.day < ?3 OR a.id < ?4) AND a.sha256 IS NOT NULL"
        " ORDER BY a.day DESC, a.id DESC LIMIT ?5",
        (stage, version, day, asset, count),
    )
    return [(row[0], row[1], bool(row[2])) for row in rows]


def last_asset(tx: Tx) -> int:
    """The greatest id of an asset."""
    return int(tx.value("SELECT coalesce(max(id), 0) FROM asset"))


def lost(tx: Tx, stage: str, version: int, model: int, after: int, last: int) -> list[tuple[int, str]]:
    """``(asset, local)`` of the live assets above ``after``, up to ``last``, for which a job says that this version has
    embedded them, and which have no vector of ``model`` though they have something to see, or vectors of another."""
    rows = tx.all(
        "SELECT a.id, a.local FROM asset a WHERE a.id > ?1 AND a.id <= ?2 AND a.live AND EXISTS"
        " (SELECT 1 FROM job j WHERE j.asset=a.id AND j.stage=?3 AND j.state='done' AND j.version=?4)"
        " AND NOT EXISTS (SELECT 1 FROM embedding e WHERE e.asset=a.id AND e.model=?5)"
        " AND (EXISTS (SELECT 1 FROM embedding e WHERE e.asset=a.id)"
        " OR (a.kind IN ('photo', 'video') AND EXISTS (SELECT 1 FROM preview p WHERE p.asset=a.id)))",
        (after, last, stage, version, model),
    )
    return [(row[0], row[1]) for row in rows]


def park_open(tx: Tx, stage: str, why: str, count: int) -> int:
    """Park up to ``count`` open jobs of a stage, the least urgent first. How many."""
    return tx.run(
        "UPDATE job SET state='parked', lease_ns=NULL, error=? WHERE id IN"
        " (SELECT id FROM job WHERE stage=? AND state='open' ORDER BY priority, id LIMIT ?)",
        (why, stage, count),
    )


def unpark_some(tx: Tx, stage: str, why: Iterable[str], count: int) -> int:
    """Open up to ``count`` jobs of a stage that are parked for one of these reasons, the most urgent first."""
    return tx.run(
        "UPDATE job SET state='open', error=NULL WHERE id IN"
        " (SELECT id FROM job WHERE stage=? AND state='parked' AND error IN (SELECT value FROM json_each(?))"
        " ORDER BY priority DESC, id DESC LIMIT ?)",
        (stage, json.dumps(list(why)), count),
    )


def unpark_asset(tx: Tx, asset: int, why: str) -> int:
    """Open the jobs of an asset that are parked for this reason. How many."""
    return tx.run(
        "UPDATE job SET state='open', error=NULL WHERE asset=? AND state <> 'done' AND state='parked' AND error=?",
        (asset, why),
    )


def withdraw(tx: Tx, stage: str, count: int) -> int:
    """Nobody asks for this stage any more: forget up to ``count`` of its jobs that are not done. How many."""
    return tx.run(
        "DELETE FROM job WHERE id IN"
        " (SELECT id FROM job WHERE stage=? AND state IN ('open', 'leased', 'parked', 'failed') LIMIT ?)",
        (stage, count),
    )


class Fingerprints(NamedTuple):
    """``numbers``: of the fingerprints that jobs may have been done under. ``now``: the last one announced; "": none
    ever was, None: it was said that there is none. ``next``: the number of the next new one."""

    now: str | None = ""
    numbers: dict[str, int] = {}  # nobody changes it
    next: int = 0


def fingerprints(tx: Tx, stage: str) -> Fingerprints:
    text = tx.value("SELECT value FROM meta WHERE key=?", (f"fingerprints:{stage}",))
    return Fingerprints(*json.loads(text)) if text else Fingerprints()


def remember_fingerprints(tx: Tx, stage: str, known: Fingerprints) -> None:
    tx.run("INSERT OR REPLACE INTO meta VALUES (?, ?)", (f"fingerprints:{stage}", json.dumps(known)))
