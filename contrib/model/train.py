"""Train the demo's model: a CLIP of 1.8 million parameters that knows the drawn world, from nothing, on two CPU cores.

    python -m contrib.model.train [--steps N] [--pictures N] [--out DIR]

It draws its pictures first (kept in build/model/), then trains for about half an hour, prints the figures of
``evaluate`` on combinations that it never saw, and writes the model folder. The same seed, library versions and number
of workers give the same weights. Workers are processes of one thread that meet once in a step: the operations are so
small that threads would mostly wait for each other.

The loss has three parts. (1) A sigmoid for each pair of text and picture (SigLIP, arXiv:2303.15343, equation 1) with a
learned scale and bias, so that "fits" is a decision about one picture and needs no others to compare with; a text that
leaves attributes out fits every picture that it fits. Pairs that fit and pairs that do not have the same weight for
every text, and a pair counts less the more attributes are wrong: those that are nearly right are hard and rare.
(2) The contrastive loss with several positives over the batch, in both directions, which makes the first minutes fast.
(3) Linear heads that name the attributes from each tower's output alone; they are dropped after training.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import nn

from . import batches, evaluate, network
from .pictures import held_out_pictures, training_pictures
from .words import SIZES, known_words, unknown_words

SEED = 20


class Heads(nn.Module):
    """Which value of each attribute: from a picture's embedding, and from a text's (one more class: not said)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.picture = nn.ModuleList(nn.Linear(width, size) for size in SIZES)
        self.text = nn.ModuleList(nn.Linear(width, size + 1) for size in SIZES)
        self.nothing = nn.Linear(width, 1)

    def losses(
        self, pictures: torch.Tensor, labels: torch.Tensor, words: torch.Tensor, written: batches.Texts
    ) -> torch.Tensor:
        total = torch.zeros(())
        for at, (of_picture, of_text) in enumerate(zip(self.picture, self.text, strict=True)):
            total = total + F.cross_entropy(of_picture(pictures), labels[:, at], ignore_index=-1)
            total = total + F.cross_entropy(of_text(words), written.values[:, at], ignore_index=batches.SKIP)
        return total + F.binary_cross_entropy_with_logits(self.nothing(words)[:, 0], written.nothing.float())


def encode_texts(model: Any, tokens: torch.Tensor) -> torch.Tensor:
    """As ``model.encode_text``, but no longer than the longest text, and in three groups of similar length."""
    lengths = tokens.argmax(-1) + 1
    order = lengths.argsort()
    parts = []
    for group in order.chunk(3):
        longest = int(lengths[group].max())
        x = model.token_embedding(tokens[group, :longest]) + model.positional_embedding[:longest]
        x = model.ln_final(model.transformer(x, attn_mask=model.attn_mask[:longest, :longest]))
        parts.append(x[torch.arange(len(group)), lengths[group] - 1] @ model.text_projection)
    return torch.cat(parts)[order.argsort()]


def pair_loss(logits: torch.Tensor, fit: torch.Tensor, weight: torch.Tensor, misses: torch.Tensor) -> torch.Tensor:
    """The sigmoid loss of a matrix (texts, pictures), balanced for each text."""
    each = F.binary_cross_entropy_with_logits(logits, fit, reduction="none")
    good = weight * (fit > 0)
    bad = weight * (fit == 0) * 6.0 ** (1 - misses.clamp(min=1))
    rows_good, rows_bad = good.sum(1), bad.sum(1)
    for_good = (each * good).sum(1) / rows_good.clamp(min=1e-6)
    for_bad = (each * bad).sum(1) / rows_bad.clamp(min=1e-6)
    return (for_good[rows_good > 0].mean() + for_bad[rows_bad > 0].mean()) / 2


def contrastive_loss(logits: torch.Tensor, fit: torch.Tensor) -> torch.Tensor:
    """Multi-positive InfoNCE over rows and columns; rows and columns without a positive do not count."""
    losses = []
    for matrix, right in ((logits, fit), (logits.T, fit.T)):
        share = right / right.sum(1, keepdim=True).clamp(min=1e-6)
        rows = -(share * matrix.log_softmax(1)).sum(1)
        losses.append(rows[right.sum(1) > 0].mean())
    return (losses[0] + losses[1]) / 2


def rate(step: int, steps: int, peak: float) -> float:
    warm = min(1.0, (step + 1) / 60)
    return peak * warm * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * step / steps)))


def together(parameters: list[nn.Parameter], workers: int) -> None:
    """The mean of the gradients of all workers, for every worker."""
    flat = torch.cat([p.grad.reshape(-1) if p.grad is not None else torch.zeros(p.numel()) for p in parameters])
    dist.all_reduce(flat)
    flat /= workers
    for parameter, part in zip(parameters, flat.split([p.numel() for p in parameters]), strict=True):
        parameter.grad = part.view_as(parameter)


