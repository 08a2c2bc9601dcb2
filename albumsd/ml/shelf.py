"""The models that the child holds: at most three, so that one answers texts while the next embeds and another captions.

A model is loaded by a thread of its own, during which those that are there go on working. The least recently used one
makes room before another is loaded, but never the one that was asked for a text last: somebody waits for its next
answer, for the others only work does. Each step is told to the parent: ``loading``, then ``warm`` or ``failed``;
``dropped``. What failed takes the calls that wait for it along, and is tried again when another one comes.

Shared state is under ``_lock``: the desk asks, the loading thread changes.
"""

from __future__ import annotations

import ctypes
import gc
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from .errors import ModelFailed

ROOM = 3

Tell = Callable[[dict[str, Any]], None]


class Loaded(Protocol):
    """What the shelf and the desk need to know of ``clip.Encoder``."""

    batches: dict[str, int]
    info: dict[str, Any]
    geometry: Sequence[Callable[[Any], Any]]

    def use_threads(self, threads: int) -> None: ...


class Shelf:
    """``load`` makes a model of a description; ``tell`` tells the parent.

    ``wake`` is called when a model is there, ``drop`` with its key when it could not be loaded.
    """

    def __init__(self, load: Callable[[dict[str, Any]], Loaded], tell: Tell) -> None:
        self._load, self._tell = load, tell
        self.wake: Callable[[], None] = lambda: None
        self.drop: Callable[[str], None] = lambda key: None
        self._lock = threading.Condition()
        self._known: dict[str, dict[str, Any]] = {}
        self._loaded: OrderedDict[str, Loaded] = OrderedDict()
        self._wanted: list[str] = []  # to be loaded; the first one is being loaded
        self._answering = ""  # was asked for a text last
        threading.Thread(target=self._run, name="loader", daemon=True).start()

    def know(self, description: dict[str, Any]) -> None:
        with self._lock:
            self._known[description["key"]] = description

    def want(self, key: str) -> None:
        """Load it, unless it is there or on the way."""
        with self._lock:
            if key not in self._loaded and key not in self._wanted:
                self._wanted.append(key)
                self._lock.notify_all()

    def get(self, key: str, kind: str) -> Loaded | None:
        """The model for a call of that kind, if it is there; it counts as used now."""
        with self._lock:
            if kind == "texts":
                self._answering = key
            found = self._loaded.get(key)
            if found is not None:
                self._loaded.move_to_end(key)
            return found

    def _run(self) -> None:
        while True:
            with self._lock:
                while not self._wanted:
                    self._lock.wait()
                key = self._wanted[0]
                description = self._known[key]
                spare = [other for other in self._loaded if other != self._answering]
                dropped = spare[: max(0, len(self._loaded) - ROOM + 1)]
                for other in dropped:
                    del self._loaded[other]
            for other in dropped:
                self._tell({"model": other, "state": "dropped"})
            if dropped:
                _return_memory()
            self._tell({"model": key, "state": "loading"})
            loaded: Loaded | None = None
            try:
                loaded = self._load(description)
                answer = {"model": key, "state": "warm", "info": loaded.info}
            except Exception as error:
                why = error.why if isinstance(error, ModelFailed) else f"{type(error).__name__}: {error}"[:400]
                answer = {"model": key, "state": "failed", "why": why}
            _return_memory()
            if loaded is None:
                self.drop(key)  # while it still counts as wanted: nobody asks for it in between
            self._tell(answer)
            with self._lock:
                self._wanted.pop(0)
                if loaded is not None:
                    self._loaded[key] = loaded
                    description["hint"] = loaded.info  # found out once
            del loaded
            self.wake()


def _return_memory() -> None:
    """What a dropped model held, or what was only needed to load one, goes back to the system."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
