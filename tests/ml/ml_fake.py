"""The models' process with everything real but the models: no torch. ``python ml_fake.py`` with the worker's arguments.

Its folder, ``$ML_FAKE``, holds two pipes: what it is about to do is written into ``at``, a line each; ``gate`` gives
leave by one byte each time. What a model does is in its name and in its texts.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from albumsd.ml import clip, worker
from albumsd.ml.errors import ModelFailed

FOLDER = Path(os.environ["ML_FAKE"])


def at(what: str) -> None:
    with (FOLDER / "at").open("a") as pipe:
        pipe.write(what + "\n")


def leave() -> None:
    with (FOLDER / "gate").open("rb", buffering=0) as pipe:
        pipe.read(1)


class Fake:
    batches = {"pictures": 2, "captions": 2}
    dimensions = 2
    geometry: Sequence[Any] = ()
    info = {"device": "cpu", "dtype": "float32", "images_per_s": 7.0, "batch": 2}

    def __init__(self, wanted: dict[str, Any]) -> None:
        self.hint = wanted["hint"]
        self.words = (
            2000 if "wordy" in wanted["architecture"] else 1_000_000 if "endless" in wanted["architecture"] else 0
        )
        self.threads = 0

    def use_threads(self, threads: int) -> None:
        self.threads = threads

    def pictures(self, pictures: Sequence[Any]) -> Any:
        at(f"pictures {len(pictures)} threads {self.threads}")
        leave()
        return np.array([[1.0, np.nan if one[0, 0, 0] == 99 else 0.0] for one in pictures], dtype=np.float32)

    def texts(self, texts: Sequence[str]) -> Any:
        for text in texts:
            if text == "hang":
                signal.pause()
            if text == "die":
                os.kill(os.getpid(), signal.SIGKILL)
            if text == "leave":
                print("this is the reason", file=sys.stderr)
                os._exit(3)
            if text == "noise":
                print("noise", flush=True)
                os.write(1, b"\0\0\0\5noise")
            if text == "gate":
                at("text")
                leave()
            if text == "at":
                at("text")
            if text == "raise":
                raise ValueError("of no use")
        hinted = float(self.hint is not None)
        return np.array([[float(text != "empty"), hinted] for text in texts], dtype=np.float32)

    def captions(self, pictures: Sequence[Any], between: Callable[[], None]) -> list[str]:
        for _ in range(self.words):
            at(f"word threads {self.threads}")
            leave()
            between()
        return [f"{one.shape[1]} wide" for one in pictures]


def load(wanted: dict[str, Any], device: str, threads: int) -> Any:
    name = wanted["architecture"]
    if "told" in name:
        at(f"load {name}")
    if "gated" in name:
        leave()
    if "dying" in name:
        print("this is the reason", file=sys.stderr)
        os._exit(3)
    if "bad" in name:
        raise ModelFailed("it is bad")
    return Fake(wanted)


clip.load = load  # type: ignore[assignment]

if __name__ == "__main__":
    sys.exit(worker.main())
