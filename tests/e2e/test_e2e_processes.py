"""Processes that are killed, ended and started again. One daemon for all: each test leaves it running and whole."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from support.daemon import Daemon
from support.trees import files


@pytest.mark.parametrize("process", ["mount", "indexer", "brain"])
def test_a_killed_process_comes_back_and_the_rest_goes_on(shared: Daemon, process: str) -> None:
    months = shared.names("by-date")
    old = shared.pid(process)
    os.kill(old, signal.SIGKILL)
    shared.until(lambda: shared.names("by-date") == months, "an answer of the mount", timeout=5)
    shared.until(lambda: shared.pid(process) != old and shared.status()["processes"][process], f"a new {process}")
    assert shared.names("search", "warranty")[0].startswith("001 ")


def test_the_end_unmounts_and_the_next_start_keeps_names_and_inodes(shared: Daemon) -> None:
    before = {str(path): path.stat().st_ino for path in files(shared.mount / "by-date")}
    assert shared.stop() == 0
    assert os.fspath(shared.mount) not in Path("/proc/self/mountinfo").read_text()
    assert not shared.mount.exists() or not any(shared.mount.iterdir())
    shared.start_again()
    assert {str(path): path.stat().st_ino for path in files(shared.mount / "by-date")} == before
