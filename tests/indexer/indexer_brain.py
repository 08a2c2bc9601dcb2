"""A brain that answers as the real one does, with vectors that follow from what it was shown."""

from __future__ import annotations

import base64
import hashlib
import os
import struct
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from albumsd.core.config import Config
from albumsd.ipc import calls
from albumsd.store import embeddings
from albumsd.store.database import Database, Reader
from albumsd.store.processes import Pulse

DIMENSIONS = 4

Answer = dict[str, Any]


def vector(key: str, shown: str) -> bytes:
    """Four float16 numbers that say which model looked at what."""
    digest = hashlib.sha256(f"{key}\0{shown}".encode()).digest()
    return struct.pack("<4e", *(digest[at] / 256 for at in range(DIMENSIONS)))


class FakeBrain:
    """``announce`` writes its row, ``start`` opens its socket: each may be there without the other.

    ``calls`` is what it was asked: ``(stage, items, busy)``. ``bad``: for which items it answers a problem, by the name
    of a picture, the first words of a text, or the id of an asset. ``before`` is called before each answer.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self.calls: list[tuple[str, list[Any], bool]] = []
        self.bad: dict[str, tuple[str, str]] = {}
        self.none: str | None = None
        self.before: Callable[[str, list[Any]], None] = lambda stage, items: None
        self.choose("model")
        self._server: calls.Server | None = None

    def choose(self, name: str | None, vocabulary: str = "words", captioner: bool = True) -> None:
        """Another model; None: none."""
        self.name, self.key = name, f"{name}@{hashlib.sha256(str(name).encode()).hexdigest()[:12]}"
        self.stages = {
            "embed": self.key if name else None,
            "tags": f"{self.key}+{vocabulary}" if name and vocabulary else None,
            "caption": f"{self.key}+{vocabulary}+template" if name and captioner else None,
        }

    def announce(self, database: Database, **detail: Any) -> None:
        """Say in the library what it can do, as from a new process."""
        Pulse("brain").beat(database, "ready", model=self.name, device="cpu", why=None, stages=self.stages, **detail)

    def away(self, database: Database) -> None:
        """Be killed."""
        self.stop()
        with database.write() as tx:
            Pulse("brain").stop(tx)

    def start(self) -> None:
        self._server = calls.Server(self.config.run / "brain.sock", self.answer)

    def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    def items(self, stage: str) -> list[Any]:
        """Everything it was asked of one stage, in order."""
        return [item for asked, items, _ in self.calls if asked == stage for item in items]

    def asked(self, stage: str) -> Counter[str]:
        """How often it was shown a picture or text, or asked of an asset, by the last part of its name."""
        return Counter(_label(item) for item in self.items(stage))

    # ------------------------------------------------------------------------------------- its answers

    def answer(self, asked: Answer) -> Answer:
        stage = asked["ask"]
        if stage == "status":
            return {"state": "ready", "stages": self.stages}
        self.calls.append((stage, asked["items"], asked["busy"]))
        self.before(stage, asked["items"])
        if self.none is not None or self.stages[stage] is None:
            return {"none": self.none or "no model is chosen"}
        parts = [self._one(stage, item) for item in asked["items"]]
        if stage == "embed":
            return {"key": self.key, "name": self.name, "dimensions": DIMENSIONS, "items": parts}
        return {"of": self.stages[stage], "items": parts}

    def _one(self, stage: str, item: Any) -> Answer:
        if problem := self.bad.get(_label(item)):
            return {"problem": list(problem)}
        if stage == "embed":
            shown = [_shown(path) for path in item["pictures"]] if "pictures" in item else item["texts"]
            if None in shown:
                return {"problem": ["unreadable", "No such file"]}
            return {"vectors": [base64.b64encode(vector(self.key, part)).decode() for part in shown]}
        if stage == "tags":
            with Reader(self.config.database) as reader:
                model = embeddings.model_id(reader, self.key)
                rows = embeddings.of_asset(reader, item["asset"], model) if model else []
            return {"tags": [["seen", 0.5], [f"by {self.name}", 0.25]] if rows else []}
        return {"caption": f"what {self.name} sees"}


def _label(item: Any) -> str:
    if "asset" in item:
        return str(item["asset"])
    return os.path.basename(item["pictures"][0]) if "pictures" in item else str(item["texts"][0])


def _shown(path: str) -> str | None:
    try:
        return Path(path).read_bytes().hex()
    except OSError:
        return None
