"""What can be read about a file, as plain data.

``Facts`` is what a reader finds *inside* the bytes; it belongs to the asset. What stands *around* the
bytes (name, folder, mtime, sidecar) belongs to the file and reaches the same shape as ``CaptureTime``
candidates, so that one rule (``core.capture.best``) can choose among all of them.

Units: sizes in pixels after the picture has been turned upright, time in seconds, ISO as a number,
focal lengths in millimetres, latitude and longitude in degrees (WGS 84), altitude in metres.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["photo", "video", "document", "other"]
Origin = Literal["exif", "gps", "video", "xmp", "takeout", "name", "folder", "mtime"]

ORIGINS: tuple[Origin, ...] = ("exif", "gps", "video", "xmp", "takeout", "name", "folder", "mtime")
"""Trust, best first (docs/invariants.md, "Capture time"): a candidate of an earlier origin always wins."""


@dataclass(frozen=True, slots=True)
class CaptureTime:
    """A wall-clock time at the place of capture.

    ``local`` is ``YYYY-MM-DDTHH:MM:SS`` without a zone. ``offset`` is ``+HH:MM``, ``-HH:MM`` or None when
    nothing says which zone the clock stood in; a time without an offset is never shifted.
    """

    local: str
    offset: str | None
    origin: Origin


@dataclass(frozen=True, slots=True)
class Position:
    """Degrees north and east, metres above the sea. (0, 0) is no position and is never stored."""

    lat: float
    lon: float
    alt: float | None = None


@dataclass(frozen=True, slots=True)
class Camera:
    make: str | None = None
    model: str | None = None
    lens: str | None = None


@dataclass(frozen=True, slots=True)
class Exposure:
    aperture: float | None = None
    shutter_s: float | None = None
    iso: int | None = None
    focal_mm: float | None = None
    focal35_mm: float | None = None
    flash: bool | None = None


@dataclass(frozen=True, slots=True)
class Companion:
    """A part of the same item: ``path`` of a neighbour, or ``offset`` of a part inside this file."""

    role: str
    path: str | None = None
    offset: int | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a file could not be (fully) read. ``reason`` is a short slug, the folder name under ``problems/``."""

    reason: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """All that the readers found inside one file's bytes."""

    kind: Kind = "other"
    mime: str = "application/octet-stream"
    width: int | None = None
    height: int | None = None
    orientation: int | None = None
    captured: CaptureTime | None = None
    captured_others: tuple[CaptureTime, ...] = ()
    """Candidates that lost, best first; ``info/`` shows those that disagree with ``captured``."""
    position: Position | None = None
    camera: Camera | None = None
    exposure: Exposure | None = None
    duration_s: float | None = None
    rating: int | None = None
    tags: tuple[str, ...] = ()
    title: str | None = None
    description: str | None = None
    caption: str | None = None
    companions: tuple[Companion, ...] = ()
    content_id: str | None = None
    """Apple's ContentIdentifier: the same in the still and the video of a Live Photo."""
    pages: int | None = None
    text_chars: int | None = None
    flags: tuple[str, ...] = ()
    """Further types, besides the kind: any of ``raw``, ``screenshots``, ``panoramas``, ``animated``, ``motion``."""
    problems: tuple[Problem, ...] = ()
