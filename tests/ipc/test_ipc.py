"""Calls, pings and locks between the processes of one library."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from albumsd.core.errors import LibraryBusy, LibraryFull, LibraryRefused, NotReady
from albumsd.ipc import addresses, calls, locks, pings

ROOT = Path(calls.__file__).parents[2]


@pytest.fixture(params=["short", "long"])
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The folder of the sockets; once with a path longer than a UNIX address."""
    folder = tmp_path / ("x" * 150 if request.param == "long" else "x") / "run"
    folder.mkdir(parents=True, mode=0o700)
    return folder


@pytest.fixture
def server(run: Path) -> Iterator[Path]:
    def handle(request: dict[str, Any]) -> dict[str, Any]:
        if request.get("fail"):
            raise ValueError("cannot do that")
        return {"echo": request}

    path = run / "brain.sock"
    listening = calls.Server(path, handle)
    yield path
    listening.close()


def test_asked_and_answered(server: Path) -> None:
    assert calls.ask(server, {"text": "Łódź", "n": [1, None]}, 5) == {"echo": {"text": "Łódź", "n": [1, None]}}
    assert server.stat().st_mode & 0o777 == 0o600


def test_a_long_question_and_a_long_answer(server: Path) -> None:
    text = "x" * 3_000_000
    assert calls.ask(server, {"text": text}, 10)["echo"]["text"] == text


