"""brain.upkeep: two threads that go on whatever fails, and end when they are told to."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from albumsd.brain import upkeep
from albumsd.brain.upkeep import Upkeep
from albumsd.store.database import Database


class Mind:
    """Fails three times, then does its work once and says so."""

    def __init__(self, failures: int) -> None:
        self.standing = SimpleNamespace(mirror=None)
        self.failures = failures
        self.attended = threading.Event()

    def attend(self, tx: Any, stopped: Callable[[], bool]) -> None:
        assert tx.value("SELECT 1") == 1
        if self.failures:
            self.failures -= 1
            raise OSError("no space")
        self.attended.set()


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "ATTEND_S", 0.001)
    monkeypatch.setattr(upkeep, "TEND_S", 0.001)


def test_a_failure_is_said_once_and_tried_again(empty: Database, caplog: pytest.LogCaptureFixture) -> None:
    mind = Mind(3)
    with caplog.at_level(logging.ERROR):
        made = Upkeep(empty.path, mind, lambda stopped: None)  # type: ignore[arg-type]
        assert mind.attended.wait(30)
        made.close()
    assert [record.getMessage() for record in caplog.records] == ["attend failed; it goes on in a moment"]


def test_an_end_reaches_who_is_busy(empty: Database) -> None:
    busy, left = threading.Event(), threading.Event()

    def cluster(stopped: Callable[[], bool]) -> None:
        busy.set()
        while not stopped():
            pass
        left.set()

    made = Upkeep(empty.path, Mind(0), cluster)  # type: ignore[arg-type]
    assert busy.wait(30)
    made.close()
    assert left.is_set()
    assert not [thread for thread in threading.enumerate() if thread.name in ("attend", "tend")]
