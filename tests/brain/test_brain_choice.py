"""brain.choice: which model embeds, which one answers, and the sentence when there is none."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from support import bag_of_words

from albumsd.brain.choice import Known, Watch
from albumsd.core import weights
from albumsd.core.config import load


@pytest.fixture
def library(tmp_path: Path) -> Path:
    (tmp_path / "library").mkdir()
    return tmp_path / "library"


def say(library: Path, **settings: Any) -> None:
    """Write the settings; the file is another one each time, as with an editor."""
    lines = [
        f"{name} = {str(value).lower() if isinstance(value, bool) else repr(str(value))}\n"
        for name, value in settings.items()
    ]
    beside = library / "new"
    beside.write_text("".join(lines))
    beside.replace(library / "config.toml")


def watch(library: Path, installed: bool = True) -> Watch:
    made = Watch(load(library), installed=installed)
    made.look()
    return made


def test_none_is_chosen(library: Path) -> None:
    current = watch(library).current
    assert (current.model, current.captioner, current.captioner_why) == (None, None, None)
    assert current.why is not None
    assert "albumsd models" in current.why


def test_before_the_first_look_nothing_is_known(library: Path) -> None:
    made = Watch(load(library), installed=True)
    assert not made.current.known
    assert made.look().known


def test_a_change_of_the_settings_is_noticed(library: Path) -> None:
    bag_of_words.folder(library / "models", "one", coca=True)
    bag_of_words.folder(library / "models", "two")
    made = watch(library)
    say(library, model="one")
    assert made.look().model is not None
    assert made.current.why is None
    say(library, model="two", captioner="one")
    current = made.look()
    assert current.model is not None
    assert current.captioner is not None
    assert (current.model.name, current.captioner.name) == ("two", "one")
    say(library)
    assert made.look().model is None


def test_settings_with_a_mistake_change_nothing(library: Path) -> None:
    bag_of_words.folder(library / "models", "one")
    say(library, model="one")
    made = watch(library)
    say(library, model="one", colour="red")
    assert made.look().model is not None
    say(library)
    assert made.look().model is None


def test_what_the_command_line_said_stays_said(library: Path) -> None:
    bag_of_words.folder(library / "models", "one")
    made = Watch(load(library, overrides={"model": "one"}), installed=True)
    say(library, model="two")
    current = made.look()
    assert current.model is not None
    assert current.model.name == "one"


def test_a_folder_that_comes_and_goes(library: Path) -> None:
    say(library, model="stick")
    made = watch(library)
    assert made.current.why is not None
    assert "stick" in made.current.why
    place = bag_of_words.folder(library / "models", "stick")
    first = made.look().model
    assert first is not None
    (place / "open_clip_model.safetensors").write_bytes(b"other weights")
    second = made.look().model
    assert second is not None
    assert second.key != first.key
    place.rename(library / "elsewhere")
    assert made.look().model is None


def test_a_model_is_read_once(library: Path) -> None:
    calls: list[str] = []
    real = bag_of_words.describe

    def describe(spec: str, models: Path) -> Any:
        calls.append(spec)
        return real(spec, models)

    bag_of_words.folder(library / "models", "one")
    say(library, model="one")
    made = Watch(load(library), describe, installed=True)
    for _ in range(3):
        made.look()
    assert calls == ["one"]


def test_a_captioner_must_be_one(library: Path) -> None:
    bag_of_words.folder(library / "models", "one")
    say(library, captioner="one")
    current = watch(library).current
    assert current.captioner is None
    assert current.captioner_why is not None
    assert "CoCa" in current.captioner_why


def test_the_model_of_the_demo_is_for_the_demo(library: Path) -> None:
    bag_of_words.folder(library / "models", "toy", {"purpose": "demo"})
    say(library, model="toy")
    made = watch(library)
    assert made.current.model is None
    assert made.current.why is not None
    assert "demo" in made.current.why
    say(library, model="toy", demo=True)
    assert made.look().model is not None


def test_without_what_runs_models(library: Path) -> None:
    bag_of_words.folder(library / "models", "one")
    say(library, model="one")
    current = watch(library, installed=False).current
    assert current.model is None
    assert current.why == weights.NOT_INSTALLED


def test_the_old_model_answers_until_the_new_one_has_seen_nearly_all(library: Path) -> None:
    old = bag_of_words.model(library / "models", "old")
    new = bag_of_words.model(library / "models", "new")
    say(library, model="old")
    made = watch(library)

    def answering(olds: int, news: int, working: bool = True) -> int | None:
        rows = [Known(n, model.key, count) for n, model, count in ((1, old, olds), (2, new, news)) if count]
        found = made.answering(rows, working)
        return found[0] if found else None

    assert answering(0, 0) is None
    assert answering(10, 0) == 1
    say(library, model="new")
    made.look()
    assert answering(100, 0) == 1
    assert answering(100, 50) == 1
    assert answering(100, 96) == 2
    assert answering(100, 50, working=False) == 2, "there is nothing more to come"
    assert answering(100, 0, working=False) == 1
    assert answering(0, 3) == 2


def test_where_the_old_model_lay_is_remembered(library: Path, tmp_path: Path) -> None:
    place = bag_of_words.folder(tmp_path / "stick", "old")
    bag_of_words.folder(library / "models", "new")
    say(library, model=place)
    made = watch(library)
    assert made.current.model is not None
    rows = [Known(1, made.current.model.key, 100)]
    say(library, model="new")
    later = watch(library)  # another process
    found = later.answering(rows, True)
    assert found is not None
    assert found[0] == 1
    os.rename(place, tmp_path / "stick" / "gone")
    assert later.answering(rows, True) is None


def test_no_model_chosen_no_answer(library: Path) -> None:
    old = bag_of_words.model(library / "models", "old")
    assert watch(library).answering([Known(1, old.key, 100)], False) is None
