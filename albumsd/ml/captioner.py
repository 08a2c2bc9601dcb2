"""Captions by a CoCa of open_clip's, word by word, always the likeliest next one (greedy decoding).

open_clip's own ``generate`` leans on parts of transformers that its newer versions no longer have; this needs none. It
is ``generate(generation_type="top_k", top_k=1)`` without a least length. The decoder sees the picture's tokens and all
words so far, so a caption of n tokens costs n passes of the two text towers; pictures of one batch go together. That is
seconds on a CPU, a tenth of one for each pass: between two of them others have their turn.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

LONGEST = 30
"""Tokens of a caption, the marks of its start and end included: what open_clip's own generation takes."""


_TIMED = 2
"""Captions of the batch that is timed."""


def longest_of(model: Any) -> int:
    return int(min(LONGEST, model.text.context_length, model.context_length))


def greedy(model: Any, pixels: Any, start: int, end: int, between: Callable[[], None]) -> list[list[int]]:
    """The tokens of one caption per picture, without the marks. ``pixels`` is the model's input (n, 3, h, w).

    ``between`` is called after each pass.
    """
    import torch

    longest = longest_of(model)
    latent, tokens = model._encode_image(pixels)
    ids = torch.full((len(pixels), 1), start, dtype=torch.long, device=pixels.device)
    done = torch.zeros(len(pixels), dtype=torch.bool, device=pixels.device)
    while ids.shape[1] < longest and not bool(done.all()):
        logits = model(pixels, ids, image_latent=latent, image_embs=tokens, output_labels=False)["logits"]
        following = logits[:, -1].argmax(-1)
        following[done] = end
        done |= following == end
        ids = torch.cat([ids, following[:, None]], 1)
        between()
    found = ids[:, 1:].tolist()
    return [row[: row.index(end)] if end in row else row for row in found]


def seconds(model: Any, side: tuple[int, int], dtype: Any) -> float:
    """Of one caption's share in the longest pass of a batch, on a CPU. ``side`` is (height, width)."""
    import torch

    with torch.inference_mode():
        pixels = torch.zeros((_TIMED, 3, *side), dtype=dtype)
        latent, tokens = model._encode_image(pixels)
        ids = torch.zeros((_TIMED, longest_of(model) - 1), dtype=torch.long)
        times = []
        for _ in range(2):
            began = time.perf_counter()
            model(pixels, ids, image_latent=latent, image_embs=tokens, output_labels=False)
            times.append(time.perf_counter() - began)
    return min(times) / _TIMED


def clean(text: str) -> str:
    """One line as a person would write it: no marks, no doubled spaces, none before a stop, no full stop at the end."""
    text = re.sub(r"<(?:start|end)_of_text>", " ", text)
    text = " ".join("".join(one if one.isprintable() else " " for one in text).split())
    text = re.sub(r"\s+([,.;:!?%)\]])", r"\1", text)
    text = re.sub(r"(\w)\s+('(?:s|t|re|ve|m|ll|d)\b)", r"\1\2", text)
    return text.rstrip(" .")
