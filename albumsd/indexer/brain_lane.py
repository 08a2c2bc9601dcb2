"""The lane of the stages whose work brain does: single items come in, whole batches go over its socket.

A call is ``{"ask": stage, "items": […], "busy": whether decoders want the cores too}``; its answer is ``{…, "items":
[one for each]}``, and each item's future gets its own part together with what stands beside ``items``. At most CALLS
are in flight: one that is worked on, one that waits, so that the model never does. While one is, a batch that is not
full waits for more.

What becomes of an item's future otherwise:

* ``TaskFailed``: brain could not do this one, or failed at the call; with what ended badly for a call ``alone`` is not
  put into one with others again;
* ``BrainAway``: nobody answers, or brain says that its model did not in time, which is no item's fault. The lane is
  then *away* until ``probe`` finds that somebody does;
* ``NoModel``: brain says that there is no model for this stage.

``submit`` and ``flush`` belong to the runner's thread; the calls are made in threads of a ``Lane``. What they share is
under ``_lock``.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from albumsd.core.errors import NotReady
from albumsd.core.facts import Problem
from albumsd.ipc import calls
from albumsd.media.pool import TaskFailed

from .lane import Lane

log = logging.getLogger(__name__)

CALLS = 2
CALL_S = 900.0
"""For so long one call may take: loading a model from a slow disk, then a batch on a slow machine."""
PROBE_S = 2.0
"""For so long brain may take to say how it is."""
HELD_S = 5.0
"""For so long nothing is asked of a brain whose model did not answer in time."""
BATCH = 16
"""Pictures or texts in a call. A ViT on a CPU is as quick with 8 as with 32; more only come later."""
BATCH_CUDA = 256
INPUT_PX = 224


class BrainAway(Exception):
    """Nobody answers at the socket."""


class NoModel(Exception):
    """brain has no model for this stage, and says why."""


def made_by(answer: Mapping[str, Any]) -> str:
    """The fingerprint of an answer: what its result depends on."""
    return str(answer["of"] if "of" in answer else answer["key"])


def speaker(answer: Mapping[str, Any]) -> str:
    """Who says so, as a person reads it: the name in a fingerprint ``name@hash…``."""
    return str(answer.get("name") or made_by(answer).partition("@")[0])


class _Item(NamedTuple):
    stage: str
    what: Any
    weight: int  # how many pictures or texts
    alone: bool
    future: Future[dict[str, Any]]


class BrainLane:
    """The door to brain. ``input_px``: the short side of what its model looks at."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket
        self._lane = Lane(CALLS, "brain")
        self._waiting: dict[str, deque[_Item]] = {}  # stage: what was not sent yet, never empty
        self._lock = threading.Lock()
        self._flying = 0
        self._away: float | None = None
        self._held = 0.0  # until then nobody looks whether it is back
        self._probe: Future[None] | None = None
        self.batch = BATCH
        self.input_px = INPUT_PX

    @property
    def room(self) -> int:
        """How many items may be begun: what is in flight, and a batch that waits."""
        return (CALLS + 1) * self.batch

    def submit(self, stage: str, what: Any, *, weight: int = 1, alone: bool = False) -> Future[dict[str, Any]]:
        """Have brain do one item of ``stage``. Nothing is sent before ``flush``."""
        item = _Item(stage, what, max(1, weight), alone, Future())
        self._waiting.setdefault(stage, deque()).append(item)
        return item.future

    def flush(self, busy: bool) -> None:
        """Send what is worth sending. ``busy``: decoders are at work beside the model."""
        while self._waiting:
            with self._lock:
                flying = self._flying
            stage = next((stage for stage in self._waiting if not flying or self._full(stage)), None)
            if stage is None or flying >= CALLS:
                return
            items = self._take(stage)
            with self._lock:
                self._flying += 1
            self._lane.submit(self._call, items, busy)

    def _full(self, stage: str) -> bool:
        """Whether the next batch of a stage does not grow any more."""
        items = self._waiting[stage]
        return items[0].alone or sum(item.weight for item in items) >= self.batch

    def _take(self, stage: str) -> list[_Item]:
        waiting = self._waiting.pop(stage)
        items = [waiting.popleft()]
        weight = items[0].weight
        while waiting and not items[0].alone and not waiting[0].alone and weight < self.batch:
            weight += waiting[0].weight
            items.append(waiting.popleft())
        if waiting:
            self._waiting[stage] = waiting  # behind the others: each has its turn
        return items

    # ------------------------------------------------------------------------------------- in its threads

    def _call(self, items: Sequence[_Item], busy: bool) -> None:
        items = [item for item in items if item.future.set_running_or_notify_cancel()]
        results: Sequence[dict[str, Any] | Exception]
        away, held = False, 0.0
        try:
            results = self._ask(items, busy) if items else []
        except NotReady:
            results, away = [BrainAway()] * len(items), True
        except NoModel as error:
            results = [error] * len(items)
        except Exception as error:  # CallFailed, or an answer that is none
            log.warning("brain failed at %s: %s", items[0].stage, error)
            if isinstance(error, calls.CallFailed) and str(error).startswith(f"{NotReady.__name__}:"):
                results, away, held = [BrainAway()] * len(items), True, HELD_S
            else:
                results = [TaskFailed(Problem("brain", str(error)[:200]))] * len(items)
        with self._lock:
            self._flying -= 1
            if items:
                self._away = (self._away or time.monotonic()) if away else None
                self._held = time.monotonic() + held
        for item, result in zip(items, results, strict=True):
            with suppress(InvalidStateError):
                if isinstance(result, Exception):
                    item.future.set_exception(result)
                else:
                    item.future.set_result(result)

    def _ask(self, items: Sequence[_Item], busy: bool) -> list[dict[str, Any] | Exception]:
        request = {"ask": items[0].stage, "items": [item.what for item in items], "busy": busy}
        answer = calls.ask(self._socket, request, CALL_S)
        if "none" in answer:
            raise NoModel(str(answer["none"]))
        parts = answer.pop("items")
        if len(parts) != len(items):
            raise ValueError(f"{len(parts)} answers to {len(items)} items")
        return [
            TaskFailed(Problem(*map(str, part["problem"]))) if "problem" in part else {**answer, **part}
            for part in parts
        ]

    # -------------------------------------------------------------------------------------- is it there?

    def away_s(self) -> float | None:
        """For how many seconds nobody has answered; None when somebody does, or was not asked yet."""
        with self._lock:
            return None if self._away is None else time.monotonic() - self._away

    def probe(self) -> None:
        """While it is away: ask brain how it is, if that is not being asked. The answer shows in ``away_s``."""
        with self._lock:
            held = time.monotonic() < self._held
        if not held and (self._probe is None or self._probe.done()):
            self._probe = self._lane.submit(self._look)

    def _look(self) -> None:
        try:
            calls.ask(self._socket, {"ask": "status"}, PROBE_S)
        except NotReady:
            return
        except Exception as error:
            log.warning("brain does not say how it is: %s", error)
            return
        with self._lock:
            self._away = None

    def close(self) -> None:
        """Nothing more is sent. What is in flight ends by itself, unheard."""
        for items in self._waiting.values():
            for item in items:
                item.future.cancel()
        self._waiting.clear()
        self._lane.close()
