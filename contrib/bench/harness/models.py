"""Models with random weights: what a model takes does not depend on what it has learned."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ARCHITECTURE = "ViT-B-32"
_MAKE = """
import json, sys
from albumsd.ml.shim import import_torchvision
import_torchvision()
import open_clip, torch
from safetensors.torch import save_file
name, folder = sys.argv[1:]
torch.manual_seed(1)
state = open_clip.create_model(name, pretrained=None).state_dict()
weights = {key: value.to(torch.float16).contiguous() for key, value in state.items()}
save_file(weights, folder + "/open_clip_model.safetensors")
preprocess = {"mean": open_clip.OPENAI_DATASET_MEAN, "std": open_clip.OPENAI_DATASET_STD}
config = {"model_cfg": open_clip.get_model_config(name), "preprocess_cfg": preprocess}
open(folder + "/open_clip_config.json", "w").write(json.dumps(config))
"""


def random_weights(folder: Path, architecture: str = ARCHITECTURE) -> Path:
    """A model folder as a hub gives it, drawn by a seed. In a process of its own: torch stays there."""
    folder.mkdir()
    subprocess.run([sys.executable, "-c", _MAKE, architecture, folder], check=True, stdout=subprocess.DEVNULL)
    return folder
