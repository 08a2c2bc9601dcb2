"""Owns the child: starts it when something is asked, feeds it, hears it, ends it when it hangs or has nothing to do.

One thread does all that; callers put questions and wait. What they share is under ``_lock``, which is held for moments
only, never while a child is started, listened to or ended: every search looks at a model's ``state``. No torch here.

The child is ended when it hangs, that is when one thing (its start, a load, a batch) takes longer than ``patience``,
and after ``idle_s`` without a question. Its death is an error for the question that was being worked on; all others go
to the next child, once. A model that cannot be loaded, or whose child dies ``STARTS`` times in a row before it is
there, has *failed*: questions are refused until ``questions.RETRY_S`` are over. What a child says and nobody
understands counts as its death: it is logged, and the thread goes on.
"""

from __future__ import annotations

import logging
import os
import select
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Literal

from ..core.errors import NotReady
from ..core.weights import NOT_INSTALLED, installed
from .child import Child, Patience
from .errors import ModelFailed
from .frames import Header
from .questions import Luck, Question, introduce

log = logging.getLogger(__name__)

STARTS = 3
"""Deaths of the child in a row, before a model is there, after which that model has failed."""

_DEATH_S = 2.0
_STOPPING = "albumsd is stopping"

State = Literal["cold", "loading", "warm", "failed"]


