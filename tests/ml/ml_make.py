"""Makes tiny models with random weights, and says what open_clip itself makes of some pictures and texts.

A program of its own (``python ml_make.py FOLDER``), so that no test runner has to import torch. Everything is in
float32. ``expected.json`` holds, by model: ``pictures`` and ``texts`` (vectors, unit length), ``captions``.
"""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

TEXTS = ["two red boats", "a dog on the beach", "snow", "two red boats on the sea in the evening, seen from afar"]
MERGES = ["o a", "oa t", "oat s</w>", "r e", "re d</w>", "d o", "do g</w>", "i n</w>", "th e</w>", "t h"]
VOCABULARY = 512 + len(MERGES) + 2

VISION = {"image_size": 32, "layers": 2, "width": 32, "head_width": 16, "patch_size": 8}
TEXT = {"context_length": 16, "vocab_size": VOCABULARY, "width": 32, "heads": 2, "layers": 2}
COCA = {
    "embed_dim": 32,
    "custom_text": True,
    "vision_cfg": {**VISION, "attentional_pool": True, "attn_pooler_heads": 2, "output_tokens": True},
    "text_cfg": {**TEXT, "embed_cls": True, "output_tokens": True},
    "multimodal_cfg": {
        "context_length": 16, "vocab_size": VOCABULARY, "width": 32, "heads": 2, "layers": 2, "attn_pooler_heads": 2,
    },
}  # fmt: skip
CLIP = {"embed_dim": 16, "vision_cfg": VISION, "text_cfg": TEXT}
SQUASH = {"mean": [0.5, 0.5, 0.5], "std": [0.25, 0.25, 0.25], "resize_mode": "squash"}


def picture(number: int, size: tuple[int, int]) -> Image.Image:
    rng = np.random.default_rng(number)
    return Image.fromarray(rng.integers(0, 255, (6, 8, 3), dtype=np.uint8)).resize(size, Image.Resampling.BICUBIC)


def pictures(folder: Path) -> list[Path]:
    """WebP files, wide, high and square, one of them with alpha."""
    folder.mkdir()
    paths = []
    for number, size in enumerate([(320, 240), (240, 320), (320, 180), (64, 64), (320, 90), (33, 32)]):
        made = picture(number, size)
        if number == 3:
            made.putalpha(128)
        paths.append(folder / f"{number}.webp")
        made.save(paths[-1], quality=80)
    return paths


def folder_of(root: Path, name: str, model: dict[str, Any], preprocess: dict[str, Any] | None) -> Path:
    folder = root / name
    folder.mkdir()
    config = {"model_cfg": model, **({"preprocess_cfg": preprocess} if preprocess else {})}
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    (folder / "bpe.txt.gz").write_bytes(gzip.compress("\n".join(["#version", *MERGES]).encode(), mtime=0))
    return folder


def words(open_clip: Any, torch: Any, model: Any, tokenizer: Any, pixels: Any) -> list[str]:
    """Greedy captions one picture and one pass at a time, without a batch or a shortcut."""
    lines = []
    for one in pixels:
        ids = [tokenizer.sot_token_id]
        while len(ids) < 16:
            logits = model(one[None], torch.tensor([ids]), output_labels=False)["logits"][0, -1]
            following = int(logits.argmax())
            if following == tokenizer.eot_token_id:
                break
            ids.append(following)
        lines.append(tokenizer.decode([one for one in ids[1:] if one in tokenizer.decoder]))
    return lines


def main(root: Path) -> None:
    from albumsd.ml.shim import import_torchvision

    import_torchvision()
    import open_clip
    import torch
    from safetensors.torch import save_file

    paths = pictures(root / "pictures")
    expected: dict[str, Any] = {}
    kinds = [("tiny", CLIP, SQUASH), ("plain", CLIP, None), ("longest", CLIP, {**SQUASH, "resize_mode": "longest"})]
    for name, config, preprocess in [*kinds, ("coca", COCA, None), ("mute", COCA, None)]:
        folder = folder_of(root, name, config, preprocess)
        torch.manual_seed(len(name))
        model, _, transform = open_clip.create_model_and_transforms(f"local-dir:{folder}", pretrained_text=False)
        model.eval()
        tokenizer = open_clip.get_tokenizer(f"local-dir:{folder}", bpe_path=str(folder / "bpe.txt.gz"))
        with torch.inference_mode():
            if "multimodal_cfg" in config:
                for part in (model.text_decoder.text_projection, model.text.token_embedding.weight):
                    part.copy_(torch.randn(part.shape))
            if name == "mute":  # whatever it sees, the end is the likeliest next word
                model.text_decoder.ln_final.weight.zero_()
                model.text_decoder.ln_final.bias.fill_(1)
                model.text_decoder.text_projection.zero_()
                model.text_decoder.text_projection[:, tokenizer.eot_token_id] = 1
            save_file(model.state_dict(), folder / "open_clip_model.safetensors")
            pixels = torch.stack([transform(Image.open(path)) for path in paths])
            expected[name] = {
                "pictures": torch.cat([model.encode_image(one[None], normalize=True) for one in pixels]).tolist(),
                "texts": torch.cat([model.encode_text(tokenizer([text]), normalize=True) for text in TEXTS]).tolist(),
                "captions": words(open_clip, torch, model, tokenizer, pixels) if "multimodal_cfg" in config else None,
            }
        if name == "plain":
            beside = root / "checkpoints"
            beside.mkdir()
            (beside / "plain-net.json").write_text(json.dumps(config))
            (beside / "bpe.txt.gz").write_bytes((folder / "bpe.txt.gz").read_bytes())
            torch.save(
                {"epoch": 3, "state_dict": {f"module.{key}": one for key, one in model.state_dict().items()}},
                beside / "plain.pt",
            )
            torch.save({"state_dict": model.state_dict(), "note": Path("x")}, beside / "pickled.pt")
            torch.jit.script(torch.nn.Linear(2, 2)).save(str(beside / "script.pt"))
    (root / "expected.json").write_text(json.dumps(expected))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
