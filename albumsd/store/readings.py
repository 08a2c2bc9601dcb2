"""What was read, as JSON in the database: ``reading`` (inside the bytes, by asset), ``sidecar`` (beside, by file) and
``suggestion`` (what models say, by asset).

Facts are what a person or a program wrote; suggestions are nobody's words and give way to them (``Suggestion.beside``).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, fields
from typing import Any, NamedTuple

from albumsd.core.facts import Camera, CaptureTime, Companion, Exposure, Facts, Position, Problem
from albumsd.core.names import name_key

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
    tx.put("reading", asset=asset, facts=to_text(facts))


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
        tx.put("sidecar", file=file, facts=to_text(facts))


class Suggestion(NamedTuple):
    """What models say of an asset: ``(tag, score)``, best first, and a caption. ``…_by``: the model, or ''."""

    tags: tuple[tuple[str, float], ...] = ()
    tags_by: str = ""
    caption: str | None = None
    caption_by: str = ""

    def beside(self, tags: Iterable[str], captioned: bool) -> Suggestion:
        """What is left to show beside a person's own ``tags``; and a caption of theirs leaves none of the model's."""
        own = {name_key(tag) for tag in tags}
        left = tuple(each for each in self.tags if name_key(each[0]) not in own) if own else self.tags
        return self._replace(tags=left, caption=None if captioned else self.caption)


NOTHING_SUGGESTED = Suggestion()


def suggestion(tx: Tx, asset: int) -> Suggestion:
    """What models say of an asset, whatever a person said."""
    row = tx.one("SELECT tags, tags_by, caption, caption_by FROM suggestion WHERE asset=?", (asset,))
    if row is None:
        return NOTHING_SUGGESTED
    return Suggestion(tuple((tag, score) for tag, score in json.loads(row[0])), *row[1:])


def put_suggestion(tx: Tx, asset: int, said: Suggestion) -> None:
    tags = json.dumps(said.tags, ensure_ascii=False)
    tx.put("suggestion", asset=asset, tags=tags, tags_by=said.tags_by, caption=said.caption, caption_by=said.caption_by)
