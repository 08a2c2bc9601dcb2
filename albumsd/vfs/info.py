"""The text about an asset: ``info/…/IMG_1.jpg.txt``. A pure function of rows; no file is opened.

``describe`` gives the lines, ``render`` the bytes. Numbers are written as photographers do (f/1.8, 1/120 s).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from albumsd.core import capture, names
from albumsd.core.facts import CaptureTime, Exposure, Facts
from albumsd.store import assets, lookups, readings
from albumsd.store.database import Tx

_WIDTH = 12


def exposure_text(exposure: Exposure | None) -> str:
    """``f/1.8  1/120 s  ISO 50  6.3 mm (24 mm)``; empty when nothing is known."""
    if exposure is None:
        return ""
    parts = []
    if exposure.aperture:
        parts.append(f"f/{exposure.aperture:g}")
    if exposure.shutter_s:
        seconds = exposure.shutter_s
        parts.append(f"1/{round(1 / seconds)} s" if seconds < 0.3 else f"{seconds:g} s")
    if exposure.iso:
        parts.append(f"ISO {exposure.iso}")
    if exposure.focal_mm:
        equal = exposure.focal35_mm
        parts.append(f"{exposure.focal_mm:g} mm" + (f" ({equal:g} mm)" if equal else ""))
    if exposure.flash:
        parts.append("flash")
    return "  ".join(parts)


def size_text(size: int) -> str:
    """``3,145,728 bytes (3.0 MiB)``"""
    exact = f"{size:,} bytes"
    for unit, scale in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if size >= scale:
            return f"{exact} ({size / scale:.1f} {unit})"
    return exact


def captured_text(captured: CaptureTime) -> str:
    """``2024-04-13 18:22:05 +02:00, from exif``"""
    zone = f" {captured.offset}" if captured.offset else ""
    return f"{captured.local.replace('T', ' ')}{zone}, from {captured.origin}"


def place_text(row: Mapping[str, Any]) -> str:
    """``Alfama, Lisbon, Lisboa, Portugal``, each name once."""
    levels = [row[level] for level in ("hood", "city", "region", "country") if row[level]]
    return ", ".join(dict.fromkeys(levels))


_COLUMNS = (
    "name", "sha256", "size", "kind", "mime", "width", "height", "duration_s", "local", "offset", "origin",
    "rating", "camera", "lens", "lat", "lon", "country", "region", "city", "hood", "title", "problem", "copies",
    "arrived_ns",
)  # fmt: skip


def row_of(tx: Tx, asset: int) -> dict[str, Any] | None:
    """The columns of a live asset by name; None when it is not shown."""
    columns = ", ".join(f'"{column}"' for column in _COLUMNS)
    row = tx.one(f"SELECT {columns} FROM asset WHERE id=? AND live", (asset,))
    return dict(zip(_COLUMNS, row, strict=True)) if row else None


def describe(tx: Tx, asset: int) -> list[tuple[str, str]] | None:
    """``(label, text)`` lines; None when the asset is not shown. A label may come twice (several files)."""
    row = row_of(tx, asset)
    if row is None:
        return None
    facts = readings.of_asset(tx, asset) or Facts()
    said = told(tx, asset, facts)
    chosen = CaptureTime(row["local"], row["offset"], row["origin"])
    lines = [("Name", row["name"]), ("Taken", captured_text(chosen))]
    others = capture.disagreements(chosen, assets.capture_candidates(tx, asset, facts))
    # The mtime is left out: every copy has its own.
    lines += [("", "but " + captured_text(other)) for other in others if other.origin != "mtime"]
    lines += _where(row, facts) + _device(row, facts) + _content(row, facts, said)
    for file in lookups.files_of(tx, asset):
        shown = names.decode(assets.join_path(file.source_path, assets.join_path(file.folder, file.name)))
        lines.append(("File", shown))
    if not row["sha256"]:
        lines.append(("State", "found, not yet read"))
    lines += [("Problem", f"{p.reason}: {p.detail}" if p.detail else p.reason) for p in facts.problems]
    lines.append(("SHA-256", row["sha256"].hex() if row["sha256"] else "not yet known"))
    indexed = datetime.fromtimestamp(row["arrived_ns"] // 1_000_000_000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    lines.append(("Indexed", indexed))
    return [(label, " ".join(text.split()) if label != "File" else text) for label, text in lines if text]


def _where(row: Mapping[str, Any], facts: Facts) -> list[tuple[str, str]]:
    if row["lat"] is None:
        return []
    high = facts.position.alt if facts.position else None
    altitude = f", {high:.0f} m" if high is not None else ""
    return [("Place", place_text(row)), ("Position", f"{row['lat']:.6f}, {row['lon']:.6f}{altitude}")]


def _device(row: Mapping[str, Any], facts: Facts) -> list[tuple[str, str]]:
    return [
        ("Camera", row["camera"] or ""),
        ("Lens", row["lens"] or ""),
        ("Exposure", exposure_text(facts.exposure)),
    ]


class Told(NamedTuple):
    """What is said of an asset: by the file and the sidecars beside it, and ``suggested``, what a model adds to that.

    ``tags``: all that are shown, sorted. ``caption``: what a person or a program wrote.
    """

    tags: list[str]
    description: str
    caption: str
    suggested: readings.Suggestion
    clusters: list[str]

    @property
    def own_tags(self) -> list[str]:
        """The tags that no model gave."""
        return [tag for tag in self.tags if tag not in dict(self.suggested.tags)]


def told(tx: Tx, asset: int, facts: Facts) -> Told:
    """The file's own words first, then those of its sidecars; what a model says gives way to both."""
    rows = tx.all(
        "SELECT facet, value FROM asset_facet WHERE asset=? AND facet IN ('tag', 'cluster') ORDER BY 2", (asset,)
    )
    everyone = [facts, *readings.beside(tx, asset)]
    own = assets.own_tags(everyone)
    description = next((found.description for found in everyone if found.description), "")
    caption = next((found.caption for found in everyone if found.caption), "")
    return Told(
        [value for facet, value in rows if facet == "tag"],
        description,
        caption,
        readings.suggestion(tx, asset).beside(own, bool(caption)),
        [value for facet, value in rows if facet == "cluster"],
    )


