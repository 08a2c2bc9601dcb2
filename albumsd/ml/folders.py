"""What a model on the disk is, found out without loading it (and without torch).

A *spec* is what the settings ``model`` and ``captioner`` hold:

* the path of a folder with ``open_clip_config.json`` and weights, as open_clip's ``local-dir:`` reads them and as every
  open_clip model on the Hugging Face hub is laid out: configuration, preprocessing and weights travel together;
* ``NAME:FILE``, the name of an architecture that open_clip knows and a checkpoint of it. A ``NAME.json`` beside FILE
  (a model configuration of open_clip's) makes other names known;
* the bare name of a folder in the folder of models.

A folder may also hold ``bpe.txt.gz`` (merges for open_clip's own tokenizer), the files of a Hugging Face tokenizer, and
``albumsd.json``, notes for albumsd alone: ``{"purpose": "demo", "vocabulary": {group: {tag: [prompt, ...]}},
"caption": template, "documents": bool, "calibration": {...}}``, all optional.

The **key** of a model is its name and a hash of everything that its vectors depend on: configuration, weights,
tokenizer. It is the identity that is stored with vectors.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ..core.errors import ModelBad, ModelMissing

CONFIG = "open_clip_config.json"
NOTES = "albumsd.json"
MERGES = "bpe.txt.gz"
WEIGHTS = (".safetensors", ".bin", ".pth", ".pt")
"""Suffixes of files that are loaded; all but the first are pickles, of which only plain tensors are taken."""

_PREFERRED = (
    "open_clip_model.safetensors",
    "open_clip_pytorch_model.safetensors",
    "open_clip_pytorch_model.bin",
    "open_clip_pytorch_model.pth",
    "model.safetensors",
    "pytorch_model.bin",
    "pytorch_model.pth",
    "model.pth",
)
_TOKENIZER = ("tokenizer.json", "tokenizer_config.json", "spiece.model", "tokenizer.model", "vocab.json", "vocab.txt")
_WHOLE = f"a folder of a model holds {CONFIG} and {_PREFERRED[0]}"

Stamp = tuple[int, int]
"""Size and mtime_ns of a file."""


@dataclass(frozen=True, slots=True)
class Model:
    """One model on the disk, not loaded.

    ``config`` is ``{"model_cfg": ..., "preprocess_cfg": ...}`` as in ``open_clip_config.json``, the second part only
    where the files give it. ``dimensions`` of its vectors; ``input_px``, the short side of what its image tower sees.
    ``stamp`` is that of ``weights`` when they were hashed.
    """

    spec: str
    name: str
    key: str
    architecture: str
    kind: Literal["clip", "coca"]
    dimensions: int
    input_px: int
    folder: Path | None
    weights: Path
    merges: Path | None
    stamp: Stamp
    config: dict[str, Any] = field(repr=False)
    notes: dict[str, Any] = field(repr=False)


def describe(spec: str, models: Path) -> Model:
    """The model that ``spec`` names; ``models`` is the folder of models. Reads the weights once to hash them.

    Raises ModelMissing when a file is not there, ModelBad when what is there cannot be used.
    """
    text = spec.removeprefix("local-dir:")
    path = Path(os.path.expanduser(text))
    if "/" not in text and ":" not in text:
        path = models / text
        if not text or text in (".", "..") or not path.is_dir():
            raise ModelMissing(name=text, where=models)
    elif not path.is_dir() and ":" in text and not text.startswith(("/", "~", ".")):
        architecture, _, file = text.partition(":")
        return _checkpoint(spec, architecture.replace("/", "-"), models / os.path.expanduser(file))
    return _folder(spec, Path(os.path.abspath(path)))


def _folder(spec: str, folder: Path) -> Model:
    if not folder.is_dir():
        raise ModelMissing(name=folder.name, where=folder.parent)
    file = folder / CONFIG
    if not file.is_file():
        raise ModelBad(path=folder, why=f"{CONFIG} is not there; {_WHOLE}")
    raw, config = _json(file)
    if "model_cfg" not in config:
        raise ModelBad(path=file, why="it has no `model_cfg`")
    weights = _weights(folder)
    merges = folder / MERGES
    tokenizer = [folder / name for name in _TOKENIZER if (folder / name).is_file()]
    text = _part(file, config["model_cfg"], "text_cfg")
    if text.get("hf_tokenizer_name") and not any(one.name not in ("tokenizer_config.json",) for one in tokenizer):
        raise ModelBad(
            path=folder,
            why=f"its texts are cut by the tokenizer {text['hf_tokenizer_name']}, whose files (tokenizer.json, "
            "tokenizer_config.json) must lie in the folder too",
        )
    notes_file = folder / NOTES
    notes = _json(notes_file)[1] if notes_file.is_file() else {}
    found = merges if merges.is_file() else None
    name = str(notes.get("name") or folder.name)
    return _model(spec, name, folder, weights, found, tokenizer, file, raw, config, notes)


def _checkpoint(spec: str, architecture: str, weights: Path) -> Model:
    beside = weights.parent / f"{architecture}.json"
    file = beside if beside.is_file() else _known(architecture)
    if file is None:
        why = f"open_clip knows no architecture {architecture}"
        if _configurations() is None:
            why = "open_clip, which knows the architectures, is not installed (a folder needs it only to run)"
        raise ModelBad(path=spec, why=why)
    if not weights.is_file():
        raise ModelMissing(name=weights.name, where=weights.parent)
    if weights.suffix not in WEIGHTS:
        raise ModelBad(path=weights, why=f"weights are files that end in {', '.join(WEIGHTS)}")
    raw, config = _json(file)
    text = _part(file, config, "text_cfg")
    if text.get("hf_tokenizer_name") or "siglip" in architecture.lower():
        raise ModelBad(
            path=spec,
            why=f"{architecture} needs the files of a tokenizer. Put the weights into a folder together with {CONFIG}, "
            "tokenizer.json and tokenizer_config.json, and choose that folder",
        )
    quick = f"{architecture}-quickgelu"
    if "openai" in weights.stem.lower() and not config.get("quick_gelu") and _known(quick) is not None:
        raise ModelBad(path=spec, why=f"weights by OpenAI need the architecture {quick}")
    merges = weights.parent / MERGES
    found = merges if file == beside and merges.is_file() else None
    return _model(spec, architecture, None, weights, found, [], file, raw, {"model_cfg": config}, {})


def _model(
    spec: str,
    name: str,
    folder: Path | None,
    weights: Path,
    merges: Path | None,
    tokenizer: list[Path],
    file: Path,
    raw: bytes,
    config: dict[str, Any],
    notes: dict[str, Any],
) -> Model:
    model_cfg = config["model_cfg"]
    vision, text = _part(file, model_cfg, "vision_cfg"), _part(file, model_cfg, "text_cfg")
    if text.get("hf_model_name"):
        raise ModelBad(
            path=file,
            why=f"its text tower {text['hf_model_name']} is not open_clip's own and would be fetched from the "
            "internet; choose a model whose text_cfg has no hf_model_name",
        )
    size, dimensions = vision.get("image_size", 224), model_cfg.get("embed_dim")
    sides = size if isinstance(size, list) else [size]
    if not isinstance(dimensions, int) or dimensions < 1 or not sides or not all(isinstance(one, int) for one in sides):
        raise ModelBad(path=file, why="`embed_dim` or `vision_cfg.image_size` is not a number")
    coca = "multimodal_cfg" in model_cfg
    if coca and text.get("hf_tokenizer_name"):
        raise ModelBad(path=file, why="captions are only written by a CoCa with open_clip's own tokenizer")
    digest, stamp = hashlib.sha256(raw), _stamp(weights)
    for part in (weights, *([merges] if merges else []), *tokenizer):
        digest.update(_digest(part))
    return Model(
        spec=spec,
        name=name,
        key=f"{name}@{digest.hexdigest()[:12]}",
        architecture=name,
        kind="coca" if coca else "clip",
        dimensions=dimensions,
        input_px=min(sides),
        folder=folder,
        weights=weights,
        merges=merges,
        stamp=stamp,
        config=config,
        notes=notes,
    )


def stamp(path: Path) -> Stamp:
    """Size and mtime_ns. Raises OSError."""
    found = path.stat()
    return found.st_size, found.st_mtime_ns


def _stamp(path: Path) -> Stamp:
    try:
        return stamp(path)
    except OSError as error:
        raise ModelBad(path=path, why=error.strerror or str(error)) from error


_digests: dict[tuple[str, Stamp], bytes] = {}
"""SHA-256 of files by path and stamp, so that asking again costs a stat. Racing threads compute the same."""


def check_whole(model: Model) -> None:
    """Raises ModelBad when the weights are a safetensors file that is cut short, or none: nothing is loaded.

    Its form: eight bytes, the length of the header; the header, JSON with the ``data_offsets`` of each tensor behind
    it.
    """
    weights, size = model.weights, _stamp(model.weights)[0]
    if weights.suffix != ".safetensors":
        return
    why = "it is cut short or damaged: copy or fetch it again"
    try:
        with weights.open("rb") as stream:
            length = int.from_bytes(stream.read(8), "little")
            header = json.loads(stream.read(length)) if 0 < length <= size - 8 else {}
        ends = [tensor["data_offsets"][1] for name, tensor in header.items() if name != "__metadata__"]
    except OSError as error:
        raise ModelBad(path=weights, why=error.strerror or str(error)) from error
    except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        raise ModelBad(path=weights, why=why) from error
    if not ends or 8 + length + max(ends) != size:
        raise ModelBad(path=weights, why=why)


def _digest(path: Path) -> bytes:
    known = (str(path), _stamp(path))
    if known not in _digests:
        try:
            with path.open("rb") as stream:
                _digests[known] = hashlib.file_digest(stream, "sha256").digest()
        except OSError as error:
            raise ModelBad(path=path, why=error.strerror or str(error)) from error
    return _digests[known]


def _json(file: Path) -> tuple[bytes, dict[str, Any]]:
    try:
        raw = file.read_bytes()
        found = json.loads(raw)
    except OSError as error:
        raise ModelBad(path=file, why=error.strerror or str(error)) from error
    except ValueError as error:
        raise ModelBad(path=file, why=f"it is not JSON ({error})") from error
    if not isinstance(found, dict):
        raise ModelBad(path=file, why="it is not a JSON object")
    return raw, found


def _part(file: Path, config: Any, name: str) -> dict[str, Any]:
    part = config.get(name) if isinstance(config, dict) else None
    if not isinstance(part, dict):
        raise ModelBad(path=file, why=f"it has no `{name}`, so it is no configuration of open_clip")
    return part


def _weights(folder: Path) -> Path:
    """The file that open_clip takes when several are there: a well-known name, else safetensors, else by name."""
    found = sorted((one for one in folder.iterdir() if one.suffix in WEIGHTS and one.is_file()), key=_order)
    if not found:
        raise ModelBad(path=folder, why=f"no weights are there; {_WHOLE}")
    return found[0]


def _order(file: Path) -> tuple[int, int, str]:
    place = _PREFERRED.index(file.name) if file.name in _PREFERRED else len(_PREFERRED)
    return place, WEIGHTS.index(file.suffix), file.name


def _configurations() -> Path | None:
    """Where open_clip keeps its architectures. Looking for it imports nothing."""
    found = importlib.util.find_spec("open_clip")
    if found is None or not found.submodule_search_locations:
        return None
    return Path(found.submodule_search_locations[0]) / "model_configs"


def _known(architecture: str) -> Path | None:
    folder = _configurations()
    file = folder / f"{architecture}.json" if folder is not None and "/" not in architecture else None
    return file if file is not None and file.is_file() else None
