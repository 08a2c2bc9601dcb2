"""cli.supervisor: what has ended is started again, also when it cannot be waited for."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from albumsd.cli import supervisor as supervisors
from albumsd.cli.supervisor import Supervisor
from albumsd.core import config as configuration

REMAINS = """
import ctypes, platform, signal, sys, threading
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
threading.Thread(target=sys.stdin.read).start()
print("ended", flush=True)
ctypes.CDLL(None).syscall(ctypes.c_long(60 if platform.machine() == "x86_64" else 93), 0)
"""
"""A process whose main thread has ended while another stays, as when it is killed and a thread hangs in a dead drive."""


@pytest.fixture
def stuck() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", REMAINS], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ended\n"
        yield process
        process.kill()


@pytest.fixture
def crew(tmp_path: Path, stuck: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch) -> Supervisor:
    """A supervisor whose mount is ``stuck``; nothing is really started or unmounted."""
    monkeypatch.setattr(supervisors, "REMAINS_S", 0.05)
    monkeypatch.setattr(supervisors, "STOP_S", 0.2)
    crew = Supervisor(configuration.load(tmp_path), [], lambda text: None)
    child = supervisors._Child("mount")
    child.popen, child.started = stuck, time.monotonic()
    crew._children = [child]
    return crew


def test_a_process_that_cannot_be_waited_for_is_replaced(crew: Supervisor, monkeypatch: pytest.MonkeyPatch) -> None:
    happened: list[str] = []
    monkeypatch.setattr(supervisors, "unmount", lambda config: happened.append("unmount"))
    monkeypatch.setattr(Supervisor, "_start", lambda self, child: happened.append("start"))
    crew.report = happened.append
    end = time.monotonic() + 10
    while "start" not in happened and time.monotonic() < end:
        assert crew.tend() is None
    assert happened == ["unmount", f"mount ended (signal {signal.SIGKILL.name}); it is started again", "start"]


def test_the_end_does_not_wait_for_it(crew: Supervisor, monkeypatch: pytest.MonkeyPatch) -> None:
    unmounted: list[configuration.Config] = []
    monkeypatch.setattr(supervisors, "unmount", unmounted.append)
    crew.shut_down()
    assert unmounted == [crew.config]
    left = crew._children[0].popen
    assert left is not None
    assert left.poll() is None, "the remains are still there"
