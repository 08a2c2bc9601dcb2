"""TIFF: scans and exports; the first page stands for all."""

from __future__ import annotations

from PIL import Image

from ...core.facts import Facts, Problem
from .. import pictures
from ..errors import MediaError, explain
from ..evidence import Evidence, settle
from ..exif import read_exif_file
from ..iptc import read_iptc
from ..limits import Limits
from ..reader import Reader
from ..sniff import Guess
from ..source import Source
from ..tiff_parts import missing_bytes
from ..xmp import read_xmp

_XMP, _IPTC, _PHOTOSHOP = 700, 33723, 34377


def _block(image: Image.Image, tag: int) -> bytes:
    value = getattr(image, "tag_v2", {}).get(tag, b"")
    return value if isinstance(value, bytes) else b""


def facts(source: Source, guess: Guess) -> Facts:
    found: list[Evidence] = [read_exif_file(source.file())]
    try:
        with Image.open(source.file(), formats=("TIFF",)) as image:
            size = image.size
            if packet := _block(image, _XMP):
                found.append(read_xmp(packet))
            found.extend(read_iptc(block) for tag in (_IPTC, _PHOTOSHOP) if (block := _block(image, tag)))
    except Exception as error:  # Pillow's TIFF parser lets struct, key and type errors through
        if found == [Evidence()]:
            problem = next(iter(_cut(source)), explain(error))
            raise MediaError(problem.reason, problem.detail) from None
        return settle(guess.kind, guess.mime, found, problems=_cut(source) or (explain(error),))
    # Pillow tells a TIFF's size turned upright
    return settle(guess.kind, guess.mime, found, size=size, upright=True, problems=_cut(source))


def _cut(source: Source) -> tuple[Problem, ...]:
    missing = missing_bytes(source)
    return (Problem("truncated", f"{missing} bytes of it lie beyond the end of the file"),) if missing else ()


def preview(source: Source, long_side: int, limits: Limits) -> pictures.Picture:
    try:
        image = Image.open(source.file(), formats=("TIFF",))
        pictures.check_size(*image.size, limits)
        problems = pictures.load(image)
        return pictures.finish(image, long_side, None, problems)  # Pillow turns TIFFs upright itself
    except MediaError:
        raise
    except MemoryError:
        raise
    except Exception as error:
        problem = explain(error)
        raise MediaError(problem.reason, problem.detail) from None


READER = Reader(
    name="tiff",
    help="TIFF pictures and scans, with EXIF, XMP and IPTC.",
    example="scan-1987.tif",
    facts=facts,
    preview=preview,
)
