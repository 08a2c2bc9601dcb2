"""XMP: embedded in pictures, or as a sidecar beside them.

A packet is flattened to ``{(namespace, name): [values]}`` of its first level (rdf:Description attributes and
elements; lists give several values), and the properties that albumsd knows are read from that. Packets occur in
UTF-8 and UTF-16, with a byte order mark too many, with a wrong namespace, or cut: one that no parser takes gives no
evidence, never an error.
"""

from __future__ import annotations

import re
from functools import lru_cache
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from ..core.facts import CaptureTime, Exposure, Facts
from .errors import MediaError
from .evidence import Evidence, clean, position, prose, rating_of, settle
from .exif import camera_of
from .source import Source
from .zones import in_utc, written

MAX_PACKET = 16 << 20

_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_PREFIXES = {
    "http://purl.org/dc/elements/1.1/": "dc",
    "http://ns.adobe.com/xap/1.0/": "xmp",
    "http://ns.adobe.com/exif/1.0/": "exif",
    "http://ns.adobe.com/exif/1.0/aux/": "aux",
    "http://cipa.jp/exif/1.0/": "exifEX",
    "http://ns.adobe.com/tiff/1.0/": "tiff",
    "http://ns.adobe.com/photoshop/1.0/": "photoshop",
    "http://ns.adobe.com/lightroom/1.0/": "lr",
    "http://www.digikam.org/ns/1.0/": "digiKam",
    "http://ns.google.com/photos/1.0/camera/": "GCamera",
    "http://ns.google.com/photos/1.0/container/": "Container",
    "http://ns.google.com/photos/1.0/container/item/": "Item",
    "http://ns.google.com/photos/1.0/panorama/": "GPano",
    "http://iptc.org/std/Iptc4xmpExt/2008-02-29/": "Iptc4xmpExt",
    "http://ns.microsoft.com/photo/1.0/": "MicrosoftPhoto",
    "http://ns.microsoft.com/photo/1.0": "MicrosoftPhoto",
    "http://ns.acdsee.com/iptc/1.0/": "acdsee",
    "http://ns.adobe.com/xmp/1.0/DynamicMedia/": "xmpDM",
}
_DATES = (
    "exif:DateTimeOriginal",
    "photoshop:DateCreated",
    "xmp:CreateDate",
    "exif:DateTimeDigitized",
    "xmpDM:shotDate",
)
_DEGREES = re.compile(r"^\s*(\d+(?:\.\d+)?)(?:,(\d+(?:\.\d+)?))?(?:,(\d+(?:\.\d+)?))?\s*([NSEWnsew])\s*$")
_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")

Properties = dict[str, list[str]]


def _decode(packet: bytes) -> str:
    if packet[:2] == b"\xff\xfe" or packet[1:2] == b"\0":
        text = packet.decode("utf-16-le", "ignore")
    elif packet[:2] == b"\xfe\xff" or packet[:1] == b"\0":
        text = packet.decode("utf-16-be", "ignore")
    else:
        text = packet.decode("utf-8", "replace")
    text = _DECLARATION.sub("", text.lstrip("\ufeff\0 \r\n\t"))
    start = text.find("<")
    end = text.rfind(">")
    return _NOT_XML.sub("", text[start : end + 1])


@lru_cache(maxsize=4096)
def _name(tag: str) -> str:
    namespace, _, local = tag[1:].partition("}") if tag.startswith("{") else ("", "", tag)
    prefix = _PREFIXES.get(namespace) or _PREFIXES.get(namespace.rstrip("/") + "/") or namespace
    return f"{prefix}:{local}"


def _values(element: Element) -> list[str]:
    listed = list(element.iter(_RDF + "li"))
    if listed:
        return [(item.text or "").strip() for item in listed if (item.text or "").strip()]
    return [(element.text or "").strip()] if (element.text or "").strip() else []


def properties(packet: bytes) -> tuple[Properties, list[dict[str, str]]]:
    """The first level of a packet, and the items of a Google container directory (each its attributes)."""
    if not packet or len(packet) > MAX_PACKET:
        return {}, []
    try:
        root = fromstring(_decode(packet))
    except (ParseError, DefusedXmlException, ValueError):
        return {}, []
    found: Properties = {}
    items: list[dict[str, str]] = []
    for description in root.iter(_RDF + "Description"):
        for key, value in description.attrib.items():
            found.setdefault(_name(key), []).append(value)
        for child in description:
            name = _name(child.tag)
            if name == "Container:Directory":
                for item in child.iter():
                    if _name(item.tag) == "Container:Item":
                        items.append({_name(key): value for key, value in item.attrib.items()})
                continue
            values = _values(child)
            if values:
                found.setdefault(name, []).extend(values)
    return found, items


def _first(found: Properties, *names: str) -> str | None:
    for name in names:
        for value in found.get(name, ()):
            if value.strip():
                return value
    return None


def _number(text: str | None) -> float | None:
    if not text:
        return None
    numerator, slash, denominator = text.partition("/")
    try:
        value = float(numerator) / float(denominator) if slash else float(numerator)
    except (ValueError, ZeroDivisionError, OverflowError):
        return None
    return value if value == value and abs(value) != float("inf") else None


