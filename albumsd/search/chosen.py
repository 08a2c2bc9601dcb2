"""Whether a model is chosen just now, so that a search waits for meaning: brain knows, and says so in its row.

A process reads the settings when it starts, and `albumsd models use` changes them under a running mount; brain follows
the file and tells what it found (``store.processes``). Its word holds while it is there, and after it was killed when
it spoke later than the settings were read. Otherwise, and as long as brain has not looked yet, the settings tell.
"""

from __future__ import annotations

from typing import Any

from albumsd.core.config import Config
from albumsd.store import lookups, processes
from albumsd.store.database import Tx

BRAIN = "brain"


def told(tx: Tx, read_ns: int) -> dict[str, Any] | None:
    """What brain says of itself; None when it is away. ``read_ns``: when the caller has read the settings."""
    there = processes.living(tx).get(BRAIN)
    if there:
        return there.detail
    at_ns, detail = lookups.last_word(tx, BRAIN) or (0, {})
    return detail if at_ns > read_ns else None


def is_chosen(tx: Tx, config: Config, read_ns: int) -> bool:
    """Whether meaning is wanted of a search. One point read: no process is asked."""
    detail = told(tx, read_ns) or {}
    if detail.get("model"):
        return True
    looked = detail.get("stages") is not None
    return not looked and bool(config["model"])
