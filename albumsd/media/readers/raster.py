"""The rest that Pillow reads: BMP, JPEG 2000, TGA, ICO, PNM and the flat picture of PSD. No metadata but XMP."""

from __future__ import annotations

from PIL import Image

from ...core.facts import Facts
from .. import pictures
from ..errors import MediaError, explain
from ..evidence import Evidence, settle
from ..limits import Limits
from ..reader import Reader
from ..sniff import Guess
from ..source import Source
from ..xmp import read_xmp

FORMATS = ("BMP", "DIB", "JPEG2000", "TGA", "ICO", "PPM", "PSD")


def facts(source: Source, guess: Guess) -> Facts:
    try:
        with Image.open(source.file(), formats=FORMATS) as image:
            size, packet = image.size, image.info.get("xmp")
    except (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError) as error:
        problem = explain(error)
        raise MediaError(problem.reason, problem.detail) from None
    found = [read_xmp(packet)] if isinstance(packet, bytes) else [Evidence()]
    return settle(guess.kind, guess.mime, found, size=size)


def preview(source: Source, long_side: int, limits: Limits) -> pictures.Picture:
    return pictures.by_pillow(source.file(), long_side, limits, None, FORMATS)


READER = Reader(
    name="raster",
    help="BMP, JPEG 2000, TGA, ICO, PNM and Photoshop pictures.",
    example="drawing.bmp",
    facts=facts,
    preview=preview,
)
