"""vfs.readmes: what is missing is said in one line, by whoever knows best why."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from support.made import Made

from albumsd.core import clock, weights
from albumsd.core import config as configuration
from albumsd.store import processes
from albumsd.store.processes import Pulse
from albumsd.vfs import readmes

Make = Callable[..., Made]


def meaning(made: Made, model: str, brain: dict[str, Any] | None) -> list[str]:
    if brain is not None:
        assert Pulse("brain").beat(made.database, "ready", **brain)
    config = configuration.load(made.config.library, overrides={"model": model})
    return readmes.meaning(made.reader, config, clock.now_ns())


TABLE = [
    ("", None, weights.WITHOUT),
    ("m", None, ""),
    ("m", {"model": "m", "device": "cpu", "why": None}, ""),
    ("", {"model": "m", "device": "cpu", "why": None}, ""),
    ("m", {"model": None, "device": None, "why": "the stick is away"}, "the stick is away"),
    ("", {"model": None, "device": None}, weights.WITHOUT),
    ("m", {"model": None, "device": None}, ""),
]


@pytest.mark.parametrize(("model", "brain", "why"), TABLE)
def test_why_there_is_no_meaning(make: Make, model: str, brain: dict[str, Any] | None, why: str) -> None:
    """brain knows best; where it is away the settings tell."""
    expected = [weights.words_only(why)] if why else []
    assert meaning(make(), model, brain) == expected


def test_the_line_names_the_command_and_the_size():
    line = weights.words_only(weights.WITHOUT)
    assert "`albumsd models pull`" in line
    assert "605 MB" in line
    assert "\n" not in line


@pytest.mark.parametrize("path", [("README.txt",), ("search", "README.txt")])
def test_the_papers_in_the_mount_have_it(make: Make, path: tuple[str, ...]) -> None:
    assert weights.words_only(weights.WITHOUT) in make().at(*path).text.decode()


def test_what_brain_said_last_holds_when_it_was_killed(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings that a mount has are those of its start; `albumsd models use` changed them later."""
    made = make()
    made.config.values["model"] = ""
    assert Pulse("brain").beat(made.database, "ready", model="m", stages={"embed": "m@1"})
    monkeypatch.setattr(processes, "born", lambda _: None)
    assert readmes.meaning(made.reader, made.config, 0) == []
    assert readmes.meaning(made.reader, made.config, clock.now_ns()) == [weights.words_only(weights.WITHOUT)]
