"""Facts as JSON in the database: ``reading`` (inside the bytes, by asset) and ``sidecar`` (beside, by file)."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from typing import Any

from albumsd.core.facts import Camera, CaptureTime, Companion, Exposure, Facts, Position, Problem

from .database import Tx

_EMPTY = Facts()
_FIELDS = tuple(field.name for field in fields(Facts))


def to_text(facts: Facts) -> str:
    """JSON of the fields that differ from an empty ``Facts``."""
    found = {field: getattr(facts, field) for field in _FIELDS if getattr(facts, field) != getattr(_EMPTY, field)}
    return storable(json.dumps(found, ensure_ascii=False, default=asdict))


def storable(text: str) -> str:
    """``text`` as SQLite can keep it: half a surrogate pair, which is no character, becomes ``?``."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode("utf-8")
    return text


def from_text(text: str) -> Facts:
    return from_dict(json.loads(text))


def from_dict(found: dict[str, Any]) -> Facts:
    """The ``Facts`` whose ``asdict`` (or a part of it) is ``found``; unknown fields are ignored."""

    def maybe(kind: Any, value: Any) -> Any:
        return None if value is None else kind(**value)

    plain = {
        name: found[name]
        for name in (
            "kind", "mime", "width", "height", "orientation", "duration_s", "rating", "title", "description",
            "caption", "content_id", "pages", "text_chars",
        )
        if name in found
    }  # fmt: skip
    return Facts(
        **plain,
        captured=maybe(CaptureTime, found.get("captured")),
        captured_others=tuple(CaptureTime(**c) for c in found.get("captured_others", ())),
        position=maybe(Position, found.get("position")),
        camera=maybe(Camera, found.get("camera")),
        exposure=maybe(Exposure, found.get("exposure")),
        tags=tuple(found.get("tags", ())),
        companions=tuple(Companion(**c) for c in found.get("companions", ())),
        flags=tuple(found.get("flags", ())),
        problems=tuple(Problem(**p) for p in found.get("problems", ())),
    )


def of_asset(tx: Tx, asset: int) -> Facts | None:
    """What the readers found; None before the facts stage."""
    text = tx.value("SELECT facts FROM reading WHERE asset=?", (asset,))
    return from_text(text) if text else None


def put(tx: Tx, asset: int, facts: Facts) -> None:
    tx.run("INSERT OR REPLACE INTO reading(asset, facts) VALUES (?, ?)", (asset, to_text(facts)))


def beside(tx: Tx, asset: int) -> list[Facts]:
    """What the sidecars beside the files of an asset say, in source order."""
    rows = tx.all(
        "SELECT s.facts FROM sidecar s JOIN file f ON f.id=s.file JOIN folder d ON d.id=f.folder WHERE f.asset=?"
        " ORDER BY d.source, d.path, f.name",
        (asset,),
    )
    return [from_text(row[0]) for row in rows]


def put_sidecar(tx: Tx, file: int, facts: Facts | None) -> None:
    """Store or drop what a sidecar says about ``file``."""
    if facts is None:
        tx.run("DELETE FROM sidecar WHERE file=?", (file,))
    else:
        tx.run("INSERT OR REPLACE INTO sidecar(file, facts) VALUES (?, ?)", (file, to_text(facts)))