def groups(model: Any, heads: Heads) -> list[dict[str, Any]]:
    scales = [model.logit_scale, model.logit_bias]  # single numbers that have far to go
    parameters = [*model.parameters(), *heads.parameters()]
    return [
        {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": 0.02, "times": 1.0},
        {"params": [p for p in parameters if p.ndim == 1], "weight_decay": 0.0, "times": 1.0},
        {"params": scales, "weight_decay": 0.0, "times": 10.0},
    ]


def work(rank: int, arguments: argparse.Namespace) -> None:
    """One of the processes that train: its own pictures and texts, one model."""
    folder, alone = arguments.out, arguments.workers == 1
    torch.set_num_threads(1)
    if not alone:
        dist.init_process_group(
            "gloo", init_method=f"file://{folder.absolute()}/meet", rank=rank, world_size=arguments.workers
        )
    torch.manual_seed(SEED)
    model, tokenizer = network.new_model(folder)
    with torch.no_grad():
        model.logit_scale.fill_(math.log(16.0))
    if arguments.resume:
        network.load_weights(model, arguments.resume)
    model.visual.to(memory_format=torch.channels_last)
    heads = Heads(128)
    pixels, labels = training_pictures(arguments.pictures)
    words, batch = unknown_words()[0], arguments.batch // arguments.workers
    rng, noise = random.Random(f"words {arguments.seed} {rank}"), np.random.default_rng((arguments.seed, rank))
    mine = np.arange(rank, len(pixels), arguments.workers)
    parameters = [*model.parameters(), *heads.parameters()]
    optimizer = torch.optim.AdamW(groups(model, heads), betas=(0.9, 0.98))
    order = np.empty(0, np.int64)
    start = time.monotonic()
    for step in range(arguments.steps):
        if len(order) < batch:
            order = np.concatenate([order, noise.permutation(mine)])
        chosen, order = order[:batch], order[batch:]
        shown = batches.picture_batch(pixels[chosen], noise)
        written = batches.texts(batches.wordings_for(labels[chosen], rng, words), tokenizer)
        truth = torch.from_numpy(labels[chosen].astype(np.int64))
        model.train()
        for group in optimizer.param_groups:
            group["lr"] = rate(step, arguments.steps, arguments.rate) * group["times"]
        with torch.autocast("cpu", torch.bfloat16):
            pictures = model.visual(shown)
        pictures = pictures.float()
        said = encode_texts(model, written.tokens)
        fit, weight, misses = batches.fit_matrix(written, truth)
        cosine = F.normalize(said, dim=-1) @ F.normalize(pictures, dim=-1).T
        pairs = pair_loss(cosine * model.logit_scale.exp() + model.logit_bias, fit, weight, misses)
        contrast = contrastive_loss(cosine * 20.0, fit * weight)
        named = heads.losses(pictures, truth, said, written)
        share = max(0.1, 1.0 - step / (0.5 * arguments.steps))
        loss = 4.0 * pairs + 0.5 * share * contrast + 0.3 * share * named
        optimizer.zero_grad()
        loss.backward()
        if not alone:
            together(parameters, arguments.workers)
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        with torch.no_grad():
            model.logit_scale.clamp_(0, math.log(100))
        if rank:
            continue
        if step % 25 == 0:
            print(
                f"{step:5d} {time.monotonic() - start:6.0f} s  pairs {pairs.item():.4f} contrast {contrast.item():.3f} "
                f"named {named.item():.3f} scale {model.logit_scale.exp().item():.1f} "
                f"bias {model.logit_bias.item():.2f}", flush=True,
            )  # fmt: skip
        if step % arguments.look == arguments.look - 1 or step == arguments.steps - 1:
            print("      " + evaluate.short(evaluate.quick(model, tokenizer)), flush=True)
            network.save_weights(model, folder)


def train(arguments: argparse.Namespace) -> None:
    folder = arguments.out
    folder.mkdir(parents=True, exist_ok=True)
    tokens = network.write_vocabulary(folder / "bpe.txt.gz", sorted(known_words()))
    (folder / "open_clip_config.json").write_text(json.dumps(network.clip_config(tokens), indent=1) + "\n")
    training_pictures(arguments.pictures)
    held_out_pictures()
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    (folder / "meet").unlink(missing_ok=True)
    torch.multiprocessing.spawn(work, (arguments,), nprocs=arguments.workers)
    (folder / "meet").unlink(missing_ok=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="Train the demo's model.")
    parser.add_argument("--steps", type=int, default=2500)
    parser.add_argument("--pictures", type=int, default=27500)
    parser.add_argument("--batch", type=int, default=128, help="pictures in a step, of all workers together")
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--workers", type=int, default=2, help="processes of one thread each")
    parser.add_argument("--look", type=int, default=200, help="steps between two looks at the held-out pictures")
    parser.add_argument("--seed", type=int, default=SEED, help="of the order of pictures and the texts")
    parser.add_argument("--resume", type=Path, help="a weights file to go on from")
    parser.add_argument("--out", type=Path, default=Path("build/model/demo"))
    train(parser.parse_args())


if __name__ == "__main__":
    main()
