"""What the metadata containers of one file say, each for itself, and how that becomes its facts.

``Evidence`` is what one container (EXIF, XMP, IPTC, a video's atoms) says; its parser fills it and nobody changes
it afterwards. ``settle`` joins several, the most trusted first: single values come from the first that has one,
tags from all, and capture times are kept as claims for ``core.capture.best``. UTC times wait here until the
position is known, because only the place tells their wall clock.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from ..core import capture
from ..core.facts import Camera, CaptureTime, Companion, Exposure, Facts, Kind, Origin, Position, Problem
from .zones import at_place

PANORAMA_ASPECT = 2.5
MAX_TEXT = 20_000


@dataclass(slots=True)
class Evidence:
    """One container's word. ``moments`` are UTC times with the origin that they will have."""

    claims: list[CaptureTime] = field(default_factory=list)
    moments: list[tuple[datetime, Origin]] = field(default_factory=list)
    position: Position | None = None
    camera: Camera | None = None
    exposure: Exposure | None = None
    orientation: int | None = None
    rating: int | None = None
    tags: tuple[str, ...] = ()
    title: str | None = None
    description: str | None = None
    content_id: str | None = None
    width: int | None = None
    height: int | None = None
    flags: tuple[str, ...] = ()
    motion: bool = False
    motion_length: int | None = None
    """Bytes from the start of an appended video to the end of the file, if XMP says so."""


def clean(text: object, limit: int = 200) -> str | None:
    """One line of text without NULs, control characters and surrounding space; None if nothing is left."""
    if text is None:
        return None
    line = "".join(" " if ord(char) < 32 or char == "\x7f" else char for char in str(text).split("\0")[0])
    line = " ".join(line.split())[:limit].strip()
    return line or None


def prose(text: object) -> str | None:
    """Text that may have lines: without NULs and surrounding space; None if nothing is left."""
    if text is None:
        return None
    return str(text).replace("\0", "").replace("\r\n", "\n").strip()[:MAX_TEXT] or None


def position(lat: float | None, lon: float | None, alt: float | None = None) -> Position | None:
    """A position, or None unless both are finite degrees on the earth and not both zero."""
    if lat is None or lon is None or not (math.isfinite(lat) and math.isfinite(lon)):
        return None
    if abs(lat) > 90 or abs(lon) > 180 or (lat == 0 and lon == 0):
        return None
    if alt is not None and not (math.isfinite(alt) and -12_000 < alt < 100_000):
        alt = None
    return Position(round(lat, 7), round(lon, 7), None if alt is None else round(alt, 2))


def rating_of(value: object) -> int | None:
    """Stars: -1 (rejected) or 0 to 5; None for everything else. Fractions are cut."""
    try:
        stars = int(float(str(value)))
    except (ValueError, OverflowError):
        return None
    return stars if -1 <= stars <= 5 else None


def _camera(evidences: Sequence[Evidence]) -> Camera | None:
    found = [evidence.camera for evidence in evidences if evidence.camera]
    make = next((camera.make for camera in found if camera.make), None)
    model = next((camera.model for camera in found if camera.model), None)
    lens = next((camera.lens for camera in found if camera.lens), None)
    return Camera(make, model, lens) if make or model or lens else None


def _tags(evidences: Sequence[Evidence]) -> tuple[str, ...]:
    kept: dict[str, str] = {}
    for evidence in evidences:
        for tag in evidence.tags:
            text = clean(tag)
            if text:
                kept.setdefault(text.casefold(), text)
    return tuple(kept.values())


def settle(
    kind: Kind,
    mime: str,
    evidences: Iterable[Evidence],
    *,
    size: tuple[int, int] | None = None,
    upright: bool = False,
    duration_s: float | None = None,
    companions: tuple[Companion, ...] = (),
    flags: Iterable[str] = (),
    problems: Iterable[Problem] = (),
    pages: int | None = None,
) -> Facts:
    """Facts from evidence, the most trusted first.

    ``size`` is the stored size in pixels, turned here by the orientation found unless it is ``upright`` already.
    """
    heard = list(evidences)
    place = next((evidence.position for evidence in heard if evidence.position), None)
    claims = [claim for evidence in heard for claim in evidence.claims]
    for evidence in heard:
        for moment, origin in evidence.moments:
            claim = at_place(moment, place, origin)
            if claim:
                claims.append(claim)
    chosen = capture.best(claims)
    others = tuple(sorted({claim for claim in claims if claim != chosen}, key=capture.order))
    orientation = next((evidence.orientation for evidence in heard if evidence.orientation), None)
    if size is None:
        size = next(((e.width, e.height) for e in heard if e.width and e.height), None)
    width, height = size or (None, None)
    if orientation in (5, 6, 7, 8) and not upright:
        width, height = height, width
    camera = _camera(heard)
    marks = list(dict.fromkeys([*flags, *(flag for evidence in heard for flag in evidence.flags)]))
    if (
        kind == "photo"
        and width
        and height
        and camera
        and max(width, height) >= PANORAMA_ASPECT * min(width, height)
        and max(width, height) >= 1000
    ):
        marks.append("panoramas")
    if companions:
        marks.append("motion")
    return Facts(
        kind=kind,
        mime=mime,
        width=width,
        height=height,
        orientation=orientation,
        captured=chosen,
        captured_others=others,
        position=place,
        camera=camera,
        exposure=next((evidence.exposure for evidence in heard if evidence.exposure), None),
        duration_s=duration_s,
        rating=next((evidence.rating for evidence in heard if evidence.rating is not None), None),
        tags=_tags(heard),
        title=next((evidence.title for evidence in heard if evidence.title), None),
        description=next((evidence.description for evidence in heard if evidence.description), None),
        companions=companions,
        content_id=next((evidence.content_id for evidence in heard if evidence.content_id), None),
        pages=pages,
        flags=tuple(dict.fromkeys(marks)),
        problems=tuple(problems),
    )
