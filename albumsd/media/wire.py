"""Facts as plain data: between processes, and in the shape that ``albumsd facts --json`` prints.

Both directions are written out field by field: ``dataclasses.asdict`` copies deeply and costs more than reading a
JPEG's header. Paths travel as text with one character per byte (latin-1), so that every path survives.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from ..core.facts import Camera, CaptureTime, Companion, Exposure, Facts, Position, Problem

_PLAIN = tuple(
    field.name
    for field in fields(Facts)
    if field.name
    not in ("captured", "captured_others", "position", "camera", "exposure", "companions", "problems", "tags", "flags")
)


def path_to_wire(path: bytes | str) -> str:
    return os.fsencode(path).decode("latin-1")


def path_from_wire(text: str) -> bytes:
    return text.encode("latin-1")


def _time(claim: CaptureTime) -> list[str | None]:
    return [claim.local, claim.offset, claim.origin]


def to_wire(facts: Facts) -> dict[str, Any]:
    """Facts as JSON data; absent values are left out. ``from_wire(to_wire(x)) == x``."""
    data: dict[str, Any] = {name: value for name in _PLAIN if (value := getattr(facts, name)) is not None}
    if facts.captured:
        data["captured"] = _time(facts.captured)
    if facts.captured_others:
        data["captured_others"] = [_time(claim) for claim in facts.captured_others]
    if facts.position:
        data["position"] = [facts.position.lat, facts.position.lon, facts.position.alt]
    if facts.camera:
        data["camera"] = [facts.camera.make, facts.camera.model, facts.camera.lens]
    if facts.exposure:
        data["exposure"] = [getattr(facts.exposure, field.name) for field in fields(Exposure)]
    if facts.companions:
        data["companions"] = [[part.role, part.path, part.offset] for part in facts.companions]
    if facts.problems:
        data["problems"] = [[problem.reason, problem.detail] for problem in facts.problems]
    if facts.tags:
        data["tags"] = list(facts.tags)
    if facts.flags:
        data["flags"] = list(facts.flags)
    return data


def from_wire(data: Mapping[str, Any]) -> Facts:
    """The facts of ``to_wire``."""
    values: dict[str, Any] = {name: data[name] for name in _PLAIN if name in data}
    if "captured" in data:
        values["captured"] = CaptureTime(*data["captured"])
    values["captured_others"] = tuple(CaptureTime(*claim) for claim in data.get("captured_others", ()))
    if "position" in data:
        values["position"] = Position(*data["position"])
    if "camera" in data:
        values["camera"] = Camera(*data["camera"])
    if "exposure" in data:
        values["exposure"] = Exposure(*data["exposure"])
    values["companions"] = tuple(Companion(*part) for part in data.get("companions", ()))
    values["problems"] = tuple(Problem(*problem) for problem in data.get("problems", ()))
    values["tags"] = tuple(data.get("tags", ()))
    values["flags"] = tuple(data.get("flags", ()))
    return Facts(**values)


def to_json(path: bytes | str, facts: Facts, sha256: str | None) -> dict[str, Any]:
    """One entry of ``albumsd facts --json``; every key is always there."""
    exposure = facts.exposure
    return {
        "path": os.fsdecode(path),
        "sha256": sha256,
        "kind": facts.kind,
        "mime": facts.mime,
        "width": facts.width,
        "height": facts.height,
        "orientation": facts.orientation,
        "captured": None
        if facts.captured is None
        else {"local": facts.captured.local, "offset": facts.captured.offset, "origin": facts.captured.origin},
        "position": None
        if facts.position is None
        else {"lat": facts.position.lat, "lon": facts.position.lon, "alt": facts.position.alt},
        "camera": None
        if facts.camera is None
        else {"make": facts.camera.make, "model": facts.camera.model, "lens": facts.camera.lens},
        "exposure": None
        if exposure is None
        else {field.name: getattr(exposure, field.name) for field in fields(Exposure)},
        "duration_s": facts.duration_s,
        "rating": facts.rating,
        "tags": list(facts.tags),
        "title": facts.title,
        "description": facts.description,
        "caption": facts.caption,
        "companions": [
            {"role": part.role, **({"path": part.path} if part.path is not None else {"offset": part.offset})}
            for part in facts.companions
        ],
        "content_id": facts.content_id,
        "pages": facts.pages,
        "flags": list(facts.flags),
        "text_chars": facts.text_chars,
        "problems": [{"reason": problem.reason, "detail": problem.detail} for problem in facts.problems],
    }
