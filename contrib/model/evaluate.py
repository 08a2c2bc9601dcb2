"""Figures on what training never saw: combinations, drawings, wordings and unknown words of their own.

python -m contrib.model.evaluate [FOLDER]
"""

from __future__ import annotations

import argparse
import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from albumsd.demo.draw import caption

from . import batches, network
from .nonsense import nothing
from .pictures import HELD_OUT, SCENES, held_out_pictures
from .wording import changed, describe, some_attributes
from .words import unknown_words


@torch.inference_mode()
def text_vectors(model: Any, tokenizer: Any, texts: list[str]) -> torch.Tensor:
    parts = [model.encode_text(tokenizer(texts[at : at + 256])) for at in range(0, len(texts), 256)]
    return F.normalize(torch.cat(parts), dim=-1)


@torch.inference_mode()
def picture_vectors(model: Any, pixels: NDArray[np.uint8]) -> torch.Tensor:
    parts = [
        model.encode_image(batches.normalised(pixels[at : at + 128].astype(np.float32) / 255))
        for at in range(0, len(pixels), 128)
    ]
    return F.normalize(torch.cat(parts), dim=-1)


def quick(model: Any, tokenizer: Any, floor: float | None = None) -> dict[str, float]:
    """Recall on the held-out combinations, and how well the floor decides (None: where the sigmoid is 1/2)."""
    was, _ = model.training, model.eval()
    pixels, labels = held_out_pictures()
    seen = picture_vectors(model, pixels)
    rng = random.Random("evaluate")
    chosen = sorted(HELD_OUT)
    own = text_vectors(model, tokenizer, [caption(SCENES[index], rng) for index in chosen])
    ranks = own @ seen.T
    right = torch.arange(len(chosen))
    out = {
        "recall@1 text to picture": (ranks.argmax(1) == right).float().mean().item(),
        "recall@1 picture to text": (ranks.argmax(0) == right).float().mean().item(),
    }
    if floor is None:
        floor = (-model.logit_bias / model.logit_scale.exp()).item()
    wordings = []
    for row in labels:
        values, mentioned = tuple(int(v) for v in row), some_attributes(rng)
        wordings += [describe(rng, values, mentioned), describe(rng, changed(rng, values, mentioned), mentioned)]
    written = batches.texts(wordings, tokenizer)
    above = text_vectors(model, tokenizer, [w.text for w in wordings]) @ seen.T - floor
    fit, _, misses = batches.fit_matrix(written, torch.from_numpy(labels.astype(np.int64)))
    out["found of what fits"] = (above[fit >= 0.7] > 0).float().mean().item()
    out["wrongly found, one miss"] = (above[misses == 1] > 0).float().mean().item()
    out["wrongly found, more misses"] = (above[misses > 1] > 0).float().mean().item()
    empty = [nothing(rng, unknown_words()[1], tuple(int(v) for v in row)).text for row in labels]
    above = text_vectors(model, tokenizer, empty) @ seen.T - floor
    out["nonsense texts that find anything"] = (above > 0).any(1).float().mean().item()
    out["nonsense pairs wrongly found"] = (above > 0).float().mean().item()
    model.train(was)
    return out


def short(figures: dict[str, float]) -> str:
    return "; ".join(f"{name} {value:.4f}" for name, value in figures.items())


def tag_figures(
    folder: Path, model: Any, tokenizer: Any, seen: torch.Tensor, labels: NDArray[np.int8]
) -> dict[str, float]:
    """The share of pictures that get the right tag of each group, by the notes' prompts."""
    notes = json.loads((folder / "albumsd.json").read_text())
    out = {}
    for at, (group, tags) in enumerate(notes["vocabulary"].items()):
        words = torch.stack(
            [F.normalize(text_vectors(model, tokenizer, prompts).mean(0), dim=0) for prompts in tags.values()]
        )
        right = (seen @ words.T).argmax(1).numpy() == labels[:, at]
        out[f"right tag: {group}"] = float(right.mean())
    return out


def figures(folder: Path) -> dict[str, float]:
    """All figures of a model's folder. Decisions are by the floor in its notes."""
    model, _, tokenizer = network.load(folder)
    pixels, labels = held_out_pictures()
    seen = picture_vectors(model, pixels)
    floor = json.loads((folder / "albumsd.json").read_text())["calibration"]["floors"]["text-image"]
    return {**quick(model, tokenizer, floor), **tag_figures(folder, model, tokenizer, seen, labels)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Measure a model of the drawn world.")
    parser.add_argument("folder", type=Path, nargs="?", default=Path("albumsd/demo/model"))
    for name, value in figures(parser.parse_args().folder).items():
        print(f"{value:8.4f}  {name}")
