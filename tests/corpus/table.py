"""The corpus against the readers: every expected value of ``expected.json`` compared, what differs as a table.

``python tests/corpus/table.py [FOLDER]`` prints the table; exit code 4 when something differs that ``EXPLAINED`` does not name.
``test_corpus_facts.py`` asserts the same. Nothing here is special to a file: names of files occur only in ``EXPLAINED``.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from albumsd.core.capture import offset_seconds
from albumsd.core.facts import Facts
from albumsd.media import errors, facts
from albumsd.media.xmp import read_sidecar

FOLDER = Path(__file__).resolve().parents[2].parent / "shared" / "data"
DEGREES = 1e-4

EXPLAINED: dict[tuple[str, str], str] = {
    ("D006", "capture"): "GPS time stands before XMP in the written order; it says 14:15:33-07:00 for XMP's 15:15:44",
    ("D006", "offset"): "the same: the offset is that of the place",
    ("D065", "position"): "the XMP inside the JPEG has the position; the expected value looks at EXIF only",
}
"""Differences that are right as they are, by file and field, with the reason."""

LATER: dict[str, str] = {
    "D021": "JPEG XL has no decoder under a licence that can be required; the formats issue places it",
}
"""Files whose pixels only the later formats issue can show."""


CUT: dict[str, str] = {
    "D091": "its first picture is whole and shown; of its second a byte lies beyond the end of the file, and that is told",
}
"""Files that can be shown and have a problem all the same."""


class Row(NamedTuple):
    """One difference between what was expected and what was found."""

    id: str
    file: str
    field: str
    want: str
    got: str

    @property
    def explanation(self) -> str | None:
        return EXPLAINED.get((self.id, self.field)) or (
            {**LATER, **CUT}.get(self.id) if self.field == "decodable" else None
        )


def entries(folder: Path = FOLDER) -> list[dict[str, Any]]:
    """The expected values, of files that are there."""
    listed: list[dict[str, Any]] = json.loads((folder / "expected.json").read_text("utf-8"))
    return [entry for entry in listed if (folder / entry["file"]).exists()]


def kind_of(entry: dict[str, Any]) -> str:
    """The kind in albumsd's words. A broken file keeps the kind of its type."""
    told = entry["kind"]
    if told == "live_photo":
        return "video" if entry["file_type"] == "MOV" else "photo"
    if told == "broken":
        return "document" if entry["file"].endswith(".pdf") else "photo"
    return {"motion_photo": "photo", "pdf": "document", "sidecar": "other"}.get(told, told)


def _capture(want: dict[str, Any] | None, got: Facts) -> Iterator[tuple[str, object, object]]:
    found = got.captured
    if want is None:
        yield "capture", None, found and found.local
    elif want.get("local"):
        yield "capture", want["local"][:19], found and found.local
        yield "offset", want["offset"], found and found.offset
    else:
        moment = found and datetime.fromisoformat(found.local) - timedelta(
            seconds=offset_seconds(found.offset or "+00:00")
        )
        yield "capture", want["utc"], moment and moment.isoformat() + "Z"


def _compare(entry: dict[str, Any], got: Facts) -> Iterator[tuple[str, object, object]]:
    yield "kind", kind_of(entry), got.kind
    if "capture" in entry:
        yield from _capture(entry["capture"], got)
    if "gps" in entry:
        want, found = entry["gps"], got.position
        near = want and found and abs(found.lat - want["lat"]) < DEGREES and abs(found.lon - want["lon"]) < DEGREES
        yield (
            "position",
            want and (want["lat"], want["lon"]),
            (want["lat"], want["lon"]) if near else found and (found.lat, found.lon),
        )
    if "camera" in entry:
        want = entry["camera"]
        found = got.camera and {"make": got.camera.make, "model": got.camera.model}
        yield "camera", want, found if found and any(found.values()) else None
    if entry.get("display_size"):
        yield "size", tuple(entry["display_size"]), (got.width, got.height)
    if entry.get("stored_size"):
        yield "size", tuple(entry["stored_size"]), (got.width, got.height)
    if "exif_orientation" in entry:
        yield "orientation", entry["exif_orientation"] or None, got.orientation
    if "content_identifier" in entry:
        yield "content_id", entry["content_identifier"], got.content_id
    if "motion" in entry:
        yield "motion", entry["motion"]["embedded_video_offset"], next((part.offset for part in got.companions), None)
    if "video" in entry:
        yield "size", tuple(entry["video"]["display"]), (got.width, got.height)
        yield "duration", True, abs((got.duration_s or 0) - entry["video"]["duration"]) < 0.1
    if "pdf" in entry:
        told = entry["pdf"]
        yield "pages", told["pages"], got.pages
        if "title" in told:
            yield "title", told["title"], got.title
    tests = entry.get("project_test", {})
    if "rating" in tests and entry["kind"] != "video":
        yield "rating", tests["rating"], got.rating


