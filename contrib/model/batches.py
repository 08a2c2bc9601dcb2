"""What a training step sees: pictures, texts, and how well each text fits each picture."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from .network import MEAN, STD
from .nonsense import nothing
from .wording import Wording, changed, describe, some_attributes
from .words import SIZES

SKIP = -100
_STARTS = np.cumsum([0, *SIZES[:-1]])


@dataclass(frozen=True, slots=True)
class Texts:
    """m texts. ``tokens`` (m, context); ``fits`` (m, sum of SIZES), see ``Wording.array``; ``said`` bool (m, 5);
    ``values`` (m, 5): the one value meant, ``SIZES[a]`` when nothing is said about attribute ``a``, ``SKIP`` when
    several are meant; ``nothing`` bool (m,)."""

    tokens: torch.Tensor
    fits: torch.Tensor
    said: torch.Tensor
    values: torch.Tensor
    nothing: torch.Tensor


def _values(wording: Wording) -> list[int]:
    if wording.nothing:
        return [SKIP] * 5
    out = []
    for fit, size in zip(wording.fits, SIZES, strict=True):
        if fit is None:
            out.append(size)
        else:
            meant = [at for at, share in enumerate(fit) if share == 1]
            out.append(meant[0] if len(meant) == 1 else SKIP)
    return out


def texts(wordings: list[Wording], tokenizer: Any) -> Texts:
    return Texts(
        tokenizer([wording.text for wording in wordings]),
        torch.from_numpy(np.stack([wording.array() for wording in wordings])),
        torch.tensor([[fit is not None or wording.nothing for fit in wording.fits] for wording in wordings]),
        torch.tensor([_values(wording) for wording in wordings]),
        torch.tensor([wording.nothing for wording in wordings]),
    )


def fit_matrix(written: Texts, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """(fit, weight, misses), each float32 (m texts, n pictures).

    ``fit`` is the product over the attributes; ``misses`` counts the attributes that are wrong. Weight 0 where nobody
    can tell: a toned picture under a text that does not speak of colours. A picture without a scene fits nothing.
    """
    scene = labels[:, 2] >= 0
    toned = scene & (labels[:, 1] < 0)
    index = labels.clamp(min=0) + torch.from_numpy(_STARTS)
    parts = written.fits[:, index.reshape(-1)].reshape(len(written.fits), len(labels), 5).clone()
    parts[:, toned, 1] = torch.where(written.said[:, 1, None], 0.0, 1.0).expand(-1, int(toned.sum()))
    parts[:, ~scene] = 0.0
    fit = parts.prod(-1)
    misses = (parts == 0).sum(-1).float()
    weight = torch.ones_like(fit)
    weight[:, toned] = (fit[:, toned] == 0).float()
    return fit, weight, misses


def wordings_for(labels: NDArray[np.int8], rng: random.Random, words: tuple[str, ...]) -> list[Wording]:
    """For each picture a text that fits; for most of them one that nearly does, for some one that fits nothing."""
    out: list[Wording] = []
    for row in labels:
        values = tuple(int(value) for value in row)
        if values[2] < 0:
            values = tuple(rng.randrange(size) for size in SIZES)
        mentioned = some_attributes(rng)
        out.append(describe(rng, values, mentioned))
        if rng.random() < 0.9:
            if rng.random() < 0.5:
                mentioned = some_attributes(rng)
            out.append(describe(rng, changed(rng, values, mentioned), mentioned))
        if rng.random() < 0.4:
            out.append(nothing(rng, words, values))
    return out


def picture_batch(
    pixels: NDArray[np.uint8], rng: np.random.Generator, move: int = 3, mirror: bool = True
) -> torch.Tensor:
    """Normalised float32 (n, 3, side, side): mirrored, moved by up to ``move`` pixels, a little brighter or darker."""
    n, side = len(pixels), pixels.shape[1]
    padded = np.pad(pixels, ((0, 0), (move, move), (move, move), (0, 0)), mode="edge")
    across, down = rng.integers(0, 2 * move + 1, (2, n))
    mirrored = (rng.random(n) < 0.5) & mirror
    out = np.empty_like(pixels)
    for at in range(n):
        one = padded[at, down[at] : down[at] + side, across[at] : across[at] + side]
        out[at] = one[:, ::-1] if mirrored[at] else one
    bright = rng.uniform(0.93, 1.07, (n, 1, 1, 1)).astype(np.float32) * rng.uniform(0.97, 1.03, (n, 1, 1, 3)).astype(
        np.float32
    )
    noise = rng.standard_normal((n, side, side, 1), np.float32) * rng.uniform(0, 0.02, (n, 1, 1, 1)).astype(np.float32)
    values = np.clip(out.astype(np.float32) / 255 * bright + noise, 0, 1)
    return normalised(values)


def normalised(values: NDArray[np.float32]) -> torch.Tensor:
    """Shares 0 to 1, (n, side, side, 3), as the model takes them: (n, 3, side, side), channels last in memory."""
    shifted = (values - np.array(MEAN, np.float32)) / np.array(STD, np.float32)
    return torch.from_numpy(shifted).permute(0, 3, 1, 2)
