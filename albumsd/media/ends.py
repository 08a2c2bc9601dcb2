"""Whether a file reaches as far as its own container says: how a cut file is known before it is decoded.

Decoders forgive: they show the first picture of a cut animation and the first minutes of a cut film, and say nothing.
The lengths in the containers tell. ``cut`` reads headers only, but for a GIF, whose pictures have no total length and
are walked block by block. What has no length of its own (a stream that was recorded live, a transport stream that was
cut between two packets) is never called cut.
"""

from __future__ import annotations

from collections.abc import Callable

from .containers import missing_tail
from .source import Source

_PIECE = 1 << 20
_PDF_TAIL = 1 << 16
_MOST = 10_000
_ISO = ("video/mp4", "video/quicktime", "video/x-m4v", "video/3gpp", "video/3gpp2")
_PACKETS = (188, 192, 204)


def cut(source: Source, mime: str) -> str | None:
    """In words what is missing at the end of a file of this type; None if nothing is, or if nothing can be known."""
    rule = _RULES.get(mime)
    return rule(source) if rule is not None else None


def _beyond(source: Source, end: int, what: str) -> str | None:
    return f"its {what} ends {end - source.size} bytes beyond the end of the file" if end > source.size else None


def _iso(source: Source) -> str | None:
    return _beyond(source, source.size + missing_tail(source), "container")


def _ebml_number(data: bytes, *, marked: bool) -> tuple[int, int]:
    """``(value, bytes it takes)`` of an EBML number; -1 for a length that is not known. ``marked``: keep the marker."""
    first = data[0] if data else 0
    width = 9 - first.bit_length()
    if first == 0 or len(data) < width:
        return -1, 0
    value = int.from_bytes(data[:width], "big")
    if marked:
        return value, width
    value &= (1 << 7 * width) - 1
    return (-1 if value == (1 << 7 * width) - 1 else value), width


def _matroska(source: Source) -> str | None:
    at = end = 0
    for _count in range(_MOST):
        head = source.read(at, 12)
        _, wide = _ebml_number(head, marked=True)
        length, more = _ebml_number(head[wide:], marked=False)
        if not wide or not more or length < 0:
            break
        at = end = at + wide + more + length
    return _beyond(source, end, "segment")


def _riff(source: Source) -> str | None:
    at = end = 0
    for _count in range(_MOST):
        head = source.read(at, 12)
        if len(head) < 12 or head[:4] != b"RIFF":
            break
        length = int.from_bytes(head[4:8], "little")
        if length == 0:  # never written: a recording that was not finished
            break
        end = at + 8 + length
        at = end + (length & 1)
    return _beyond(source, end, "list")


def _asf(source: Source) -> str | None:
    at = end = 0
    for _count in range(_MOST):
        head = source.read(at, 24)
        length = int.from_bytes(head[16:24], "little")
        if len(head) < 24 or length < 24:
            break
        at = end = at + length
    return _beyond(source, end, "data")


def _transport(source: Source) -> str | None:
    for width in _PACKETS:
        first = 4 if width == 192 and source.head[:1] != b"G" else 0
        if all(source.head[first + width * index :][:1] == b"G" for index in range(3)):
            return "its last packet is cut" if source.size % width else None
    return None


def _pdf(source: Source) -> str | None:
    tail = source.read(max(0, source.size - _PDF_TAIL), _PDF_TAIL).rstrip(b"\0\r\n\t ")
    return None if b"%%EOF" in tail[-2048:] else "the end of the document is missing"


def _gif(source: Source) -> str | None:
    """Walk to the trailer: colour tables, extensions and pictures, each a chain of blocks of at most 255 bytes."""
    start, piece = 0, source.head

    def byte(at: int) -> int:
        nonlocal start, piece
        if not start <= at < start + len(piece):
            start, piece = at, source.read(at, _PIECE)
        return piece[at - start] if at - start < len(piece) else -1

    flags = byte(10)
    at = 13 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
    while True:
        mark = byte(at)
        if mark == 0x3B:
            return None
        if mark == 0x21:
            at += 2
        elif mark == 0x2C:
            flags = byte(at + 9)
            at += 11 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
        else:
            return (
                "its last picture is not finished" if mark < 0 else None
            )  # else: no GIF any more, but bytes are there
        while (length := byte(at)) > 0:
            at += 1 + length
        if length < 0:
            return "its last picture is not finished"
        at += 1


_RULES: dict[str, Callable[[Source], str | None]] = {
    **dict.fromkeys(_ISO, _iso),
    **dict.fromkeys(("image/heic", "image/heif", "image/heic-sequence", "image/heif-sequence", "image/avif"), _iso),
    **dict.fromkeys(("image/jxl", "image/x-canon-cr3"), _iso),
    **dict.fromkeys(("video/x-matroska", "video/webm"), _matroska),
    "video/x-msvideo": _riff,
    "video/x-ms-wmv": _asf,
    "video/x-ms-asf": _asf,
    "video/mp2t": _transport,
    "image/gif": _gif,
    "application/pdf": _pdf,
}
