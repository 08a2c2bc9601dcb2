"""What cameras and photo programs write beside the pixels: EXIF and XMP, as bytes to embed or to lay beside a file."""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction
from typing import Any
from xml.sax.saxutils import escape

from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from .story import Shot
from .world import CAMERAS

_EXIF_IFD, _GPS_IFD = 0x8769, 0x8825
_SHUTTERS = {"morning": Fraction(1, 125), "noon": Fraction(1, 1000), "evening": Fraction(1, 30)}
_ISOS = {"morning": 200, "noon": 100, "evening": 800}


def _ratio(value: float) -> IFDRational:
    share = Fraction(value).limit_denominator(10000)
    return IFDRational(share.numerator, share.denominator)


def _degrees(value: float) -> tuple[IFDRational, IFDRational, IFDRational]:
    total = round(abs(value) * 3600 * 1000)
    return (
        IFDRational(total // 3_600_000, 1),
        IFDRational(total // 60_000 % 60, 1),
        IFDRational(total % 60_000, 1000),
    )


def offset_text(hours: int) -> str:
    return f"{'-' if hours < 0 else '+'}{abs(hours):02d}:00"


def exif(shot: Shot, orientation: int = 1) -> bytes:
    """EXIF as the shot's camera would write it: the old ones know no offset, the DSLR no position."""
    camera = CAMERAS[shot.camera]
    local = f"{shot.when:%Y:%m:%d %H:%M:%S}"
    labels = Image.Exif()
    labels[0x010F], labels[0x0110] = camera.make, camera.model
    labels[0x0112] = orientation
    labels[0x0131], labels[0x0132] = "albumsd demo", local
    inner: dict[int, Any] = {
        0x829A: _ratio(float(_SHUTTERS[shot.scene.light])),
        0x829D: _ratio(camera.aperture),
        0x8827: _ISOS[shot.scene.light],
        0x9003: local,
        0x9004: local,
        0x9209: 1 if shot.scene.light == "evening" and shot.camera == "compact" else 16,
        0x920A: _ratio(camera.focal_mm),
        0xA405: camera.focal35_mm,
        0xA433: camera.make,
        0xA434: camera.lens,
    }
    if camera.offsets:
        inner |= {0x9010: offset_text(shot.offset_h), 0x9011: offset_text(shot.offset_h)}
        inner[0x9291] = f"{shot.seed % 1000:03d}"
    labels.get_ifd(_EXIF_IFD).update(inner)
    if camera.gps:
        utc = shot.when - timedelta(hours=shot.offset_h)
        labels.get_ifd(_GPS_IFD).update(
            {
                0: b"\x02\x03\x00\x00",
                1: "N" if shot.lat >= 0 else "S",
                2: _degrees(shot.lat),
                3: "E" if shot.lon >= 0 else "W",
                4: _degrees(shot.lon),
                5: b"\x00",
                6: _ratio(12.0),
                7: (IFDRational(utc.hour, 1), IFDRational(utc.minute, 1), IFDRational(utc.second, 1)),
                29: f"{utc:%Y:%m:%d}",
            }
        )
    return labels.tobytes()


def xmp(
    tags: tuple[str, ...] = (),
    rating: int | None = None,
    title: str = "",
    description: str = "",
    panorama: bool = False,
) -> bytes:
    """An XMP packet: keywords, stars, title, description; ``panorama`` marks a cylinder."""
    attributes = "" if rating is None else f' xmp:Rating="{rating}"'
    if panorama:
        attributes += ' GPano:UsePanoramaViewer="True" GPano:ProjectionType="cylindrical"'
    body = ""
    if tags:
        items = "".join(f"<rdf:li>{escape(tag)}</rdf:li>" for tag in tags)
        body += f"<dc:subject><rdf:Bag>{items}</rdf:Bag></dc:subject>"
    for name, text in (("title", title), ("description", description)):
        if text:
            body += f'<dc:{name}><rdf:Alt><rdf:li xml:lang="x-default">{escape(text)}</rdf:li></rdf:Alt></dc:{name}>'
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"'
        f' xmlns:GPano="http://ns.google.com/photos/1.0/panorama/"{attributes}>{body}</rdf:Description>'
        '</rdf:RDF></x:xmpmeta>\n<?xpacket end="w"?>'
    ).encode()
