"""brain.process: a process that answers, dies cleanly, and that nobody needs."""

from __future__ import annotations

import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from albumsd.brain.process import Brain
from albumsd.core.config import load
from albumsd.core.errors import LibraryMissing, NotReady
from albumsd.ipc import calls
from albumsd.search import run
from albumsd.store import processes
from albumsd.store.database import Database

TODAY = "2024-05-01"


def socket_of(database: Database) -> Path:
    return database.path.parent / "run" / run.SOCKET


@pytest.mark.slow
def test_a_process_of_its_own(papers: Database, start: Callable[[Path], Any]) -> None:
    """Ready, ranks, refuses a second one, ends at SIGTERM; killed, the search goes on by itself."""
    socket, library = socket_of(papers), papers.path.parent
    process, line = start(library)
    assert line == "ready"
    status = calls.ask(socket, {"ask": "status"}, 10)
    assert {name: status[name] for name in ("state", "model", "device", "documents")} == {
        "state": "ready", "model": None, "device": None, "documents": 300
    }  # fmt: skip
    told = {name: (row.pid, row.state) for name, row in processes.living(papers).items()}
    assert told == {"brain": (process.pid, "ready")}, "status/ in the mount reads that"
    ranked = run.search(papers, "w3 w20", today=TODAY, limit=20, brain=socket, deadline_s=10)
    assert ranked.by == "brain"
    assert ranked.hits

    second, line = start(library)
    assert "in use by another brain" in line
    assert second.wait(10) == 3

    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
    assert not socket.exists()
    assert papers.all("SELECT * FROM process") == []

    process, line = start(library)
    assert line == "ready"
    process.kill()
    process.wait(10)
    assert socket.exists()
    assert papers.all("SELECT name FROM process") == [("brain",)]
    assert processes.living(papers) == {}, "it had no time to say so, and is believed no more"
    alone = run.search(papers, "w3 w20", today=TODAY, limit=20, brain=socket, deadline_s=10)
    assert alone.by == "fts"
    assert {hit.asset for hit in alone.hits[:3]} & {hit.asset for hit in ranked.hits[:6]}

    process, line = start(library)  # what the killed one left behind is no obstacle
    assert line == "ready"
    assert calls.ask(socket, {"ask": "status"}, 10)["state"] == "ready"


@pytest.mark.slow
def test_killed_in_the_middle_of_a_question(papers: Database, start: Callable[[Path], Any]) -> None:
    """Who waits for the answer gets FTS5's order as soon as it is gone."""
    process, line = start(papers.path.parent)
    assert line == "ready"
    process.send_signal(signal.SIGSTOP)  # it listens, and will never answer
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(
            run.search, papers, "w3 w20", today=TODAY, limit=20, brain=socket_of(papers), model=True, deadline_s=100
        )
        process.kill()
        found = asked.result(60)
    assert found.by == "fts"
    assert found.hits


def test_without_a_library(tmp_path: Path) -> None:
    with pytest.raises(LibraryMissing):
        Brain(load(tmp_path))
    with pytest.raises(NotReady):
        calls.ask(tmp_path / "brain.sock", {"ask": "status"}, 1)


def test_many_at_once_get_the_same_answer(papers: Database) -> None:
    brain = Brain(load(papers.path.parent))
    try:
        question = {"ask": "rank", "query": "w3 w20", "today": TODAY, "limit": 20}
        with ThreadPoolExecutor(12) as pool:
            answers = list(pool.map(brain.answer, [question] * 40))
        assert answers[0]["hits"]
        assert all(answer == answers[0] for answer in answers)
    finally:
        brain.close()


@pytest.mark.parametrize("question", [{}, {"ask": "dance"}, {"ask": "rank"}, {"ask": "rank", "query": "(", "limit": 3}])
def test_bad_questions_are_errors_and_no_end(papers: Database, question: dict[str, Any]) -> None:
    brain = Brain(load(papers.path.parent))
    server = calls.Server(socket_of(papers), brain.answer)
    try:
        with pytest.raises(calls.CallFailed):
            calls.ask(socket_of(papers), question, 10)
        assert calls.ask(socket_of(papers), {"ask": "status"}, 10)["documents"] == 300
    finally:
        server.close()
        brain.close()
