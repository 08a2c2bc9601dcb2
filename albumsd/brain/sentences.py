"""The vectors of sentences that do not change, kept on the disk: of the bank of floors, of the prompts of a vocabulary.

A thousand prompts take a text tower half a minute; who needs them waits once for each model. A file holds the
sentences with their vectors, so what it is of is never in doubt; one that is damaged or of other sentences is made
again. Files lie in the cache: they may go at any time.
"""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from albumsd.ml.folders import Model

Floats = NDArray[np.float32]

ENCODE_S = 600.0
"""For a thousand sentences on a slow machine, and to load the model."""


class TextTower(Protocol):
    """What is needed of ``ml.host.ModelHost``."""

    def state(self, spec: Model | str) -> str: ...
    def encode_texts(self, spec: Model | str, texts: Sequence[str], timeout_s: float) -> Floats: ...


class Sentences:
    """Safe for several threads; two that come first may both ask the model, and get the same."""

    def __init__(self, tower: TextTower, folder: Path) -> None:
        self._tower = tower
        self._folder = folder
        self._held: dict[tuple[str, str], tuple[tuple[str, ...], Floats]] = {}

    def get(self, model: Model, name: str, texts: Sequence[str], wake: bool = True) -> Floats | None:
        """Unit vectors (n, dimensions) of ``texts``; ``name`` says what they are for.

        None when they are not kept and ``wake`` is False while the model is not in memory. Raises ModelFailed and
        NotReady.
        """
        key, wanted = (model.key, name), tuple(texts)
        held = self._held.get(key)
        if held is not None and held[0] == wanted:
            return held[1]
        file = self._folder / f"{name}-{model.key.replace('/', '_')}.npz"
        vectors = _read(file, wanted)
        if vectors is None:
            if not wake and self._tower.state(model) != "warm":
                return None
            vectors = np.asarray(self._tower.encode_texts(model, wanted, ENCODE_S), np.float32)
            _write(file, wanted, vectors)
        self._held[key] = wanted, vectors
        return vectors


def _read(file: Path, texts: tuple[str, ...]) -> Floats | None:
    try:
        with np.load(file) as kept:
            if tuple(kept["texts"].tolist()) == texts:
                return np.asarray(kept["vectors"], np.float32)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        pass
    return None


def _write(file: Path, texts: tuple[str, ...], vectors: Floats) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f".{file.name}.new")
    with part.open("wb") as sink:
        np.savez(sink, texts=np.array(texts), vectors=vectors)
    part.replace(file)
