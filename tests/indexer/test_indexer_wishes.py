"""Whether brain has followed the settings: for how long an answer is owed, and when it has come."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from albumsd.core import config as settings
from albumsd.indexer.desk import Desk
from albumsd.indexer.wishes import PATIENCE_S, Wishes, stamp
from albumsd.store.processes import Process


def row(pid: int = 1, **detail: Any) -> Process:
    return Process("brain", pid, 0, "ready", None, {"stages": {"embed": "a@1"}, "model": "a", "why": None, **detail})


class Case:
    """A library folder with settings, and wishes that have looked once, at a brain that works with ``a``."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "config.toml"
        self.file.write_text('model = "a"\n')
        self.wishes = Wishes(settings.load(folder))
        self.wishes.look(row(), 0.0)

    def write(self, text: str) -> None:
        self.file.write_text(text)


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return Case(tmp_path)


def test_another_model_is_waited_for_until_brain_says_something_new(case: Case) -> None:
    assert not case.wishes.open(0.0)
    case.write('model = "another"\n')
    case.wishes.look(row(), 1.0)
    assert case.wishes.open(1.0)
    case.wishes.look(row(device="cpu"), 2.0)
    assert case.wishes.open(2.0), "that is no answer"
    case.wishes.look(row(stages={"embed": "b@2"}, model="another"), 3.0)
    assert not case.wishes.open(3.0)


@pytest.mark.parametrize("answer", [{"stages": {"embed": None}}, {"why": "another: no such model"}, {"pid": 2}])
def test_any_word_is_an_answer(case: Case, answer: dict[str, Any]) -> None:
    case.write('model = "another"\n')
    case.wishes.look(row(**answer), 1.0)
    assert not case.wishes.open(1.0)


def test_where_brain_has_nothing_to_say_the_waiting_ends(case: Case) -> None:
    case.write('model = "./a"\n')
    case.wishes.look(row(), 1.0)
    assert case.wishes.open(PATIENCE_S)
    case.wishes.look(row(), PATIENCE_S)
    assert not case.wishes.open(1.0 + PATIENCE_S)


@pytest.mark.parametrize("text", ['model = "a"\nworkers = 1\n', 'model = "a"\n# a word\n', "model = \n", None])
def test_what_does_not_concern_brain_is_not_waited_for(case: Case, text: str | None) -> None:
    if text is None:
        case.file.touch()
    else:
        case.write(text)
    case.wishes.look(row(), 1.0)
    assert not case.wishes.open(1.0)


def test_a_mistake_that_is_mended_is_followed(case: Case) -> None:
    case.write("model = \n")
    case.wishes.look(row(), 1.0)
    case.write('model = "another one"\n')
    case.wishes.look(row(), 2.0)
    assert case.wishes.open(2.0)


def test_nobody_waits_for_a_brain_that_is_not_there(case: Case) -> None:
    case.write('model = "another"\n')
    case.wishes.look(None, 1.0)
    assert not case.wishes.open(1.0)


def test_a_brain_that_begins_is_heard_first_but_not_for_ever(case: Case) -> None:
    case.wishes.look(row(2, stages=None), 1.0)
    assert case.wishes.open(1.0)
    case.wishes.look(row(2, stages=None), 2.0)
    assert case.wishes.open(PATIENCE_S)
    assert not case.wishes.open(1.0 + PATIENCE_S)
    case.wishes.look(row(2), 3.0)
    assert not case.wishes.open(3.0)


def test_the_desk_has_news_until_the_runner_has_seen_them(case: Case, tmp_path: Path) -> None:
    desk, config = Desk(), settings.load(tmp_path)
    assert not desk.has_news(stamp(config)), "nobody has looked yet"
    desk.settings_seen = case.wishes.seen
    assert not desk.has_news(stamp(config))
    case.write('model = "another"\n')
    assert desk.has_news(stamp(config))
    case.wishes.look(row(), 1.0)
    desk.settings_seen = case.wishes.seen
    assert not desk.has_news(stamp(config))
    case.file.unlink()
    assert stamp(config) == (0, 0)
