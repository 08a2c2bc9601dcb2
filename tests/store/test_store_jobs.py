"""Jobs: asked once, leased, failed twice, parked, done."""

from __future__ import annotations

from typing import Any

import pytest

from albumsd.store import files, jobs, scanning, tally


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> Any:
    def at(text: str) -> None:
        monkeypatch.setenv("ALBUMSD_NOW", text)

    at("2024-04-13T12:00:00")
    return at


def _state(lib: Any, asset: int = 1, stage: str = "facts") -> list[tuple[Any, ...]]:
    return lib.db.all(
        "SELECT state, attempts, version FROM job WHERE asset=? AND stage=? ORDER BY state", (asset, stage)
    )


def test_asking_twice_is_asking_once(lib: Any) -> None:
    lib.arrive("x.jpg")
    with lib.db.write() as tx:
        jobs.open_jobs(tx, "facts", 1, [(1, 5), (1, 5)])
    assert _state(lib) == [("open", 0, 1)]


def test_what_is_done_can_be_asked_for_again_and_is_done_once_on_record(lib: Any) -> None:
    lib.arrive("x.jpg")
    for version in (1, 2):
        with lib.db.write() as tx:
            jobs.open_jobs(tx, "facts", version, [(1, 5)])
            (job,) = jobs.claim(tx, "facts", 9, 60)
            jobs.finish(tx, job)
    assert _state(lib) == [("done", 0, 2)]


def test_what_is_asked_for_while_it_is_done_is_done_again(lib: Any) -> None:
    lib.arrive("x.jpg")
    with lib.db.write() as tx:
        (job,) = jobs.claim(tx, "facts", 9, 60)
        jobs.open_jobs(tx, "facts", 1, [(1, 5)])
        assert jobs.claim(tx, "facts", 9, 60) == []
        jobs.finish(tx, job)
        assert _state(lib) == [("open", 0, 1)]
        (job,) = jobs.claim(tx, "facts", 9, 60)
        jobs.finish(tx, job)
    assert _state(lib) == [("done", 0, 1)]


def test_newest_first_then_what_is_looked_at(lib: Any) -> None:
    lib.arrive("2001-01-01.jpg", "2003-01-01.jpg", "2002-01-01.jpg", "2000-01-01.jpg")
    with lib.db.write() as tx:
        jobs.raise_priority(tx, [4])
        jobs.raise_priority(tx, [4])
        assert [job.asset for job in jobs.claim(tx, "facts", 3, 60)] == [4, 2, 3]
        assert [job.asset for job in jobs.claim(tx, "facts", 3, 60)] == [1]


def test_a_lease_that_ran_out_is_open_again(lib: Any, now: Any) -> None:
    lib.arrive("x.jpg")
    with lib.db.write() as tx:
        (first,) = jobs.claim(tx, "facts", 9, 60)
        assert jobs.claim(tx, "facts", 9, 60) == []
    now("2024-04-13T12:01:01")
    with lib.db.write() as tx:
        (second,) = jobs.claim(tx, "facts", 9, 60)
        assert second == first
        jobs.finish(tx, second)
        jobs.finish(tx, first)  # the slow one comes in too
        assert _state(lib) == [("done", 0, 1)]
        for late in (jobs.put_back, lambda t, j: jobs.fail(t, j, "late"), lambda t, j: jobs.park(t, j, "late")):
            late(tx, first)
        assert _state(lib) == [("done", 0, 1)], "what is done stays done"


def test_two_failures_are_the_end_until_somebody_asks_again(lib: Any) -> None:
    lib.arrive("x.jpg")
    for last in (False, True):
        with lib.db.write() as tx:
            (job,) = jobs.claim(tx, "facts", 9, 60)
            assert jobs.fail(tx, job, "broken") is last
    assert _state(lib) == [("failed", 2, 1)]
    with lib.db.write() as tx:
        assert jobs.claim(tx, "facts", 9, 60) == []
        jobs.open_jobs(tx, "facts", 2, [(1, 5)])
    assert _state(lib) == [("open", 0, 2)]


