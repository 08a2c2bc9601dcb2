"""``albumsd facts``: what is no file is refused by name, and the others are described all the same."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from albumsd.cli import main


@pytest.fixture
def note(tmp_path: Path) -> Path:
    path = tmp_path / "note.txt"
    path.write_text("words")
    return path


def test_folders_and_pipes_are_refused_and_files_described(
    note: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "folder.jpg").mkdir()
    paths = [tmp_path / "pipe.jpg", note, tmp_path / "folder.jpg", tmp_path / "absent.jpg", Path("/dev/null")]
    assert main(["facts", "--json", *map(str, paths)]) == 2
    out, err = capsys.readouterr()
    assert [entry["path"] for entry in json.loads(out)] == [str(note)]
    assert err.splitlines() == [
        f"albumsd: {tmp_path / 'pipe.jpg'} is not a regular file",
        f"albumsd: {tmp_path / 'folder.jpg'} is a folder",
        f"albumsd: no such file: {tmp_path / 'absent.jpg'}",
        "albumsd: /dev/null is not a regular file",
    ]


def test_nothing_but_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["facts", "--json", str(tmp_path)]) == 2
    assert capsys.readouterr() == ("", f"albumsd: {tmp_path} is a folder\n")


def test_an_empty_file_is_a_problem(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.txt").touch()
    assert main(["facts", "--json", str(tmp_path / "a.txt")]) == 4
    (entry,) = json.loads(capsys.readouterr().out)
    assert [problem["reason"] for problem in entry["problems"]] == ["empty"]
