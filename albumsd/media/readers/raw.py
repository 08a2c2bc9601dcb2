"""RAW pictures: metadata from their TIFF structure (or what stands for it), the picture from the embedded preview.

LibRaw (rawpy) finds the preview of every maker and, where there is none of use, develops at half size. When it
refuses a file (cut, unknown), the largest ordinary JPEG inside is shown, and the problem is told.
"""

from __future__ import annotations

import io

import rawpy
from PIL import Image

from ...core.facts import Facts, Problem
from .. import pictures
from ..containers import box, boxes, jpeg
from ..errors import MediaError, explain
from ..evidence import Evidence, settle
from ..exif import read_exif, read_exif_file, read_exif_parts
from ..limits import Limits
from ..reader import Reader
from ..sniff import Guess
from ..source import Source, Window
from ..tiff_parts import missing_bytes
from ..xmp import read_xmp
from .jpeg import evidence as jpeg_evidence

_CANON = bytes.fromhex("85c0b687820f11e08111f4ce462b6a48")
_HEAD = 2 << 20
_SCAN = 32 << 20
_USEFUL = 640
_TURN_OF_FLIP = {3: 3, 5: 8, 6: 6}


def _evidence(source: Source) -> list[Evidence]:
    head = source.head
    if head[4:12] == b"ftypcrx ":
        return [_canon(source)]
    if head.startswith(b"FUJIFILMCCD-RAW"):
        start, length = int.from_bytes(head[84:88], "big"), int.from_bytes(head[88:92], "big")
        return jpeg_evidence(jpeg(Window(source, start, length)))
    if head[:4] in (b"IIU\0", b"IIRO", b"IIRS", b"MMOR"):
        order = b"II*\0" if head[:2] == b"II" else b"MM\0*"
        return [read_exif(order + source.read(4, _HEAD))]
    found = [read_exif_file(source.file())]
    try:
        with Image.open(source.file(), formats=("TIFF",)) as image:
            packet = getattr(image, "tag_v2", {}).get(700)
    except Exception:  # most RAW files are no TIFF that Pillow knows: then there is no XMP to be had here
        packet = None
    if isinstance(packet, bytes):
        found.append(read_xmp(packet))
    return found


def _canon(source: Source) -> Evidence:
    """CR3: an ISO media file; Canon's box in ``moov`` keeps each IFD in a box of its own."""
    moov = box(source, b"moov")
    if moov is None:
        return Evidence()
    parts: dict[str, bytes] = {}
    for item in boxes(source, moov.start, moov.end):
        if item.kind == b"uuid" and source.read(item.start, 16) == _CANON:
            for inner in boxes(source, item.start + 16, item.end):
                name = {b"CMT1": "Image", b"CMT2": "EXIF", b"CMT4": "GPS"}.get(inner.kind)
                if name and inner.end - inner.start < 1 << 20:
                    parts[name] = source.read(inner.start, inner.end - inner.start)
    return read_exif_parts(**parts)


def facts(source: Source, guess: Guess) -> Facts:
    found = _evidence(source)
    size, upright = None, False
    problems: list[Problem] = []
    try:
        with rawpy.imread(source.file()) as raw:
            sizes = raw.sizes
            size = (sizes.crop_width, sizes.crop_height) if sizes.crop_width else (sizes.width, sizes.height)
            if sizes.flip in (5, 6):
                size = (size[1], size[0])
            upright = True
        if missing := missing_bytes(source, tables=False):
            problems.append(Problem("truncated", f"{missing} bytes of it lie beyond the end of the file"))
    except (rawpy.LibRawError, OSError, ValueError):
        if not any(item != Evidence() for item in found):
            raise MediaError("corrupt", "neither metadata nor a picture") from None
        problems.append(Problem("corrupt", "LibRaw cannot open it"))
    flags = ("raw",)
    return settle(guess.kind, guess.mime, found, size=size, upright=upright, flags=flags, problems=problems)


def _largest_jpeg(source: Source) -> bytes | None:
    """The largest embedded JPEG that is not itself the lossless RAW data."""
    data = source.read(0, min(source.size, _SCAN))
    best: tuple[int, int] | None = None
    at = data.find(b"\xff\xd8\xff")
    for _count in range(64):
        if at < 0:
            break
        size = jpeg(Window(source, at)).size
        lossless = b"\xff\xc3" in data[at : at + 2048]
        if size and not lossless and (best is None or size[0] * size[1] > best[0]):
            best = (size[0] * size[1], at)
        at = data.find(b"\xff\xd8\xff", at + 3)
    return data[best[1] :] if best else None


def _by_libraw(source: Source, long_side: int, limits: Limits, orientation: int | None) -> pictures.Picture:
    with rawpy.imread(source.file()) as raw:
        pictures.check_size(raw.sizes.width, raw.sizes.height, limits)
        turn = orientation or _TURN_OF_FLIP.get(raw.sizes.flip)
        small: pictures.Picture | None = None
        try:
            thumb = raw.extract_thumb()
            if thumb.format == rawpy.ThumbFormat.JPEG:
                data = bytes(thumb.data)
                with Image.open(io.BytesIO(data), formats=("JPEG", "MPO")) as probe:
                    own = probe.getexif().get(0x0112)
                small = _by_jpeg(data, long_side, limits, own if own in range(1, 9) else turn)
            elif not isinstance(thumb.data, bytes) and thumb.data.ndim == 3:
                small = pictures.finish(Image.fromarray(thumb.data), long_side, turn)
        except (rawpy.LibRawError, MediaError, OSError, ValueError, TypeError):
            small = None  # no usable preview in it: develop
        if small is not None and max(small.image.size) >= min(_USEFUL, long_side):
            return small
        try:
            developed = raw.postprocess(half_size=True, use_camera_wb=True, output_bps=8)
        except rawpy.LibRawError:
            if small is not None:
                return small
            raise
        return pictures.finish(Image.fromarray(developed), long_side)


def _by_jpeg(data: bytes, long_side: int, limits: Limits, orientation: int | None) -> pictures.Picture:
    return pictures.by_pillow(io.BytesIO(data), long_side, limits, orientation, ("JPEG", "MPO"))


def preview(source: Source, long_side: int, limits: Limits) -> pictures.Picture:
    orientation = next((item.orientation for item in _evidence(source) if item.orientation), None)
    try:
        return _by_libraw(source, long_side, limits, orientation)
    except (rawpy.LibRawError, OSError, ValueError) as error:
        problem = explain(error)
    data = _largest_jpeg(source)
    if data is None:
        raise MediaError("corrupt", f"LibRaw: {problem.detail}")
    picture = _by_jpeg(data, long_side, limits, orientation)
    return pictures.Picture(picture.image, (Problem("corrupt", f"only its embedded preview: {problem.detail}"),))


READER = Reader(
    name="raw",
    help="RAW pictures of cameras: CR2 CR3 NEF ARW DNG RW2 ORF RAF and others.",
    example="DSC_0001.NEF",
    facts=facts,
    preview=preview,
)
