"""A model of which a test knows what it will say: the vector of a text is the sum of one random vector for each word.

``Host`` stands in for ``ml.host.ModelHost``. A picture is a file with words in it. Cosines of texts without a common
word are below 0.4 (256 dimensions), of those with half their words in common near 0.5.
"""

from __future__ import annotations

import json
import threading
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from albumsd.brain.calibration import Floors
from albumsd.core.errors import NotReady
from albumsd.core.facts import Problem
from albumsd.ml.errors import ModelFailed
from albumsd.ml.folders import Model, describe
from albumsd.store import model_jobs, scanning
from albumsd.store.database import Tx
from albumsd.store.embeddings import Part, put
from albumsd.store.embeddings import Tower as Tower

DIMENSIONS = 256
SMALL = frozenset(("a", "an", "the", "on", "of", "in", "at"))


def vector(text: str, salt: str = "") -> NDArray[np.float32]:
    """The unit vector of a text. ``salt``: another model, another space."""
    words = [word for word in text.split() if word not in SMALL] or [text]
    seeds = [zlib.crc32((salt + word).encode()) for word in words]
    total = np.sum([np.random.default_rng(seed).standard_normal(DIMENSIONS) for seed in seeds], axis=0)
    return (total / np.linalg.norm(total)).astype(np.float32)


class Host:
    """Answers at once, unless ``states`` or ``late`` say otherwise, or ``gate`` is shut. ``asked``: what was encoded."""

    def __init__(self) -> None:
        self.states: dict[str, str] = {}
        self.late = False
        self.gate = threading.Event()
        self.gate.set()
        self.asked: list[str] = []
        self.closed = False

    def state(self, model: Model) -> str:
        return self.states.get(model.key, "warm")

    def why(self, model: Model) -> str | None:
        return "it is broken" if self.state(model) == "failed" else None

    def info(self, model: Model) -> dict[str, Any] | None:
        return {"device": "cpu", "dtype": "float32", "images_per_s": 9.0, "batch": 8}

    def _check(self, model: Model) -> None:
        if self.state(model) == "failed" or self.closed:
            raise ModelFailed("it is broken")
        if self.late:
            raise NotReady(what=model.name, seconds=1)

    def encode_texts(self, model: Model, texts: Sequence[str], timeout_s: float) -> NDArray[np.float32]:
        self.gate.wait()
        self._check(model)
        self.asked += texts
        return np.array([vector(text, model.name) for text in texts], np.float32).reshape(-1, DIMENSIONS)

    def encode_images(
        self, model: Model, paths: Sequence[str | Path], timeout_s: float, *, busy: bool = False
    ) -> list[NDArray[np.float32] | Problem]:
        self._check(model)
        return [_seen(Path(path), model.name) for path in paths]

    def captions(
        self, model: Model, paths: Sequence[str | Path], timeout_s: float, *, busy: bool = False
    ) -> list[str | Problem]:
        self._check(model)
        return [_read(Path(path)) for path in paths]

    def close(self) -> None:
        self.closed = True
        self.gate.set()


class Floor(Floors):
    """A floor that has nothing to do with the query; ``kinds`` holds of what each was asked."""

    def __init__(self, tower: Any, folder: Path) -> None:
        super().__init__(tower, folder)
        self.floor = 0.45
        self.kinds: list[str] = []
        self.settled: list[bool] = []

    def floors(self, mirror: Any, vector: NDArray[np.float32], kind: str) -> dict[str, float]:
        self.kinds.append(kind)
        return {"image": self.floor, "text": self.floor + 0.2}

    def learn(self, mirror: Any, settled: bool = False) -> bool:
        self.settled.append(settled)
        return False


def passed(tx: Tx, of: Model) -> None:
    """What the indexer writes when its pass for ``of`` has ended."""
    said = f"1/{of.key}"
    known = model_jobs.fingerprints(tx, "embed")
    numbers = {said: known.next, **known.numbers}
    model_jobs.remember_fingerprints(tx, "embed", model_jobs.Fingerprints(said, numbers, known.next + 1))
    scanning.remember_stage(tx, "embed", numbers[said])


def _read(path: Path) -> str | Problem:
    return path.read_text() if path.exists() else Problem("corrupt", "it is not there")


def _seen(path: Path, salt: str) -> NDArray[np.float32] | Problem:
    words = _read(path)
    return words if isinstance(words, Problem) else vector(words, salt)


def folder(models: Path, name: str, notes: dict[str, Any] | None = None, *, coca: bool = False) -> Path:
    """A folder that ``ml.folders.describe`` takes for a model; there is nothing in its weights."""
    place = models / name
    place.mkdir(parents=True)
    config: dict[str, Any] = {"model_cfg": {"embed_dim": DIMENSIONS, "vision_cfg": {"image_size": 32}, "text_cfg": {}}}
    if coca:
        config["model_cfg"]["multimodal_cfg"] = {}
    (place / "open_clip_config.json").write_text(json.dumps(config))
    (place / "open_clip_model.safetensors").write_bytes(name.encode())
    if notes is not None:
        (place / "albumsd.json").write_text(json.dumps(notes))
    return place


def model(models: Path, name: str, notes: dict[str, Any] | None = None) -> Model:
    return describe(str(folder(models, name, notes)), models)


def embed(tx: Tx, asset: int, of: Model, *texts: str, tower: Tower = "image") -> None:
    """Give an asset vectors: what ``of`` makes of these texts."""
    put(tx, asset, of, [Part(tower, vector(text, of.name).astype("<f2").tobytes()) for text in texts])
