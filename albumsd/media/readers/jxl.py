"""JPEG XL: size, turn, EXIF and XMP from its own header; pixels only if ``pillow_jxl`` is installed.

No decoder under a free-for-all licence has wheels for every Python that albumsd runs on, so the plugin (GPL) is the
person's choice: ``pip install pillow-jxl-plugin``. Without it a picture is listed with the problem ``no-decoder``.
"""

from __future__ import annotations

import importlib

from ...core.facts import Facts, Problem
from .. import pictures
from ..containers import boxes
from ..errors import MediaError
from ..evidence import Evidence, settle
from ..exif import read_exif
from ..limits import Limits
from ..reader import Reader
from ..sniff import Guess
from ..source import Source
from ..xmp import read_xmp

_RATIOS = {1: (1, 1), 2: (12, 10), 3: (4, 3), 4: (3, 2), 5: (16, 9), 6: (5, 4), 7: (2, 1)}
_WIDTHS = (9, 13, 18, 30)


class _Bits:
    """Bits of the codestream, least significant first."""

    def __init__(self, data: bytes) -> None:
        self._value, self._at = int.from_bytes(data, "little"), 0

    def take(self, count: int) -> int:
        value = self._value >> self._at & ((1 << count) - 1)
        self._at += count
        return value

    def side(self, small: bool) -> int:
        return (self.take(5) + 1) * 8 if small else self.take(_WIDTHS[self.take(2)]) + 1


def header(codestream: bytes) -> tuple[tuple[int, int], int] | None:
    """``((width, height), orientation)`` as stored, from the first bytes of a codestream (ISO 18181-1, SizeHeader)."""
    if codestream[:2] != b"\xff\x0a" or len(codestream) < 8:
        return None
    bits = _Bits(codestream[2:34])
    small = bool(bits.take(1))
    height = bits.side(small)
    ratio = bits.take(3)
    width = bits.side(small) if ratio == 0 else height * _RATIOS[ratio][0] // _RATIOS[ratio][1]
    orientation = 1
    if not bits.take(1) and bits.take(1):  # neither all defaults, nor without extra fields
        orientation = bits.take(3) + 1
    return (width, height), orientation


def has_decoder() -> bool:
    """Whether the plugin is installed; it registers itself with Pillow when it is imported."""
    try:
        importlib.import_module("pillow_jxl")
    except ImportError:
        return False
    return True


def facts(source: Source, guess: Guess) -> Facts:
    found: list[Evidence] = []
    codestream = source.head[:64]
    if codestream[:2] != b"\xff\x0a":
        codestream = b""
        for item in boxes(source):
            length = min(item.end, source.size) - item.start
            if item.kind in (b"jxlc", b"jxlp") and not codestream:
                codestream = source.read(item.start + (4 if item.kind == b"jxlp" else 0), 64)
            elif item.kind == b"Exif" and length < 16 << 20:
                found.append(read_exif(source.read(item.start + 4, length - 4)))
            elif item.kind == b"xml " and length < 16 << 20:
                found.append(read_xmp(source.read(item.start, length)))
    read = header(codestream)
    if read is None:
        raise MediaError("corrupt", "no JPEG XL codestream")
    size, turn = read
    if turn in (5, 6, 7, 8):
        size = (size[1], size[0])
    problems = () if has_decoder() else (Problem("no-decoder", "JPEG XL needs pillow-jxl-plugin"),)
    return settle(guess.kind, guess.mime, found, size=size, upright=True, problems=problems)


def preview(source: Source, long_side: int, limits: Limits) -> pictures.Picture:
    if not has_decoder():
        raise MediaError("no-decoder", "JPEG XL needs pillow-jxl-plugin")
    return pictures.by_pillow(source.file(), long_side, limits, None, ("JXL",))


READER = Reader(
    name="jxl",
    help="JPEG XL pictures; their pixels with the plugin pillow-jxl-plugin.",
    example="IMG_0001.jxl",
    facts=facts,
    preview=preview,
)
