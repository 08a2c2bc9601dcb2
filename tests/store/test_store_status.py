"""What the library says of itself: who is there, how long it takes, how a source is watched; quickly."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest

from albumsd.store import embeddings, jobs, processes, sources, status
from albumsd.store.processes import BUSY_S, HOLDS, IDLE_S, Pulse


class Clock:
    value = 50.0

    def __call__(self) -> float:
        return self.value


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> Any:
    def at(second: int) -> None:
        monkeypatch.setenv(
            "ALBUMSD_NOW", f"2024-04-13T{12 + second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}"
        )

    at(0)
    return at


def scanned(lib: Any) -> None:
    with lib.db.write() as tx:
        sources.scan_done(tx, lib.source, sources.scan_ticket(tx, lib.source))


def test_written_when_it_is_news_and_when_it_is_due(lib: Any, now: Any) -> None:
    clock = Clock()
    pulse = Pulse("indexer", clock)
    assert pulse.beat(lib.db, "jobs")
    assert not pulse.beat(lib.db, "jobs"), "no news"
    assert pulse.beat(lib.db, "jobs", 40.0), "an estimate is news"
    assert not pulse.beat(lib.db, "jobs", 39.0), "another one is not"
    clock.value += BUSY_S
    assert pulse.beat(lib.db, "jobs", 30.0)
    assert pulse.beat(lib.db, "idle")
    clock.value += IDLE_S - 1
    assert not pulse.beat(lib.db, "idle"), "a disk may sleep"
    clock.value += 2
    assert pulse.beat(lib.db, "idle")
    (row,) = processes.living(lib.db).values()
    assert (row.name, row.pid, row.state, row.eta_s, row.detail) == ("indexer", os.getpid(), "idle", None, {})
    with lib.db.write() as tx:
        pulse.stop(tx)
    assert processes.living(lib.db) == {}


def test_a_silent_process_is_away(lib: Any, now: Any) -> None:
    Pulse("indexer", Clock()).beat(lib.db, "jobs", 40.0)
    Pulse("brain", Clock()).beat(lib.db, "ready", model=None, device=None)
    now(int(BUSY_S * HOLDS))
    assert set(processes.living(lib.db)) == {"indexer", "brain"}
    now(int(BUSY_S * HOLDS) + 1)
    assert set(processes.living(lib.db)) == {"brain"}
    now(int(IDLE_S * HOLDS) + 1)
    assert processes.living(lib.db) == {}


def test_a_dead_process_is_away_also_when_its_pid_comes_again(lib: Any, now: Any) -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    born = processes.born(child.pid)
    assert born is not None
    Pulse("brain", Clock()).beat(lib.db, "ready")
    with lib.db.write() as tx:
        tx.run("UPDATE process SET pid=?, born=?", (child.pid, born))
    assert set(processes.living(lib.db)) == {"brain"}
    with lib.db.write() as tx:
        tx.run("UPDATE process SET born=?", (born - 1,))
    assert processes.living(lib.db) == {}, "another process got its pid"
    with lib.db.write() as tx:
        tx.run("UPDATE process SET born=?", (born,))
    assert child.stdin is not None
    child.stdin.close()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert processes.living(lib.db) == {}, "a zombie does nothing"
    child.wait()
    assert processes.living(lib.db) == {}


def test_a_database_that_is_locked_is_no_end(lib: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from albumsd.store import database

    pulse = Pulse("indexer", Clock())
    monkeypatch.setattr(database, "BULK_PATIENCE_S", 0.01)
    with database.open_library(lib.folder) as other, other.write():
        assert not pulse.beat(lib.db, "jobs")
    assert pulse.beat(lib.db, "jobs"), "it is said as soon as it can be"


def test_the_report_tells_who_is_there(lib: Any, now: Any) -> None:
    lib.arrive("x.jpg")
    scanned(lib)
    report = status.report(lib.db)
    nothing = dict.fromkeys(("model", "model_state", "device", "dtype", "why"))
    assert report["brain"] == {"state": "away", **nothing}
    assert report["eta_s"] is None
    text = status.report_text(report)
    assert "ranking process is away" in text
    assert "albumsd run" in text
    Pulse("brain", Clock()).beat(lib.db, "ready", model="m", device="cpu")
    Pulse("indexer", Clock()).beat(lib.db, "jobs", 600.0)
    report = status.report(lib.db)
    assert report["brain"] == {"state": "ready", **nothing, "model": "m", "device": "cpu"}
    assert (report["indexer"], report["eta_s"]) == ({"state": "jobs"}, 600.0)
    text = status.report_text(report)
    assert "away" not in text
    assert "about 10 min to go" in text


def test_without_a_model_it_says_so_in_the_words_of_who_knows(lib: Any, now: Any) -> None:
    why = "no model of meaning is chosen: `albumsd models pull` fetches one"
    Pulse("brain", Clock()).beat(lib.db, "ready", model=None, device=None, why=why)
    report = status.report(lib.db)
    assert (report["brain"]["why"], report["models"]) == (why, [])
    assert f"by text only; {why}" in status.report_text(report)
    report["brain"] = {"state": "silent", "model": None, "device": None}
    assert "does not answer" in status.report_text(report)


WARM = {"state": "ready", "model": "M", "model_state": "warm", "device": "cpu", "dtype": "bfloat16", "why": None}
NONE = dict.fromkeys(("model", "model_state", "device", "dtype", "why"))


SIMPLE = "by text only, in the simpler order of the index, because the ranking process"
LATER = "by text for now, by meaning too when pictures are embedded"


@pytest.mark.parametrize(
    ("brain", "seen", "waiting", "want"),
    [
        (WARM, 13000, 0, "by text and meaning (M on cpu bfloat16; 13,000 embedded)"),
        (WARM, 12345, 655, "by text and meaning (M on cpu bfloat16; 12,345 of 13,000 embedded)"),
        (WARM, 0, 13000, f"{LATER} (M on cpu bfloat16; 0 of 13,000 embedded)"),
        (WARM | {"model_state": "cold", "device": None}, 0, 0, f"{LATER} (M, loaded when it is needed; 0 embedded)"),
        (WARM | {"model_state": "loading"}, 1, 1, "by text and meaning (M, which is being loaded; 1 of 2 embedded)"),
        (WARM | {"model_state": "cold"}, 2, 0, "by text and meaning (M, loaded when it is needed; 2 embedded)"),
        (WARM | {"model_state": "failed", "why": "no room"}, 2, 0, "by text only for now; M does not work: no room"),
        (
            WARM | {"model_state": "failed", "why": "no room", "answers": "A"},
            2,
            0,
            "by text, and by meaning as A saw it for now; M does not work: no room",
        ),
        (
            WARM | {"answers": "A"},
            2,
            1,
            "by text and meaning (M on cpu bfloat16; 2 of 3 embedded; A answers until then)",
        ),
        (WARM | {"why": "no captions"}, 2, 0, "by text and meaning (M on cpu bfloat16; 2 embedded); no captions"),
        (NONE | {"state": "ready", "why": "the stick is away"}, 2, 0, "by text only; the stick is away"),
        (NONE | {"state": "away"}, 2, 0, f"{SIMPLE} is away"),
        (NONE | {"state": "silent", "model": "M"}, 2, 0, f"{SIMPLE} does not answer"),
    ],
)
def test_one_line_says_by_what_a_search_goes(
    lib: Any, brain: dict[str, Any], seen: int, waiting: int, want: str
) -> None:
    told = status.report(lib.db) | {"brain": brain}
    told["jobs"] = {"embed": {"open": waiting, "done": seen + 17, "failed": 3, "parked": 0}}
    older, newer = ({"name": "M", "key": f"M@{n}", "dimensions": 1, "vectors": n, "assets": n} for n in (99, seen))
    told["models"] = [older, newer]
    assert f"Search: {want}\n" in status.report_text(told)


def test_the_vectors_of_each_model_are_told(lib: Any) -> None:
    one, two = lib.arrive("x.jpg", "y.jpg")
    first, second = embeddings.Identity("a@1", "A", 1), embeddings.Identity("b@2", "B", 2)
    with lib.db.write() as tx:
        embeddings.put(tx, one, first, [embeddings.Part("image", b"aa")] * 3)
        embeddings.put(tx, two, first, [embeddings.Part("image", b"bb")])
        embeddings.put(tx, two, second, [])
    report = status.report(lib.db)
    assert report["models"] == [
        {"name": "A", "key": "a@1", "dimensions": 1, "vectors": 4, "assets": 2},
        {"name": "B", "key": "b@2", "dimensions": 2, "vectors": 0, "assets": 0},
    ]
    text = status.report_text(report)
    assert "A has seen 2 items" in text
    assert "B has seen" not in text


def test_before_the_first_file_is_known_it_says_what_goes_on(lib: Any, now: Any) -> None:
    assert "the indexer is not running" in status.report_text(status.report(lib.db))
    Pulse("indexer", Clock()).beat(lib.db, "scan")
    assert "looking through the folders" in status.report_text(status.report(lib.db))


def test_an_estimate_is_only_given_when_it_can_be_known(lib: Any, now: Any) -> None:
    lib.arrive("x.jpg")
    Pulse("indexer", Clock()).beat(lib.db, "jobs", 600.0)
    report = status.report(lib.db)
    assert report["eta_s"] is None, "a scan is due, and nobody knows what it brings"
    assert "looking through the folders" in status.report_text(report)
    scanned(lib)
    assert status.report(lib.db)["eta_s"] == 600.0
    Pulse("indexer", Clock()).beat(lib.db, "jobs")
    report = status.report(lib.db)
    assert report["eta_s"] is None, "nothing was measured yet"
    assert "not known yet" in status.report_text(report)
    with lib.db.write() as tx:
        (job,) = jobs.claim(tx, "facts", 9, 60)
        jobs.finish(tx, job)
    report = status.report(lib.db)
    assert report["eta_s"] == 0.0
    assert "all done" in status.report_text(report)


def test_a_polled_source_says_why_and_what_helps(lib: Any) -> None:
    cure = "inotify has no watches left: sudo sysctl fs.inotify.max_user_watches=1048576"
    with lib.db.write() as tx:
        sources.set_watch(tx, lib.source, "polling", cure)
    (row,) = status.source_rows(lib.db)
    assert (row.watch, row.watch_why) == ("polling", cure)
    assert cure in status.source_text(row)
    assert cure in status.report_text(status.report(lib.db))
    with lib.db.write() as tx:
        sources.set_watch(tx, lib.source, "inotify")
    (row,) = status.source_rows(lib.db)
    assert row.watch_why == ""
    assert cure not in status.source_text(row)


def test_what_is_missing_says_how_to_go_on(lib: Any) -> None:
    from albumsd.store import files

    other = lib.add_source("other")
    lib.arrive("x.jpg", "y.jpg")
    lib.arrive("z.jpg", source=other)
    with lib.db.write() as tx:
        files.hold(tx, [lib.file("x.jpg")])
    assert [(row.name, row.files, row.missing) for row in status.source_rows(lib.db)] == [
        ("photos", 2, 1),
        ("other", 1, 0),
    ]
    assert "--confirm-missing 'photos'" in status.report_text(status.report(lib.db))


def test_no_part_of_a_report_walks_a_table_that_grows(lib: Any) -> None:
    """Every statement is planned; only small tables and partial indexes of what is out of order may be walked."""
    lib.arrive("x.jpg")
    asked: list[str] = []
    lib.db.connection.set_exec_trace(lambda _, sql, bindings: asked.append(sql) is None)
    try:
        status.report(lib.db)
    finally:
        lib.db.connection.set_exec_trace(None)
    assert len(asked) > 4
    plans = [row[3] for sql in asked for row in lib.db.all(f"EXPLAIN QUERY PLAN {sql}", ("",) * sql.count("?"))]
    walked = {plan.split()[1] + " " + plan.split()[-1] for plan in plans if plan.startswith("SCAN")}
    small = {"s", "t", "tally", "process", "model"}
    assert {plan for plan in walked if plan.split()[0] not in small} <= {"f file_missing", "asset asset_problem"}
