"""A captioner small enough for a test: a CoCa that knows two dozen drawn pictures by heart, and nothing else.

    python -m contrib.model.coca [--out tests/support/coca]

It writes the folder of a model, as open_clip's ``local-dir:`` reads it, and ``captions.json``: scenes with the seed and
the size of their drawing, and the caption that greedy decoding gives. It takes about a minute. A captioner for pictures
that it has not seen would need hours: a CoCa's tower must be a ViT, which learns slowly from nothing. The demo's own
captions are made of tags.
"""

from __future__ import annotations

import argparse
import json
import random
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from albumsd.demo.draw import Scene, caption, random_scene, render

from . import network
from .batches import picture_batch
from .pictures import SIDE, squash

COUNT, WIDTH, LENGTH = 24, 64, 20
SIZE = (320, 240)
_SEED = 7


def config(tokens: int) -> dict[str, Any]:
    text = {"context_length": LENGTH, "vocab_size": tokens, "width": WIDTH, "heads": 2, "layers": 2}
    return {
        "model_cfg": {
            "embed_dim": WIDTH,
            "vision_cfg": {
                "image_size": SIDE, "layers": 2, "width": WIDTH, "head_width": 32, "patch_size": 16,
                "attentional_pool": True, "attn_pooler_queries": 16, "attn_pooler_heads": 2, "output_tokens": True,
            },
            "text_cfg": {**text, "embed_cls": True, "output_tokens": True},
            "multimodal_cfg": {**text, "attn_pooler_heads": 2},
            "custom_text": True,
        },
        "preprocess_cfg": network.PREPROCESS,
    }  # fmt: skip


def scenes() -> list[Scene]:
    rng = random.Random(_SEED)
    chosen: dict[str, Scene] = {}
    while len(chosen) < COUNT:
        scene = random_scene(rng)
        chosen.setdefault(caption(scene), scene)
    return list(chosen.values())


def train(folder: Path, steps: int) -> None:
    torch.manual_seed(_SEED)
    torch.set_num_threads(1)
    known = scenes()
    texts = [caption(scene) for scene in known]
    folder.mkdir(parents=True, exist_ok=True)
    tokens = network.write_vocabulary(
        folder / "bpe.txt.gz", sorted({word for text in texts for word in text.split()}), common=0
    )
    (folder / "open_clip_config.json").write_text(json.dumps(config(tokens), indent=1) + "\n")
    model, tokenizer = network.new_model(folder)
    torch.nn.init.normal_(model.text_decoder.text_projection, std=WIDTH**-0.5)  # which open_clip leaves as it finds it
    pixels = np.stack([squash(render(scene, seed, SIZE)) for seed, scene in enumerate(known)])
    ids = tokenizer(texts)
    noise = np.random.default_rng(_SEED)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.01)
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = 2e-3 * min(1.0, (step + 1) / 20) * (1 - 0.95 * step / steps)
        out = model(picture_batch(pixels, noise, move=1, mirror=False), ids)
        loss = F.cross_entropy(out["logits"].permute(0, 2, 1), out["labels"], ignore_index=0)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if step % 50 == 0 or step == steps - 1:
            print(f"{step:4d} {loss.item():.4f}", flush=True)
    network.save_weights(model, folder)
    rows = [
        {"scene": asdict(scene), "seed": seed, "size": SIZE, "caption": text}
        for seed, (scene, text) in enumerate(zip(known, texts, strict=True))
    ]
    (folder / "captions.json").write_text(json.dumps(rows, indent=1) + "\n")


@torch.inference_mode()
def captions(folder: Path, pictures: list[Any]) -> list[str]:
    """Greedy captions of PIL pictures by the model in the folder, as a user of it would make them."""
    model, preprocess, tokenizer = network.load(folder)
    shown = torch.stack([preprocess(picture) for picture in pictures])
    latent, tokens = model._encode_image(shown)
    ids = torch.full((len(shown), 1), tokenizer.sot_token_id)
    for _ in range(LENGTH - 1):
        logits = model(shown, ids, image_latent=latent, image_embs=tokens, output_labels=False)["logits"]
        ids = torch.cat([ids, logits[:, -1].argmax(-1)[:, None]], 1)
    return [
        tokenizer.decode(row).split("<end_of_text>")[0].replace("<start_of_text>", "").strip() for row in ids.tolist()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description="Train the captioner of the tests.")
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--out", type=Path, default=Path("tests/support/coca"))
    arguments = parser.parse_args()
    train(arguments.out, arguments.steps)
    rows = json.loads((arguments.out / "captions.json").read_text())
    found = captions(arguments.out, [render(Scene(**row["scene"]), row["seed"], tuple(row["size"])) for row in rows])
    wrong = [(row["caption"], text) for row, text in zip(rows, found, strict=True) if row["caption"] != text]
    print(f"{len(rows) - len(wrong)} of {len(rows)} captions right", *wrong, sep="\n")


if __name__ == "__main__":
    main()
