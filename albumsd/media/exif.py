"""EXIF: read by exifread, and what it lacks by Pillow.

``read_exif`` takes the bytes of a TIFF structure as every container carries them (with or without ``Exif\\0\\0``).
Capture time is DateTimeOriginal, else DateTimeDigitized, with the offset of the same pair; OffsetTime and DateTime
belong to the last change of the file and are never asked. A coordinate without its reference is no coordinate: its
hemisphere is unknown.
"""

from __future__ import annotations

import io
import logging
import struct
from datetime import UTC, datetime, timedelta
from typing import Any, BinaryIO, Literal

import exifread

from ..core.capture import offset_text
from ..core.facts import Camera, CaptureTime, Exposure, Position
from .evidence import Evidence, clean, position, prose, rating_of
from .zones import written

logging.getLogger("exifread").setLevel(logging.CRITICAL + 1)

_HIDDEN_DESCRIPTIONS = (
    "olympus digital camera", "samsung", "sony dsc", "samsung digital camera", "digital camera",
    "kodak digital still camera",
    "exif_jpeg_picture", "default", "dcim", "screenshot", "oznor", "jpeg_420", "binary comment",
)  # fmt: skip
_MOST_ENTRIES = 1000
_MARK = b"Exif\0\0"
_APPLE = b"Apple iOS\0"

Tags = dict[str, Any]


def read_exif(blob: bytes) -> Evidence:
    """Evidence from a TIFF structure. Damaged structures give what can be read; nothing is raised."""
    at = blob.find(_MARK, 0, 16)
    if at >= 0:
        blob = blob[at + len(_MARK) :]
    evidence = read_exif_file(io.BytesIO(blob), blob)
    note = blob.find(_APPLE)  # exifread leaves maker notes out of a quick reading
    if note >= 0:
        evidence.content_id = content_identifier(blob[note:])
    return evidence


def read_exif_file(file: BinaryIO, blob: bytes | None = None) -> Evidence:
    """The same from a file that is a TIFF structure (most RAW formats) or a container that exifread knows."""
    tags: Tags = {}
    try:
        if _plausible(file):
            tags = exifread.process_file(file, details=False, extract_thumbnail=False)
    except Exception:
        tags = {}  # exifread asserts and indexes its way through damaged files; Pillow is asked below
    if blob and len(blob) > 8 and not _has_core(tags):
        tags = {**_pillow_tags(blob), **{key: tag for key, tag in tags.items() if _text(tags, key)}}
    return _evidence(tags)


def _plausible(file: BinaryIO) -> bool:
    """Whether the first IFD of a TIFF structure has a believable number of entries; other containers are always.

    exifread walks through 65,535 entries of garbage before it gives up.
    """
    start = file.read(8)
    order: Literal["little", "big"] = "little" if start[:2] == b"II" else "big"
    plausible = True
    if start[:4] in (b"II*\0", b"MM\0*"):
        file.seek(int.from_bytes(start[4:8], order))
        plausible = 0 < int.from_bytes(file.read(2), order) <= _MOST_ENTRIES
    file.seek(0)
    return plausible


def read_exif_parts(**parts: bytes) -> Evidence:
    """Evidence from IFDs that are kept apart (Canon CR3): ``Image``, ``EXIF`` and ``GPS``, each a TIFF structure."""
    from PIL import Image

    tags: Tags = {}
    for group, blob in parts.items():
        try:
            exif = Image.Exif()
            exif.load(blob)
            tags.update(
                {
                    f"{group} {name}": _Plain(exif[number])
                    for number, name in _PILLOW_NAMES[group].items()
                    if number in exif
                }
            )
        except Exception:  # a damaged part says nothing; the others still count
            continue
    return _evidence(tags)


def _has_core(tags: Tags) -> bool:
    return "Image Make" in tags or "EXIF DateTimeOriginal" in tags or "Image Orientation" in tags


class _Plain:
    """A value of Pillow in the shape of exifread's tags."""

    __slots__ = ("values", "printable")

    def __init__(self, value: Any) -> None:
        self.values = (
            value if isinstance(value, (str, bytes, list)) else list(value) if isinstance(value, tuple) else [value]
        )
        self.printable = str(value)

    def __str__(self) -> str:
        return self.printable


