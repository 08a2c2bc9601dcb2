"""Captions by a CoCa of open_clip's, word by word, always the likeliest next one (greedy decoding).

open_clip's own ``generate`` leans on parts of transformers that its newer versions no longer have; this needs none. It
is ``generate(generation_type="top_k", top_k=1)`` without a least length. The decoder sees the picture's tokens and all
words so far, so a caption of n tokens costs n passes of the two text towers; pictures of one batch go together.
"""

from __future__ import annotations

import re
from typing import Any

LONGEST = 30
"""Tokens of a caption, the marks of its start and end included: what open_clip's own generation takes."""


def greedy(model: Any, pixels: Any, start: int, end: int, longest: int = LONGEST) -> list[list[int]]:
    """The tokens of one caption per picture, without the marks. ``pixels`` is the model's input (n, 3, h, w)."""
    import torch

    longest = min(longest, model.text.context_length, model.context_length)
    latent, tokens = model._encode_image(pixels)
    ids = torch.full((len(pixels), 1), start, dtype=torch.long, device=pixels.device)
    done = torch.zeros(len(pixels), dtype=torch.bool, device=pixels.device)
    while ids.shape[1] < longest and not bool(done.all()):
        logits = model(pixels, ids, image_latent=latent, image_embs=tokens, output_labels=False)["logits"]
        following = logits[:, -1].argmax(-1)
        following[done] = end
        done |= following == end
        ids = torch.cat([ids, following[:, None]], 1)
    found = ids[:, 1:].tolist()
    return [row[: row.index(end)] if end in row else row for row in found]


def clean(text: str) -> str:
    """One line as a person would write it: no marks, no doubled spaces, none before a stop, no full stop at the end."""
    text = re.sub(r"<(?:start|end)_of_text>", " ", text)
    text = " ".join("".join(one if one.isprintable() else " " for one in text).split())
    text = re.sub(r"\s+([,.;:!?%)\]])", r"\1", text)
    text = re.sub(r"(\w)\s+('(?:s|t|re|ve|m|ll|d)\b)", r"\1\2", text)
    return text.rstrip(" .")
