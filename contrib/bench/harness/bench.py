"""What a benchmark is: a name, one sentence, and a function that measures in a scratch folder and gives rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from .table import Row


@dataclass(frozen=True)
class Context:
    """``scratch`` is an empty folder of the benchmark's own. ``quick``: less of everything, for a look in passing."""

    scratch: Path
    quick: bool

    def size(self, whole: int, quick: int) -> int:
        return quick if self.quick else whole


@dataclass(frozen=True)
class Bench:
    name: str
    help: str
    example: str
    run: Callable[[Context], Sequence[Row]]
    deadline_s: float = 180.0
    """Then it is killed, and its mounts are taken away."""
