"""Who is there and who is looked at: drives that hang, looks that failed, events that were lost."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from albumsd.indexer import attendance as attendance_module
from albumsd.indexer import directory, process, scan
from albumsd.indexer.attendance import RETRY_S, Attendance
from albumsd.indexer.desk import Desk
from albumsd.indexer.once import scan_of
from albumsd.indexer.process import Indexer
from albumsd.indexer.roots import Prober
from albumsd.indexer.volumes import Mounts, Volume
from albumsd.store import sources

Library = Any  # conftest.Library, which the tests get as a fixture
Wait = Callable[..., Any]


class Office:
    """An attendance without its process."""

    def __init__(self, library: Library) -> None:
        self.library, self.prober, self.desk, self.stopped = library, Prober(), Desk(), False
        self.attendance = Attendance(library.config, self.desk, stopped=lambda: self.stopped)

    def check(self) -> str:
        self.attendance.check(self.library.database, self.prober)
        return str(self.library.state())

    def source(self) -> sources.Source:
        return sources.by_name(self.library.database, "photos")

    def scan(self, *folders: bytes) -> None:
        self.attendance._scan(self.source(), set(folders))

    def waiting(self) -> dict[bytes, float]:
        """``{folder: seconds until it is looked at}``."""
        now = time.monotonic()
        return {folder: at - now for folder, at in self.desk.again.get(self.source().id, {}).items()}

    def at_peace(self, wait_until: Wait) -> None:
        """Checked until the watch is there; no scan is due."""
        self.check()
        wait_until(lambda: self.attendance.watches()[self.source().id].mode)
        self.check()
        ticket = sources.scan_ticket(self.library.database, self.source().id)
        with self.library.database.write() as tx:
            sources.scan_done(tx, self.source().id, ticket)
        assert not self.source().scan_due


@pytest.fixture
def office(library: Library) -> Iterator[Office]:
    library.config.values["rest_s"] = 0.0
    library.put("keep/a.jpg")
    library.put("keep/b.jpg")
    library.put("c.jpg")
    library.index()
    made = Office(library)
    yield made
    for thread in made.attendance.stop():
        thread.join(10)


def test_a_scan_that_is_not_heard_of_makes_its_source_stalled(office: Office) -> None:
    assert office.check() == "online"
    source = office.source()
    hung = scan_of(office.library.database, office.library.config, source, Prober(), Mounts.now(), 0.0)
    office.desk.running[source.id] = hung
    assert office.check() == "online"
    assert office.desk.work() == (True, False, False)
    hung.beat -= scan.HUNG_S + 1
    assert [office.check(), office.check()] == ["stalled", "stalled"]
    assert office.source().why
    assert office.attendance.watches() == {}
    assert office.desk.work() == (False, False, False), "nobody is told to wait for it"
    assert not office.source().scan_due
    hung.some([b"keep"])
    assert office.check() == "online"
    assert office.source().scan_due, "what happened meanwhile was not watched"


@pytest.mark.slow
def test_a_folder_that_hangs_and_answers_after_all(
    library: Library, monkeypatch: pytest.MonkeyPatch, wait_until: Wait
) -> None:
    answer, asked, real = threading.Event(), threading.Event(), directory.read

    def hang(path: bytes, **options: Any) -> directory.Directory:
        if path.endswith(b"/hung"):
            asked.set()
            assert answer.wait(20)
        return real(path, **options)

    monkeypatch.setattr(directory, "read", hang)
    monkeypatch.setattr(scan, "HUNG_S", 0.3)
    monkeypatch.setattr(process, "CHECK_S", 0.1)
    library.config.values["rest_s"] = 0.05
    library.put("hung/a.txt")
    library.put("zoo/b.txt")
    indexer = Indexer(library.config)
    thread = threading.Thread(target=indexer.run)
    thread.start()
    try:
        assert asked.wait(20)
        wait_until(lambda: library.state() == "stalled")
        wait_until(lambda: not indexer.status()["busy"])
        answer.set()
        wait_until(lambda: library.state() == "online" and library.paths() == {b"hung/a.txt", b"zoo/b.txt"})
    finally:
        answer.set()
        indexer.stop()
        thread.join(20)


def test_a_large_folder_and_a_commit_are_signs_of_life(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        library.put(f"{number}.jpg")
    monkeypatch.setattr(directory, "CHUNK", 1)
    calls: list[int] = []
    directory.read(os.fsencode(library.root), inodes=True, rest_ns=0, answered=lambda: calls.append(1))
    assert len(calls) > 3
    alive: list[bool] = []
    made = scan_of(
        library.database, library.config, library.source, Prober(), Mounts.now(), 0.0,
        lambda: alive.append(not made.hangs()),
    )  # fmt: skip
    batches = type(library.database).batches

    def slow(self: Any, items: Any, do: Any) -> int:
        done = batches(self, items, do)
        made.beat -= scan.HUNG_S + 1
        return done

    monkeypatch.setattr(type(library.database), "batches", slow)
    made.whole()
    assert alive
    assert all(alive)


def test_every_folder_is_a_sign_of_life_even_one_that_cannot_be_read(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.put("bad/a.jpg")
    library.put("good/b.jpg")
    made = scan_of(library.database, library.config, library.source, Prober(), Mounts.now(), 0.0)
    alive: list[bool] = []
    real = directory.read

    def slow(path: bytes, **options: Any) -> directory.Directory:
        alive.append(not made.hangs())
        made.beat -= scan.HUNG_S + 1
        if path.endswith(b"/bad"):
            raise PermissionError(13, "Permission denied")
        found = real(path, **options)
        alive.append(not made.hangs())
        return found

    monkeypatch.setattr(directory, "read", slow)
    made.whole()
    assert alive == [True] * 5


# ----------------------------------------------------------------------------------- looks that failed


def refuse_root(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    real = directory.read

    def refuse(path: bytes, **options: Any) -> directory.Directory:
        if path == os.fsencode(library.root):
            raise OSError(5, "Input/output error")
        return real(path, **options)

    monkeypatch.setattr(directory, "read", refuse)


@pytest.mark.parametrize("stopped", [False, True])
def test_folders_of_a_scan_whose_root_is_gone_are_looked_at_again(
    office: Office, monkeypatch: pytest.MonkeyPatch, stopped: bool
) -> None:
    refuse_root(office.library, monkeypatch)
    office.check()
    real = scan.Scan.some

    def some(self: scan.Scan, folders: Any) -> scan.Outcome:
        try:
            return real(self, folders)
        finally:
            office.stopped = stopped

    monkeypatch.setattr(scan.Scan, "some", some)
    office.scan(b"", b"keep")
    waiting = office.waiting()
    assert set(waiting) == (set() if stopped else {b"", b"keep"})
    assert all(RETRY_S - 5 < seconds <= RETRY_S for seconds in waiting.values())
    assert office.desk.doubted == {office.source().id}
    assert not office.desk.running


def test_folders_of_a_scan_that_could_not_finish_are_looked_at_again(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.check()
    (office.library.root / "keep" / "a.jpg").unlink()
    with monkeypatch.context() as patch:
        patch.setattr(attendance_module.Prober, "look", lambda *_: None)
        office.scan(b"keep")
    assert set(office.waiting()) == {b"keep"}
    assert b"keep/a.jpg" in office.library.paths()
    office.scan(b"keep")
    assert b"keep/a.jpg" not in office.library.paths()


def test_a_source_that_is_away_waits_for_no_look(office: Office) -> None:
    """It is looked at whole when it comes back; until then nobody is busy with it."""
    office.check()
    office.library.move("", "../away")
    assert office.check() == "offline"
    office.desk.look_again(office.source().id, {b"keep"}, 30.0)  # a scan that ends only now
    assert office.check() == "offline"
    assert office.waiting() == {}


# ----------------------------------------------------------------------------------- events that were lost


def test_lost_events_ask_for_a_whole_scan(office: Office, wait_until: Wait) -> None:
    office.at_peace(wait_until)
    office.check()
    assert not office.source().scan_due
    office.attendance.watches()[office.source().id].overflowed()
    office.check()
    assert office.source().scan_due


@pytest.mark.parametrize("early", [True, False])
def test_a_scan_that_began_before_its_watch_is_made_again(office: Office, wait_until: Wait, early: bool) -> None:
    office.at_peace(wait_until)
    source = office.source()
    if early:
        office.attendance._early.add(source.id)
    with office.library.database.write() as tx:
        sources.set_watch(tx, source.id, "")  # the watch is there, and nobody was told yet
    office.check()
    assert office.source().watch == "inotify"
    assert office.source().scan_due is early
    office.check()
    assert not office.attendance._early


# ------------------------------------------------------------------------------------------ another drive


def test_changes_seen_while_another_drive_is_mounted_are_none(
    office: Office, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    library = office.library
    office.check()
    before = library.rows()
    made = scan_of(library.database, library.config, office.source(), Prober(), Mounts.now(), 0.0)
    for name in before:
        library.put(name, "what the stranger has there", mtime_ns=10**18)
    monkeypatch.setattr(Mounts, "volume", lambda self, path: Volume("uuid:other", "ext4", 1, True))
    outcome = made.some([b"", b"keep"])
    assert (outcome.complete, outcome.changed) == (False, 0)
    assert library.rows() == before
