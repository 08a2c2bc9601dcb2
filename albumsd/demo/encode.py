"""Pictures as the bytes of a JPEG or HEIC file, with EXIF and XMP inside."""

from __future__ import annotations

import io
import struct

import pillow_heif
from PIL import Image


def jpeg(picture: Image.Image, exif: bytes = b"", xmp: bytes = b"", quality: int = 84) -> bytes:
    sink = io.BytesIO()
    extra = {"xmp": xmp} if xmp else {}
    picture.save(sink, "JPEG", quality=quality, exif=exif, **extra)
    return sink.getvalue()


def heic(picture: Image.Image, exif: bytes, xmp: bytes = b"") -> bytes:
    sink = io.BytesIO()
    heif = pillow_heif.from_pillow(picture)
    heif.save(sink, quality=50, exif=exif, enc_params={"preset": "veryfast"}, **({"xmp": xmp} if xmp else {}))
    return _absolute_items(sink.getvalue())


def _absolute_items(encoded: bytes) -> bytes:
    """The same file with its items located as phones do it: absolute extents from a base offset of 0.

    libheif writes relative ones, which exifread does not follow.
    """
    data = bytearray(encoded)
    box = data.index(b"iloc") + 4
    version, sizes, count = data[box], bytes(data[box + 4 : box + 6]), struct.unpack_from(">H", data, box + 6)[0]
    if version != 0 or sizes != b"\x44\x40":
        return encoded
    at = box + 8
    for _ in range(count):
        _item, _reference, base, extents = struct.unpack_from(">HHIH", data, at)
        struct.pack_into(">I", data, at + 4, 0)
        at += 10
        for _ in range(extents):
            (offset,) = struct.unpack_from(">I", data, at)
            struct.pack_into(">I", data, at, base + offset)
            at += 8
    return bytes(data)
