"""Four writing and two reading processes at one library: nobody meets "database is locked", gestures go first.

Two seconds by default; ALBUMSD_STORE_SECONDS=60 is the length that the figures of docs/performance.md come from. Only
errors fail this test: how long a commit takes is for the machine to say, and is printed (`pytest -s`).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from albumsd.store import database

SECONDS = float(os.environ.get("ALBUMSD_STORE_SECONDS", "2"))

PROCESS = """
import json, random, sys, time
from pathlib import Path
from albumsd.store import assets, files
from albumsd.store.database import Database, Reader
from albumsd.core.facts import Facts
what, path, source, number, seconds = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5])
draw = random.Random(number)
took, rows, serial = [], 0, 0
connection = Reader(path) if what == "read" else Database(path)
print("ready", flush=True)
sys.stdin.readline()
end = time.monotonic() + seconds

def new_files(tx, job):
    folder_path, entries = job
    files.arrive(tx, files.ensure_folder(tx, source, folder_path), folder_path, entries, 1)

def entry():
    global serial
    serial += 1
    return files.Entry(b"w%d-%d.jpg" % (number, serial), 1000, 1_600_000_000_000_000_000 + serial * 10**12, serial)

while time.monotonic() < end:
    began = time.perf_counter()
    if what == "read":
        ids = [row[0] for row in connection.all("SELECT id FROM asset WHERE live ORDER BY id DESC LIMIT 500")]
        for asset in ids[:20]:
            assert connection.one("SELECT name, local FROM asset WHERE id=?", (asset,)) is not None
        rows += len(ids)
    elif what == "gesture":
        with connection.write(durable=True) as tx:
            tx.run("INSERT INTO succession(old, new, source, path, at_ns) VALUES (randomblob(32), randomblob(32), 's', x'', 1)")
        rows += 1
        time.sleep(draw.uniform(0.002, 0.02))  # a person is not a loop
    elif what == "facts":
        ids = [row[0] for row in connection.all("SELECT id FROM asset ORDER BY random() LIMIT ?", (draw.randrange(1, 500),))]
        rows += connection.batches(ids, lambda tx, a: assets.store_facts(tx, a, Facts(kind="photo", title="a title", tags=("dog",))))
    else:
        size = int(draw.choice([1, 10, 100, 1000, 5000]) * draw.uniform(0.2, 1)) or 1
        entries = [entry() for _ in range(size)]
        jobs = [(b"w%d/%d" % (number, serial // 2000), entries[at : at + 250]) for at in range(0, size, 250)]
        connection.batches(jobs, new_files)
        rows += size
    took.append(time.perf_counter() - began)
print(json.dumps({"what": what, "rows": rows, "took": took}))
"""


def test_nobody_meets_a_lock_and_gestures_go_first(lib: Any) -> None:
    argv = [sys.executable, "-c", PROCESS]
    root = Path(database.__file__).parents[2]
    whats = ["bulk", "bulk", "facts", "gesture", "read", "read"]
    processes = [
        subprocess.Popen(
            [*argv, what, os.fspath(lib.folder / "albumsd.db"), str(lib.source), str(number), str(SECONDS)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=root,
        )
        for number, what in enumerate(whats)
    ]  # fmt: skip
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n", process.communicate()[1]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    found = []
    for process in processes:
        out, errors = process.communicate(timeout=SECONDS + 90)
        assert (process.returncode, errors) == (0, "")
        found.append(json.loads(out))
    for report in found:
        took = sorted(report["took"])
        assert report["rows"] > 0, f"{report['what']} never got in"
        at = {share: took[min(len(took) - 1, int(len(took) * share))] * 1000 for share in (0.5, 0.95, 0.99)}
        print(
            f"{report['what']:8} {len(took):6} times {report['rows']:8} rows  p50 {at[0.5]:7.1f}  p95 {at[0.95]:7.1f}"
            f"  p99 {at[0.99]:7.1f}  most {took[-1] * 1000:7.1f} ms"
        )
    shown = sum(report["rows"] for report in found if report["what"] == "bulk")
    assert lib.db.value("SELECT count(*) FROM asset") == shown
    gestures = sum(report["rows"] for report in found if report["what"] == "gesture")
    assert lib.db.value("SELECT count(*) FROM succession") == gestures


@pytest.mark.parametrize("many", [6])
def test_processes_that_make_the_library_at_once_make_one(many: int, tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from albumsd.store.database import Database\n"
        "print('ready', flush=True); sys.stdin.readline()\n"
        "db = Database(Path(sys.argv[1]), create=True)\n"
        'with db.write(durable=True) as tx: tx.run("INSERT INTO meta VALUES (?, 1)", (sys.argv[2],))\n'
        "db.close()"
    )
    path = tmp_path / "library" / "albumsd.db"
    root = Path(database.__file__).parents[2]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, os.fspath(path), f"from {number}"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=root,
        )
        for number in range(many)
    ]  # fmt: skip
    for process in processes:
        assert process.stdout is not None
        process.stdout.readline()
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    for process in processes:
        _, errors = process.communicate(timeout=90)
        assert errors == ""
    with database.Database(path) as db:
        assert db.value("SELECT count(*) FROM meta WHERE key LIKE 'from %'") == many
        assert db.value("SELECT count(*) FROM meta WHERE key='created_ns'") == 1
