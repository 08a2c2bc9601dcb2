"""What becomes of jobs, in good times and in bad ones. The decoders are fakes but in the last test."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

import pytest

from albumsd.core.facts import CaptureTime
from albumsd.indexer import gather
from albumsd.indexer.once import index_once
from albumsd.indexer.pace import LONGEST_PAUSE_S, Meter, Pressure
from albumsd.indexer.runner import Runner
from albumsd.indexer.stage import Stage, done
from albumsd.indexer.stages import MODULES, all_stages, stage
from albumsd.indexer.stages import hash as hash_stage
from albumsd.store import assets, jobs

Library = Any  # conftest.Library, which the tests get as a fixture
OLD_NS = 1_500_000_000_000_000_000


def states(library: Library, name: str) -> dict[str, str]:
    """``{stage: state}`` of the asset with a shown name."""
    rows = library.database.all(
        "SELECT j.stage, j.state FROM job j JOIN asset a ON a.id=j.asset WHERE a.name=? ORDER BY j.id", (name,)
    )
    return dict(rows)


def problem(library: Library, name: str) -> str | None:
    found: str | None = library.database.value("SELECT problem FROM asset WHERE name=?", (name,))
    return found


def test_every_stage_says_what_it_is() -> None:
    names = [found.name for found in all_stages()]
    assert names == list(MODULES)
    for found in all_stages():
        assert found.help.endswith(".")
        assert found.example
        assert found.version >= 1
        assert set(found.needs) <= set(names[: names.index(found.name)])
        assert stage(found.name) is found
    with pytest.raises(KeyError):
        stage("nothing")


def test_all_stages_that_want_an_asset_are_done_and_no_others(library: Library) -> None:
    library.put("a.jpg")
    library.put("b.txt", "the warranty letter")
    library.put("c.bin")
    library.decoders.facts[b"a.jpg"] = {"position": [38.7139, -9.1334, None]}
    library.index()
    assert states(library, "a.jpg") == dict.fromkeys(("facts", "hash", "place", "preview"), "done")
    assert states(library, "b.txt") == dict.fromkeys(("facts", "hash", "text"), "done")
    assert states(library, "c.bin") == dict.fromkeys(("facts", "hash"), "done")
    assert library.database.one("SELECT country, city FROM asset WHERE name='a.jpg'") == ("Portugal", "Lisbon")
    assert library.database.value("SELECT body FROM document WHERE length > 0 AND body <> ''") == "the warranty letter"


def test_the_newest_come_first_and_what_is_looked_at_before_them(library: Library) -> None:
    for year in (2011, 2019, 2015):
        library.put(f"{year}-05-01.jpg")
    library.put("x.jpg")
    library.config.values["workers"] = 1  # type: ignore[index]
    order: list[bytes] = []
    library.decoders.before = lambda task, path: order.append(os.path.basename(path)) if task == "facts" else None
    library.index()
    assert order == [b"2019-05-01.jpg", b"x.jpg", b"2015-05-01.jpg", b"2011-05-01.jpg"]
    order.clear()
    with library.database.write() as tx:
        rows = tx.all("SELECT id, local FROM asset")
        jobs.open_jobs(tx, "facts", 1, [(asset, jobs.day_number(local)) for asset, local in rows])
        jobs.raise_priority(tx, [library.asset("2011-05-01.jpg")])
    library.index()
    assert order[0] == b"2011-05-01.jpg"


@pytest.mark.parametrize("reason", ["crash", "timeout", "memory", "unreadable"])
def test_bad_luck_is_tried_once_more(library: Library, reason: str) -> None:
    library.put("a.jpg")
    library.decoders.problems[b"a.jpg"] = [("facts", reason)]
    library.index()
    assert library.decoders.opened(b"a.jpg") == 2
    assert set(states(library, "a.jpg").values()) == {"done"}
    assert problem(library, "a.jpg") is None


@pytest.mark.parametrize("task", ["facts", "preview"])
def test_a_file_that_fails_twice_is_parked_under_problems_and_the_queue_goes_on(library: Library, task: str) -> None:
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        library.put(name)
    library.decoders.problems[b"b.jpg"] = [(task, "crash")] * 2
    library.index()
    found = states(library, "b.jpg")
    assert found.pop(task) == "failed"
    assert set(found.values()) == {"done"}
    assert "hash" in found
    assert problem(library, "b.jpg") == "crash"
    assert all(row[2] for row in library.rows().values())
    assert set(states(library, "c.jpg").values()) == {"done"}
    asked = len(library.decoders.asked)
    library.index()
    assert len(library.decoders.asked) == asked


def test_a_file_without_identity_is_given_to_no_stage_that_goes_by_it(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: bytes) -> int:
        raise PermissionError(13, "Permission denied")

    library.put("a.jpg")
    monkeypatch.setattr(hash_stage, "open_fd", refuse)
    library.index()
    assert states(library, "a.jpg") == {"facts": "done", "hash": "failed"}
    assert problem(library, "a.jpg") == "unreadable"


def test_a_start_tries_what_timed_out_once_more_and_what_is_well_again_leaves_problems(library: Library) -> None:
    library.put("a.jpg")
    library.put("b.jpg")
    library.decoders.problems[b"a.jpg"] = [("preview", "timeout")] * 2
    library.decoders.problems[b"b.jpg"] = [("preview", "timeout")] * 3
    library.index()
    assert [problem(library, name) for name in ("a.jpg", "b.jpg")] == ["timeout", "timeout"]
    library.index()
    assert [problem(library, name) for name in ("a.jpg", "b.jpg")] == [None, "timeout"]
    assert states(library, "a.jpg")["preview"] == "done"
    assert states(library, "b.jpg")["preview"] == "failed"
    assert [os.path.basename(path) for task, path in library.decoders.asked if task == "preview"].count(b"b.jpg") == 3


def test_no_file_is_touched_in_the_thread_of_the_runner(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """The decoders of these tests are done at once, so whatever follows them runs where they are asked."""
    library.put("a.jpg")
    threads = set[str]()

    def same(at: Any) -> bool:
        threads.add(threading.current_thread().name)
        return True

    monkeypatch.setattr(gather, "same", same)
    library.index()
    assert threads == {"look"}


def test_bytes_that_will_stay_bad_are_tried_once(library: Library) -> None:
    library.put("a.jpg")
    library.decoders.problems[b"a.jpg"] = [("preview", "corrupt")]
    library.index()
    assert [task for task, _ in library.decoders.asked] == ["facts", "preview"]
    assert set(states(library, "a.jpg").values()) == {"done"}
    assert problem(library, "a.jpg") == "corrupt"


def test_a_fault_of_our_own_costs_one_job(library: Library, caplog: pytest.LogCaptureFixture) -> None:
    library.put("a.jpg")
    library.put("b.jpg")
    library.decoders.facts[b"a.jpg"] = {"captured": ["no date at all", None, "exif"]}
    library.index()
    assert problem(library, "a.jpg") == "internal"
    assert set(states(library, "b.jpg").values()) == {"done"}
    assert "could not be stored" in caplog.text


def test_a_file_that_changes_under_the_reader_is_looked_at_again(library: Library) -> None:
    library.put("a.jpg", "old")
    changed: list[bytes] = []

    def change(task: str, path: bytes) -> None:
        if not changed:
            changed.append(path)
            library.put("a.jpg", "new and longer", mtime_ns=OLD_NS + 10**10)

    library.decoders.before = change
    library.index()
    size, sha = library.database.one("SELECT size, sha256 FROM asset WHERE live")
    assert size == len("new and longer")
    assert sha is not None
    assert library.database.value("SELECT count(*) FROM asset") == 1
    assert jobs.open_count(library.database) == 0


def test_jobs_of_a_drive_that_is_away_are_parked_and_done_when_it_is_back(library: Library) -> None:
    library.put("a.jpg")
    library.put("b.jpg")

    def leave(task: str, path: bytes) -> None:
        if (library.root).exists():
            os.rename(library.root, library.folder / "drive")

    library.decoders.before = leave
    library.index()
    assert library.state() == "offline"
    assert jobs.open_count(library.database) == 0
    assert jobs.counts(library.database)["facts"]["parked"] == 2
    library.decoders.before = lambda task, path: None
    os.rename(library.folder / "drive", library.root)
    library.index()
    assert jobs.counts(library.database)["facts"] == {"open": 0, "done": 2, "failed": 0, "parked": 0}
    assert all(row[2] for row in library.rows().values())


def test_jobs_of_files_that_are_held_as_missing_wait_for_them(library: Library) -> None:
    library.put("trip/a.jpg")
    library.put("keep.jpg")
    library.decoders.before = lambda task, path: (
        os.rename(library.root / "trip", library.folder / "trip") if path.endswith(b"a.jpg") else None
    )
    library.index()
    assert library.held() == {b"trip/a.jpg"}
    assert jobs.open_count(library.database) == 0
    library.decoders.before = lambda task, path: None
    library.index()
    assert library.decoders.opened(b"a.jpg") == 1
    os.rename(library.folder / "trip", library.root / "trip")
    library.index()
    assert not library.held()
    assert set(states(library, "a.jpg").values()) == {"done"}


def _echo(name: str, version: int, wants: str = ".jpg") -> Stage:
    def begin(tx: Any, work: Any, tools: Any) -> Sequence[Future[Any]]:
        return [done(work.job.asset)]

    return Stage(
        name, version, "Does nothing.", "nothing", "here", ("hash",), lambda s: s.name.endswith(wants), begin,
        lambda tx, work, answers: int(answers[0]),
    )  # fmt: skip


def test_a_new_version_and_a_new_stage_reach_what_is_there_already(library: Library) -> None:
    library.put("a.jpg")
    library.put("b.txt")
    library.index()

    def opened(stages: Sequence[Stage]) -> int:
        runner = Runner(library.database, library.config, library.decoders, stages=stages)
        count = runner.open_outdated()
        runner.run()
        runner.stop()
        assert jobs.open_count(library.database) == 0
        return count

    assert opened(all_stages()) == 0
    assert opened([*all_stages(), _echo("echo", 1)]) == 1  # both were asked, one wanted it
    assert states(library, "a.jpg")["echo"] == "done"
    assert "echo" not in states(library, "b.txt")
    assert opened([*all_stages(), _echo("echo", 1)]) == 0
    assert opened([*all_stages(), _echo("echo", 2)]) == 1
    rows = library.database.all("SELECT version, state FROM job WHERE stage='echo'")
    assert rows == [(2, "done")]
    before = library.decoders.opened(b"b.txt")
    assert opened([replace(all_stages()[0], version=2), *all_stages()[1:]]) == 2
    assert library.decoders.opened(b"b.txt") == before + 1


# --------------------------------------------------------------------------------------------- sidecars


def test_a_sidecar_is_read_with_its_file_when_it_comes_changes_and_goes(library: Library) -> None:
    library.put("a.jpg")
    library.put("aa.jpg")
    library.index()

    def rating(name: str = "a.jpg") -> int | None:
        found: int | None = library.database.value("SELECT rating FROM asset WHERE name=?", (name,))
        return found

    assert rating() is None
    library.decoders.facts[b"a.xmp"] = {"rating": 4, "position": [38.7139, -9.1334, None]}
    library.put("a.xmp", "<xmp/>")
    library.index()
    assert rating() == 4
    assert rating("aa.jpg") is None
    assert library.database.value("SELECT city FROM asset WHERE name='a.jpg'") == "Lisbon"
    library.decoders.facts[b"a.xmp"] = {"rating": 2, "position": [48.8584, 2.2945, None]}
    library.put("a.xmp", "<xmp />", mtime_ns=OLD_NS + 10**10)
    library.index()
    assert rating() == 2
    assert library.database.value("SELECT city FROM asset WHERE name='a.jpg'") == "Paris"
    library.decoders.facts[b"a.jpg.xmp"] = {"rating": 5}
    library.put("a.jpg.xmp", "<xmp>5</xmp>")
    library.index()
    assert rating() == 5  # the more exact name wins
    for name in ("a.jpg.xmp", "a.xmp"):
        (library.root / name).unlink()
    library.index()
    assert rating() is None
    assert library.database.value("SELECT city FROM asset WHERE name='a.jpg'") is None


def test_a_broken_sidecar_costs_the_file_nothing(library: Library) -> None:
    library.put("a.jpg")
    library.put("a.jpg.xmp")
    library.decoders.problems[b"a.jpg.xmp"] = [("facts", "corrupt")]
    library.decoders.before = lambda task, path: (
        library.decoders.problems.__setitem__(b"a.jpg.xmp", [("sidecar", "corrupt")]) if task == "sidecar" else None
    )
    library.index()
    assert problem(library, "a.jpg") is None
    assert set(states(library, "a.jpg").values()) == {"done"}


# ------------------------------------------------------------------------------------------------- pace


def test_the_estimate_is_honest() -> None:
    meter = Meter()
    lanes = {"facts": "child", "hash": "thread", "preview": "child"}

    def row(open_: int, done_: int) -> dict[str, int]:
        return {"open": open_, "done": done_, "failed": 0, "parked": 0}

    assert meter.eta_s(lanes, {}, "facts") == 0
    assert meter.eta_s(lanes, {"facts": row(5, 0)}, "facts") is None
    for number in range(11):
        meter.count("child", "facts", now=number * 0.1)
    assert meter.eta_s(lanes, {"facts": row(5, 10), "hash": row(1, 9)}, "facts") is None  # hashing was never measured
    for number in range(11):
        meter.count("thread", "hash", now=number * 0.01)
        meter.count("child", "preview", now=100 + number * 0.5)
    found = meter.eta_s(lanes, {"facts": row(5, 10), "hash": row(0, 10), "preview": row(2, 3)}, "facts")
    assert found == pytest.approx(5 * 0.1 + (2 + 5 * 0.5) * 0.5, rel=0.02)
    assert meter.rates()["facts"] == pytest.approx(10, rel=0.05)


def test_pressure_makes_room_but_not_forever(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("albumsd.indexer.pace.time.monotonic", lambda: now[0])
    file = tmp_path / "io"
    pressure = Pressure(file)
    assert not pressure.pause()  # a kernel that does not say
    file.write_text("some avg10=80.00 avg60=1.00 avg300=0.00 total=1\nfull avg10=0.00 avg60=0 avg300=0 total=1\n")
    now[0] = 2.0
    assert pressure.pause()
    now[0] += LONGEST_PAUSE_S - 1
    assert pressure.pause()
    now[0] += 2.0
    assert not pressure.pause()
    now[0] += 3.0
    assert pressure.pause()
    file.write_text("some avg10=8.00 avg60=1.00 avg300=0.00 total=1\n")
    now[0] += 2.0
    assert not pressure.pause()


# ------------------------------------------------------------------------------------- the real decoders


@pytest.mark.slow
def test_real_files_through_real_decoders(library: Library) -> None:
    from PIL import Image

    Image.new("RGB", (640, 480), (200, 40, 40)).save(library.root / "red.jpg")
    library.put("broken.jpg", b"\xff\xd8\xff\xe0 this is no picture")
    library.put("empty.png", b"")
    library.put("letter.txt", "Warranty letter for the washing machine")
    index_once(library.database, library.config)
    assert problem(library, "red.jpg") is None
    assert problem(library, "empty.png") == "empty"
    assert problem(library, "broken.jpg") is not None
    (sha,) = library.database.one("SELECT sha256 FROM asset WHERE name='red.jpg'")
    preview = library.config.previews / sha.hex()[:2] / f"{sha.hex()}.webp"
    row = library.database.one(
        "SELECT p.size, p.width, p.height FROM preview p JOIN asset a ON a.id=p.asset WHERE a.name='red.jpg'"
    )
    assert row == (preview.stat().st_size, 640, 480)
    assert "washing" in library.database.value("SELECT text FROM content_text")
    assert jobs.open_count(library.database) == 0
    assert CaptureTime("2020-01-01T00:00:00", None, "exif") not in assets.capture_candidates(library.database, 1, None)
