"""The command line without processes: usage, exit codes, and errors that say what to do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from albumsd.cli import main
from albumsd.cli.commands.help_ import TOPICS
from albumsd.cli.common import split_source


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(list(words))
    said = capsys.readouterr()
    return code, said.out, said.err


@pytest.fixture
def library(tmp_path: Path) -> str:
    return str(tmp_path / "library")


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "Pictures"
    folder.mkdir()
    (folder / "a.txt").write_text("hello")
    return folder


def test_no_words_print_help(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys)
    assert code == 0
    assert "albumsd" in out
    assert "search" in out


@pytest.mark.parametrize(
    "words", [["nosuch"], ["add"], ["wait", "--timeout", "x"], ["help", "nosuch"], ["facts", "nosuch"]]
)
def test_mistakes_are_usage_errors_without_a_stack(capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    code, _, err = run(capsys, *words)
    assert code == 2
    assert err.startswith("albumsd: ")
    assert "Traceback" not in err


def test_a_missing_library_says_how_to_make_one(capsys: pytest.CaptureFixture[str], library: str) -> None:
    for command in (["status"], ["sources"], ["search", "x"], ["rescan"], ["forget", "x"], ["wait"]):
        code, _, err = run(capsys, command[0], "--library", library, *command[1:])
        assert code == 3
        assert "albumsd run" in err


def test_add_list_forget(capsys: pytest.CaptureFixture[str], library: str, pictures: Path) -> None:
    code, out, _ = run(capsys, "add", "--library", library, f"Camera={pictures}")
    assert (code, out) == (0, f"Camera: {pictures}\n")
    code, out, _ = run(capsys, "sources", "--library", library, "--json")
    row = json.loads(out)[0]
    assert (row["name"], row["path"], row["state"], row["files"]) == ("Camera", str(pictures), "new", 0)
    code, out, _ = run(capsys, "add", "--library", library, str(pictures))
    assert code == 0
    code, _, err = run(capsys, "add", "--library", library, str(pictures / "a.txt"))
    assert code == 2
    assert "not a folder" in err
    code, out, _ = run(capsys, "forget", "--library", library, "Camera")
    assert code == 0
    assert "nothing has changed" in out
    code, _, err = run(capsys, "forget", "--library", library, "Camera")
    assert code == 2
    assert "Camera" in err
    code, out, _ = run(capsys, "sources", "--library", library)
    assert "albumsd add" in out
    assert (pictures / "a.txt").read_text() == "hello"


def test_status_of_a_library_at_rest(capsys: pytest.CaptureFixture[str], library: str, pictures: Path) -> None:
    run(capsys, "add", "--library", library, str(pictures))
    code, out, _ = run(capsys, "status", "--library", library, "--json")
    report = json.loads(out)
    assert code == 0
    assert {"mount", "sources", "assets", "items", "jobs", "eta_s", "brain", "problems"} <= set(report)
    assert report["mount"] is None
    code, out, _ = run(capsys, "status", "--library", library)
    assert "Pictures" in out
    assert "albumsd run" in out


def test_wait_gives_up_with_exit_code_3(capsys: pytest.CaptureFixture[str], library: str, pictures: Path) -> None:
    run(capsys, "add", "--library", library, str(pictures))
    code, _, err = run(capsys, "wait", "--library", library, "--timeout", "0")
    assert code == 3
    assert "Pictures" in err


def test_bad_query_says_where(capsys: pytest.CaptureFixture[str], library: str, pictures: Path) -> None:
    run(capsys, "add", "--library", library, str(pictures))
    code, _, err = run(capsys, "search", "--library", library, "beach date=2024-13")
    assert code == 2
    assert "at character" in err


def test_config_shows_where_a_value_came_from(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.toml").write_text("nice = 3\n")
    monkeypatch.setenv("ALBUMSD_WORKERS", "2")
    code, out, _ = run(capsys, "config", "--library", str(tmp_path), "--json")
    found = json.loads(out)
    assert code == 0
    assert found["nice"] == {"value": 3, "from": str(tmp_path / "config.toml")}
    assert found["workers"] == {"value": 2, "from": "ALBUMSD_WORKERS"}
    assert found["poll_s"]["from"] == "default"


@pytest.mark.parametrize("topic", TOPICS)
def test_help_topics(capsys: pytest.CaptureFixture[str], topic: str) -> None:
    code, out, _ = run(capsys, "help", topic)
    assert code == 0
    assert len(out) > 300


def test_a_source_may_have_an_equals_sign_in_its_path(tmp_path: Path) -> None:
    odd = tmp_path / "a=b"
    odd.mkdir()
    assert split_source(str(odd)) == (None, str(odd))
    assert split_source(f"X={odd}") == ("X", str(odd))
