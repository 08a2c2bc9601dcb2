"""A model in memory: open_clip's, loaded from local files, and what it makes of pictures and texts.

Lives in the model's process only. All numbers that leave are float32; a row is unit length, or not finite where the
model made nothing of its input. Loading never touches the network: weights come from the file that ``folders`` hashed,
as plain tensors (nothing that is pickled is run), and towers and tokenizers that open_clip would fetch are refused.

An ``Encoder`` is used by one thread at a time, but for ``geometry``, which the decoding threads share.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.weights import NOT_INSTALLED
from . import captioner, dtype
from .errors import ModelFailed
from .folders import stamp
from .pictures import Pixels

Vectors = NDArray[np.float32]

CUDA_BATCH = 256
CPU_BATCHES = (16, 8, 4, 2)
"""What a batch may be on a CPU, where more than 8 gains nothing."""

BATCH_S = 0.6
"""A batch on a CPU takes no longer than this if it can be helped: a text waits for the one that is running."""

WORD_S = 0.3
"""So long may the pass for one word of captions take: a text waits for it. A whole caption takes seconds."""

CAPTION_BATCHES = (8, 4, 2)


def load(wanted: dict[str, Any], device: str, threads: int) -> Encoder:
    """Load what the parent described (``questions.introduce``). Raises ModelFailed with one sentence."""
    try:
        import torch

        from .shim import import_torchvision

        chosen = _device(device)
        import_torchvision()
        import open_clip
    except ImportError as error:
        missing = error.name in ("torch", "torchvision", "open_clip")
        raise ModelFailed(NOT_INSTALLED if missing else f"open_clip could not be imported: {error}") from error
    torch.set_num_threads(threads)
    name = _name(wanted, open_clip)
    with torch.inference_mode():
        try:
            model, _, preprocess = open_clip.create_model_and_transforms(
                name, load_weights=False, pretrained_text=False, **_published(wanted, open_clip)
            )
            tokenizer = open_clip.get_tokenizer(name, **({"bpe_path": wanted["merges"]} if wanted["merges"] else {}))
        except ImportError as error:
            raise ModelFailed(f"it needs a package that is not installed: {error}") from error
        except Exception as error:
            raise ModelFailed(f"open_clip cannot build it from its configuration: {_short(error)}") from error
        _weights(model, wanted, open_clip)
        model.eval()
        try:
            return Encoder(wanted, model, preprocess, tokenizer, chosen)
        except RuntimeError as error:
            if device != "auto" or chosen == "cpu" or not _memory(error):
                raise
    return load(wanted, "cpu", threads)  # what the device has no room for runs here


class Encoder:
    """A loaded model.

    ``batches``: how many pictures it takes at once, for each kind of call; ``info`` says where and in what it runs.
    """

    def __init__(self, wanted: dict[str, Any], model: Any, preprocess: Any, tokenizer: Any, device: str) -> None:
        import torch

        self.key: str = wanted["key"]
        self.kind: str = wanted["kind"]
        self.dimensions: int = wanted["dimensions"]
        self._tokenizer = tokenizer
        *geometry, _, normalise = preprocess.transforms
        self.geometry: Sequence[Callable[[Any], Any]] = geometry
        size = model.visual.image_size
        side = (size, size) if isinstance(size, int) else (int(size[0]), int(size[1]))
        self._model, name, rate = self._settled(model, side, device, wanted)
        self._device, self._dtype = device, getattr(torch, name)
        self.batches = {"pictures": fitting(CPU_BATCHES, BATCH_S * rate) if device == "cpu" else CUDA_BATCH}
        if self.kind == "coca":
            self.batches["captions"] = self._caption_batch(side, wanted["hint"] or {})
        self._mean = torch.tensor(normalise.mean, device=device).view(1, 3, 1, 1)
        self._std = torch.tensor(normalise.std, device=device).view(1, 3, 1, 1)
        self.info = {
            "device": device, "dtype": name, "images_per_s": round(float(rate), 1), "batch": self.batches["pictures"],
            "caption_batch": self.batches.get("captions"),
        }  # fmt: skip

    def _settled(
        self, model: Any, side: tuple[int, int], device: str, wanted: dict[str, Any]
    ) -> tuple[Any, str, float]:
        """The model in the numbers that were asked for, were found best before, or are now."""
        import torch

        hint, asked = wanted["hint"] or {}, wanted["dtype"]
        if hint.get("device") == device and asked in ("auto", hint["dtype"]):
            return model.to(device=device, dtype=getattr(torch, hint["dtype"])), hint["dtype"], hint["images_per_s"]
        return dtype.settle(model, side, device, asked)

    def _caption_batch(self, side: tuple[int, int], hint: dict[str, Any]) -> int:
        """How many captions are written at once, by the time of a pass for the last word of one."""
        if self._device != "cpu":
            return CUDA_BATCH
        if hint.get("device") == "cpu" and hint.get("caption_batch"):
            return int(hint["caption_batch"])
        return fitting(CAPTION_BATCHES, WORD_S / captioner.seconds(self._model, side, self._dtype))

    def use_threads(self, threads: int) -> None:
        """So many for whatever the calling thread runs next."""
        import torch

        torch.set_num_threads(max(1, threads))

    def pictures(self, pictures: Sequence[Pixels]) -> Vectors:
        """(n, dimensions) of n pictures, each after ``geometry``."""
        return self._halving("pictures", lambda some: _unit(self._model.encode_image(self._pixels(some))), pictures)

    def texts(self, texts: Sequence[str]) -> Vectors:
        """(n, dimensions) of n texts.

        On a CPU one after the other: a second text in a batch makes the attention of a masked transformer in bfloat16
        thirty times slower there (1.3 s for 2 as for 8 texts of a ViT-B-32, against 0.04 s for one; torch 2.13).
        """

        def encode(some: Sequence[str]) -> Vectors:
            return _unit(self._model.encode_text(self._tokenizer(list(some)).to(self._device)))

        each = [texts] if self._device != "cpu" else [[text] for text in texts]
        return np.concatenate([self._halving("texts", encode, some) for some in each])

    def captions(self, pictures: Sequence[Pixels], between: Callable[[], None]) -> list[str]:
        """One line per picture; ``between`` is called after each word. Raises ModelFailed for a model that has none."""
        if self.kind != "coca":
            raise ModelFailed("it writes no captions: it is no CoCa")
        start, end = self._tokenizer.sot_token_id, self._tokenizer.eot_token_id

        def write(some: Sequence[Pixels]) -> NDArray[Any]:
            rows = captioner.greedy(self._model, self._pixels(some), start, end, between)
            return np.array([captioner.clean(self._text(row)) for row in rows], dtype=object)

        return [str(one) for one in self._halving("captions", write, pictures)]

    def _text(self, tokens: list[int]) -> str:
        known = self._tokenizer.decoder
        return str(self._tokenizer.decode([token for token in tokens if token in known]))

    def _pixels(self, pictures: Sequence[Pixels]) -> Any:
        """The numbers of open_clip's ToTensor and Normalize, for a whole batch and on the device."""
        import torch

        raw = torch.from_numpy(np.stack(pictures)).to(self._device)
        numbers = raw.permute(0, 3, 1, 2).contiguous().float().div_(255)
        return numbers.sub_(self._mean).div_(self._std).to(self._dtype)

    def _halving(self, kind: str, run: Callable[[Sequence[Any]], NDArray[Any]], items: Sequence[Any]) -> NDArray[Any]:
        """Run a batch, or where the memory is too small for it, its halves; smaller batches from then on."""
        import torch

        try:
            with torch.inference_mode():
                return run(items)
        except (RuntimeError, MemoryError) as error:
            if len(items) < 2 or not _memory(error):
                raise
        if self._device != "cpu":
            torch.cuda.empty_cache()
        half = len(items) // 2
        if kind in self.batches:
            self.batches[kind] = max(1, min(self.batches[kind], half))
        return np.concatenate([self._halving(kind, run, items[:half]), self._halving(kind, run, items[half:])])


