"""Point reads for whoever shows the library: one row by key, or the rows of one page. All indexed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from .assets import join_path
from .database import Tx


class AssetRow(NamedTuple):
    """What a leaf needs."""

    id: int
    sha256: bytes | None
    name: str
    size: int
    mtime_ns: int


def asset(tx: Tx, asset_id: int) -> AssetRow | None:
    """A live asset; None when it is not shown (any more)."""
    row = tx.one("SELECT id, sha256, name, size, mtime_ns FROM asset WHERE id=? AND live", (asset_id,))
    return AssetRow(*row) if row else None


def assets(tx: Tx, ids: Sequence[int]) -> dict[int, AssetRow]:
    """``{id: row}`` of those that are shown."""
    rows = tx.all(
        "SELECT id, sha256, name, size, mtime_ns FROM asset WHERE live AND id IN (SELECT value FROM json_each(?))",
        (json.dumps(ids),),
    )
    return {row[0]: AssetRow(*row) for row in rows}


def preview_sizes(tx: Tx, ids: Sequence[int]) -> dict[int, int]:
    """``{asset: bytes of its preview}`` of those that have one."""
    if len(ids) == 1:
        row = tx.one("SELECT size FROM preview WHERE asset=?", (ids[0],))
        return {ids[0]: row[0]} if row else {}
    return dict(
        tx.all("SELECT asset, size FROM preview WHERE asset IN (SELECT value FROM json_each(?))", (json.dumps(ids),))
    )


def preview_pixels(tx: Tx, asset_id: int) -> tuple[int, int] | None:
    """Width and height of the preview of an asset; None when it has none."""
    row = tx.one("SELECT width, height FROM preview WHERE asset=?", (asset_id,))
    return (row[0], row[1]) if row else None


def first_words(tx: Tx, asset_id: int, chars: int) -> tuple[str | None, str] | None:
    """Title, if it has one, and the first characters of the text of a document; None when none was read."""
    row = tx.one(
        "SELECT a.title, substr(t.text, 1, ?) FROM content_text t JOIN asset a ON a.id=t.asset WHERE t.asset=?",
        (chars, asset_id),
    )
    return (row[0], row[1]) if row else None


def first_path(tx: Tx, asset_id: int) -> bytes | None:
    """The path on disk of an asset's first file: online sources first, then in source order."""
    row = tx.one(
        "SELECT s.path, d.path, f.name FROM file f JOIN folder d ON d.id=f.folder JOIN source s ON s.id=d.source"
        " JOIN source_state t ON t.source=s.id WHERE f.asset=?"
        " ORDER BY f.missing_ns IS NOT NULL, t.state <> 'online', s.id, f.id LIMIT 1",
        (asset_id,),
    )
    return join_path(row[0], join_path(row[1], row[2])) if row else None


def file_path(tx: Tx, file: int) -> bytes | None:
    """The path on disk of one file row; None if it is gone."""
    row = tx.one(
        "SELECT s.path, d.path, f.name FROM file f JOIN folder d ON d.id=f.folder JOIN source s ON s.id=d.source"
        " WHERE f.id=?",
        (file,),
    )
    return join_path(row[0], join_path(row[1], row[2])) if row else None


class ShownFile(NamedTuple):
    """A file of an asset as by-folder/ shows it: the names of its folders, the source's first, and its own."""

    file: int
    folders: tuple[str, ...]
    name: str


def shown_files(tx: Tx, asset_id: int) -> list[ShownFile]:
    """All files of an asset under their names in by-folder/, in source order."""
    rows = tx.all(
        "SELECT f.id, f.folder, coalesce(f.shown, CAST(f.name AS TEXT)) FROM file f JOIN folder d ON d.id=f.folder"
        " WHERE f.asset=? ORDER BY d.source, f.id",
        (asset_id,),
    )
    return [ShownFile(row[0], folder_shown_path(tx, row[1]) or (), row[2]) for row in rows]


class FilePlace(NamedTuple):
    """Where a file stands: source name, path of its folder and its name, on disk."""

    file: int
    source: str
    folder: bytes
    name: bytes
    source_path: bytes
    state: str


def files_of(tx: Tx, asset_id: int) -> list[FilePlace]:
    """All files of an asset, in source order."""
    rows = tx.all(
        "SELECT f.id, s.name, d.path, f.name, s.path, t.state FROM file f JOIN folder d ON d.id=f.folder"
        " JOIN source s ON s.id=d.source JOIN source_state t ON t.source=s.id WHERE f.asset=? ORDER BY s.id, f.id",
        (asset_id,),
    )
    return [FilePlace(*row) for row in rows]


def last_word(tx: Tx, process: str) -> tuple[int, dict[str, Any]] | None:
    """When a process last spoke of itself (ns), and its detail; also if it was killed. None after a clean stop."""
    row = tx.one("SELECT at_ns, detail FROM process WHERE name=?", (process,))
    return (row[0], json.loads(row[1])) if row else None


def folder_shown_path(tx: Tx, folder: int) -> tuple[str, ...] | None:
    """Names of a folder under by-folder/, the source's first; None if it is gone."""
    names: list[str] = []
    current: int | None = folder
    while current is not None:
        row = tx.one(
            "SELECT d.parent, d.shown, s.name FROM folder d JOIN source s ON s.id=d.source WHERE d.id=?", (current,)
        )
        if row is None:
            return None
        current = row[0]
        names.append(row[2] if current is None else row[1])
    return tuple(reversed(names))