_PILLOW_NAMES = {
    "Image": {
        0x010E: "ImageDescription", 0x010F: "Make", 0x0110: "Model", 0x0112: "Orientation", 0x4746: "Rating",
        0x9C9B: "XPTitle", 0x9C9C: "XPComment", 0x9C9E: "XPKeywords",
    },
    "EXIF": {
        0x9003: "DateTimeOriginal", 0x9004: "DateTimeDigitized", 0x9011: "OffsetTimeOriginal",
        0x9012: "OffsetTimeDigitized",
        0x829A: "ExposureTime", 0x829D: "FNumber", 0x8827: "ISOSpeedRatings", 0x920A: "FocalLength", 0x9209: "Flash",
        0xA405: "FocalLengthIn35mmFilm", 0xA434: "LensModel", 0xA433: "LensMake", 0x9286: "UserComment",
        0xA002: "ExifImageWidth", 0xA003: "ExifImageLength",
    },
    "GPS": {
        1: "GPSLatitudeRef", 2: "GPSLatitude", 3: "GPSLongitudeRef", 4: "GPSLongitude", 5: "GPSAltitudeRef",
        6: "GPSAltitude", 7: "GPSTimeStamp", 29: "GPSDate",
    },
}  # fmt: skip


def _pillow_tags(blob: bytes) -> Tags:
    from PIL import Image

    tags: Tags = {}
    try:
        exif = Image.Exif()
        exif.load(blob)
        for group, ifd in (("Image", dict(exif)), ("EXIF", exif.get_ifd(0x8769)), ("GPS", exif.get_ifd(0x8825))):
            for number, name in _PILLOW_NAMES[group].items():
                if number in ifd:
                    tags[f"{group} {name}"] = _Plain(ifd[number])
    except Exception:
        return tags  # Pillow gives up on this structure: what it read so far counts
    return tags


def _text(tags: Tags, name: str) -> str | None:
    tag = tags.get(name)
    if tag is None:
        return None
    values = tag.values
    if isinstance(values, bytes):
        values = values.decode("utf-8", "replace")
    return clean(values if isinstance(values, str) else str(tag))


def _number(tags: Tags, name: str) -> float | None:
    """A finite number; None for missing tags, 0/0 and text."""
    tag = tags.get(name)
    try:
        value = tag.values[0] if tag is not None else None
        return _ratio(value)
    except (TypeError, IndexError, KeyError, AttributeError):
        return None


def _ratio(value: Any) -> float | None:
    if isinstance(value, tuple) and len(value) == 1:  # exifread's floats
        value = value[0]
    if value is None or isinstance(value, (str, bytes)):
        return None
    try:
        denominator = getattr(value, "denominator", 1)
        if denominator == 0:
            return None
        number = float(value)
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None
    return number if number == number and abs(number) != float("inf") else None


def _positive(value: float | None, most: float) -> float | None:
    return value if value is not None and 0 < value <= most else None


def _claims(tags: Tags) -> list[CaptureTime]:
    for date, offset in (
        ("EXIF DateTimeOriginal", "EXIF OffsetTimeOriginal"),
        ("EXIF DateTimeDigitized", "EXIF OffsetTimeDigitized"),
    ):
        claim = written(_text(tags, date), "exif")
        if claim:
            return [CaptureTime(claim.local, claim.offset or offset_text(_text(tags, offset)), "exif")]
    return []


def _angle(tags: Tags, name: str, positive: str, negative: str) -> float | None:
    """Degrees of a coordinate with its reference; None when any part of it is missing or not a number."""
    tag, reference = tags.get(name), (_text(tags, name + "Ref") or "").upper()[:1]
    if tag is None or reference not in (positive, negative) or isinstance(tag.values, (str, bytes)):
        return None
    parts = [_ratio(value) for value in tag.values[:3]]
    if not parts or parts[0] is None:
        return None
    degrees = parts[0]
    for part, unit in zip(parts[1:], (60, 3600), strict=False):
        if part is None:
            if unit == 60:
                return None
            part = 0.0
        degrees += part / unit
    return -degrees if reference == negative else degrees


def _position(tags: Tags) -> Position | None:
    altitude = _number(tags, "GPS GPSAltitude")
    below = tags.get("GPS GPSAltitudeRef")
    if altitude is not None and below is not None and below.values in ([1], b"\x01", "\x01", [b"\x01"]):
        altitude = -altitude
    lat, lon = _angle(tags, "GPS GPSLatitude", "N", "S"), _angle(tags, "GPS GPSLongitude", "E", "W")
    return position(lat, lon, altitude)


def _gps_moment(tags: Tags) -> datetime | None:
    day = written(_text(tags, "GPS GPSDate"), "gps", day_only=True)
    time = tags.get("GPS GPSTimeStamp")
    if day is None or time is None or isinstance(time.values, (str, bytes)) or len(time.values) != 3:
        return None
    parts = [_ratio(value) for value in time.values]
    hour, minute, second = (-1.0 if part is None else part for part in parts)
    if not (0 <= hour < 24 and 0 <= minute < 60 and 0 <= second < 61):
        return None
    midnight = datetime.fromisoformat(day.local[:10]).replace(tzinfo=UTC)
    return midnight + timedelta(hours=hour, minutes=minute, seconds=int(second))


