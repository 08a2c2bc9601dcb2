"""Drives whose reads hang although their roots answer: they cost their own files a delay, and others nothing."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from albumsd.core.facts import Problem
from albumsd.indexer import gather, stalls
from albumsd.indexer import runner as runner_module
from albumsd.indexer.lane import Lane
from albumsd.indexer.once import scan_of
from albumsd.indexer.results import Calls
from albumsd.indexer.roots import Prober
from albumsd.indexer.runner import Runner
from albumsd.indexer.stage import done
from albumsd.indexer.stages import all_stages, stage
from albumsd.indexer.stages import hash as hash_stage
from albumsd.indexer.volumes import Mounts
from albumsd.media.pool import TaskFailed
from albumsd.store import jobs, sources
from albumsd.store.files import Location

Library = Any  # conftest.Library


class Drive:
    """The source ``photos``: reads of what ``hangs`` says do not come back before ``wake``."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self.hangs: Callable[[bytes], bool] = lambda path: path.startswith(os.fsencode(library.root) + b"/")
        self.read: list[bytes] = []
        self._awake = threading.Event()

    def touch(self, at: Location) -> None:
        self.read.append(os.path.basename(at.path))
        if self.hangs(at.path):
            assert self._awake.wait(60)

    def digest(self, at: Location, beat: Callable[[], None] = lambda: None) -> str:
        self.touch(at)
        return f"{at.file:064x}"

    def wake(self) -> None:
        self.hangs = lambda path: False
        self._awake.set()


@pytest.fixture
def drive(library: Library, monkeypatch: pytest.MonkeyPatch) -> Iterator[Drive]:
    made = Drive(library)
    monkeypatch.setattr(gather, "touch", made.touch)
    monkeypatch.setattr(stalls, "touch", made.touch)
    monkeypatch.setattr(hash_stage, "read", made.digest)
    monkeypatch.setattr(runner_module, "PATIENCE_S", 0.3)
    monkeypatch.setattr(runner_module, "LOOK_S", 0.3)
    yield made
    made.wake()


@pytest.fixture
def good(library: Library) -> Path:
    """A second source, whose drive is well."""
    root: Path = library.folder / "good"
    root.mkdir()
    sources.add(library.database, library.config, root, "good")
    return root


def put(root: Path, *names: str) -> None:
    for name in names:
        (root / name).write_text(name)
        os.utime(root / name, ns=(1_500_000_000_000_000_000,) * 2)


@contextmanager
def runner(library: Library, decode: Any = None, **options: Any) -> Iterator[Runner]:
    """A runner over what a scan of all sources found."""
    for known in sources.all_sources(library.database):
        Prober().check(library.database, known)
        found = sources.by_name(library.database, known.name)
        scan_of(library.database, library.config, found, Prober(), Mounts.now(), 0).whole()
    made = Runner(library.database, library.config, decode or library.decoders, **options)
    try:
        yield made
    finally:
        made.stop()


def jobs_of(library: Library, stage_name: str) -> dict[str, tuple[str, int, str | None]]:
    return {
        name: (state, attempts, error)
        for name, state, attempts, error in library.database.all(
            "SELECT a.name, j.state, j.attempts, j.error FROM job j JOIN asset a ON a.id=j.asset WHERE j.stage=?",
            (stage_name,),
        )
    }


PARKED = ("parked", 0, jobs.HUNG)
DONE = ("done", 0, None)


