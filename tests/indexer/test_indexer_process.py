"""The watcher with real inotify, and the process as a whole with real decoders."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from indexer_brain import FakeBrain
from PIL import Image
from watchdog.observers.inotify_c import InotifyConstants, InotifyEvent, InotifyFD

from albumsd.core.errors import LibraryBusy
from albumsd.core.facts import Problem
from albumsd.indexer import process
from albumsd.indexer import watch as watch_module
from albumsd.indexer.process import Indexer
from albumsd.indexer.volumes import Mounts, Volume
from albumsd.indexer.watch import SourceWatch
from albumsd.ipc import calls, pings
from albumsd.media.pool import PoolFailed, TaskFailed
from albumsd.store import embeddings, jobs, processes, sources, suggestions
from albumsd.store.database import Reader

Library = Any  # conftest.Library, which the tests get as a fixture
Wait = Callable[..., Any]


@pytest.fixture
def watched(tmp_path: Path, wait_until: Wait) -> Iterator[Callable[..., SourceWatch]]:
    made: list[SourceWatch] = []

    def make(root: Path, skip: frozenset[bytes] = frozenset()) -> SourceWatch:
        watch = SourceWatch(os.fsencode(root), Mounts.now(), skip)
        made.append(watch)
        wait_until(lambda: watch.mode)
        return watch

    yield make
    for watch in made:
        watch.stop()


def collect(watch: SourceWatch, found: set[bytes]) -> set[bytes]:
    if watch.ripe():
        found |= watch.take()
    return found


def test_the_folders_in_which_something_happened(
    tmp_path: Path, watched: Callable[..., SourceWatch], wait_until: Wait
) -> None:
    root = tmp_path / "root"
    (root / "a" / "b").mkdir(parents=True)
    (root / "quiet").mkdir()
    (root / "@eaDir").mkdir()
    (root / "mount").mkdir()
    watch = watched(root, frozenset({os.fsencode(root / "mount")}))
    assert watch.mode == "inotify"
    (root / "a" / "b" / "x.jpg").write_bytes(b"x")
    (root / "@eaDir" / "x.jpg").write_bytes(b"x")
    (root / "mount" / "x.jpg").write_bytes(b"x")
    (root / "quiet" / ".hidden").write_bytes(b"x")
    found: set[bytes] = set()
    wait_until(lambda: b"a/b" in collect(watch, found))
    assert found == {b"a/b"}
    (root / "new" / "deep").mkdir(parents=True)
    (root / "new" / "deep" / "caf\udce9.jpg").write_bytes(b"x")
    wait_until(lambda: {b"", b"new"} <= collect(watch, found))
    found.clear()
    (root / "a" / "b" / "x.jpg").rename(root / "a" / "y.jpg")
    wait_until(lambda: {b"a", b"a/b"} <= collect(watch, found))
    found.clear()
    (root / "a" / "y.jpg").unlink()
    wait_until(lambda: b"a" in collect(watch, found))
    wait_until(lambda: not watch.pending())
    assert not watch.outlived(Mounts.now())


def test_lost_events_ask_for_a_whole_look(tmp_path: Path, watched: Callable[..., SourceWatch]) -> None:
    watch = watched(tmp_path)
    assert not watch.take_overflow()
    (emitter,) = watch._observer.emitters  # type: ignore[union-attr]
    emitter._inotify_fd.handle_event(InotifyEvent(-1, InotifyConstants.IN_Q_OVERFLOW, 0, b""))  # type: ignore[attr-defined]
    assert watch.pending()
    assert watch.take_overflow()
    assert not watch.take_overflow()


@pytest.mark.parametrize("allowed", [0, 1, 3])
def test_without_watches_a_source_is_polled_and_says_why(
    tmp_path: Path, watched: Callable[..., SourceWatch], monkeypatch: pytest.MonkeyPatch, allowed: int
) -> None:
    for name in "abcde":
        (tmp_path / name).mkdir()
    left = [allowed]
    real = InotifyFD.add_callback

    def limited(self: InotifyFD, path: bytes, *rest: Any) -> Any:
        if left[0] <= 0:
            raise OSError(errno.ENOSPC, "inotify watch limit reached")
        left[0] -= 1
        return real(self, path, *rest)

    monkeypatch.setattr(InotifyFD, "add_callback", limited)
    watch = watched(tmp_path)
    assert watch.mode == "polling"
    assert "fs.inotify.max_user_watches" in watch.why


def test_watches_that_run_out_later(tmp_path: Path, watched: Callable[..., SourceWatch]) -> None:
    watch = watched(tmp_path)
    watch.refused(OSError(errno.ENOSPC, "no"))
    watch.check()
    assert watch.mode == "polling"
    assert watch.take_overflow()


def test_a_network_share_is_polled(tmp_path: Path, watched: Callable[..., SourceWatch], monkeypatch: Any) -> None:
    monkeypatch.setattr(Mounts, "volume", lambda self, path: Volume("nfs4:nas:/x", "nfs4", 1, False))
    watch = watched(tmp_path)
    assert (watch.mode, "nfs4" in watch.why) == ("polling", True)


def test_a_watch_whose_folder_was_replaced_is_outlived(
    tmp_path: Path, watched: Callable[..., SourceWatch], wait_until: Wait
) -> None:
    root = tmp_path / "root"
    root.mkdir()
    watch = watched(root)
    root.rmdir()
    wait_until(lambda: watch.outlived(Mounts.now()))


# --------------------------------------------------------------------------------------- the process


@pytest.fixture
def running(library: Library, monkeypatch: pytest.MonkeyPatch) -> Iterator[Library]:
    """The library with its indexer in a thread of this process, and files at rest after 50 ms."""
    library.config.values["rest_s"] = 0.05
    monkeypatch.setattr(watch_module, "QUIET_S", 0.05)
    indexer = Indexer(library.config)
    codes: list[int] = []
    thread = threading.Thread(target=lambda: codes.append(indexer.run()))
    thread.start()
    yield library
    indexer.stop()
    thread.join(20)
    assert codes == [0]
    assert [tuple(row) for row in library.database.all("PRAGMA integrity_check")] == [("ok",)]
    assert not library.database.all("SELECT 1 FROM job WHERE state='leased'")


def status(library: Library) -> dict[str, Any]:
    try:
        return calls.ask(library.config.run / "indexer.sock", {"ask": "status"}, 5)
    except Exception:
        return {"busy": True}


@pytest.mark.slow
def test_the_indexer_follows_what_happens(running: Library, wait_until: Wait) -> None:
    library = running
    reader = Reader(library.config.database)
    wait_until(lambda: not status(library)["busy"])
    assert status(library)["watch"] == {"photos": {"mode": "inotify", "why": ""}}

    def shown() -> dict[bytes, bool]:
        return {
            name: bool(sha)
            for name, sha in reader.all("SELECT f.name, a.sha256 FROM file f JOIN asset a ON a.id=f.asset")
        }

    library.put("2024/a.txt", "first")
    library.put("2024/b.txt", "second")
    wait_until(lambda: shown() == {b"a.txt": True, b"b.txt": True})
    library.move("2024/a.txt", "2025/c.txt")
    wait_until(lambda: shown() == {b"c.txt": True, b"b.txt": True})
    (library.root / "2024/b.txt").unlink()
    library.put("2025/d.txt", "third")
    wait_until(lambda: {b"c.txt", b"d.txt"} <= set(shown()) and all(shown().values()))
    wait_until(lambda: not status(library)["busy"])
    found = status(library)
    assert (found["phase"], found["open"], found["scans_due"]) == ("idle", 0, [])
    assert sources.by_name(reader, "photos").watch == "inotify"
    wait_until(lambda: processes.living(reader)["indexer"].state == "idle")

    # A drive that leaves and comes back; what happened meanwhile is found.
    os.rename(library.root, library.folder / "drive")
    pings.send(library.config.run / "indexer.ping", "scan")
    wait_until(lambda: sources.by_name(reader, "photos").state == "offline")
    wait_until(lambda: not status(library)["busy"])
    assert {b"c.txt", b"d.txt"} <= set(shown())
    (library.folder / "drive" / "e.txt").write_text("fourth")
    os.rename(library.folder / "drive", library.root)
    pings.send(library.config.run / "indexer.ping", "scan")
    wait_until(lambda: shown().get(b"e.txt"))
    library.put("late.txt", "fifth")
    wait_until(lambda: shown().get(b"late.txt"))

    with pytest.raises(LibraryBusy):
        Indexer(library.config).run()
    with pytest.raises(calls.CallFailed):
        calls.ask(library.config.run / "indexer.sock", {"ask": "nonsense"}, 5)
    pings.send(library.config.run / "indexer.ping", f"look:{library.asset('late.txt')},x")

    # A file that the mount found not to be what was indexed, and of which no event came.
    with library.database.write() as tx:
        tx.run("UPDATE file SET mtime_ns=1 WHERE name=?", (b"late.txt",))
    pings.send(library.config.run / "indexer.ping", f"changed:{os.fsdecode(library.root)}/late.txt")
    wait_until(lambda: reader.value("SELECT mtime_ns FROM file WHERE name=?", (b"late.txt",)) != 1)
    reader.close()


@pytest.mark.slow
def test_a_model_that_is_chosen_while_the_indexer_runs(running: Library, wait_until: Wait) -> None:
    """Real previews, and a brain that is away at first: what is there is looked at, and then nothing is left to do."""
    library = running
    for number in range(3):
        Image.linear_gradient("L").rotate(90 * number).save(library.root / f"{number}.png")
    wait_until(lambda: not status(library)["busy"])
    assert "embed" not in jobs.counts(library.database)
    brain = FakeBrain(library.config)
    brain.announce(library.database)
    wait_until(lambda: jobs.counts(library.database).get("embed", {}).get("open"))
    assert status(library)["busy"]
    brain.start()
    wait_until(lambda: not status(library)["busy"])
    assert {stage: jobs.counts(library.database)[stage]["done"] for stage in brain.stages} == dict.fromkeys(
        brain.stages, 3
    )
    assert "embed" in status(library)["queue"]
    brain.stop()


@pytest.mark.slow
def test_another_model_in_the_settings_is_work_until_brain_has_followed_them(
    running: Library, wait_until: Wait
) -> None:
    """Nothing is asked for yet, but who waits for the library to be at rest must not be told that it is."""
    library = running
    Image.linear_gradient("L").save(library.root / "a.png")
    brain = FakeBrain(library.config)
    brain.start()
    brain.announce(library.database)
    wait_until(lambda: jobs.counts(library.database).get("caption", {}).get("done"))
    wait_until(lambda: not status(library)["busy"])
    looks: list[bool] = []
    (library.config.library / "config.toml").write_text('model = "another"\n')
    looks.append(status(library)["busy"])

    def looked() -> bool:
        looks.append(status(library)["busy"])
        return len(looks) > 200  # two seconds at least, so the runner has looked too

    wait_until(looked)
    assert all(looks)
    brain.choose("another")
    brain.announce(library.database)
    wait_until(lambda: not status(library)["busy"])
    assert [model.key for model in embeddings.models(library.database)] == [brain.key]
    assert suggestions.of_asset(library.database, library.asset("a.png")).caption == "what another sees"
    brain.stop()


class BrokenPool:
    """No decoder of it can be started."""

    def __init__(self, *_: Any) -> None: ...

    def submit(self, *_: Any, **__: Any) -> Future[Any]:
        cancelled: Future[Any] = Future()
        cancelled.set_exception(TaskFailed(Problem("cancelled", "the pool failed")))
        return cancelled

    def check(self) -> None:
        raise PoolFailed(why="no module named PIL")

    def close(self) -> None: ...


def test_an_indexer_without_decoders_ends_and_blames_no_file(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    library.put("a.jpg")
    monkeypatch.setattr(process, "DecoderPool", BrokenPool)
    assert Indexer(library.config).run() == 1
    assert library.database.value("SELECT count(*) FROM asset WHERE problem IS NOT NULL") == 0
    assert library.database.value("SELECT count(*) FROM job WHERE state='failed'") == 0


def test_why_a_source_is_polled_is_known_to_the_library(
    library: Library, monkeypatch: pytest.MonkeyPatch, wait_until: Wait
) -> None:
    def none_left(self: InotifyFD, *rest: Any) -> Any:
        raise OSError(errno.ENOSPC, "inotify watch limit reached")

    monkeypatch.setattr(InotifyFD, "add_callback", none_left)
    indexer = Indexer(library.config)
    thread = threading.Thread(target=indexer.run)
    thread.start()
    try:
        wait_until(lambda: "fs.inotify.max_user_watches" in sources.by_name(library.database, "photos").watch_why)
        assert sources.by_name(library.database, "photos").watch == "polling"
    finally:
        indexer.stop()
        thread.join(20)
    assert processes.living(library.database) == {}, "it said that it goes"


_RUN = "import sys; from albumsd.core import config; from albumsd.indexer.process import main; sys.exit(main(config.load(sys.argv[1])))"


def start(library: Library) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", _RUN, os.fspath(library.config.library)])


@pytest.mark.slow
def test_sigkill_and_sigterm(library: Library, wait_until: Wait) -> None:
    for number in range(40):
        library.put(f"{number}.txt", f"text {number}")
    process = start(library)
    try:
        wait_until(lambda: jobs.counts(library.database).get("hash", {}).get("done", 0) > 3)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait(10)
    process = start(library)
    try:
        wait_until(lambda: process.poll() is not None or not status(library)["busy"])
        done = jobs.counts(library.database)
        assert {stage: row["done"] for stage, row in done.items()} == {"facts": 40, "hash": 40, "text": 40}
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    assert not (library.config.run / "indexer.sock").exists()
