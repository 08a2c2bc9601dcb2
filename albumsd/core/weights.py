"""The models that `albumsd models pull` knows: plain data, in the order in which they are offered.

A model is a folder as open_clip's ``local-dir:`` reads it: ``open_clip_config.json``, one file of weights, and where
the model needs one its tokenizer. None comes with albumsd: each is fetched from where those who trained it, or
open_clip's own authors, publish it, under the licence named beside it.

What is pinned is pinned by ``revision``, the commit of the publisher's repository, or by ``sha256``. A hash stands here
only where it is known: three public repositories record the same one, and size, for the default; it was not computed
from a download. The others are checked against the hash that the hub itself announces. Sizes that are not exact are
those that the hub shows.

What else is on the hub with an ``open_clip_config.json`` can be had by ORGANISATION/REPOSITORY (``of_repository``).
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import Literal

HUB = "https://huggingface.co"
CONFIG = "open_clip_config.json"
SAFE = "open_clip_model.safetensors"
PICKLE = "open_clip_pytorch_model.bin"
TOKENIZER = (
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.json", "merges.txt", "vocab.txt",
    "tokenizer.model", "spiece.model",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class File:
    """One file of a model. ``names``: the first of them that the place has. ``sha256``: of the first name, where known.

    ``weights``: it is not taken without a hash to check it against. ``optional``: the model may do without it.
    """

    names: tuple[str, ...]
    sha256: str = ""
    weights: bool = False
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Weights:
    """``name``: of its folder. ``size``: bytes of all files together, 0: nobody knows yet. ``kind``: coca captions."""

    name: str
    kind: Literal["clip", "coca"]
    help: str
    size: int
    licence: str
    repository: str
    revision: str
    files: tuple[File, ...]

    def url(self, name: str, hub: str = HUB) -> str:
        """Where a file of it is."""
        return f"{hub.rstrip('/')}/{self.repository}/resolve/{self.revision}/{name}"


def _files(*weights: str, sha256: str = "") -> tuple[File, ...]:
    return File((CONFIG,)), File(weights, sha256=sha256, weights=True)


KNOWN: tuple[Weights, ...] = (
    Weights(
        "ViT-B-32-laion2b", "clip",
        "The default: quick on any machine, good at things, places and scenes. English.",
        605_143_316, "MIT", "laion/CLIP-ViT-B-32-laion2B-s34B-b79K", "1a25a446712ba5ee05982a381eed697ef9b435cf",
        _files(SAFE, sha256="ac4f8c4b88af6d963118cbf40ad93176d092abbedfcb752601ae1866352656e6"),
    ),
    Weights(
        "ViT-B-32-datacomp", "clip",
        "As quick as the default, trained later on cleaner data. English.",
        605_000_000, "MIT", "laion/CLIP-ViT-B-32-DataComp.XL-s13B-b90K", "main", _files(SAFE, PICKLE),
    ),
    Weights(
        "MobileCLIP2-S0", "clip",
        "Half the size and less memory, 0.8 times as quick as the default. English.",
        300_000_000, "Apple's licence for research models (apple-amlr)", "timm/MobileCLIP2-S0-OpenCLIP", "main",
        _files(SAFE, PICKLE),
    ),
    Weights(
        "ViT-B-16-datacomp", "clip",
        "Sees smaller things; four times the work per picture. English.",
        600_000_000, "MIT", "laion/CLIP-ViT-B-16-DataComp.XL-s13B-b90K", "main", _files(SAFE, PICKLE),
    ),
    Weights(
        "CoCa-ViT-B-32-captions", "coca",
        "Writes captions, as short as those of the COCO pictures on which it was finished. English.",
        1_010_000_000, "MIT", "laion/mscoco_finetuned_CoCa-ViT-B-32-laion2B-s13B-b90k",
        "ef0732eb039c932624eb8b867c82ab2311001b09", _files(SAFE, PICKLE),
    ),
)  # fmt: skip

DEFAULT = KNOWN[0]


def find(text: str) -> Weights | None:
    """The known model of that name: in capitals or not, or the first whose name begins with it."""
    wanted = text.casefold()
    exact = [one for one in KNOWN if one.name.casefold() == wanted]
    return next(iter(exact or [one for one in KNOWN if wanted and one.name.casefold().startswith(wanted)]), None)


def of_repository(text: str) -> Weights | None:
    """``ORGANISATION/REPOSITORY[@REVISION]`` of the hub, with all files that may be wanted; None: it is no such."""
    repository, _, revision = text.partition("@")
    parts = repository.split("/")
    if len(parts) != 2 or not all(_plain(part) for part in (*parts, revision or "main")):
        return None
    tokenizer = tuple(File((name,), optional=True) for name in TOKENIZER)
    return Weights(
        parts[1], "clip", "", 0, "see its card", repository, revision or "main", (*_files(SAFE, PICKLE), *tokenizer)
    )


def _plain(text: str) -> bool:
    return text[:1] not in ("", ".") and all(one.isascii() and (one.isalnum() or one in "-_.") for one in text)


def size_text(size: int) -> str:
    """``605 MB``, ``1.0 GB``"""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{round(size / 1e6)} MB" if size >= 1e6 else f"{size:,} bytes"


WITHOUT = (
    "there is no model for meaning, tags, captions and clusters; `albumsd models pull` gets one "
    f"({size_text(DEFAULT.size)}, once)"
)
"""Why a library has no meaning, in words for a person: status, README.txt and search/README.txt say it."""
NEEDED = ("torch", "open_clip")
"""What runs a model. The extra also has hnswlib, without which search is exact and slower, and what makes clusters."""
NOT_INSTALLED = "what runs models is not installed; `pip install 'albumsd[meaning]'` does that"


def installed() -> bool:
    """Whether what runs models is installed. Looking for it imports nothing."""
    return all(find_spec(name) for name in NEEDED)


def words_only(why: str) -> str:
    """The line that says that search has no meaning, and ``why``."""
    return f"Search goes by words only: {why}."
