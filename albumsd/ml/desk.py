"""What the child does next: texts before pictures, and pictures decoded before the model asks for them.

A *call* is what the parent asked; a *unit* is as much of it as the model takes at once. Between two units everything is
decided anew, so a text waits at most for the unit that is running, or for one word where that is captions (``texts``).
Among texts the call with the least left goes first (a query before a vocabulary); pictures go in the order they came,
calls of the same model decoded ahead across their borders, at most ``AHEAD`` batches.

Any thread may ``add``, ``cancel`` and ``wake``; one thread takes units and gives them back by ``done``. All state is
under ``_changed``. No torch here.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Protocol

from ..core.facts import Problem
from .pictures import Pixels
from .shelf import Loaded

AHEAD = 3
"""Batches that are decoded before they are needed, the next one included."""

TEXTS = 16
"""Texts of one unit."""


class Models(Protocol):
    """What the desk needs of ``shelf.Shelf``."""

    def get(self, key: str, kind: str) -> Loaded | None: ...
    def want(self, key: str) -> None: ...


@dataclass(slots=True)
class Call:
    """``items`` are texts or paths; ``done`` of them are answered, ``decoding`` are the next ones."""

    id: int
    kind: str  # texts, pictures, captions
    key: str
    items: list[str]
    busy: bool = False
    done: int = 0
    decoding: deque[Future[Pixels | Problem]] = field(default_factory=deque)

    @property
    def left(self) -> int:
        return len(self.items) - self.done


@dataclass(frozen=True, slots=True)
class Unit:
    """Items ``first`` to ``first + len(items)`` of a call: texts, or pictures and problems."""

    call: Call
    model: Loaded
    first: int
    items: Sequence[Any]


Decode = Callable[[Loaded, str], "Future[Pixels | Problem]"]


class Desk:
    def __init__(self, models: Models, decode: Decode) -> None:
        self._models, self._decode = models, decode
        self._changed = threading.Condition(threading.RLock())
        self._texts: list[Call] = []
        self._pictures: list[Call] = []

    def add(self, call: Call) -> None:
        with self._changed:
            (self._texts if call.kind == "texts" else self._pictures).append(call)
            self._changed.notify_all()

    def cancel(self, number: int) -> None:
        with self._changed:
            for calls in (self._texts, self._pictures):
                for call in [call for call in calls if call.id == number]:
                    calls.remove(call)
                    for future in call.decoding:
                        future.cancel()

    def drop(self, key: str) -> None:
        """Forget the calls of a model that cannot be loaded."""
        with self._changed:
            for call in [call for call in (*self._texts, *self._pictures) if call.key == key]:
                self.cancel(call.id)

    def wake(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def next(self) -> Unit:
        """Wait for the next unit. It is not given out again; its call goes on after ``done``."""
        with self._changed:
            while True:
                unit = self._next_texts() or self._next_pictures()
                if unit is not None:
                    return unit
                self._changed.wait()

    def texts(self) -> Unit | None:
        """The next unit of texts, if one waits: for who is at a long one of another kind."""
        with self._changed:
            return self._next_texts()

    def done(self, unit: Unit) -> None:
        with self._changed:
            call = unit.call
            call.done += len(unit.items)
            if not call.left:
                self.cancel(call.id)

    def _ready(self, call: Call) -> Loaded | None:
        model = self._models.get(call.key, call.kind)
        if model is None:
            self._models.want(call.key)
        return model

    def _next_texts(self) -> Unit | None:
        for call in sorted(self._texts, key=lambda call: call.left):
            model = self._ready(call)
            if model is not None:
                return Unit(call, model, call.done, call.items[call.done : call.done + TEXTS])
        return None

    def _next_pictures(self) -> Unit | None:
        """The next batch of the first call whose model is there, if all of it is decoded."""
        ready = [(call, model) for call in self._pictures if (model := self._ready(call)) is not None]
        if not ready:
            return None
        call, model = ready[0]
        batch = model.batches.get(call.kind, 1)
        room = AHEAD * batch
        for other, its_model in ready:
            start = other.done + len(other.decoding)
            for path in other.items[start : start + max(0, room - len(other.decoding))]:
                future = self._decode(its_model, path)
                other.decoding.append(future)
                future.add_done_callback(lambda _: self.wake())
            room -= len(other.decoding)
        size = min(batch, call.left)
        if not all(call.decoding[index].done() for index in range(size)):
            return None
        return Unit(call, model, call.done, [call.decoding.popleft().result() for _ in range(size)])