def _angle(text: str | None) -> float | None:
    """``50,5.37N``, ``50,5,22N`` or signed decimal degrees."""
    if not text:
        return None
    found = _DEGREES.match(text)
    if not found:
        return _number(text)
    degrees = float(found[1]) + float(found[2] or 0) / 60 + float(found[3] or 0) / 3600
    return -degrees if found[4] in "SWsw" else degrees


def _claims(found: Properties) -> list[CaptureTime]:
    """The most exact date, with the offset of a weaker one that shows the same clock."""
    claims = [claim for name in _DATES if (claim := written(_first(found, name), "xmp", day_only=True))]
    if not claims:
        return []
    first = claims[0]
    same = next((claim.offset for claim in claims if claim.local == first.local and claim.offset), None)
    return [CaptureTime(first.local, first.offset or same, "xmp")]


def _stars(found: Properties) -> int | None:
    rating = rating_of(_first(found, "xmp:Rating"))
    if rating is not None:
        return rating
    percent = _number(_first(found, "MicrosoftPhoto:Rating"))
    if percent is None or not 0 <= percent <= 100:
        return None
    return 0 if percent == 0 else 1 + round(percent / 25)  # Windows: 1, 25, 50, 75, 99


def _tags(found: Properties) -> tuple[str, ...]:
    flat = list(found.get("dc:subject", ()))
    for name in ("MicrosoftPhoto:LastKeywordXMP", "lr:hierarchicalSubject", "digiKam:TagsList"):
        flat += [path.replace("|", "/").strip("/").split("/")[-1] for path in found.get(name, ())]
    return tuple(flat)


def _exposure(found: Properties) -> Exposure | None:
    aperture, shutter = _number(_first(found, "exif:FNumber")), _number(_first(found, "exif:ExposureTime"))
    iso = _number(_first(found, "exif:ISOSpeedRatings", "exifEX:PhotographicSensitivity"))
    focal = _number(_first(found, "exif:FocalLength"))
    focal35 = _number(_first(found, "exif:FocalLengthIn35mmFilm"))
    if not (aperture or shutter or iso or focal):
        return None
    return Exposure(aperture or None, shutter or None, int(iso) if iso else None, focal or None, focal35 or None, None)


def read_xmp(packet: bytes) -> Evidence:
    """Evidence from one XMP packet, of whatever encoding. Nothing is raised."""
    found, items = properties(packet)
    evidence = Evidence()
    if not found:
        return evidence
    evidence.claims = _claims(found)
    gps = written(_first(found, "exif:GPSTimeStamp", "exif:GPSDateTime"), "gps")
    if gps:
        evidence.moments.append((in_utc(gps), "gps"))
    altitude = _number(_first(found, "exif:GPSAltitude"))
    if altitude is not None and _first(found, "exif:GPSAltitudeRef") == "1":
        altitude = -altitude
    evidence.position = position(
        _angle(_first(found, "exif:GPSLatitude")), _angle(_first(found, "exif:GPSLongitude")), altitude
    )
    evidence.camera = camera_of(
        clean(_first(found, "tiff:Make")),
        clean(_first(found, "tiff:Model")),
        clean(_first(found, "aux:Lens", "exifEX:LensModel")),
    )
    evidence.exposure = _exposure(found)
    turned = _number(_first(found, "tiff:Orientation"))
    evidence.orientation = int(turned) if turned in (1, 2, 3, 4, 5, 6, 7, 8) else None
    evidence.rating = _stars(found)
    evidence.tags = _tags(found)
    evidence.title = clean(_first(found, "dc:title", "photoshop:Headline"))
    evidence.description = prose(_first(found, "dc:description", "acdsee:caption"))
    if any(name.startswith("GPano:") for name in found) and _first(found, "GPano:UsePanoramaViewer") != "False":
        evidence.flags = ("panoramas",)
    evidence.motion = "1" in (_first(found, "GCamera:MotionPhoto"), _first(found, "GCamera:MicroVideo"))
    length = _number(_first(found, "GCamera:MicroVideoOffset", "GCamera:MotionPhotoOffset"))
    for item in items:
        if item.get("Item:Semantic") == "MotionPhoto":
            length = _number(item.get("Item:Length")) or length
    evidence.motion_length = int(length) if length and 0 < length < 1 << 40 else None
    return evidence


def read_sidecar(path: bytes | str) -> Facts:
    """What an XMP sidecar (``X.jpg.xmp``, ``X.xmp``) says about its picture, as facts of origin ``xmp``.

    Kind and type are those of the sidecar itself. Raises MediaError when the file cannot be read or is no XMP.
    """
    with Source(path) as source:
        if source.size == 0:
            raise MediaError("empty")
        if source.size > MAX_PACKET:
            raise MediaError("too-large", "a sidecar of more than 16 MiB")
        packet = source.read(0, source.size)
    evidence = read_xmp(packet)
    if evidence == Evidence():
        found, _ = properties(packet)
        if not found:
            raise MediaError("corrupt", "not a readable XMP packet")
    moved: list[CaptureTime] = list(evidence.claims)
    for moment, _origin in evidence.moments:
        moved.append(CaptureTime(moment.strftime("%Y-%m-%dT%H:%M:%S"), "+00:00", "xmp"))
    evidence.claims, evidence.moments = moved[:1], []
    return settle("other", "application/rdf+xml", [evidence], upright=True)
