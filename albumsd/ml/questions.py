"""What the parent keeps of a question that is open, and of a model's luck so far."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.facts import Problem
from .folders import Model
from .frames import Header

RETRY_S = 600.0
"""After so long what has failed is tried again."""


class Question:
    """What was asked. ``answers`` fills up; ``over`` is set when it is whole, or has failed because of ``failure``.

    Changed by the keeper's thread under its lock; read by the caller once it is over.
    """

    def __init__(self, number: int, kind: str, model: Model, items: Sequence[str], busy: bool) -> None:
        self.number, self.kind, self.model, self.items, self.busy = number, kind, model, list(items), busy
        self.failure: str | None = None
        self.over = threading.Event()
        self.losses = 0
        self.unsend()

    def unsend(self) -> None:
        """No child has it, or what that child answered no longer counts."""
        self.answers: list[Any] = [None] * len(self.items)
        self.left = len(self.items)
        self.sent = False

    def lose(self, why: str, blame: bool) -> None:
        """The child that had it has died. It is asked again, unless it is to ``blame`` or has lost one before."""
        self.losses += 1
        if blame or self.losses > 1:
            self.fail(why)
        else:
            self.unsend()

    def wire(self) -> dict[str, Any]:
        return {"id": self.number, "kind": self.kind, "key": self.model.key, "items": self.items, "busy": self.busy}

    def fail(self, why: str) -> None:
        """Unless it is over already."""
        if not self.over.is_set():
            self.failure = why
            self.over.set()

    def hear(self, header: Header, payload: bytes) -> None:
        """The child's answer to a part of it, or to the rest that it failed."""
        if "failed" in header:
            self.fail(header["failed"])
            return
        first, count = int(header["first"]), int(header["count"])
        found: Sequence[Any]
        if self.kind == "captions":
            found = list(header["captions"])
        else:
            found = list(np.frombuffer(payload, dtype=np.float32).reshape(count, -1).copy())
        self.answers[first : first + count] = found
        for index, reason, detail in header["problems"]:
            self.answers[first + index] = Problem(reason, detail)
        self.left -= count
        if self.left <= 0:
            self.over.set()


class Luck:
    """Of one model in this process's life: how often its child died before it was there, and what is known of it."""

    def __init__(self) -> None:
        self.deaths = 0
        self.info: dict[str, Any] | None = None
        self._why: str | None = None
        self._until = 0.0

    def loaded(self, info: dict[str, Any]) -> None:
        self.deaths, self._why, self.info = 0, None, info

    def give_up(self, why: str) -> None:
        self.deaths, self._why, self._until = 0, why, time.monotonic() + RETRY_S

    def failed(self) -> str | None:
        """Why it is not tried now."""
        return self._why if time.monotonic() < self._until else None


def introduce(model: Model, info: dict[str, Any] | None) -> dict[str, Any]:
    """What the child needs to load a model; ``hint`` is what an earlier child found out about it."""
    return {
        "key": model.key,
        "architecture": model.architecture,
        "kind": model.kind,
        "dimensions": model.dimensions,
        "folder": str(model.folder) if model.folder else None,
        "weights": str(model.weights),
        "merges": str(model.merges) if model.merges else None,
        "stamp": list(model.stamp),
        "hint": info,
    }
