"""The vectors of sentences that do not change, kept on the disk: of the bank of floors, of the prompts of a vocabulary.

A thousand prompts take a text tower half a minute; who needs them waits once for each model. They are encoded one at a
time, so that the text of a person's query, which waits for the question before it, waits for a moment. On a CPU many at
once would be no faster, and on one that is busy ten times slower: their threads wait for each other.

A file holds the sentences with their vectors, so what it is of is never in doubt: of other sentences than are wanted
only those that are new are encoded, and one that is damaged is made again. Files lie in the cache and may go at any
time; those of models that are gone are removed (``sweep``).
"""

from __future__ import annotations

import os
import threading
import zipfile
from collections import defaultdict
from collections.abc import Collection, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from albumsd.ml.folders import Model

Floats = NDArray[np.float32]

ENCODE_S = 120.0
"""For a sentence on a slow machine, and to load the model."""


class TextTower(Protocol):
    """What is needed of ``ml.host.ModelHost``. Any exception is a failure of this call only."""

    def state(self, spec: Model) -> str: ...
    def encode_texts(self, spec: Model, texts: Sequence[str], timeout_s: float) -> Floats: ...


class Sentences:
    """Safe for several threads; of two that want the same, the second waits for what the first has made."""

    def __init__(self, tower: TextTower, folder: Path) -> None:
        self._tower = tower
        self._folder = folder
        self._held: dict[tuple[str, str], tuple[tuple[str, ...], Floats]] = {}
        self._making: defaultdict[tuple[str, str], threading.Lock] = defaultdict(threading.Lock)

    def get(self, model: Model, name: str, texts: Sequence[str], wake: bool = True) -> Floats | None:
        """Unit vectors (n, dimensions) of ``texts``; ``name`` says what they are for.

        None when they are not kept and ``wake`` is False while the model is not in memory, or while another thread is
        at it. Raises ModelFailed and NotReady.
        """
        key, wanted = (model.key, name), tuple(texts)
        if (found := self._known(key, wanted)) is not None:
            return found
        making = self._making[key]
        if not making.acquire(blocking=wake):
            return None
        try:
            if (found := self._known(key, wanted)) is not None:
                return found
            file = self._folder / file_name(name, model.key)
            vectors = _read(file, model.dimensions)
            missing = [text for text in dict.fromkeys(wanted) if text not in vectors]
            if missing and not wake and self._tower.state(model) != "warm":
                return None
            for text in missing:
                vectors[text] = self._tower.encode_texts(model, [text], ENCODE_S)[0]
            found = np.array([vectors[text] for text in wanted], np.float32).reshape(len(wanted), model.dimensions)
            if missing:
                with suppress(OSError):  # a disk that is full costs only the time to encode them again
                    write(file, texts=np.array(wanted), vectors=found)
            self._held[key] = wanted, found
            return found
        finally:
            making.release()

    def _known(self, key: tuple[str, str], wanted: tuple[str, ...]) -> Floats | None:
        held = self._held.get(key)
        return held[1] if held is not None and held[0] == wanted else None


def file_name(name: str, key: str) -> str:
    """Of the file about ``name`` of the model ``key``."""
    return f"{name}-{key.replace('/', '_')}.npz"


def write(file: Path, **arrays: NDArray[np.generic]) -> None:
    """Whole or not at all. Raises OSError."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f".{file.name}.new")
    with part.open("wb") as sink:
        np.savez(sink, **arrays)  # type: ignore[arg-type]  # numpy's stub takes them for allow_pickle
    part.replace(file)


def sweep(folder: Path, names: Collection[str], keys: Collection[str]) -> None:
    """Remove the files about ``names`` of all models but ``keys``."""
    kept = {file_name(name, key) for name in names for key in keys}
    with suppress(OSError):
        for entry in list(os.scandir(folder)):
            if entry.name not in kept and entry.name.endswith(".npz") and entry.name.partition("-")[0] in names:
                os.unlink(entry.path)


def read(file: Path) -> dict[str, NDArray[Any]]:
    """The arrays of a file that ``write`` has written; none of one that is not there or damaged."""
    try:
        with file.open("rb") as source, np.load(source) as kept:
            return dict(kept)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return {}


def _read(file: Path, dimensions: int) -> dict[str, Floats]:
    """Sentences with their vectors."""
    kept = read(file)
    if not {"texts", "vectors"} <= kept.keys():
        return {}
    texts, vectors = kept["texts"].tolist(), kept["vectors"]
    if vectors.shape != (len(texts), dimensions):
        return {}
    return dict(zip(texts, vectors.astype(np.float32), strict=True))
