"""The two pictures that are kept of an asset: preview (long side 1600) and thumbnail (320), both WebP, from one
decode.

They lie where ``shelf`` says; each appears there by one rename, so whoever reads them sees a whole file or none; what
a killed process left half is overwritten by the next try, for its name follows from the target. They carry no metadata:
no place leaves through a preview. Their bytes are on the disk before the rename: after a power cut a name never stands
before garbage of the right length, which nobody would notice. The folder is not fsynced: a name that is lost is made
again. ``dhash`` is the picture's shape in 64 bits, for near duplicates.
"""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from ..core.facts import Problem
from .errors import MediaError, explain
from .limits import Limits
from .pictures import fit
from .readers import reader
from .shelf import PREVIEW_SIDE, THUMBNAIL_SIDE, preview_path, thumbnail_path
from .sniff import sniff
from .source import Source

QUALITY = 80
METHOD = 0
"""WebP effort: the default, 4, costs four times as much for 6 % fewer bytes."""


@dataclass(frozen=True, slots=True)
class Made:
    """What was written: sizes in bytes, sizes in pixels, the picture's shape, and what was wrong on the way."""

    preview_bytes: int
    preview_size: tuple[int, int]
    thumbnail_bytes: int
    thumbnail_size: tuple[int, int]
    dhash: bytes
    problems: tuple[Problem, ...] = ()


def dhash(image: Image.Image) -> bytes:
    """Eight bytes: for each of 8 x 8 cells, whether it is brighter than its left neighbour."""
    small = image.convert("L").resize((9, 8), Image.Resampling.BOX, reducing_gap=2.0)
    grey = small.tobytes()
    bits = 0
    for row in range(8):
        for column in range(8):
            bits = bits << 1 | (grey[row * 9 + column + 1] > grey[row * 9 + column])
    return bits.to_bytes(8, "big")


def write(image: Image.Image, target: Path) -> int:
    """Put ``image`` at ``target``; how many bytes. Raises OSError."""
    packed = io.BytesIO()
    image.save(packed, "WEBP", quality=QUALITY, method=METHOD, exif=b"", xmp=b"", icc_profile=b"")
    temporary = target.parent / f".{target.name}.new"
    try:
        with open(temporary, "wb") as file:
            file.write(packed.getbuffer())
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    return packed.tell()


def make(source: Source, previews: Path, sha256: str, limits: Limits) -> Made | None:
    """Write both pictures of ``source``. None if there is nothing to show (text, sound). Raises MediaError, OSError."""
    guess = sniff(source.head, source.name)
    if source.size == 0:
        raise MediaError("empty", "no bytes")
    decoder = reader(guess.reader) if guess.reader else None
    if decoder is None or decoder.preview is None:
        return None
    try:
        picture = decoder.preview(source, PREVIEW_SIDE, limits)
    except (MediaError, MemoryError):
        raise
    except Exception as error:
        problem = explain(error)
        raise MediaError(problem.reason, problem.detail) from None
    if picture is None:
        return None
    big = picture.image
    big.info.clear()
    small = big.resize(fit(big.width, big.height, THUMBNAIL_SIDE), Image.Resampling.BICUBIC, reducing_gap=2.0)
    target = preview_path(previews, sha256)
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    small_bytes = write(small, thumbnail_path(previews, sha256))
    return Made(write(big, target), big.size, small_bytes, small.size, dhash(small), picture.problems)