def test_a_drive_whose_reads_hang_is_held_back_and_the_others_go_on(
    library: Library, drive: Drive, good: Path, wait_until: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, well = [f"bad-{n}.jpg" for n in range(6)], [f"well-{n}.jpg" for n in range(6)]
    put(library.root, *bad)
    put(good, *well)
    doubted: list[int] = []
    with runner(library, calls=Calls(doubt=doubted.append)) as made:
        made.run()
        assert jobs_of(library, "hash") == dict.fromkeys(bad, PARKED) | dict.fromkeys(well, DONE)
        assert set(doubted) == {library.source.id}
        reads = len(drive.read)
        with library.database.write() as tx:
            jobs.unpark_waiting(tx)  # as after a scan
        made.run()
        assert len(drive.read) == reads, "nothing is read of a drive that is held back"
        assert jobs_of(library, "hash")[bad[0]] == PARKED
        monkeypatch.setattr(stalls, "HOLD_S", 0.0)
        for stall in made._stalls._stalls.values():
            stall.until = 0.0
        wait_until(lambda: made.step(0) or len(drive.read) > reads + 1)
        assert jobs_of(library, "hash")[bad[0]] == PARKED, "the probes hang too"
        drive.wake()
        wait_until(lambda: (made.run(), jobs_of(library, "preview").keys() == {*bad, *well})[1])
    assert jobs_of(library, "preview") == dict.fromkeys([*bad, *well], DONE)


def _timeouts(drive: Drive) -> Any:
    def decode(task: str, path: bytes, **rest: Any) -> Future[Any]:
        if not drive.hangs(path):
            answer: Future[Any] = drive.library.decoders(task, path)
            return answer
        future: Future[Any] = Future()
        future.set_exception(TaskFailed(Problem("timeout", "it took more than 60 s")))
        return future

    return decode


def test_a_timeout_on_a_drive_that_hangs_is_no_failure_of_its_file(library: Library, drive: Drive, good: Path) -> None:
    bad, well = [f"2020-01-{n:02}.jpg" for n in range(1, 9)], ["2019-01-01.jpg"]  # the bad ones come first
    put(library.root, *bad)
    put(good, *well)
    with runner(library, _timeouts(drive)) as made:
        made.run()
        assert jobs_of(library, "facts") == dict.fromkeys(bad, PARKED) | dict.fromkeys(well, DONE)
        assert jobs_of(library, "preview") == dict.fromkeys(well, DONE)
        assert library.database.value("SELECT count(*) FROM asset WHERE problem IS NOT NULL") == 0
    drive.wake()
    with runner(library) as made:  # the next start believes in the drive
        made.open_outdated()
        made.run()
    assert jobs_of(library, "facts") == dict.fromkeys([*bad, *well], DONE)


def test_a_timeout_on_a_drive_that_answers_is_the_file(library: Library, drive: Drive) -> None:
    put(library.root, "a.jpg", "b.jpg")
    drive.hangs = lambda path: False
    library.decoders.problems[b"a.jpg"] = [("facts", "timeout")] * 2
    with runner(library) as made:
        made.run()
    assert jobs_of(library, "facts")["a.jpg"][:2] == ("failed", 2)
    assert jobs_of(library, "facts")["b.jpg"] == DONE
    assert drive.read.count(b"a.jpg") >= 2, "a byte was read each time"


def test_one_file_that_hangs_again_and_again_costs_only_itself(
    library: Library, drive: Drive, wait_until: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(library.root, "2020-01-02.jpg", "2020-01-01.jpg", "2019-01-01.jpg")
    drive.hangs = lambda path: path.endswith(b"2020-01-02.jpg")
    monkeypatch.setattr(stalls, "HOLD_S", 0.0)
    with runner(library) as made:
        made.run()
        wait_until(lambda: (made.run(), not made._stalls._stalls)[1])
        made.run()
        found = jobs_of(library, "hash")
        assert found.pop("2020-01-02.jpg") == PARKED
        assert found == dict.fromkeys(("2020-01-01.jpg", "2019-01-01.jpg"), DONE)
        assert not made._stalls._stalls, "the others answer, so their drive does"


def test_a_copy_on_another_drive_is_read_instead(
    library: Library, drive: Drive, good: Path, wait_until: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(library.root, "a.jpg")
    put(good, "a.jpg")
    drive.hangs = lambda path: False
    monkeypatch.setattr(hash_stage, "read", lambda at, beat: "5a" * 32)
    with runner(library) as made:
        made.run()
    assert library.database.value("SELECT count(*) FROM file WHERE asset=(SELECT id FROM asset WHERE live)") == 2

    def ask() -> None:
        with library.database.write() as tx:
            jobs.open_jobs(tx, "facts", 1, tx.all("SELECT id, 1 FROM asset WHERE live"))

    ask()
    drive.hangs = lambda path: path.startswith(os.fsencode(library.root) + b"/")
    library.decoders.asked.clear()
    with runner(library, _timeouts(drive)) as made:
        made.run()
        assert library.decoders.asked == [("facts", os.fsencode(good / "a.jpg"))]
        assert jobs_of(library, "facts")["a.jpg"] == DONE
        made._stalls._stalls.clear()  # as when another file of that drive answered
        reads = len(drive.read)
        ask()
        wait_until(lambda: (made.step(0.01), jobs_of(library, "facts")["a.jpg"] == DONE)[1], 5)
        assert len(drive.read) == reads, "the file that hung comes last"


def test_a_lane_keeps_its_width_whatever_hangs_in_it() -> None:
    lane, hang, hanging = Lane(2, "test"), threading.Event(), threading.Semaphore(0)

    def task() -> None:
        hanging.release()
        assert hang.wait(20)

    hung = [lane.submit(task) for _ in range(2)]
    for _ in hung:
        assert hanging.acquire(timeout=20)
    for future in (*hung, *hung):
        lane.give_up(future)
    assert [lane.submit(int, number).result(20) for number in range(9)] == list(range(9))
    both = threading.Barrier(2)
    assert [future.result(20) for future in [lane.submit(both.wait, 20) for _ in range(2)]] != []
    hang.set()
    lane.close()


def test_a_slow_drive_is_not_a_hung_one(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten minutes for one file, a sign of progress in each of them: more than the patience, never without a sign."""
    now = [1000.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    put(library.root, "long.mp4")
    stepped, begun = threading.Semaphore(0), threading.Event()

    def slow(at: Location, beat: Callable[[], None]) -> str:
        begun.set()
        for _ in range(10):
            now[0] += 0.9 * runner_module.PATIENCE_S
            beat()
            for _ in range(2):  # the second one began after the sign
                assert stepped.acquire(timeout=20)
        return f"{at.file:064x}"

    monkeypatch.setattr(hash_stage, "read", slow)
    with runner(library) as made:
        while made.step(0.001):
            if begun.is_set():
                stepped.release()
    assert jobs_of(library, "hash") == {"long.mp4": DONE}


def test_hashing_gives_a_sign_after_each_chunk(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hash_stage, "CHUNK", 4)
    path = library.put("a.jpg", "0123456789")
    status, signs = os.stat(path), list[int]()
    at = Location(1, 1, path, status.st_size, status.st_mtime_ns, status.st_ino, 1, "online")
    assert hash_stage.read(at, lambda: signs.append(1)) == (
        "84d89877f0d4041efb6bf91a16f0248f2fd573e6af05c19f96bedb9f882f7882"
    )
    assert len(signs) == 3


def test_a_job_that_outlasts_its_lease_is_begun_once(
    library: Library, wait_until: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner_module, "LEASE_S", -1.0)
    put(library.root, "a.jpg", "b.jpg")
    begun: list[str] = []
    future: Future[Any] = Future()

    def begin(tx: Any, work: Any, tools: Any) -> list[Future[Any]]:
        begun.append(work.subject.name)
        return [future if work.subject.name == "a.jpg" else done("0b" * 32)]

    lasting = replace(stage("hash"), begin=begin)
    with runner(library, stages=[lasting if s.name == "hash" else s for s in all_stages()]) as made:
        wait_until(lambda: (made.step(0.01), "a.jpg" in begun and jobs_of(library, "hash").get("b.jpg") == DONE)[1])
        with library.database.write() as tx:
            jobs.open_jobs(tx, "hash", 1, [(library.asset("b.jpg"), 1)])  # so that jobs are claimed
        wait_until(lambda: (made.step(0.01), not jobs.any_open(library.database))[1])
        future.set_result("0a" * 32)
        made.run()
    assert sorted(begun) == ["a.jpg", "b.jpg"]
    assert jobs_of(library, "hash") == {"a.jpg": DONE, "b.jpg": DONE}


def test_a_probe_says_whether_the_disk_answers(tmp_path: Path) -> None:
    (tmp_path / "there").write_bytes(b"ab")
    (tmp_path / "folder").mkdir()

    def at(name: str) -> Location:
        return Location(1, 1, os.fsencode(tmp_path / name), 2, 0, 0, 1, "online")

    assert stalls.answers(at("there"))
    assert stalls.answers(at("gone"))
    assert not stalls.answers(at("folder"))