def test_putting_back_is_no_failure(lib: Any) -> None:
    lib.arrive("x.jpg")
    with lib.db.write() as tx:
        (job,) = jobs.claim(tx, "facts", 9, 60)
        jobs.put_back(tx, job)
    assert _state(lib) == [("open", 0, 1)]
    with lib.db.write() as tx:
        jobs.claim(tx, "facts", 9, 60)
        assert jobs.release_all(tx) == 1
    assert _state(lib) == [("open", 0, 1)]


def test_parked_jobs_wait_for_their_source(lib: Any) -> None:
    other = lib.add_source("other")
    lib.arrive("x.jpg")
    lib.arrive("y.jpg", source=other)
    with lib.db.write() as tx:
        for job in jobs.claim(tx, "facts", 9, 60):
            jobs.park(tx, job, "the drive is away")
        assert jobs.open_count(tx) == 0
        assert jobs.counts(tx) == {"facts": {"open": 0, "done": 0, "failed": 0, "parked": 2}}
        assert jobs.unpark_source(tx, other) == 1
        assert [job.asset for job in jobs.claim(tx, "facts", 9, 60)] == [2]
        assert jobs.open_count(tx) == 1, "a leased job is still to be done"


def test_jobs_go_with_their_asset(lib: Any) -> None:
    lib.arrive("x.jpg")
    with lib.db.write() as tx:
        (job,) = jobs.claim(tx, "facts", 9, 60)
        files.vanish(tx, lib.file("x.jpg"))
        assert not jobs.exists(tx, job)
        jobs.finish(tx, job)
        assert jobs.fail(tx, job, "gone") is False
    assert _state(lib) == []


def test_phase_one_gives_the_priority_that_day_number_gives(lib: Any) -> None:
    lib.arrive("1997-12-31.jpg", "x.jpg", "2024-02-29 x.jpg")
    for local, priority in lib.db.all("SELECT a.local, j.priority FROM asset a JOIN job j ON j.asset=a.id"):
        assert priority == jobs.day_number(local)


def test_versions(lib: Any) -> None:
    lib.arrive("x.jpg", "y.jpg")
    with lib.db.write() as tx:
        (job, _) = jobs.claim(tx, "facts", 9, 60)
        jobs.finish(tx, job)
        assert [row[1] for row in jobs.outdated(tx, "facts", 2, 0, 9)] == [job.asset]
        jobs.release_all(tx)
        jobs.raise_version(tx, "facts", 2)
    assert sorted(_state(lib, 1) + _state(lib, 2)) == [("done", 0, 1), ("open", 0, 2)]


def test_reading_a_file_again_is_a_job(lib: Any) -> None:
    lib.arrive("x.jpg")
    with lib.db.write() as tx:
        jobs.finish(tx, jobs.claim(tx, "facts", 9, 60)[0])
        scanning.read_again(tx, lib.file("x.jpg"), "facts", 1)
        scanning.read_again(tx, 999, "facts", 1)
    assert _state(lib) == [("done", 0, 1), ("open", 0, 1)]


def test_every_step_of_a_job_is_booked(lib: Any) -> None:
    """The kept counts (store.tally) are compared with the rows after each step."""
    lib.arrive("1.jpg", "2.jpg", "3.jpg")

    def check(**facts: int) -> None:
        lib.check()
        zero = {"open": 0, "done": 0, "failed": 0, "parked": 0}
        assert jobs.counts(lib.db)["facts"] == zero | facts

    check(open=3)
    with lib.db.write() as tx:
        one, two, three = jobs.claim(tx, "facts", 3, 60)
    check(open=3)
    with lib.db.write() as tx:
        jobs.finish(tx, one)
        jobs.park(tx, two, jobs.WAITS)
        jobs.fail(tx, three, "unreadable: no right")
    check(open=1, done=1, parked=1)
    with lib.db.write() as tx:
        (again,) = jobs.claim(tx, "facts", 3, 60)
        jobs.fail(tx, again, "unreadable: no right")
    check(done=1, parked=1, failed=1)
    with lib.db.write() as tx:
        jobs.open_jobs(tx, "facts", 2, [(one.asset, 1), (two.asset, 1)])
    check(open=2, done=1, failed=1)
    with lib.db.write() as tx:
        for job in jobs.claim(tx, "facts", 9, 60):
            jobs.finish(tx, job)
        assert jobs.retry_unreadable(tx) == 1
    check(open=1, done=2)
    with lib.db.write() as tx:
        jobs.switch_off(tx, "facts")
    check(parked=1, done=2)
    lib.vanish("1.jpg")
    lib.vanish("2.jpg")
    lib.vanish("3.jpg")
    lib.check()
    assert jobs.counts(lib.db) == {}, "what hung on an asset went with it"


