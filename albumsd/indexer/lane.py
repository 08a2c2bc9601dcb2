"""Threads that read files or look at them, any of which may hang on a dead drive.

A hung thread cannot be killed. ``give_up`` starts another in its place, so that the lane keeps its width; the hung one
ends by itself when its disk answers. All threads are daemons: none keeps a process alive.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any


class Lane:
    """``width`` threads. ``submit`` and ``close`` may be called from any thread."""

    def __init__(self, width: int, name: str) -> None:
        self._name = name
        self._tasks: queue.SimpleQueue[tuple[Future[Any], Callable[..., Any], tuple[Any, ...]] | None] = (
            queue.SimpleQueue()
        )
        self._width = width
        self._lock = threading.Lock()
        self._lost: set[Future[Any]] = set()  # tasks whose threads end after them
        for _ in range(width):
            self._start()

    def _start(self) -> None:
        threading.Thread(target=self._run, name=self._name, daemon=True).start()

    def _run(self) -> None:
        while (task := self._tasks.get()) is not None:
            future, function, arguments = task
            if future.set_running_or_notify_cancel():
                try:
                    result = function(*arguments)
                except BaseException as error:  # it belongs to whoever waits for the future
                    future.set_exception(error)
                else:
                    future.set_result(result)
            with self._lock:
                if future in self._lost:
                    self._lost.discard(future)
                    return

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Run ``function(*arguments)`` in one of the threads."""
        future: Future[Any] = Future()
        self._tasks.put((future, function, arguments))
        return future

    def give_up(self, future: Future[Any]) -> None:
        """A task hangs, or waits and is wanted no more: cancel it, or replace the thread that is at it."""
        if future.cancel():
            return
        with self._lock:
            if future.done() or future in self._lost:
                return
            self._lost.add(future)
        self._start()

    def close(self) -> None:
        """Let idle threads end. Tasks that wait are not begun."""
        while True:
            try:
                task = self._tasks.get_nowait()
            except queue.Empty:
                break
            if task is not None:
                task[0].cancel()
        self.end()

    def end(self) -> None:
        """Let every thread end when nothing waits."""
        for _ in range(self._width):
            self._tasks.put(None)


def alone(function: Callable[..., Any], *arguments: Any) -> Future[Any]:
    """Run ``function(*arguments)`` in a thread of its own, which may hang without being in anybody's way."""
    lane = Lane(1, "alone")
    future = lane.submit(function, *arguments)
    lane.end()
    return future
