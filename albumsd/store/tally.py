"""How many there are, kept instead of counted: shown assets, provisional ones, files of a source, jobs by state.

A status must be quick in a library of a million, and counting its rows takes half a second. What leaves a count or
passes from one to another is booked by triggers (schema.sql), so no caller can forget it. What comes is booked here,
once for many rows: a trigger for each new row would slow down the walk of a new source by 40 %. New rows come from
``files.arrive`` and ``jobs.open_jobs``/``open_new`` only; a test recounts after every step of random histories.

A leased job counts as open.
"""

from __future__ import annotations

from typing import NamedTuple

from .database import Tx

_ADD = "INSERT INTO tally VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET number=number + excluded.number"
_RECOUNT = (
    "INSERT INTO tally SELECT 'asset', '', 'live', count(*) FROM asset WHERE live",
    "INSERT INTO tally SELECT 'asset', '', 'provisional', count(*) FROM asset WHERE sha256 IS NULL",
    "INSERT INTO tally SELECT 'job', stage, replace(state, 'leased', 'open'), count(*) FROM job GROUP BY 2, 3",
)


class Assets(NamedTuple):
    live: int
    provisional: int


def arrived(tx: Tx, folder: int, number: int) -> None:
    """``number`` provisional assets and their file rows came into a folder."""
    tx.run(_ADD, ("asset", "", "live", number))
    tx.run(_ADD, ("asset", "", "provisional", number))
    tx.run(
        "UPDATE source_state SET files=files + ? WHERE source=(SELECT source FROM folder WHERE id=?)", (number, folder)
    )


def asked(tx: Tx, stage: str, number: int) -> None:
    """``number`` open job rows came."""
    if number:
        tx.run(_ADD, ("job", stage, "open", number))


def assets(tx: Tx) -> Assets:
    rows: dict[str, int] = dict(tx.all("SELECT state, number FROM tally WHERE what='asset'"))
    return Assets(rows.get("live", 0), rows.get("provisional", 0))


def jobs(tx: Tx) -> dict[str, dict[str, int]]:
    """``{stage: {open, done, failed, parked}}`` of the stages that have a job."""
    table: dict[str, dict[str, int]] = {}
    for stage, state, number in tx.all("SELECT stage, state, number FROM tally WHERE what='job' AND number > 0"):
        row = table.setdefault(stage, {"open": 0, "done": 0, "failed": 0, "parked": 0})
        row[state] = number
    return table


def recount(tx: Tx) -> None:
    """Count everything anew: for who has written rows past this package. A second per million assets."""
    tx.run("DELETE FROM tally")
    for sql in _RECOUNT:
        tx.run(sql)
    tx.run(
        "UPDATE source_state SET files=(SELECT count(*) FROM folder d CROSS JOIN file f ON f.folder=d.id"
        " WHERE d.source=source_state.source)"
    )
