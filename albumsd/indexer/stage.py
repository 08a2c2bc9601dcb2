"""What a stage is: plain data that ``runner`` works through. ``stages/`` holds one module per stage.

A stage reads one asset's bytes (``begin``: which tasks to start) and turns the answers into rows (``apply``, in the
transaction that ends the job). It raises its ``version`` when its results change; the jobs are then opened again.

The stages whose work ``brain`` does read no file of a source: their drives may be away. What they make depends on a
model too, so their jobs are also opened again when brain says that it has another one (``meaning``).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

from albumsd.core.facts import Problem
from albumsd.store.database import Tx
from albumsd.store.files import Location
from albumsd.store.jobs import Job
from albumsd.store.scanning import Subject

Where = Literal["child", "thread", "here", "brain"]
"""In a decoder process (bytes from the world are decoded there only), in a thread, in the runner itself, or in the
process brain."""


class Submit(Protocol):
    """The decoders' door: ``media.pool.DecoderPool.submit``."""

    def __call__(
        self, task: str, path: bytes | str, *, seconds: float | None = None, **arguments: Any
    ) -> Future[dict[str, Any]]: ...


class Brain(Protocol):
    """The door to brain: ``brain_lane.BrainLane``."""

    @property
    def input_px(self) -> int: ...

    def submit(self, stage: str, what: Any, *, weight: int = 1, alone: bool = False) -> Future[Any]: ...


class Tools(NamedTuple):
    """What ``begin`` may use."""

    decode: Submit
    thread: Callable[..., Future[Any]]  # (function, *arguments)
    brain: Brain
    previews: Path
    cache: Path
    frames: int  # of a video
    reframed: set[int]  # videos of which frames were missing and that were decoded again, in this run


@dataclass
class Work:
    """A job that was begun. Belongs to the runner's thread.

    Other threads write three fields: ``beat``, and ``look`` and ``answers`` once each, when the last future is there.
    """

    job: Job
    subject: Subject
    places: list[Location]  # online files of the asset, the one that is read first; none where brain does the work
    futures: list[Future[Any]] = field(default_factory=list)
    patience_s: float = 0.0  # for so long nothing may come from its futures
    beat: float = 0.0  # monotonic: the last sign of progress; moves on while the work waits for its turn
    look: Future[list[Any]] | None = None  # at its file, when all futures are done
    extra: Any = None  # between begin and apply of one stage
    answers: list[Any] = field(default_factory=list)
    """Per future of ``begin``: its result, or the Problem it failed with."""
    version: int = 0  # of a stage of brain: under which its needs were met when it was begun
    abandoned: bool = False

    @property
    def at(self) -> Location:
        """The file that is read."""
        return self.places[0]

    @property
    def others(self) -> list[Location]:
        """Further online files of the same asset."""
        return self.places[1:]

    def alive(self) -> None:
        """It makes progress. For the thread that reads its file."""
        self.beat = time.monotonic()


@dataclass(frozen=True)
class Stage:
    """A step of indexing. ``example`` shows what it is good for."""

    name: str
    version: int
    help: str
    example: str
    where: Where
    needs: tuple[str, ...]
    """Stages that must be done (or have failed) before."""
    wants: Callable[[Subject], bool]
    """Whether it has something to do for an asset."""
    begin: Callable[[Tx, Work, Tools], Sequence[Future[Any]]]
    """Start the tasks; may read rows and files of the library, must not touch a drive. Raises PreviewLost."""
    apply: Callable[[Tx, Work, Sequence[Any]], int]
    """Store the answers; the asset that the content belongs to from now on. The first answer is never a Problem."""
    concerns: Callable[[Subject], bool] = lambda subject: True
    """Whether this version makes something else of an asset than the one before; else it is not done again."""


class FileChanged(Exception):
    """The file is not what the row says, or is not there: its folder must be looked at again."""


class PreviewLost(Exception):
    """The library's own picture of an asset is not there, or cut: it must be made again first."""


def done(value: Any) -> Future[Any]:
    """A future that holds ``value`` already."""
    future: Future[Any] = Future()
    future.set_result(value)
    return future


RETRIED = frozenset({"crash", "timeout", "memory", "unreadable"})
"""Problems that may be bad luck: tried a second time. All others would only come again."""

OWN_FAULT: Problem = Problem("internal", "albumsd failed on this file; its log says where")
