"""Vectors and captions for the rest of albumsd: questions from any thread, one child process that answers them.

The child starts with the first question and ends after ``idle_s`` without one. Every question has a deadline, after
which it raises NotReady and is taken back. That a model is still being loaded, or that others come first, is no reason
to end the child; that it hangs is (``keeper``). Texts go before pictures: a text waits at most for the batch that runs,
and where that is captions for a word of them.

No torch here: arrays of numpy come back. ``spec`` is a Model, or text that ``folders.describe`` understands.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.facts import Problem
from .child import PATIENCE, PROGRAM, Patience
from .folders import Model, describe
from .keeper import Keeper, State
from .questions import Question

Vector = NDArray[np.float32]
"""(dimensions,), unit length."""


class ModelHost:
    """Safe for use from any thread; a context manager that closes it.

    ``device``: auto, cpu, cuda or cuda:N. ``threads`` of the model on a CPU, 0 for all cores. ``models``: where bare
    names are looked up when a model is given as text. ``nice``: how much nicer the child is than this process.
    ``dtype``: float32, bfloat16 or float16; auto takes what is fastest here.
    """

    def __init__(
        self,
        idle_s: float,
        device: str = "auto",
        threads: int = 0,
        *,
        models: Path = Path(),
        nice: int = 0,
        dtype: str = "auto",
        patience: Patience = PATIENCE,
        program: Sequence[str] = PROGRAM,
    ) -> None:
        arguments = ["--device", device, "--threads", str(threads), "--nice", str(nice), "--dtype", dtype]
        self._keeper = Keeper([*program, *arguments], idle_s, patience)
        self._models = models
        self._numbers = itertools.count(1)

    def encode_texts(self, spec: Model | str, texts: Sequence[str], timeout_s: float) -> NDArray[np.float32]:
        """(n, dimensions), unit rows. Raises ModelFailed, NotReady; of a ``spec`` as text ModelMissing, ModelBad."""
        model = self._model(spec)
        if not texts:
            return np.zeros((0, model.dimensions), dtype=np.float32)
        return np.stack(self._ask("texts", model, texts, timeout_s, False))

    def encode_images(
        self, spec: Model | str, paths: Sequence[str | Path], timeout_s: float, *, busy: bool = False
    ) -> list[Vector | Problem]:
        """One unit vector per path, or the Problem of that file. Raises as ``encode_texts``.

        ``busy``: others are decoding, so leave them a core. Questions of several batches (``info``: ``batch``), or
        several questions at a time, go fastest: what comes next is decoded while the model runs.
        """
        return self._ask("pictures", self._model(spec), [os.fspath(path) for path in paths], timeout_s, busy)

    def captions(
        self, spec: Model | str, paths: Sequence[str | Path], timeout_s: float, *, busy: bool = False
    ) -> list[str | Problem]:
        """One line per path (which may be empty), or the Problem of that file. Raises as ``encode_texts``."""
        return self._ask("captions", self._model(spec), [os.fspath(path) for path in paths], timeout_s, busy)

    def state(self, spec: Model | str) -> State:
        return self._keeper.state(self._model(spec).key)

    def why(self, spec: Model | str) -> str | None:
        """One sentence about a model that has failed; None for all others."""
        return self._keeper.why(self._model(spec).key)

    def info(self, spec: Model | str) -> dict[str, Any] | None:
        """``{device, dtype, images_per_s, batch, caption_batch}``, known once it was loaded for the first time."""
        return self._keeper.info(self._model(spec).key)

    def close(self) -> None:
        """End the child. Questions that are open raise ModelFailed."""
        self._keeper.close()

    def __enter__(self) -> ModelHost:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _model(self, spec: Model | str) -> Model:
        return spec if isinstance(spec, Model) else describe(spec, self._models)

    def _ask(self, kind: str, model: Model, items: Sequence[str], timeout_s: float, busy: bool) -> list[Any]:
        if not items:
            return []
        return self._keeper.ask(Question(next(self._numbers), kind, model, items, busy), timeout_s)