def fitting(sizes: Sequence[int], most: float) -> int:
    """The first of falling ``sizes`` that is at most ``most``, or the last."""
    return next((size for size in sizes if size <= most), sizes[-1])


def _unit(rows: Any) -> Vectors:
    """Normalised in float32: in half numbers lengths would be off by half a percent."""
    rows = rows.float()
    found: Vectors = (rows / rows.norm(dim=-1, keepdim=True)).cpu().numpy()
    return found


def _device(asked: str) -> str:
    import torch

    if asked == "cpu" or (asked == "auto" and not torch.cuda.is_available()):
        return "cpu"
    device = "cuda" if asked == "auto" else asked
    try:
        torch.zeros(1, device=device)
    except Exception as error:
        if asked == "auto":
            return "cpu"
        raise ModelFailed(f"the device {asked} cannot be used: {_short(error)}") from error
    return device


def _name(wanted: dict[str, Any], open_clip: Any) -> str:
    if wanted["folder"]:
        return f"local-dir:{wanted['folder']}"
    beside = Path(wanted["weights"]).parent / f"{wanted['architecture']}.json"
    if beside.is_file():
        open_clip.add_model_config(beside)
    return str(wanted["architecture"])


def _published(wanted: dict[str, Any], open_clip: Any) -> dict[str, Any]:
    """The preprocessing of an architecture's published weights, if they all agree: a bare checkpoint brings none."""
    if wanted["folder"]:
        return {}
    name = wanted["architecture"]
    tags = [open_clip.get_pretrained_cfg(name, tag) for tag in open_clip.list_pretrained_tags_by_model(name)]
    found: dict[str, Any] = {}
    for part in ("mean", "std", "interpolation", "resize_mode"):
        values = {str(tag.get(part)): tag.get(part) for tag in tags}
        if len(values) == 1:
            found[f"image_{part}"] = next(iter(values.values()))
    return found


def _weights(model: Any, wanted: dict[str, Any], open_clip: Any) -> None:
    """Raises ModelFailed when the file is gone, changed, damaged, not made for this architecture, or runs code."""
    file = Path(wanted["weights"])
    try:
        open_clip.load_checkpoint(model, str(file), weights_only=True)
        if stamp(file) != tuple(wanted["stamp"]):
            raise ModelFailed(f"{file.name} was changed in the meantime")
    except ModelFailed:
        raise
    except OSError as error:
        raise ModelFailed(f"{file.name} cannot be read: {error.strerror or error}") from error
    except pickle.UnpicklingError as error:
        raise ModelFailed(
            f"{file.name} holds pickled objects besides weights, which albumsd does not load, since they may run code; "
            "take the .safetensors file of the same model"
        ) from error
    except Exception as error:
        text = _short(error)
        if "TorchScript" in text:
            raise ModelFailed(
                f"{file.name} is a TorchScript archive, which holds code; take the .safetensors file of the same model"
            ) from error
        misfits = ("size mismatch", "Missing key", "Unexpected key")
        if isinstance(error, AssertionError) or any(one in text for one in misfits):
            raise ModelFailed(f"{file.name} holds the weights of another architecture: {text}") from error
        raise ModelFailed(f"{file.name} is damaged: {text}") from error


def _memory(error: BaseException) -> bool:
    text = str(error).lower()
    return isinstance(error, MemoryError) or "out of memory" in text or "allocate memory" in text


def _short(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:300]}" if text else type(error).__name__