def _content(row: Mapping[str, Any], facts: Facts, said: Told) -> list[tuple[str, str]]:
    pixels = f", {row['width']} x {row['height']}" if row["width"] else ""
    length = f", {row['duration_s']:.1f} s" if row["duration_s"] else ""
    pages = f", {facts.pages} pages" if facts.pages else ""
    stars = "rejected" if row["rating"] == -1 else "*" * (row["rating"] or 0)
    return [
        ("Kind", f"{row['kind']} ({row['mime']}){pixels}{length}{pages}"),
        ("Size", size_text(row["size"])),
        ("Rating", stars),
        ("Tags", ", ".join(said.own_tags)),
        (f"Tags by {said.suggested.tags_by}", ", ".join(tag for tag, _ in said.suggested.tags)),
        ("Title", row["title"] or ""),
        ("Description", said.description),
        ("Caption", said.caption),
        (f"Caption by {said.suggested.caption_by}", said.suggested.caption or ""),
        ("Cluster", ", ".join(said.clusters)),
    ]


def render(tx: Tx, asset: int, why: str | None = None) -> bytes | None:
    """The text as bytes; ``why`` (JSON of a search) adds why it was found. None when the asset is not shown."""
    lines = describe(tx, asset)
    if lines is None:
        return None
    if why is not None:
        lines.append(("Found by", why_text(json.loads(why))))
    text = "".join(f"{label + ':' if label else '':<{_WIDTH}} {value}\n" for label, value in lines)
    return text.encode("utf-8", "surrogateescape")


def why_text(why: Mapping[str, Any]) -> str:
    """``text 12.31 (dog 8.02, sea 4.29; by bm25; 3rd) + meaning 0.312 (2nd, floor 0.25, by ViT-B-32)``.

    What is in it: ``search.run``. A part that did not find it is left out.
    """
    parts = []
    text = why.get("text") or {}
    by = text.get("by", "")
    if by == "name":
        parts.append("its name")
    elif text and by != "date":
        words = ", ".join(f"{word} {score:.2f}" for word, score in (text.get("words") or {}).items())
        detail = [words, by and f"by {by}", _ordinal(text["rank"]) if text.get("rank") else ""]
        parts.append(_with(f"text {text.get('score', 0):.2f}", "; ".join(filter(None, detail))))
    if why.get("meaning") is not None:
        model = why.get("model") or {}
        detail = [
            _ordinal(model["rank"]) if model.get("rank") else "",
            f"floor {model['floor']:.3g}" if model.get("floor") is not None else "",
            f"by {model['name']}" if model.get("name") else "",
        ]
        parts.append(_with(f"meaning {why['meaning']:.3f}", ", ".join(filter(None, detail))))
    return " + ".join(parts) or "its facts, newest first"


def _with(said: str, detail: str) -> str:
    return f"{said} ({detail})" if detail else said


def _ordinal(number: int) -> str:
    """``1st``, ``2nd``, ``3rd``, ``4th``, ``11th``"""
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def xattrs(tx: Tx, asset: int) -> dict[bytes, bytes]:
    """Extended attributes of an asset: the desktop's own and ``user.albumsd.*``; only those that have a value."""
    row = row_of(tx, asset)
    if row is None:
        return {}
    facts = readings.of_asset(tx, asset) or Facts()
    said = told(tx, asset, facts)
    captured = row["local"] + (row["offset"] or "")
    path = lookups.first_path(tx, asset) or b""
    stars = row["rating"] if row["rating"] and row["rating"] > 0 else 0
    found: dict[str, str | bytes] = {
        "user.xdg.tags": ",".join(said.tags),
        "user.xdg.comment": said.description or row["title"] or "",
        "user.baloo.rating": str(stars * 2) if stars else "",
        "user.albumsd.sha256": row["sha256"].hex() if row["sha256"] else "",
        "user.albumsd.captured": captured,
        "user.albumsd.place": place_text(row),
        "user.albumsd.camera": row["camera"] or "",
        "user.albumsd.exposure": exposure_text(facts.exposure),
        "user.albumsd.caption": said.caption or said.suggested.caption or "",
        "user.albumsd.state": "indexed" if row["sha256"] else "provisional",
        "user.albumsd.source": path,
    }
    return {
        key.encode(): value if isinstance(value, bytes) else value.encode("utf-8", "replace")
        for key, value in found.items()
        if value
    }
