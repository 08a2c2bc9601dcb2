"""What a model on the disk is, without loading it: kinds of specs, identity, and what is refused with which words."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from albumsd.core.errors import ModelBad, ModelMissing
from albumsd.ml.folders import Model, describe

CLIP: dict[str, Any] = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": [48, 32], "layers": 1, "width": 8, "patch_size": 8},
    "text_cfg": {"context_length": 8, "vocab_size": 600, "width": 8, "heads": 1, "layers": 1},
}
COCA = {**CLIP, "custom_text": True, "multimodal_cfg": {"width": 8}}


def put(folder: Path, config: Any = None, weights: bytes = b"weights", **files: bytes) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    text = config if isinstance(config, str) else json.dumps(config or {"model_cfg": CLIP})
    (folder / "open_clip_config.json").write_text(text)
    (folder / "open_clip_model.safetensors").write_bytes(weights)
    for name, data in files.items():
        (folder / name.replace("__", ".")).write_bytes(data)
    return folder


def key(folder: Path) -> str:
    return describe(str(folder), folder).key


def test_a_folder(tmp_path: Path) -> None:
    folder = put(tmp_path / "m", albumsd__json=b'{"purpose": "demo"}', bpe__txt__gz=b"merges")
    model = describe(str(folder), tmp_path)
    assert (model.name, model.kind, model.dimensions, model.input_px) == ("m", "clip", 16, 32)
    assert (model.folder, model.weights) == (folder, folder / "open_clip_model.safetensors")
    assert model.merges == folder / "bpe.txt.gz"
    assert model.notes == {"purpose": "demo"}
    assert model.config["model_cfg"] == CLIP
    assert model.key.startswith("m@")
    assert len(model.key) == len("m@") + 12


def test_the_same_folder_by_other_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "models" / "m")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    specs = ["m", "models/m", "./models/m/", "~/models/m", f"{tmp_path}/models/m", "local-dir:models/m"]
    found = [describe(spec, tmp_path / "models") for spec in specs]
    assert len({(model.key, model.name, model.folder) for model in found}) == 1
    assert [model.spec for model in found] == specs


def test_a_coca_is_known_by_its_decoder(tmp_path: Path) -> None:
    assert describe(str(put(tmp_path / "m", {"model_cfg": COCA})), tmp_path).kind == "coca"


def test_identity_is_everything_that_vectors_depend_on(tmp_path: Path) -> None:
    first = key(put(tmp_path / "a" / "m"))
    assert key(put(tmp_path / "b" / "m")) == first
    assert key(put(tmp_path / "c" / "m", albumsd__json=b"{}", README__md=b"x")) == first
    others = [
        key(put(tmp_path / "d" / "m", weights=b"Weights")),
        key(put(tmp_path / "e" / "m", {"model_cfg": {**CLIP, "quick_gelu": True}})),
        key(put(tmp_path / "f" / "m", {"model_cfg": CLIP, "preprocess_cfg": {"resize_mode": "squash"}})),
        key(put(tmp_path / "g" / "m", bpe__txt__gz=b"merges")),
        key(put(tmp_path / "h" / "n")),
    ]
    assert len({first, *others}) == 6


def test_weights_changed_in_place_are_another_model(tmp_path: Path) -> None:
    folder = put(tmp_path / "m")
    before = key(folder)
    weights = folder / "open_clip_model.safetensors"
    weights.write_bytes(b"WEIGHTS")
    os.utime(weights, ns=(1, 1))
    assert key(folder) != before
    put(folder)
    os.utime(weights, ns=(2, 2))
    assert key(folder) == before


def test_of_several_weights_the_one_that_open_clip_takes(tmp_path: Path) -> None:
    folder = put(tmp_path / "m")
    for name in ("a.safetensors", "model.safetensors", "open_clip_pytorch_model.bin", "a.pt"):
        (folder / name).write_bytes(b"")
    order = []
    while True:
        try:
            weights = describe(str(folder), tmp_path).weights
        except ModelBad:
            break
        order.append(weights.name)
        weights.unlink()
    assert order == [
        "open_clip_model.safetensors", "open_clip_pytorch_model.bin", "model.safetensors", "a.safetensors", "a.pt",
    ]  # fmt: skip


def test_a_checkpoint_of_an_architecture_that_open_clip_knows(tmp_path: Path) -> None:
    (tmp_path / "laion.pt").write_bytes(b"weights")
    for spec in (f"ViT-B-32:{tmp_path}/laion.pt", "ViT-B/32:laion.pt"):
        model = describe(spec, tmp_path)
        assert (model.name, model.architecture, model.folder) == ("ViT-B-32", "ViT-B-32", None)
        assert (model.dimensions, model.input_px, model.weights) == (512, 224, tmp_path / "laion.pt")
    assert describe("coca_ViT-B-32:laion.pt", tmp_path).kind == "coca"
    assert describe("ViT-B-32-quickgelu:laion.pt", tmp_path).key != model.key


def test_a_checkpoint_with_its_architecture_beside_it(tmp_path: Path) -> None:
    (tmp_path / "x.pth").write_bytes(b"weights")
    (tmp_path / "own.json").write_text(json.dumps(CLIP))
    assert describe("own:x.pth", tmp_path).dimensions == 16


MISSING = [
    ("", "There is no model  in "),
    ("nothing", "There is no model nothing in "),
    ("..", "There is no model .. in "),
    ("/nowhere/m", "There is no model m in /nowhere"),
    ("ViT-B-32:gone.pt", "There is no model gone.pt in "),
]


@pytest.mark.parametrize(("spec", "message"), MISSING)
def test_what_is_not_there(tmp_path: Path, spec: str, message: str) -> None:
    with pytest.raises(ModelMissing) as caught:
        describe(spec, tmp_path)
    assert caught.value.message.startswith(message)


TEXT = CLIP["text_cfg"]
BAD = [
    ("{", "it is not JSON"),
    ("[]", "it is not a JSON object"),
    ({"vision": 1}, "it has no `model_cfg`"),
    ({"model_cfg": {**CLIP, "vision_cfg": None}}, "it has no `vision_cfg`"),
    ({"model_cfg": {**CLIP, "text_cfg": []}}, "it has no `text_cfg`"),
    ({"model_cfg": {**CLIP, "embed_dim": "16"}}, "`embed_dim` or `vision_cfg.image_size` is not a number"),
    (
        {"model_cfg": {**CLIP, "text_cfg": {**TEXT, "hf_tokenizer_name": "timm/x"}}},
        "(tokenizer.json, tokenizer_config.json)",
    ),
    ({"model_cfg": {**CLIP, "text_cfg": {**TEXT, "hf_model_name": "roberta"}}}, "would be fetched from the internet"),
]


@pytest.mark.parametrize(("config", "why"), BAD)
def test_what_cannot_be_used(tmp_path: Path, config: Any, why: str) -> None:
    folder = put(tmp_path / "m", config)
    with pytest.raises(ModelBad) as caught:
        describe(str(folder), tmp_path)
    assert why in caught.value.message
    assert caught.value.message.startswith(str(folder))


def test_a_tokenizer_in_the_folder_is_enough_and_counts(tmp_path: Path) -> None:
    config = {"model_cfg": {**CLIP, "text_cfg": {**TEXT, "hf_tokenizer_name": "timm/x"}}}
    first = key(put(tmp_path / "a" / "m", config, tokenizer__json=b"{}"))
    assert key(put(tmp_path / "b" / "m", config, tokenizer__json=b"{ }")) != first


def test_a_folder_without_its_parts_says_which(tmp_path: Path) -> None:
    folder = put(tmp_path / "m")
    (folder / "open_clip_model.safetensors").unlink()
    with pytest.raises(
        ModelBad, match=r"no weights are there; .* open_clip_config.json and open_clip_model.safetensors"
    ):
        describe("m", tmp_path)
    (folder / "open_clip_config.json").unlink()
    with pytest.raises(ModelBad, match=r"open_clip_config\.json is not there; "):
        describe("m", tmp_path)


CHECKPOINTS = [
    ("ViT-B-99:x.pt", "open_clip knows no architecture ViT-B-99"),
    ("ViT-B-32:x.npz", "weights are files that end in .safetensors, .bin, .pth, .pt"),
    ("ViT-B-32:openai.pt", "weights by OpenAI need the architecture ViT-B-32-quickgelu"),
    ("ViT-B-16-SigLIP:x.pt", "choose that folder"),
    ("roberta-ViT-B-32:x.pt", "choose that folder"),
]


@pytest.mark.parametrize(("spec", "why"), CHECKPOINTS)
def test_checkpoints_that_cannot_be_used(tmp_path: Path, spec: str, why: str) -> None:
    (tmp_path / spec.split(":")[1]).write_bytes(b"")
    with pytest.raises(ModelBad) as caught:
        describe(spec, tmp_path)
    assert why in caught.value.message


def test_without_open_clip_folders_are_known_and_names_are_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "open_clip", None)
    put(tmp_path / "m")
    (tmp_path / "x.pt").write_bytes(b"")
    assert isinstance(describe("m", tmp_path), Model)
    with pytest.raises(ModelBad, match="open_clip, which knows the architectures, is not installed"):
        describe("ViT-B-32:x.pt", tmp_path)


def test_nothing_heavy_is_imported_on_the_parents_side() -> None:
    program = (
        "import sys, albumsd.ml.folders, albumsd.ml.host\n"
        "print([name for name in ('torch', 'torchvision', 'open_clip', 'PIL', 'socket') if name in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"


def test_a_moved_folder_is_the_same_model(tmp_path: Path) -> None:
    folder = put(tmp_path / "a" / "m")
    before = key(folder)
    shutil.move(folder, tmp_path / "m")
    assert key(tmp_path / "m") == before
