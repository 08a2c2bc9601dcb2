"""From the futures of one job to the answers of its work: what came, what failed, whether the file is still the same.

When the last future of a job is there, its file is looked at, in a thread of the lane for looks: the thread that ended
the future may be the runner's or a decoder's, and neither may hang on a drive. Where a decoder ran into its deadline
the look reads a byte as well, so that a drive that hangs is not taken for a file that is bad: then the look does not
come back, and the runner sees it late. Where brain did the work there is no file to look at.
"""

from __future__ import annotations

import logging
import os
import queue
import time
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

from albumsd.core.facts import Problem
from albumsd.media.pool import TaskFailed
from albumsd.store.files import Location

from .brain_lane import BrainAway, NoModel
from .lane import Lane
from .stage import OWN_FAULT, FileChanged, Work
from .stages.hash import agrees
from .stalls import touch

log = logging.getLogger(__name__)


class Gather:
    """Waits for all futures of ``work``, has its file looked at in ``lane``, then puts it into ``back``.

    ``lane`` None: no file of a source was read.
    """

    def __init__(self, work: Work, lane: Lane | None, back: queue.SimpleQueue[Work]) -> None:
        self._work, self._lane, self._back = work, lane, back
        self._left = queue.SimpleQueue[int]()
        for number in range(len(work.futures) - 1):
            self._left.put(number)
        for future in work.futures:
            future.add_done_callback(self._one)

    def _one(self, _: Future[Any]) -> None:
        try:
            self._left.get_nowait()
        except queue.Empty:
            self._all()

    def _all(self) -> None:
        if self._work.abandoned:
            return
        answers = [answer(future, self._work) for future in self._work.futures]
        if self._lane is None:
            self._work.answers = answers
            self._back.put(self._work)
            return
        self._work.look = self._lane.submit(look, self._work, answers)
        self._work.look.add_done_callback(self._looked)

    def _looked(self, done: Future[list[Any]]) -> None:
        if not done.cancelled():
            self._work.answers = [OWN_FAULT] if done.exception() else done.result()
            self._back.put(self._work)


def look(work: Work, answers: list[Any]) -> list[Any]:
    """The answers, the first a FileChanged where the file is not what it was. Touches the disk: may hang."""
    work.beat = time.monotonic()
    if isinstance(answers[0], FileChanged):
        return answers
    if not same(work.at):
        return [FileChanged(), *answers[1:]]
    if isinstance(answers[0], Problem) and answers[0].reason == "timeout":
        with suppress(OSError):  # what the disk says does not matter; that it says something does
            touch(work.at)
    return answers


def same(at: Location) -> bool:
    """Whether the file of a location is what its row says. Touches the disk."""
    try:
        return agrees(os.lstat(at.path), at)
    except OSError:
        return False


def answer(future: Future[Any], work: Work) -> Any:
    """The result of a future; a Problem, FileChanged, BrainAway or NoModel where it failed."""
    if future.cancelled():
        return Problem("cancelled", "")
    error = future.exception()
    if error is None:
        result = future.result()
        return _unreadable(result) or result
    if isinstance(error, TaskFailed):
        return error.problem
    if isinstance(error, BrainAway | NoModel):
        return error
    if isinstance(error, FileChanged | FileNotFoundError | NotADirectoryError):
        return FileChanged()
    if isinstance(error, OSError):
        return Problem("unreadable", error.strerror or str(error))
    log.error("a task of stage %s failed at asset %d", work.job.stage, work.job.asset, exc_info=error)
    return OWN_FAULT


def _unreadable(result: Any) -> Problem | None:
    """The facts task answers for a file that it could not open too; that is a failure of the task here."""
    if isinstance(result, dict) and isinstance(result.get("facts"), dict):
        for reason, detail in result["facts"].get("problems", ()):
            if reason == "unreadable":
                return Problem(reason, detail)
    return None
