"""A library of documents for ranking, and brain as a process."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import accumulate
from pathlib import Path
from typing import Any

import pytest

from albumsd.store.database import Database, Tx, open_library


def insert(tx: Tx, asset: int, title: str, body: str = "") -> None:
    """A live asset that is found under these words."""
    name = f"{asset}.txt"
    tx.run(
        "INSERT INTO asset(id, size, name, name_key, live, arrived_ns, kind, local, origin, mtime_ns, year, month, week, day)"
        " VALUES (?, 1, ?, ?, 1, 1, 'document', '2020-01-01T00:00:00', 'exif', ?, '2020', '2020-01', '2020-W01', '2020-01-01')",
        (asset, name, name, asset * 10**9),
    )
    columns = (title, "papers", "2020 01 01", body)
    length = sum(len(column.split()) for column in columns)
    tx.run(
        "INSERT INTO document(asset, title, path, context, body, length) VALUES (?, ?, ?, ?, ?, ?)",
        (asset, *columns, length),
    )
    tx.run("INSERT INTO fts(rowid, title, path, context, body) VALUES (?, ?, ?, ?, ?)", (asset, *columns))


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Database]:
    with open_library(tmp_path / "library", create=True) as database:
        yield database


@pytest.fixture
def add(empty: Database) -> Callable[[int, str, str], None]:
    def put(asset: int, title: str, body: str = "") -> None:
        with empty.write() as tx:
            insert(tx, asset, title, body)

    return put


@pytest.fixture
def papers(empty: Database) -> Database:
    """300 documents of 12 words, common ones and rare ones, as in a language."""
    rng = random.Random(3)
    vocabulary = [f"w{n}" for n in range(400)]
    weights = list(accumulate(1 / (n + 1) for n in range(400)))
    with empty.write() as tx:
        for asset in range(1, 301):
            drawn = rng.choices(vocabulary, cum_weights=weights, k=rng.randrange(4, 20))
            insert(tx, asset, " ".join(drawn[:3]), " ".join(drawn[3:]))
    return empty


_PROGRAM = """
import logging, sys
logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(message)s")
from albumsd.brain import process
from albumsd.core import config, errors
try:
    sys.exit(process.main(config.load(sys.argv[1])))
except errors.AlbumsdError as error:
    print(error, flush=True)
    sys.exit(error.exit_code)
"""


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[Path], Any]]:
    """Start brain for a library; its first line (``ready`` or an error) is in ``first_line``."""
    begun: list[subprocess.Popen[str]] = []

    def run(library: Path) -> tuple[subprocess.Popen[str], str]:
        process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, str(library)], stdout=subprocess.PIPE, text=True, cwd=tmp_path
        )
        begun.append(process)
        assert process.stdout is not None
        return process, process.stdout.readline().strip()

    yield run
    for process in begun:
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()