def test_an_error_in_the_handler_reaches_the_caller_and_the_server_lives(
    server: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(calls.CallFailed, match="ValueError: cannot do that"):
        calls.ask(server, {"fail": True}, 5)
    assert calls.ask(server, {}, 5) == {"echo": {}}


def test_a_question_that_is_no_json(server: Path, caplog: pytest.LogCaptureFixture) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as peer, addresses.short(server) as address:
        peer.connect(address)
        peer.sendall(b"hello?\n")
        assert b'"error"' in peer.makefile("rb").readline()
    assert calls.ask(server, {}, 5) == {"echo": {}}


def test_many_callers_at_once(server: Path) -> None:
    answers: list[dict[str, Any]] = []
    callers = [threading.Thread(target=lambda n=n: answers.append(calls.ask(server, {"n": n}, 10))) for n in range(20)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert sorted(answer["echo"]["n"] for answer in answers) == list(range(20))


def test_a_slow_answer_holds_up_nobody_else(run: Path) -> None:
    let_go = threading.Event()

    def handle(request: dict[str, Any]) -> dict[str, Any]:
        if request["slow"]:
            let_go.wait(30)
        return {"slow": request["slow"]}

    listening = calls.Server(run / "brain.sock", handle)
    try:
        with pytest.raises(NotReady, match=r"brain did not answer within 0\.05 s"):
            calls.ask(run / "brain.sock", {"slow": True}, 0.05)
        assert calls.ask(run / "brain.sock", {"slow": False}, 5) == {"slow": False}
    finally:
        let_go.set()
        listening.close()


def test_nobody_there(run: Path) -> None:
    with pytest.raises(NotReady):
        calls.ask(run / "brain.sock", {}, 1)
    with pytest.raises(NotReady):
        calls.ask(run / "no" / "such" / "folder.sock", {}, 1)
    listening = calls.Server(run / "brain.sock", lambda request: {})
    listening.close()
    assert not (run / "brain.sock").exists()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as left, addresses.short(run / "brain.sock") as address:
        left.bind(address)  # a process that died leaves its socket behind
    with pytest.raises(NotReady):
        calls.ask(run / "brain.sock", {}, 1)
    again = calls.Server(run / "brain.sock", lambda request: {"here": True})
    assert calls.ask(run / "brain.sock", {}, 5) == {"here": True}
    again.close()


@pytest.mark.parametrize("says", [b"", b'{"half": ', b"dribble"])
def test_a_server_that_hangs_or_dies_in_the_middle_of_its_answer(run: Path, says: bytes) -> None:
    ending = threading.Event()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as bound, addresses.short(run / "brain.sock") as address:
        bound.bind(address)
        bound.listen()

        def serve() -> None:
            peer, _ = bound.accept()
            with peer:
                peer.recv(1000)
                if says == b"dribble":  # a byte now and then, forever
                    while not ending.wait(0.02):
                        try:
                            peer.sendall(b" ")
                        except OSError:
                            return
                else:
                    peer.sendall(says)

        serving = threading.Thread(target=serve)
        serving.start()
        with pytest.raises(NotReady):
            calls.ask(run / "brain.sock", {}, 0.2)
        ending.set()
        serving.join()


# ---------------------------------------------------------------------------------------------- pings


def test_pings_arrive_in_order_and_are_drained_at_once(run: Path) -> None:
    with pings.listen(run / "mount.ping") as bound:
        assert (run / "mount.ping").stat().st_mode & 0o777 == 0o600
        assert pings.drain(bound) == []
        assert all(pings.send(run / "mount.ping", text) for text in ("one", "", "drei ☃"))
        assert pings.drain(bound) == ["one", "", "drei ☃"]
        assert pings.drain(bound) == []


def test_a_ping_to_nobody_is_no_error_and_a_full_queue_never_waits(run: Path) -> None:
    assert not pings.send(run / "mount.ping")
    assert not pings.send(run / "none" / "mount.ping")
    with pings.listen(run / "mount.ping") as bound:
        sent = 0
        while pings.send(run / "mount.ping", "x" * 10_000):
            sent += 1
            assert sent < 100_000
        assert len(pings.drain(bound)) == sent
    assert not pings.send(run / "mount.ping"), "the listener is gone, its socket is not"
    with pings.listen(run / "mount.ping") as bound:
        assert pings.send(run / "mount.ping")


# ---------------------------------------------------------------------------------------------- locks

HOLD = "import sys; from pathlib import Path; from albumsd.ipc.locks import ProcessLock\nlock = ProcessLock(Path(sys.argv[1]), 'indexer'); print('held', flush=True); sys.stdin.read()"


def test_one_process_of_a_kind_and_death_lets_go(run: Path) -> None:
    assert locks.holder(run, "indexer") is None
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, os.fspath(run)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"held\n"
        assert locks.holder(run, "indexer") == child.pid
        assert locks.holder(run, "brain") is None
        with pytest.raises(LibraryBusy, match=rf"{run.parent} is in use by another indexer \(pid {child.pid}\)"):
            locks.ProcessLock(run, "indexer")
        locks.ProcessLock(run, "brain").release()
        child.kill()
        child.wait()
    assert locks.holder(run, "indexer") is None
    lock = locks.ProcessLock(run, "indexer")
    assert locks.holder(run, "indexer") == os.getpid()
    lock.release()
    assert locks.holder(run, "indexer") is None


def test_a_look_at_the_holder_takes_no_lock(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The look of another process must not make a process that starts believe that it is the second."""
    locks.ProcessLock(run, "indexer").release()
    looked = []
    unpack = locks.struct.unpack

    def unpacked(*given: Any) -> Any:  # the look is at its end, its descriptor still open
        looked.append(1)
        locks.ProcessLock(run, "indexer").release()
        return unpack(*given)

    monkeypatch.setattr(locks.struct, "unpack", unpacked)
    assert locks.holder(run, "indexer") is None
    assert looked == [1]


REMAIN = (
    HOLD.split("; sys.stdin")[0]
    + """
import ctypes, platform, threading
threading.Thread(target=sys.stdin.read).start()
ctypes.CDLL(None).syscall(ctypes.c_long(60 if platform.machine() == "x86_64" else 93), 0)
"""
)
"""The main thread ends and another stays, as in a killed process one of whose threads hangs in a dead drive."""


def test_remains_of_a_killed_process_hold_nothing(run: Path) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", REMAIN, os.fspath(run)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        assert child.stdout.readline() == b"held\n"
        for _ in range(1_000_000):
            if locks.is_zombie(child.pid):
                break
        assert child.poll() is None, "it cannot be waited for"
        assert locks.is_remains(run, "indexer")
        assert locks.holder(run, "indexer") is None
        lock = locks.ProcessLock(run, "indexer")
        assert locks.holder(run, "indexer") == os.getpid()
        with pytest.raises(LibraryBusy):
            locks.ProcessLock(run, "indexer")
        lock.release()
    finally:
        child.kill()
        child.stdin.close()
        child.stdout.close()
        child.wait()


def test_a_library_that_cannot_be_made_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LibraryRefused, match="file cannot hold the library: Not a directory"):
        locks.ProcessLock(tmp_path / "file" / "run", "run")


def test_a_full_disk_is_said_so(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(LibraryFull):
        locks.ProcessLock(run, "run")
    monkeypatch.undo()
    locks.ProcessLock(run, "run").release()
