"""Files of every kind, made on the spot: EXIF by hand and by Pillow, HEIC by libheif, videos by FFmpeg."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw

EXIF_IFD, GPS_IFD = 0x8769, 0x8825


def drawing(width: int = 64, height: int = 48, mode: str = "RGB") -> Image.Image:
    """Red at the top left, blue at the bottom right: a turn shows."""
    image = Image.new("RGB", (width, height), (255, 255, 255))
    pen = ImageDraw.Draw(image)
    pen.rectangle((0, 0, width // 2 - 1, height // 2 - 1), fill=(220, 20, 20))
    pen.rectangle((width // 2, height // 2, width, height), fill=(20, 20, 220))
    return image.convert(mode)


def exif(
    image: dict[int, Any] | None = None, photo: dict[int, Any] | None = None, gps: dict[int, Any] | None = None
) -> bytes:
    """An EXIF block with these tags of IFD0, the EXIF IFD and the GPS IFD."""
    block = Image.Exif()
    block.update(image or {})
    if photo:
        block.get_ifd(EXIF_IFD).update(photo)
    if gps:
        block.get_ifd(GPS_IFD).update(gps)
    return block.tobytes()


LISBON = {1: "N", 2: (38.0, 42.0, 50.04), 3: "W", 4: (9.0, 8.0, 0.24), 5: b"\0", 6: 12.5}


@pytest.fixture
def jpeg(tmp_path: Path) -> Callable[..., Path]:
    """``jpeg(name="a.jpg", size=(64, 48), trailer=b"", **tags)``: a JPEG with EXIF from ``exif`` and an XMP packet."""

    def make(
        name: str = "a.jpg",
        size: tuple[int, int] = (64, 48),
        trailer: bytes = b"",
        xmp: str | bytes | None = None,
        block: bytes | None = None,
        **tags: Any,
    ) -> Path:
        path = tmp_path / name
        options: dict[str, Any] = {}
        if tags or block:
            options["exif"] = block or exif(**tags)
        if xmp is not None:
            options["xmp"] = xmp if isinstance(xmp, bytes) else xmp.encode()
        drawing(*size).save(path, "JPEG", quality=90, **options)
        if trailer:
            path.write_bytes(path.read_bytes() + trailer)
        return path

    return make


def packet(attributes: str = "", elements: str = "") -> str:
    """An XMP packet."""
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
        'xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/" '
        'xmlns:exif="http://ns.adobe.com/exif/1.0/" xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" '
        'xmlns:lr="http://ns.adobe.com/lightroom/1.0/" xmlns:digiKam="http://www.digikam.org/ns/1.0/" '
        'xmlns:GCamera="http://ns.google.com/photos/1.0/camera/" xmlns:GPano="http://ns.google.com/photos/1.0/panorama/" '
        f'{attributes}>{elements}</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
    )


def bag(name: str, *values: str) -> str:
    items = "".join(f"<rdf:li>{value}</rdf:li>" for value in values)
    return f"<{name}><rdf:Bag>{items}</rdf:Bag></{name}>"


def atom(kind: bytes, *content: bytes) -> bytes:
    body = b"".join(content)
    return struct.pack(">I4s", 8 + len(body), kind) + body


@pytest.fixture
def video(tmp_path: Path) -> Callable[..., Path]:
    """``video(name="a.mp4", size=(64, 48), frames=12, rotation=0, **metadata)``: a small MPEG-4 video."""

    def make(
        name: str = "a.mp4",
        size: tuple[int, int] = (64, 48),
        frames: int = 12,
        options: dict[str, str] | None = None,
        **metadata: str,
    ) -> Path:
        import av

        path = tmp_path / name
        with av.open(str(path), "w", options=options or {}) as container:
            container.metadata.update({key.replace("__", "."): value for key, value in metadata.items()})
            stream = container.add_stream("mpeg4", rate=12)
            stream.width, stream.height, stream.pix_fmt = size[0], size[1], "yuv420p"
            for _frame in range(frames):
                for out in stream.encode(av.VideoFrame.from_image(drawing(*size))):
                    container.mux(out)
            for out in stream.encode():
                container.mux(out)
        return path

    return make


def pdf(
    text: str = "warranty letter", info: str = "/Title (Washing machine) /CreationDate (D:20240413182205+02'00')"
) -> bytes:
    """A PDF of one page, written by hand."""
    stream = f"BT /F1 24 Tf 72 700 Td ({text}) Tj ET".encode()
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        f"<< {info} >>".encode(),
    ]
    body, offsets = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        offsets.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    start = len(body)
    body += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    body += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    return body + b"trailer << /Size %d /Root 1 0 R /Info 6 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (
        len(objects) + 1,
        start,
    )


def archive(path: Path, parts: dict[str, str | bytes]) -> Path:
    """A ZIP file with these parts, in order."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in parts.items():
            file.writestr(name, content, zipfile.ZIP_STORED if name == "mimetype" else None)
    return path
