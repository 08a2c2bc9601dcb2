"""Where metadata lies in JPEG, PNG, RIFF and ISO media files: walkers that never trust a length.

A walker reads only headers and the parts that are asked for, through ``Source.read``, and stops where the structure
ends or lies; what came before counts. So metadata is found also in files whose pixels no decoder will touch.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from .source import Source, Window

MAX_BLOCK = 64 << 20
_SOF = frozenset({0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF})
_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})
_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_XMP_MORE = b"http://ns.adobe.com/xmp/extension/\0"


@dataclass(slots=True)
class Blocks:
    """The metadata blocks of one picture, as bytes; ``size`` in stored pixels; ``complete``: its end was seen."""

    exif: bytes = b""
    xmp: list[bytes] = field(default_factory=list)
    iptc: bytes = b""
    text: dict[str, str] = field(default_factory=dict)
    size: tuple[int, int] | None = None
    animated: bool = False
    complete: bool = True


def jpeg(source: Source | Window) -> Blocks:
    """EXIF, XMP (with its extension), IPTC and the size of a JPEG."""
    blocks, at = Blocks(), 2
    more: dict[int, bytes] = {}
    exif: list[bytes] = []
    while at + 4 <= source.size:
        mark = source.read(at, 4)
        if len(mark) < 4 or mark[0] != 0xFF:
            break
        code = mark[1]
        if code == 0xFF or code in _ALONE:
            at += 1 if code == 0xFF else 2
            continue
        if code in (0xDA, 0xD9):
            break
        length = int.from_bytes(mark[2:4], "big")
        if length < 2:
            break
        if code == 0xE1:
            data = source.read(at + 4, length - 2)
            if data.startswith(b"Exif\0\0"):
                exif.append(data[6:])
            elif data.startswith(_XMP):
                blocks.xmp.append(data[len(_XMP) :])
            elif data.startswith(_XMP_MORE) and len(data) > 75:
                more[int.from_bytes(data[71:75], "big")] = data[75:]
        elif code == 0xED:
            data = source.read(at + 4, length - 2)
            if data.startswith(b"Photoshop 3.0\0"):
                blocks.iptc += data[14:]
        elif code in _SOF:
            data = source.read(at + 4, 6)
            if len(data) >= 5:
                height, width = int.from_bytes(data[1:3], "big"), int.from_bytes(data[3:5], "big")
                blocks.size = (width, height) if width and height else None
        at += 2 + length
    blocks.exif = exif[0] if exif else b""
    for piece in exif[1:]:  # EXIF of more than 64 KiB goes on in the next segment, a second EXIF does not
        if piece[:4] not in (b"II*\0", b"MM\0*"):
            blocks.exif += piece
    if more:
        blocks.xmp.append(b"".join(more[offset] for offset in sorted(more)))
    blocks.complete = at < source.size and blocks.size is not None
    return blocks


def _png_text(kind: bytes, data: bytes) -> tuple[str, bytes]:
    key, _, rest = data.partition(b"\0")
    name = key.decode("latin-1", "replace")
    if kind == b"zTXt":
        return name, _inflate(rest[1:])
    if kind == b"iTXt":
        packed = rest[:1] == b"\1"
        value = rest[2:].partition(b"\0")[2].partition(b"\0")[2]
        return name, _inflate(value) if packed else value
    return name, rest


def _inflate(data: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(data, 8 << 20)
    except zlib.error:
        return b""


def _raw_profile(value: bytes) -> bytes:
    """ImageMagick's ``Raw profile type``: a name, a length, then hexadecimal."""
    parts = value.split(maxsplit=2)
    try:
        return bytes.fromhex("".join(parts[2].decode("ascii").split())) if len(parts) == 3 else b""
    except (UnicodeDecodeError, ValueError):
        return b""


