"""The database under load: four processes write in bulk, two read, one person makes gestures meanwhile.

A bulk writer does what the indexer does: batches of 1 to 5,000 rows through ``Database.batches``. A gesture is a listed
query being remembered: a transaction that is on the disk before the caller hears of it.
"""

from __future__ import annotations

import multiprocessing
import random
import time
from collections.abc import Callable
from pathlib import Path
from queue import Empty
from typing import Any, NamedTuple

import generate
import world
from harness import timing
from harness.bench import Bench, Context
from harness.table import Row, Target

WRITERS, READERS = 4, 2
PAUSE_S = 0.02
"""Between two gestures: far more than a person makes."""
MOST_ERRORS = 100
"""Then a process gives up."""


class Told(NamedTuple):
    """What one process says at its end: seconds of each operation, rows written, errors."""

    role: str
    seconds: list[float]
    rows: int
    errors: list[str]


def _loop(role: str, end: float, turn: Callable[[], int]) -> Told:
    told = Told(role, [], 0, [])
    rows = 0
    while time.monotonic() < end and len(told.errors) < MOST_ERRORS:
        began = time.perf_counter()
        try:
            rows += turn()
        except Exception as error:
            told.errors.append(f"{type(error).__name__}: {error}")
        told.seconds.append(time.perf_counter() - began)
    return told._replace(rows=rows)


def _writer(database: Path, end: float, number: int) -> Told:
    from albumsd.store import jobs
    from albumsd.store.database import Database, Tx

    chance = random.Random(number)
    with Database(database) as store:
        assets = store.value("SELECT count(*) FROM asset")

        def write(tx: Tx, asset: int) -> None:
            tx.run("UPDATE asset SET rating=?, iso=? WHERE id=?", (asset % 6, chance.randrange(50, 6400), asset))
            jobs.open_jobs(tx, f"load {number}", 1, [(asset, asset)])

        def turn() -> int:
            return store.batches([chance.randint(1, assets) for _ in range(chance.randint(1, 5_000))], write)

        return _loop("writer", end, turn)


def _person(database: Path, end: float, number: int) -> Told:
    from albumsd.store import queries
    from albumsd.store.database import Database

    texts = world.text_queries(200)
    chance = random.Random(number)
    with Database(database) as store:

        def turn() -> int:
            text = chance.choice(texts)
            hits = [queries.Hit(asset, 1.0, "{}") for asset in chance.sample(range(1, 10_001), 20)]
            began = time.perf_counter()
            with store.write(durable=True) as tx:
                queries.keep(tx, text, text, hits, 500)
            told.append(time.perf_counter() - began)
            time.sleep(PAUSE_S)
            return 1

        told: list[float] = []
        return _loop("gesture", end, turn)._replace(seconds=told)


def _reader(database: Path, end: float, number: int) -> Told:
    from albumsd.query.tree import Equals
    from albumsd.search import selections
    from albumsd.store import lookups
    from albumsd.store.database import Reader

    chance = random.Random(number)
    with Reader(database) as store:

        def turn() -> int:
            lookups.asset(store, chance.randint(1, 10_000))
            return len(selections.page(store, Equals("month", generate.BUSY_MONTH), chance.randint(1, 10_000), 200))

        return _loop("reader", end, turn)


_ROLES = {"writer": (_writer, WRITERS), "gesture": (_person, 1), "reader": (_reader, READERS)}


def _process(role: str, database: Path, end: float, number: int, told: Any) -> None:
    try:
        told.put(_ROLES[role][0](database, end, number))
    except Exception as error:
        told.put(Told(role, [], 0, [f"{type(error).__name__}: {error}"]))


def run(context: Context) -> list[Row]:
    seconds = context.size(60, 10)
    database = generate.generate(context.scratch / "library", 10_000)
    spawn = multiprocessing.get_context("spawn")
    queue = spawn.Queue()
    end = time.monotonic() + seconds + 2
    roles = [role for role, (_, count) in _ROLES.items() for _ in range(count)]
    children = [
        spawn.Process(target=_process, args=(role, database, end, n, queue), daemon=True)
        for n, role in enumerate(roles)
    ]
    for child in children:
        child.start()
    told: list[Told] = []
    try:
        while len(told) < len(children):
            told.append(queue.get(timeout=seconds + 90))
    except Empty:
        told.append(Told("?", [], 0, [f"{len(children) - len(told)} processes did not end"]))
    took: dict[str, list[float]] = {role: [] for role in _ROLES}
    for one in told:
        took.setdefault(one.role, []).extend(one.seconds)
    errors = [error for one in told for error in one.errors]
    rows = sum(one.rows for one in told if one.role == "writer")
    load = f"{WRITERS} bulk writers, {READERS} readers, {seconds} s"
    return [
        Row(
            f"gestures, p50 ({load})",
            timing.percentile(took["gesture"], 50),
            "s",
            note=f"{len(took['gesture']):,} of them",
        ),
        Row("gestures, p95", timing.percentile(took["gesture"], 95), "s", target=Target(0.1, "figure")),
        Row("gestures, p99", timing.percentile(took["gesture"], 99), "s"),
        Row("a point lookup and a page of 200, p99", timing.percentile(took["reader"], 99), "s"),
        Row("rows written in bulk", rows / seconds, "/s"),
        Row("errors", len(errors), "", target=Target(0, "figure"), note="; ".join(sorted(set(errors))[:3])),
    ]


BENCH = Bench("store", "The database with many writers.", "run.py --only store", run)