class Keeper:
    """``command`` starts the child. Safe for use from any thread; ``close`` it."""

    def __init__(self, command: Sequence[str], idle_s: float, patience: Patience) -> None:
        self._command, self._idle_s, self._patience = list(command), idle_s, patience
        self._lock = threading.Lock()
        self._questions: dict[int, Question] = {}  # open ones
        self._taken_back: list[int] = []
        self._states: dict[str, State] = {}  # loading and warm ones; all others are cold
        self._luck: dict[str, Luck] = {}
        self._child: Child | None = None  # changed by the thread alone
        self._running: int | None = None  # the question that the child works on
        self._used = 0.0
        self._closed = False
        self._installed = False
        self._thread: threading.Thread | None = None
        self._bell, self._ring = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    # --- for callers --------------------------------------------------------------------------------

    def ask(self, question: Question, timeout_s: float) -> list[Any]:
        """The answers. Raises ModelFailed, NotReady."""
        key = question.model.key
        with self._lock:
            why = _STOPPING if self._closed else self._refusal(key)
            if why is not None:
                raise ModelFailed(why)
            self._questions[question.number] = question
            self._wake()
        question.over.wait(timeout_s)
        with self._lock:
            self._used = time.monotonic()
            if not question.over.is_set():
                del self._questions[question.number]
                self._taken_back.append(question.number)
                self._wake()
                raise NotReady(what=f"the model {question.model.name}", seconds=f"{timeout_s:g}")
        if question.failure is not None:
            raise ModelFailed(question.failure)
        return question.answers

    def state(self, key: str) -> State:
        with self._lock:
            if self._refusal(key) is not None:
                return "failed"
            asked = any(one.model.key == key for one in self._questions.values())
            return self._states.get(key, "loading" if asked else "cold")

    def why(self, key: str) -> str | None:
        """Why a model has failed."""
        with self._lock:
            return self._refusal(key)

    def info(self, key: str) -> dict[str, Any] | None:
        with self._lock:
            found = self._of(key).info
            return dict(found) if found is not None else None

    def close(self) -> None:
        """End the child. Questions that are open fail."""
        with self._lock:
            self._closed = True
            thread, self._thread = self._thread, None
            self._wake()
        if thread is not None:
            thread.join()

    def __del__(self) -> None:
        for stream in (self._bell, self._ring):
            with suppress(OSError):
                os.close(stream)

    def _refusal(self, key: str) -> str | None:
        """Why nothing is asked of a model now."""
        if not self._installed:
            self._installed = installed()
        return self._of(key).failed() if self._installed else NOT_INSTALLED

    def _of(self, key: str) -> Luck:
        return self._luck.setdefault(key, Luck())

    def _wake(self) -> None:
        """With the lock held."""
        if not self._closed and (self._thread is None or not self._thread.is_alive()):
            self._thread = threading.Thread(target=self._run, name="models", daemon=True)
            self._thread.start()
        with suppress(BlockingIOError):
            os.write(self._ring, b"!")

    # --- the thread ---------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._closed:
            try:
                self._turn()
            except Exception as error:
                log.exception("the models' process is not understood and is ended")
                self._lose(self._child, f"it was not understood: {type(error).__name__}: {error}"[:400])
        with self._lock:
            child = self._child
            self._forget()
            for question in self._questions.values():
                question.fail(_STOPPING)
            self._questions.clear()
        if child is not None:
            child.end()

    def _turn(self) -> None:
        """One thing: start the child, end it, or feed it and hear what it says."""
        child, seconds = self._child, None
        if child is None:
            self._begin()
            return
        if (hung := child.hung()) is not None:
            self._lose(child, hung)
            return
        with self._lock:
            done = self._idle() and time.monotonic() >= self._used + self._idle_s
            if done:
                self._forget()
            else:
                self._feed(child)
                seconds = self._seconds_left(child)
        if done:
            child.end()
            return
        heard, ended = child.wait(self._bell, seconds)
        self._silence()
        with self._lock:
            for header, payload in heard:
                self._hear(child, header, payload)
        if ended:
            self._lose(child, child.end(_DEATH_S))

    def _begin(self) -> None:
        """Start a child, once something is asked."""
        with self._lock:
            asked = bool(self._questions)
        if not asked:
            poll = select.poll()
            poll.register(self._bell, select.POLLIN)
            poll.poll()
            self._silence()
            return
        try:
            child = Child(self._command, self._patience)
        except OSError as error:
            self._lose(None, f"its process cannot be started: {error.strerror or error}")
            return
        with self._lock:
            self._child = child

    def _lose(self, child: Child | None, why: str) -> None:
        """The child is dead, or shall be, or there is none to be had."""
        with self._lock:
            self._died(why)
        if child is not None:
            child.end()

    def _silence(self) -> None:
        with suppress(BlockingIOError):
            os.read(self._bell, 4096)

    # --- the thread, with the lock held --------------------------------------------------------------

    def _feed(self, child: Child) -> None:
        for number in self._taken_back:
            child.send({"cancel": number})
        self._taken_back.clear()
        for question in self._questions.values():
            if not question.sent:
                model = question.model
                if model.key not in child.known:
                    child.known.add(model.key)
                    child.send({"know": introduce(model, self._of(model.key).info)})
                child.send(question.wire())
                self._states.setdefault(model.key, "loading")
                question.sent = True

    def _idle(self) -> bool:
        return not self._questions and "loading" not in self._states.values()

    def _seconds_left(self, child: Child) -> float | None:
        """Until the child may have hung, or have been idle for long; None for ever."""
        left = child.seconds_left()
        if self._idle():
            idle = max(0.0, self._used + self._idle_s - time.monotonic())
            left = idle if left is None else min(left, idle)
        return left

    def _hear(self, child: Child, header: Header, payload: bytes) -> None:
        if "ready" in header:
            child.ends("start")
        elif "begin" in header:
            child.begins("unit")
            self._running = header["begin"]
        elif "model" in header:
            self._hear_of_model(child, header)
        else:
            child.ends("unit")
            self._running = None
            question = self._questions.get(header["id"])
            if question is None:
                return  # it was taken back
            question.hear(header, payload)
            if question.over.is_set():
                del self._questions[question.number]
                self._used = time.monotonic()

    def _hear_of_model(self, child: Child, header: Header) -> None:
        key, state = header["model"], header["state"]
        if state == "loading":
            child.begins("load")
            self._states[key] = "loading"
            return
        self._states.pop(key, None)
        if state == "dropped":
            return
        child.ends("load")
        self._used = time.monotonic()
        if state == "warm":
            self._states[key] = "warm"
            self._of(key).loaded(header["info"])
        else:
            self._give_up(key, header["why"])

    def _give_up(self, key: str, why: str) -> None:
        log.warning("the model %s does not run: %s", key, why)
        self._of(key).give_up(why)
        for question in [one for one in self._questions.values() if one.model.key == key]:
            question.fail(why)
            del self._questions[question.number]

    def _died(self, why: str) -> None:
        log.warning("the models' process is gone: %s", why)
        warm = {key for key, state in self._states.items() if state == "warm"}
        waiting = ({*self._states} | {one.model.key for one in self._questions.values()}) - warm
        for question in list(self._questions.values()):
            if question.sent and question.model.key in warm:
                question.lose(why, question.number == self._running)
                if question.over.is_set():
                    del self._questions[question.number]
            else:
                question.unsend()
        self._forget()
        for key in waiting:
            luck = self._of(key)
            luck.deaths += 1
            if luck.deaths >= STARTS:
                self._give_up(key, why)

    def _forget(self) -> None:
        self._child = self._running = None
        self._states.clear()
        self._taken_back.clear()
