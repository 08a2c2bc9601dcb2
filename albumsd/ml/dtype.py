"""In which numbers a model runs, found by trying.

On a CPU bfloat16 is twice as fast as float32 where the processor has instructions for it, and several times slower
elsewhere; no flag tells it as well as two batches of each. Always the weights themselves are converted: autocast costs
seconds per call on a CPU. float32 is kept unless the other is clearly faster. On CUDA half numbers are always faster.
"""

from __future__ import annotations

import copy
import time
from typing import Any

NAMES = ("float32", "bfloat16", "float16")

CLEARLY = 1.15
"""How many times faster bfloat16 must be to be taken."""

_ROUNDS = 2
_CPU_BATCH = 4
_CUDA_BATCH = 64


def settle(model: Any, side: tuple[int, int], device: str, asked: str = "auto") -> tuple[Any, str, float]:
    """The model on the device, the name of its numbers, its pictures per second. ``side`` is (height, width)."""
    import torch

    if asked == "auto" and device != "cpu":
        asked = "bfloat16" if torch.cuda.is_bf16_supported() else "float16"
    if asked != "auto":
        model = model.to(device=device, dtype=getattr(torch, asked))
        _seconds(model, side, device, asked)
        return model, asked, 1 / min(_seconds(model, side, device, asked) for _ in range(_ROUNDS))
    both = {"float32": model, "bfloat16": copy.deepcopy(model).to(torch.bfloat16)}
    seconds = {name: _seconds(one, side, device, name) for name, one in both.items()}
    if seconds["bfloat16"] > 3 * seconds["float32"]:  # what is that much slower needs no closer look
        return model, "float32", 1 / seconds["float32"]
    rounds = [{name: _seconds(one, side, device, name) for name, one in both.items()} for _ in range(_ROUNDS)]
    best = {name: min(one[name] for one in rounds) for name in both}
    name = faster(best["float32"], best["bfloat16"])
    return both[name], name, 1 / best[name]


def faster(float32_s: float, bfloat16_s: float) -> str:
    """The name of what to take, float32 when there is not much in it."""
    return "bfloat16" if float32_s > CLEARLY * bfloat16_s else "float32"


def _seconds(model: Any, side: tuple[int, int], device: str, name: str) -> float:
    """Of one picture, in a batch."""
    import torch

    size = _CPU_BATCH if device == "cpu" else _CUDA_BATCH
    batch = torch.zeros((size, 3, *side), device=device, dtype=getattr(torch, name))
    start = time.perf_counter()
    model.encode_image(batch)
    if device != "cpu":
        torch.cuda.synchronize()
    return (time.perf_counter() - start) / size
