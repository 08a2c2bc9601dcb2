"""What ends everything and what is only started again; what a newcomer reads when something is in the way."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from albumsd.cli import main
from albumsd.cli.commands import run as run_command
from albumsd.cli.commands import status as status_command
from albumsd.cli.commands import wait as wait_command
from albumsd.cli.supervisor import Supervisor
from albumsd.core import config as configuration
from albumsd.core import errors
from albumsd.ipc import calls
from albumsd.store import sources
from albumsd.store.database import open_library
from albumsd.store.processes import Pulse

FAKE = """
import os, signal, sys
end = os.environ.get("END_" + sys.argv[1])
if end is None:
    signal.pause()
elif int(end) < 0:
    os.kill(os.getpid(), -int(end))
sys.exit(int(end))
"""


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def crew(tmp_path: Path, said: list[str]) -> Iterator[Supervisor]:
    """A supervisor of programs that end as ``END_<process>`` says, or never."""
    config = configuration.load(tmp_path / "library", overrides={"mount": str(tmp_path / "mount")})
    crew = Supervisor(config, [], said.append, program=[sys.executable, "-S", "-c", FAKE])
    yield crew
    for child in crew._children:
        if child.popen is not None:
            child.popen.kill()
            child.popen.wait()


def begin(crew: Supervisor, ended: str) -> None:
    """All are started, and the one named has ended."""
    crew.start()
    for child in crew._children:
        child.pause = 0.0
    popen = next(child.popen for child in crew._children if child.process == ended)
    assert popen is not None
    popen.wait(20)


@pytest.mark.parametrize("process", ["mount", "indexer", "brain"])
@pytest.mark.parametrize("code", [2, 3])
def test_who_refuses_its_job_ends_everything(
    crew: Supervisor, said: list[str], monkeypatch: pytest.MonkeyPatch, process: str, code: int
) -> None:
    monkeypatch.setenv(f"END_{process}", str(code))
    begin(crew, process)
    assert crew.tend() == code
    assert said == [f"{process} cannot do its work (see above), so everything ends"]


@pytest.mark.parametrize(
    ("code", "told"), [(0, "exit code 0"), (1, "exit code 1"), (4, "exit code 4"), (-9, "signal SIGKILL")]
)
def test_who_dies_is_started_again(
    crew: Supervisor, said: list[str], monkeypatch: pytest.MonkeyPatch, code: int, told: str
) -> None:
    monkeypatch.setenv("END_indexer", str(code))
    begin(crew, "indexer")
    monkeypatch.delenv("END_indexer")
    others = crew.pid("mount"), crew.pid("brain")
    assert crew.tend() is None
    assert crew.pid("indexer") is None
    assert said == [f"indexer ended ({told}); it is started again"]
    assert crew.tend() is None
    assert crew.pid("indexer") is not None
    assert (crew.pid("mount"), crew.pid("brain")) == others, "the others go on"
    assert crew.deaths("indexer") == 1


PASSING = [
    errors.StoreBusy(seconds=60), errors.NotReady(what="brain", seconds=1), errors.Offline(name="x"),
    errors.Stalled(name="x"), errors.LibraryFull(path="x"),
]  # fmt: skip
FINAL = [
    (errors.LibraryBusy(path="x", process="indexer", pid=1), 3), (errors.LibraryMissing(path="x"), 3),
    (errors.ConfigError(path="x", what="y"), 2), (errors.MountRefused(path="x", why="y"), 2),
]  # fmt: skip
ENDINGS = [*((error, 1) for error in PASSING), *FINAL]


@pytest.mark.parametrize("process", ["mount", "indexer", "brain"])
@pytest.mark.parametrize(("error", "code"), ENDINGS, ids=[type(error).__name__ for error, _ in ENDINGS])
def test_only_what_another_try_does_not_change_ends_a_process_for_good(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    process: str,
    error: errors.AlbumsdError,
    code: int,
) -> None:
    def serve(config: object) -> int:
        raise error

    open_library(tmp_path, create=True).close()
    monkeypatch.setattr(importlib.import_module(f"albumsd.{process}.process"), "main", serve)
    assert main([process, "--library", str(tmp_path)]) == code
    assert str(error) in capsys.readouterr().err


def test_a_mount_that_never_comes_up_is_given_up(
    crew: Supervisor, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("END_mount", "1")
    crew.start()
    for child in crew._children:
        child.pause = 0.0
    assert run_command._wait_and_watch(crew.config, crew, 1) == 1
    assert crew.deaths("mount") == run_command.TRIES
    assert "nothing can be mounted" in capsys.readouterr().err


def test_a_folder_in_use_is_refused_before_anything_starts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "Albums").mkdir()
    (tmp_path / "Albums" / "mine.txt").write_text("mine")
    assert main(["run", "--library", str(tmp_path / "library"), "--mount", str(tmp_path / "Albums")]) == 2
    told = capsys.readouterr().err
    assert "not empty" in told
    assert "albumsd run --mount DIR" in told
    assert "started again" not in told


# --------------------------------------------------------------------------------- status and wait


@pytest.fixture
def config(tmp_path: Path) -> configuration.Config:
    (tmp_path / "Pictures").mkdir()
    config = configuration.load(tmp_path / "library", overrides={"mount": str(tmp_path / "mount")})
    with open_library(config.library, create=True) as library:
        sources.add(library, config, tmp_path / "Pictures")
    return config


@pytest.fixture
def answering(config: configuration.Config) -> Iterator[Callable[[str, dict[str, Any]], None]]:
    servers: list[calls.Server] = []

    def begin(process: str, answer: dict[str, Any]) -> None:
        servers.append(calls.Server(config.run / f"{process}.sock", lambda _: answer))

    yield begin
    for server in servers:
        server.close()


def test_status_with_nothing_running_says_what_to_start(config: configuration.Config) -> None:
    text = status_command._text(status_command.gather(config))
    assert text.startswith("Not running. Start it:  albumsd run\n")


def test_status_prefers_what_the_processes_answer(
    config: configuration.Config, answering: Callable[[str, dict[str, Any]], None]
) -> None:
    with open_library(config.library) as library:
        Pulse("brain").beat(library, "ready", model=None, device=None)
        Pulse("indexer").beat(library, "scan")
    answering("indexer", {"phase": "jobs", "eta_s": 12.0})
    answering("mount", {"mount": "/m"})
    report = status_command.gather(config)
    assert report["indexer"] == {"state": "jobs"}
    assert report["eta_s"] is None, "a scan is due: nobody knows"
    assert report["brain"]["state"] == "silent", "it is there, and does not answer"
    text = status_command._text(report)
    assert text.startswith("Mounted on /m\n")
    assert "No answer from: brain" in text
    assert "does not answer" in text


def test_wait_does_not_wait_for_nobody(
    config: configuration.Config, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(wait_command, "ALONE_S", 0.0)
    monkeypatch.setattr(wait_command, "POLL_S", 0.0)
    assert main(["wait", "--library", os.fspath(config.library), "--timeout", "600"]) == 3
    told = capsys.readouterr().err
    assert "Pictures" in told
    assert "`albumsd run` starts it" in told


def test_wait_waits_while_somebody_works(config: configuration.Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wait_command, "ALONE_S", 0.0)
    monkeypatch.setattr(wait_command, "POLL_S", 0.0)
    monkeypatch.setattr(wait_command.locks, "holder", lambda run, process: 1)
    told: list[str] = []

    def progress(what: str) -> None:
        told.append(what)
        if len(told) == 5:
            with open_library(config.library) as library, library.write() as tx:
                (source,) = sources.all_sources(tx)
                sources.set_state(tx, source.id, "offline", "away")

    wait_command.wait(config, 600, progress)
    assert told[0] == "Pictures to be looked through"
    assert len(told) >= 5