def _exposure(tags: Tags) -> Exposure | None:
    flash = _number(tags, "EXIF Flash")
    iso = _positive(_number(tags, "EXIF ISOSpeedRatings") or _number(tags, "EXIF PhotographicSensitivity"), 10_000_000)
    aperture = _positive(_number(tags, "EXIF FNumber"), 1000)
    shutter = _positive(_number(tags, "EXIF ExposureTime"), 86_400)
    focal = _positive(_number(tags, "EXIF FocalLength"), 20_000)
    focal35 = _positive(_number(tags, "EXIF FocalLengthIn35mmFilm"), 20_000)
    if not (aperture or shutter or iso or focal or focal35):
        return None
    return Exposure(
        aperture=None if aperture is None else round(aperture, 2),
        shutter_s=None if shutter is None else float(f"{shutter:.6g}"),
        iso=None if iso is None else round(iso),
        focal_mm=None if focal is None else round(focal, 2),
        focal35_mm=None if focal35 is None else round(focal35, 2),
        flash=None if flash is None else bool(int(flash) & 1),
    )


def camera_of(make: str | None, model: str | None, lens: str | None) -> Camera | None:
    """A camera with placeholders left out (``unknown``, dashes)."""
    parts = [
        None if part and part.strip(" -_.?").lower() in ("", "unknown", "none", "null") else part
        for part in (make, model, lens)
    ]
    return Camera(*parts) if any(parts) else None


def _bytes(tags: Tags, name: str) -> bytes | None:
    """The value of a tag of bytes, which comes as a list of numbers too. None if it is absent or no such thing."""
    tag = tags.get(name)
    if tag is None:
        return None
    try:
        return tag.values if isinstance(tag.values, bytes) else bytes(tag.values)
    except (TypeError, ValueError):
        return None


def _xp(tags: Tags, name: str) -> str | None:
    """Windows' own tags: UTF-16 as a list of bytes."""
    raw = _bytes(tags, name)
    return None if raw is None else prose(raw.decode("utf-16-le", "ignore").split("\0")[0])


def _user_comment(tags: Tags) -> str | None:
    raw = _bytes(tags, "EXIF UserComment")
    if raw is not None and raw[:8] == b"ASCII\0\0\0":
        return clean(raw[8:].decode("ascii", "ignore"))
    return None


def content_identifier(note: bytes) -> str | None:
    """Apple's ContentIdentifier (0x0011) out of an Apple maker note: ``Apple iOS\\0``, two bytes, ``MM``, one IFD."""
    if not note.startswith(_APPLE) or len(note) < 16:
        return None
    try:
        (count,) = struct.unpack_from(">H", note, 14)
        for index in range(min(count, 200)):
            tag, kind, length, offset = struct.unpack_from(">HHII", note, 16 + 12 * index)
            if tag == 0x0011 and kind == 2 and 8 < length < 200:
                return clean(note[offset : offset + length].decode("ascii", "ignore"))
    except struct.error:
        return None
    return None


def _evidence(tags: Tags) -> Evidence:
    evidence = Evidence(claims=_claims(tags), position=_position(tags))
    moment = _gps_moment(tags)
    if moment:
        evidence.moments.append((moment, "gps"))
    evidence.camera = camera_of(
        _text(tags, "Image Make"),
        _text(tags, "Image Model"),
        _text(tags, "EXIF LensModel") or _text(tags, "Image LensModel"),
    )
    evidence.exposure = _exposure(tags)
    orientation = _number(tags, "Image Orientation")
    evidence.orientation = int(orientation) if orientation in (1, 2, 3, 4, 5, 6, 7, 8) else None
    evidence.rating = rating_of(_number(tags, "Image Rating")) if "Image Rating" in tags else None
    description = _text(tags, "Image ImageDescription")
    if description and not description.lower().startswith(_HIDDEN_DESCRIPTIONS):
        evidence.description = description
    evidence.description = evidence.description or _xp(tags, "Image XPComment")
    evidence.title = _xp(tags, "Image XPTitle")
    evidence.tags = tuple(part.strip() for part in (_xp(tags, "Image XPKeywords") or "").split(";") if part.strip())
    width, height = _number(tags, "EXIF ExifImageWidth"), _number(tags, "EXIF ExifImageLength")
    if width and height and 0 < width < 1e6 and 0 < height < 1e6:
        evidence.width, evidence.height = int(width), int(height)
    if (_user_comment(tags) or "").lower() == "screenshot":
        evidence.flags = ("screenshots",)
    return evidence
