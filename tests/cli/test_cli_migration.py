"""A library of an older release is brought up to date by the command, before anything of it serves or reads."""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from typing import NoReturn

import apsw
import pytest

from albumsd.cli import main
from albumsd.cli.supervisor import Supervisor
from albumsd.core.config import Config
from albumsd.store import migrations
from albumsd.store.database import Reader

SCHEMA_1 = Path(__file__).parents[1] / "store" / "released" / "1.sql"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A library as version 1 left it."""
    folder = tmp_path / "library"
    folder.mkdir()
    with apsw.Connection(os.fspath(folder / "albumsd.db")) as connection:
        connection.execute(SCHEMA_1.read_text("utf-8"))
        connection.execute("PRAGMA user_version=1")
    connection.close()
    return folder


def version(library: Path) -> int:
    with Reader(library / "albumsd.db") as reader:
        return int(reader.value("PRAGMA user_version"))


@pytest.mark.parametrize("process", ["mount", "indexer", "brain"])
def test_a_process_begins_with_a_library_of_this_release(
    old: Path, monkeypatch: pytest.MonkeyPatch, process: str
) -> None:
    """As a unit starts it, alone."""
    found: list[int] = []

    def serve(config: Config) -> int:
        found.append(version(config.library))
        return 0

    monkeypatch.setattr(importlib.import_module(f"albumsd.{process}.process"), "main", serve)
    assert main([process, "--library", str(old)]) == 0
    assert found == [migrations.SCHEMA_VERSION]
    assert len(list((old / "backups").iterdir())) == 1


def test_run_migrates_before_it_starts_a_process(old: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Started(Exception):
        pass

    def start(self: Supervisor) -> NoReturn:
        assert version(self.config.library) == migrations.SCHEMA_VERSION
        raise Started

    monkeypatch.setattr(Supervisor, "start", start)
    with pytest.raises(Started):
        main(["run", "--library", str(old), "--mount", str(tmp_path / "mount")])


@pytest.mark.parametrize("words", [["status"], ["search", "letter"], ["sources"]])
def test_commands_that_only_read_do_so_too(old: Path, capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    assert main([words[0], "--library", str(old), *words[1:]]) == 0
    assert version(old) == migrations.SCHEMA_VERSION
    assert capsys.readouterr().err == ""
