"""albumsd search: both parts of a reason, and a word when meaning is missing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from support.made import Spec, fill

from albumsd.cli import main
from albumsd.core import config as configuration
from albumsd.core import weights
from albumsd.ipc import calls
from albumsd.store.database import Database
from albumsd.store.processes import Pulse

SPECS = [
    Spec(b"warranty letter.pdf", 1, kind="document", text="Warranty letter for the washing machine"),
    Spec(b"holiday.jpg", 2, camera="Pixel 7"),
]
WHY = {
    "text": {"words": {"letter": 4.2}, "score": 4.2, "by": "bm25", "rank": 1},
    "meaning": 0.3,
    "model": {"name": "ViT-B-32", "rank": 2, "floor": 0.25},
}


@pytest.fixture
def library(tmp_path: Path) -> Path:
    folder = tmp_path / "library"
    with Database(configuration.load(folder).database, create=True) as database:
        fill(database, SPECS)
    return folder


def choose_a_model(library: Path) -> None:
    (library / "config.toml").write_text('model = "some"\n')


@contextmanager
def brain(library: Path, answer: dict[str, Any]) -> Iterator[None]:
    server = calls.Server(configuration.load(library).run / "brain.sock", lambda _: answer)
    try:
        yield
    finally:
        server.close()


def search(capsys: pytest.CaptureFixture[str], library: Path, *words: str) -> tuple[list[str], str]:
    """What it printed; what it noted."""
    assert main(["search", "--library", str(library), *words]) == 0
    said = capsys.readouterr()
    return said.out.splitlines(), said.err


def test_both_parts(capsys: pytest.CaptureFixture[str], library: Path) -> None:
    choose_a_model(library)
    with brain(library, {"hits": [[1, 0.03, json.dumps(WHY)]], "late": False}):
        lines, note = search(capsys, library, "letter", "--why")
        assert lines == [
            "001  /nowhere/0/warranty letter.pdf",
            "     text 4.20 (letter 4.20; by bm25; 1st) + meaning 0.300 (2nd, floor 0.25, by ViT-B-32)",
        ]
        assert note == ""
        lines, note = search(capsys, library, "letter", "--json")
        assert [row["why"] for row in json.loads("\n".join(lines))] == [WHY]
        assert note == ""


def test_late_meaning_is_said_beside_the_results(capsys: pytest.CaptureFixture[str], library: Path) -> None:
    choose_a_model(library)
    with brain(library, {"hits": [], "late": True}):
        lines, note = search(capsys, library, "letter", "--json")
        assert json.loads("\n".join(lines)) == []
        assert "not ready yet" in note
    lines, note = search(capsys, library, "letter", "--json")
    assert [row["rank"] for row in json.loads("\n".join(lines))] == [1]
    assert "brain does not answer" in note
    assert search(capsys, library, "type=photo")[1] == ""


def test_without_a_model(capsys: pytest.CaptureFixture[str], library: Path) -> None:
    assert search(capsys, library, "letter")[1] == ""
    assert weights.words_only(weights.WITHOUT) in search(capsys, library, "letter", "--why")[1]
    lines, note = search(capsys, library, "like=holiday.jpg", "--why")
    assert lines == ["001  /nowhere/0/holiday.jpg", "     its name"]
    assert weights.WITHOUT in note


def test_brain_knows_better_than_the_settings(capsys: pytest.CaptureFixture[str], library: Path) -> None:
    """A folder that cannot be used is no model: nobody waits for meaning, and the note says why there is none."""
    choose_a_model(library)
    with Database(configuration.load(library).database) as database:
        assert Pulse("brain").beat(database, "ready", model=None, why="the stick is away", stages={"embed": None})
    _, note = search(capsys, library, "letter", "--why")
    assert "the stick is away" in note
    assert "brain does not answer" not in note


def test_like_of_what_is_not_there(capsys: pytest.CaptureFixture[str], library: Path) -> None:
    lines, note = search(capsys, library, "like=nosuch.jpg")
    assert lines == ["Nothing found."]
    assert "like=nosuch.jpg: no file, or more than one, is called so" in note
