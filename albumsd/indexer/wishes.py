"""Whether brain has followed the settings: which models they name may have been changed a moment ago.

brain reads the settings again within a second or so and then says which models it works with, in its row of
``process``. Until it has, what follows from the change is not asked for yet, and the library must not be taken for one
at rest (`albumsd models use` and then `albumsd wait`). What the settings name cannot be compared with what brain says,
since a model is described by reading its weights: but whatever brain says after the change that it did not say before
is the answer. Where the change changes nothing for brain there is none, so the waiting has an end.

``stamp`` is for any thread; a ``Wishes`` belongs to the runner's.
"""

from __future__ import annotations

import logging
from typing import Any

from albumsd.core import config as configuration
from albumsd.core.config import Config
from albumsd.core.errors import ConfigError
from albumsd.store.processes import Process

log = logging.getLogger(__name__)

PATIENCE_S = 30.0
"""For so long brain is waited for: it hashes the weights of a model that it has not seen, and may be busy."""
MATTER = ("model", "captioner", "models", "vocabulary", "demo")
"""Settings on which it depends what brain does."""

Stamp = tuple[int, int]
"""Of the settings' file: mtime in ns and size; zeros when it is not there."""


def stamp(config: Config) -> Stamp:
    """Another one when the settings were changed."""
    try:
        found = configuration.settings_file(config).stat()
    except OSError:
        return 0, 0
    return found.st_mtime_ns, found.st_size


class Wishes:
    """``look`` from time to time; ``open`` as long as brain owes an answer. ``seen``: the settings at the last look."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self.seen: Stamp | None = None
        self._said: tuple[Any, ...] | None = None  # by brain, at the last look
        self._until = float("-inf")  # so long it is waited for
        self._waking: int | None = None  # the pid of a brain that has not said anything yet

    def look(self, brain: Process | None, now: float) -> None:
        """``brain``: its row, read before; None: it is not there, and nobody waits for it. ``now``: monotonic."""
        first, settings = self.seen is None, stamp(self._config)
        said = None
        if brain is not None:
            said = brain.pid, *(brain.detail.get(name) for name in ("stages", "model", "why"))
        before = said if first else self._said
        if settings != self.seen and self._reread():
            self._until = now + PATIENCE_S
        self.seen, self._said = settings, said
        if brain is None:
            self._until = float("-inf")
        elif brain.detail.get("stages") is None:
            if brain.pid != self._waking:
                self._waking, self._until = brain.pid, now + PATIENCE_S
        elif said != before:
            self._until = float("-inf")

    def open(self, now: float) -> bool:
        """Whether brain is still to say something new."""
        return now < self._until

    def _reread(self) -> bool:
        """Read the settings again. Whether any of those that matter is another."""
        try:
            config = configuration.reread(self._config)
        except ConfigError as error:  # half written, or a mistake: brain does not follow it either
            log.warning("the settings cannot be read again: %s", error)
            return False
        old, self._config = self._config, config
        return any(config[name] != old[name] for name in MATTER)
