"""Threads that may hang: deadlines, bounds, and what becomes of late results."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
import trio
import trio.testing
from mount_fakes import FOREVER

from albumsd.mount.lanes import Lane, Missed, ReaderLane

DEADLINE_S = 0.1


def test_a_job_returns_or_raises() -> None:
    async def go() -> None:
        lane = Lane("test", 2)
        assert await lane.run(lambda: 42, deadline_s=5) == 42
        with pytest.raises(KeyError):
            await lane.run(lambda: {}[1], deadline_s=5)

    trio.run(go)


def test_whoever_waits_goes_on_at_the_deadline_and_a_late_result_is_handed_to_discard() -> None:
    release, came = threading.Event(), threading.Event()
    late: list[int] = []

    def hang() -> int:
        release.wait(10)
        return 7

    def discard(result: int) -> None:
        late.append(result)
        came.set()

    async def go() -> None:
        lane = Lane("test", 1)
        with pytest.raises(Missed) as missed:
            await lane.run(hang, deadline_s=DEADLINE_S, discard=discard)
        assert missed.value.hung
        release.set()
        assert came.wait(5)

    trio.run(go)
    assert late == [7]


def test_hung_threads_are_never_more_than_the_lane_may_have() -> None:
    release = threading.Event()

    async def go() -> None:
        lane = Lane("bounded", 3)

        async def hang() -> None:
            with pytest.raises(Missed):
                await lane.run(lambda: release.wait(10), deadline_s=DEADLINE_S)

        async with trio.open_nursery() as nursery:
            for _ in range(20):
                nursery.start_soon(hang)
        assert sum(thread.name == "lane:bounded" for thread in threading.enumerate()) == 3

    trio.run(go)
    release.set()


def test_waiting_behind_others_who_are_served_is_not_hanging() -> None:
    """Ten jobs of half a deadline each on one thread: slow, but every one is done."""

    async def go() -> None:
        lane = Lane("slow", 1)
        done = []

        async def one(number: int) -> None:
            await lane.run(lambda: threading.Event().wait(0.05), deadline_s=0.15)
            done.append(number)

        async with trio.open_nursery() as nursery:
            for number in range(10):
                nursery.start_soon(one, number)
        assert len(done) == 10

    trio.run(go)


def test_waiting_has_an_end_even_where_others_are_served() -> None:
    async def go() -> None:
        lane = Lane("busy", 1)
        outcomes = []

        async def one() -> None:
            try:
                await lane.run(lambda: threading.Event().wait(0.1), deadline_s=0.3)
            except Missed as missed:
                outcomes.append(missed.hung)

        async with trio.open_nursery() as nursery:
            for _ in range(20):  # two seconds of work; who waits gives up after four times 0.3 s
                nursery.start_soon(one)
        assert outcomes
        assert not any(outcomes)

    trio.run(go)


def test_a_job_that_nobody_waits_for_any_more_is_not_begun() -> None:
    release = threading.Event()
    begun = []

    async def go() -> None:
        lane = Lane("test", 1)

        async def wait(call: Callable[[], object]) -> None:
            with pytest.raises(Missed):
                await lane.run(call, deadline_s=DEADLINE_S)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait, lambda: release.wait(10))
            await trio.testing.wait_all_tasks_blocked()
            nursery.start_soon(wait, lambda: begun.append(1))
        release.set()
        assert await lane.run(lambda: "next", deadline_s=5) == "next"

    trio.run(go)
    assert not begun


def test_the_queue_can_be_failed_at_once() -> None:
    release = threading.Event()

    async def go() -> None:
        lane = Lane("test", 1)

        async def first() -> None:
            await lane.run(lambda: release.wait(10), deadline_s=10)

        async def second() -> None:
            with pytest.raises(ValueError, match="closed"):
                await lane.run(lambda: None, deadline_s=10)
            release.set()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(first)
            await trio.testing.wait_all_tasks_blocked()
            nursery.start_soon(second)
            await trio.testing.wait_all_tasks_blocked()
            lane.fail_queued(ValueError("closed"))

    trio.run(go)


def test_a_posted_job_runs_and_its_error_stays_there(caplog: pytest.LogCaptureFixture) -> None:
    ran = threading.Event()

    async def go() -> None:
        lane = Lane("test", 1)
        lane.post(lambda: 1 / 0)
        lane.post(ran.set)
        assert ran.wait(5)

    trio.run(go)
    assert "division by zero" in caplog.text


def test_a_statement_of_an_abandoned_job_is_interrupted(library) -> None:  # type: ignore[no-untyped-def]
    async def go() -> None:
        lane = ReaderLane("queries", 1, library.config.database)
        with pytest.raises(Missed):
            await lane.run(lambda reader: reader.value(FOREVER), deadline_s=DEADLINE_S)
        # The lane has one thread: this runs only because the statement above has ended.
        assert await lane.run(lambda reader: reader.value("SELECT 1"), deadline_s=5) == 1

    trio.run(go)