def _compare_sidecar(entry: dict[str, Any], path: Path) -> Iterator[tuple[str, object, object]]:
    got, told = read_sidecar(path), entry["sidecar"]
    dates = [
        str(value)
        for key, value in told.items()
        if key.split(":")[-1] in ("DateTimeOriginal", "DateCreated", "CreateDate")
    ]
    clocks = {date[:10].replace(":", "-") + "T" + date[11:19] for date in dates}
    yield "capture", True, got.captured is not None and got.captured.local in clocks
    if "XMP-exif:GPSLatitude" in told:
        where = (round(told["XMP-exif:GPSLatitude"], 5), round(told["XMP-exif:GPSLongitude"], 5))
        yield "position", where, got.position and (round(got.position.lat, 5), round(got.position.lon, 5))
    if "XMP-xmp:Rating" in told:
        yield "rating", told["XMP-xmp:Rating"], got.rating
    yield "tags", True, set(told.get("XMP-dc:Subject", ())) <= set(got.tags)


def differences(folder: Path = FOLDER) -> list[Row]:
    """Everything that headers tell otherwise than expected."""
    rows = []
    for entry in entries(folder):
        path = folder / entry["file"]
        pairs = _compare_sidecar(entry, path) if entry["kind"] == "sidecar" else _compare(entry, facts.read(path))
        rows += [
            Row(entry["id"], entry["file"], field, str(want), str(got)) for field, want, got in pairs if want != got
        ]
    return rows


def undecodable(folder: Path = FOLDER) -> list[Row]:
    """Files that decode though they should not, or do not though they should. Decodes the whole corpus, in children."""
    rows = []
    listed = [entry for entry in entries(folder) if entry["kind"] != "sidecar"]
    for entry, found in zip(listed, facts.describe([folder / entry["file"] for entry in listed]), strict=True):
        reasons = [problem["reason"] for problem in found["problems"]]
        assert set(reasons) <= set(errors.REASONS), reasons
        want = entry.get("decodable")
        if entry["kind"] == "pdf":
            want = entry["pdf"]["openable"] and "page_load" not in entry["pdf"]
            chars = entry["pdf"]["text_chars_first3"]
            if chars is not None and not (
                chars - 10 <= (found["text_chars"] or 0) <= chars + 10 or chars == found["text_chars"]
            ):
                rows.append(Row(entry["id"], entry["file"], "text", str(chars), str(found["text_chars"])))
        elif entry["kind"] == "broken" or "truncated" in entry["cases"]:
            want = want or False
        if want is not None and want == bool(reasons):
            rows.append(Row(entry["id"], entry["file"], "decodable", str(want), ", ".join(reasons) or "no problem"))
        elif reasons and entry["id"] in LATER:
            rows.append(Row(entry["id"], entry["file"], "decodable", "a picture", ", ".join(reasons)))
    return rows


def main(arguments: list[str]) -> int:
    folder = Path(arguments[0]) if arguments else FOLDER
    if not (folder / "expected.json").exists():
        print(f"no corpus in {folder}")
        return 0
    rows = differences(folder) + undecodable(folder)
    for row in rows:
        print(f"{row.id}  {row.file}\n      {row.field}: expected {row.want}, found {row.got}")
        print(f"      {'as it should be: ' + row.explanation if row.explanation else 'NOT EXPLAINED'}")
    open_rows = [row for row in rows if row.explanation is None]
    print(f"{len(entries(folder))} files, {len(rows)} differences, {len(open_rows)} not explained")
    return 4 if open_rows else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
