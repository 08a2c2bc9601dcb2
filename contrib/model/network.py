"""The network and its vocabulary, small enough to live in a repository, and the door to open_clip.

The vocabulary is the trick that makes the file small: open_clip's tokenizer takes a file of merges, so only the first
few hundred of CLIP's own merges and those that the known words need are kept, 1291 tokens instead of 49408. Every known
word becomes one token; any other word falls apart into several.
"""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any

from .pictures import SIDE
from .words import clip_merges

CONTEXT = 40
_COMMON_MERGES = 500
MEAN, STD = (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)
PREPROCESS = {
    "size": [SIDE, SIDE], "mode": "RGB", "mean": list(MEAN), "std": list(STD),
    "interpolation": "bicubic", "resize_mode": "squash", "fill_color": 0,
}  # fmt: skip


def torchvision_ready() -> Any:
    """Imports torchvision, also where its compiled part does not fit this torch.

    Its registrations then fail on two operators that nothing here uses; defining them is enough. What is returned must
    stay referenced.
    """
    import torch

    try:
        import torchvision
    except RuntimeError as error:
        if "torchvision::" not in str(error):
            raise
        for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
            del sys.modules[name]
        library = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
        for operator in ("nms", "qnms"):
            library.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")  # type: ignore[no-untyped-call]
        import torchvision

        return torchvision, library
    return torchvision


_KEPT = torchvision_ready()


def write_vocabulary(file: Path, words: Iterable[str], common: int = _COMMON_MERGES) -> int:
    """Writes the merges that make each word one token, and the ``common`` most usual; returns how many tokens."""
    from open_clip.tokenizer import SimpleTokenizer

    merges = clip_merges()
    rank = {merge: at for at, merge in enumerate(merges)}
    byte = SimpleTokenizer().byte_encoder
    needed = set(range(common))
    for word in words:
        if not word.isalpha():
            continue
        parts = [byte[b] for b in word.encode()]
        parts[-1] += "</w>"
        while len(parts) > 1:
            best = min(pairwise(parts), key=lambda pair: rank.get(pair, 1 << 30))
            if best not in rank:
                break
            needed.add(rank[best])
            merged, at = [], 0
            while at < len(parts):
                pair = at + 1 < len(parts) and (parts[at], parts[at + 1]) == best
                merged.append(parts[at] + parts[at + 1] if pair else parts[at])
                at += 2 if pair else 1
            parts = merged
    kept = [" ".join(merges[at]) for at in sorted(needed)]
    file.write_bytes(gzip.compress(("#version: 0.2\n" + "\n".join(kept)).encode(), mtime=0))
    return 512 + len(kept) + 2


def clip_config(tokens: int) -> dict[str, Any]:
    return {
        "model_cfg": {
            "embed_dim": 128,
            "init_logit_bias": -8.0,
            "vision_cfg": {"image_size": SIDE, "layers": [1, 1, 1, 1], "width": 16, "head_width": 32},
            "text_cfg": {"context_length": CONTEXT, "vocab_size": tokens, "width": 96, "heads": 4, "layers": 3},
        },
        "preprocess_cfg": PREPROCESS,
    }


def new_model(folder: Path) -> tuple[Any, Any]:
    """A model with random weights and its tokenizer, from the folder's configuration and vocabulary."""
    import open_clip

    config = json.loads((folder / "open_clip_config.json").read_text())["model_cfg"]
    custom = config.pop("custom_text", False)
    if "multimodal_cfg" in config:
        model = open_clip.CoCa(**config)
    else:
        model = (open_clip.CustomTextCLIP if custom else open_clip.CLIP)(**config)
    return model, tokenizer(folder)


def tokenizer(folder: Path) -> Any:
    from open_clip.tokenizer import SimpleTokenizer

    length = json.loads((folder / "open_clip_config.json").read_text())["model_cfg"]["text_cfg"]["context_length"]
    return SimpleTokenizer(bpe_path=str(folder / "bpe.txt.gz"), context_length=length)


def load(folder: Path) -> tuple[Any, Any, Any]:
    """(model, preprocess, tokenizer) as a user of the folder gets them."""
    import open_clip

    model, _, preprocess = open_clip.create_model_and_transforms(f"local-dir:{folder}", pretrained_text=False)
    model.eval()
    return model, preprocess, open_clip.get_tokenizer(f"local-dir:{folder}", bpe_path=str(folder / "bpe.txt.gz"))


def save_weights(model: Any, folder: Path) -> None:
    """Half precision, without what training alone needs."""
    import torch
    from safetensors.torch import save_file

    state = {
        name: (value.half() if value.is_floating_point() else value).contiguous()
        for name, value in model.state_dict().items()
        if not name.endswith("num_batches_tracked") and name != "attn_mask"
    }
    part = folder / "weights.part"
    save_file(state, part, metadata={"format": "pt"})
    part.chmod(0o644)
    part.replace(folder / "open_clip_model.safetensors")
    assert all(torch.isfinite(value.float()).all() for value in state.values())


def load_weights(model: Any, file: Path) -> None:
    from safetensors.torch import load_file

    model.load_state_dict({name: value.float() for name, value in load_file(file).items()}, strict=False)