def test_who_writes_past_the_package_can_have_all_counted(lib: Any) -> None:
    lib.arrive("1.jpg", "2.jpg")
    lib.identify(1, "one")
    with lib.db.write() as tx:
        kept = tx.all("SELECT * FROM tally WHERE number <> 0"), tx.all("SELECT source, files FROM source_state")
        tx.run("UPDATE tally SET number=77")
        tx.run("UPDATE source_state SET files=77")
        tally.recount(tx)
        assert kept == (
            tx.all("SELECT * FROM tally WHERE number <> 0"),
            tx.all("SELECT source, files FROM source_state"),
        )


def test_a_failure_at_what_was_asked_for_again_meanwhile_does_not_count(lib: Any) -> None:
    lib.arrive("x.jpg")
    with lib.db.write() as tx:
        jobs.fail(tx, jobs.claim(tx, "facts", 9, 60)[0], "broken")
        (job,) = jobs.claim(tx, "facts", 9, 60)
        jobs.open_jobs(tx, "facts", 1, [(1, 5)])
        assert jobs.fail(tx, job, "broken") is False
    assert _state(lib) == [("open", 0, 1)]
    assert lib.db.value("SELECT error FROM job") is None
    lib.check()


def test_what_waits_for_a_drive_is_opened_by_a_look_and_by_its_answer(lib: Any) -> None:
    other = lib.add_source("other")
    lib.arrive("x.jpg", "w.jpg")
    lib.arrive("y.jpg", source=other)

    def park() -> None:
        with lib.db.write() as tx:
            for job in jobs.claim(tx, "facts", 9, 60):
                jobs.park(tx, job, jobs.WAITS if job.asset == 2 else jobs.HUNG)

    park()
    with lib.db.write() as tx:
        assert jobs.unpark_hung(tx, 1) == 1
        assert [job.asset for job in jobs.claim(tx, "facts", 9, 60)] == [1]
        jobs.release_all(tx)
    park()
    with lib.db.write() as tx:
        assert jobs.unpark_waiting(tx, 1) == 2
        assert jobs.unpark_hung(tx) == 1
    assert jobs.open_count(lib.db) == 3
    lib.check()


@pytest.mark.parametrize(
    "error", ["timeout: it took more than 60 s", "brain: out of memory", "preview: its preview is lost"]
)
def test_what_was_bad_luck_is_tried_once_more_after_everything_else(lib: Any, error: str) -> None:
    lib.arrive("x.jpg", "y.jpg")
    for _ in range(2):
        with lib.db.write() as tx:
            x, y = sorted(jobs.claim(tx, "facts", 9, 60), key=lambda job: job.asset)
            jobs.fail(tx, x, error)
            jobs.fail(tx, y, "crash: signal 11")
    with lib.db.write() as tx:
        assert jobs.retry_bad_luck(tx) == 1
        jobs.open_jobs(tx, "facts", 1, [(2, 1)])
        assert [job.asset for job in jobs.claim(tx, "facts", 1, 60)] == [2]
        (last,) = jobs.claim(tx, "facts", 9, 60)
        assert (last.asset, jobs.fail(tx, last, error)) == (1, True)
    lib.check()