def png(source: Source) -> Blocks:
    """EXIF, XMP, texts, size and animation of a PNG. ``complete`` is false when its end chunk is missing."""
    blocks, at = Blocks(complete=False), 8
    for _count in range(100_000):
        header = source.read(at, 8)
        if len(header) < 8:
            break
        length, kind = int.from_bytes(header[:4], "big"), header[4:]
        if length > MAX_BLOCK and kind != b"IDAT":
            break
        if kind == b"IHDR":
            data = source.read(at + 8, 8)
            width, height = int.from_bytes(data[:4], "big"), int.from_bytes(data[4:8], "big")
            blocks.size = (width, height) if width and height else None
        elif kind == b"eXIf":
            blocks.exif = source.read(at + 8, length)
        elif kind == b"acTL":
            blocks.animated = int.from_bytes(source.read(at + 8, 4), "big") > 1
        elif kind in (b"tEXt", b"zTXt", b"iTXt"):
            name, value = _png_text(kind, source.read(at + 8, length))
            if name == "XML:com.adobe.xmp":
                blocks.xmp.append(value)
            elif name.startswith("Raw profile type"):
                profile, what = _raw_profile(value), name[17:].strip().lower()
                if what in ("exif", "app1") and profile.startswith(b"Exif\0\0"):
                    blocks.exif = blocks.exif or profile[6:]
                elif what == "xmp":
                    blocks.xmp.append(profile)
                elif what == "iptc":
                    blocks.iptc = profile
            else:
                encoding = "utf-8" if kind == b"iTXt" else "latin-1"
                blocks.text.setdefault(name, value[:20_000].decode(encoding, "replace"))
        elif kind == b"IEND":
            blocks.complete = True
            break
        at += 12 + length
        if at > source.size:
            break
    return blocks


def webp(source: Source) -> Blocks:
    """EXIF, XMP, canvas size and animation of a WebP. ``complete`` is false when the file is shorter than it says."""
    blocks = Blocks(complete=int.from_bytes(source.head[4:8], "little") + 8 <= source.size)
    at = 12
    while at + 8 <= source.size:
        header = source.read(at, 8)
        kind, length = header[:4], int.from_bytes(header[4:8], "little")
        if kind == b"EXIF":
            blocks.exif = source.read(at + 8, min(length, MAX_BLOCK)).removeprefix(b"Exif\0\0")
        elif kind == b"XMP ":
            blocks.xmp.append(source.read(at + 8, min(length, MAX_BLOCK)))
        elif kind == b"VP8X":
            data = source.read(at + 8, 10)
            if len(data) == 10:
                blocks.size = (int.from_bytes(data[4:7], "little") + 1, int.from_bytes(data[7:10], "little") + 1)
                blocks.animated = bool(data[0] & 2)
        elif kind == b"VP8 " and not blocks.size:
            data = source.read(at + 8, 10)
            if data[3:6] == b"\x9d\x01\x2a":
                blocks.size = (
                    int.from_bytes(data[6:8], "little") & 0x3FFF,
                    int.from_bytes(data[8:10], "little") & 0x3FFF,
                )
        elif kind == b"VP8L" and not blocks.size:
            bits = int.from_bytes(source.read(at + 9, 4), "little")
            blocks.size = ((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
        at += 8 + length + (length & 1)
    return blocks


@dataclass(frozen=True, slots=True)
class Box:
    """One box of an ISO media file: where its content begins and where it ends (maybe beyond the file)."""

    kind: bytes
    at: int
    start: int
    end: int


def boxes(source: Source | Window, start: int = 0, end: int | None = None, limit: int = 10_000) -> Iterator[Box]:
    """The boxes between two offsets, not those inside them. Ends silently at the first length that cannot be."""
    at, stop = start, source.size if end is None else min(end, source.size)
    for _count in range(limit):
        if at + 8 > stop:
            return
        header = source.read(at, 16)
        length, kind, begin = int.from_bytes(header[:4], "big"), header[4:8], at + 8
        if length == 1:
            length, begin = int.from_bytes(header[8:16], "big"), at + 16
        elif length == 0:
            length = stop - at
        if length < begin - at:
            return
        yield Box(kind, at, begin, at + length)
        at += length


def box(source: Source, *path: bytes, start: int = 0, end: int | None = None) -> Box | None:
    """The first box at a path of kinds (``b"moov", b"udta"``); None if there is none."""
    found: Box | None = None
    for kind in path:
        found = next((item for item in boxes(source, start, end) if item.kind == kind), None)
        if found is None:
            return None
        start, end = found.start, found.end
    return found


_TOP = frozenset(
    (b"ftyp", b"styp", b"meta", b"mdat", b"moov", b"moof", b"mfra", b"free", b"skip", b"wide", b"uuid", b"udta")
    + (b"sidx", b"idat", b"pnot", b"mpvd", b"jxlc", b"jxlp", b"Exif", b"xml ", b"jumb", b"brob")
)


def missing_tail(source: Source | Window) -> int:
    """How many bytes the last box of an ISO media file says it has beyond the end of the file; 0 when it is whole.

    Only boxes of known kinds count: what phones append behind the boxes (Samsung's trailer) is none.
    """
    end = max((item.end for item in boxes(source) if item.kind in _TOP), default=0)
    return max(0, end - source.size)
