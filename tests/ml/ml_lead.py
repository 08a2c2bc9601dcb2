"""A host whose child runs no model, and the two pipes by which a test leads it (``ml_fake``)."""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from albumsd.ml.folders import Model
from albumsd.ml.host import ModelHost

FAKE = (sys.executable, str(Path(__file__).with_name("ml_fake.py")))
WAIT_S = 120


def made_up(name: str) -> Model:
    """A model that is on no disk."""
    nowhere = Path("/nowhere")
    return Model(name, name, f"{name}@0", name, "coca", 2, 8, None, nowhere, None, (0, 0), {}, {})


def pid_of(host: ModelHost) -> int | None:
    """The child's, if there is one."""
    child = host._keeper._child
    return child._process.pid if child is not None else None


class Lead:
    """``next()``: what the child is about to do. ``let(n)``: it may go on n times."""

    def __init__(self, folder: Path) -> None:
        for name in ("at", "gate"):
            os.mkfifo(folder / name)
        self._at, self._gate = (os.open(folder / name, os.O_RDWR) for name in ("at", "gate"))
        self._lines: list[str] = []

    def next(self) -> str:
        while not self._lines:
            ready, _, _ = select.select([self._at], [], [], WAIT_S)
            assert ready, "the child does nothing"
            self._lines += os.read(self._at, 65536).decode().splitlines()
        return self._lines.pop(0)

    def let(self, times: int) -> None:
        os.write(self._gate, b"!" * times)

    def nothing(self) -> bool:
        return not self._lines and not select.select([self._at], [], [], 0)[0]

    def close(self) -> None:
        os.close(self._at)
        os.close(self._gate)


@pytest.fixture
def lead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lead]:
    monkeypatch.setenv("ML_FAKE", str(tmp_path))
    made = Lead(tmp_path)
    yield made
    made.close()


@pytest.fixture
def host_of(lead: Lead) -> Iterator[Callable[..., ModelHost]]:
    """Makes hosts, and closes them."""
    made: list[ModelHost] = []

    def make(idle_s: float = 60, **options: object) -> ModelHost:
        made.append(ModelHost(idle_s, program=FAKE, **options))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for host in made:
        host.close()
