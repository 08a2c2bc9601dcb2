"""Selections of files and folders: what by-folder/ and duplicates/ list.

A folder row is shown when it holds, somewhere below, a file of an asset in the selection; with the whole
library as the selection, when it exists.
"""

from __future__ import annotations

from typing import NamedTuple

from albumsd.query.tree import Everything, Node
from albumsd.store.database import Reader

from .compiler import compile as compile_selection


class DiskFolder(NamedTuple):
    id: int
    shown: str


class DiskFile(NamedTuple):
    """A file row with what a leaf needs of its asset."""

    file: int
    shown: bytes  # its name under by-folder/
    asset: int
    size: int
    mtime_ns: int


_SHOWN = "CAST(coalesce(f.shown, f.name) AS BLOB)"


def source_root(reader: Reader, name: str) -> int | None:
    """The root folder of a source."""
    found = reader.value(
        "SELECT d.id FROM folder d JOIN source s ON s.id=d.source WHERE s.name=? AND d.path=x''", (name,)
    )
    return None if found is None else int(found)


def source_roots(reader: Reader, selection: Node) -> list[DiskFolder]:
    """Root folder and name of every source that holds something selected."""
    rows = reader.all("SELECT d.id, s.name FROM source s JOIN folder d ON d.source=s.id AND d.path=x'' ORDER BY s.id")
    return [DiskFolder(*row) for row in rows if holds(reader, selection, row[0])]


def folders(reader: Reader, selection: Node, folder: int) -> list[DiskFolder]:
    """The folders in a folder that hold something selected, by id."""
    rows = reader.all("SELECT id, shown FROM folder WHERE parent=? ORDER BY id", (folder,))
    return [DiskFolder(*row) for row in rows if holds(reader, selection, row[0])]


def holds(reader: Reader, selection: Node, folder: int) -> bool:
    """Whether a file of a selected asset lies in ``folder`` or below it."""
    if isinstance(selection, Everything):
        return True
    condition = compile_selection(selection, "point")
    return (
        reader.value(
            "SELECT 1 FROM folder t JOIN folder d ON d.source=t.source AND (d.path=t.path OR"
            " (d.path > CASE t.path WHEN x'' THEN x'' ELSE CAST(t.path || '/' AS BLOB) END"
            "  AND (t.path=x'' OR d.path < CAST(t.path || '0' AS BLOB))))"
            f" JOIN file f ON f.folder=d.id JOIN asset a ON a.id=f.asset WHERE t.id=? AND a.live AND ({condition.sql})"
            " LIMIT 1",
            (folder, *condition.bindings),
        )
        is not None
    )


def subfolder(reader: Reader, selection: Node, folder: int, name: str) -> int | None:
    """The folder called ``name`` under by-folder/ in a folder."""
    found = reader.value("SELECT id FROM folder WHERE parent=? AND shown=?", (folder, name))
    return int(found) if found is not None and holds(reader, selection, found) else None


def files_page(reader: Reader, selection: Node, folder: int, after: int, limit: int) -> list[DiskFile]:
    """Files of selected assets in a folder, ascending file id."""
    condition = compile_selection(selection, "point")
    rows = reader.all(
        f"SELECT f.id, {_SHOWN}, a.id, a.size, a.mtime_ns FROM file f JOIN asset a ON a.id=f.asset"
        f" WHERE f.folder=? AND f.id>? AND a.live AND ({condition.sql}) ORDER BY f.id LIMIT ?",
        (folder, after, *condition.bindings, limit),
    )
    return [DiskFile(*row) for row in rows]


def file_by_name(reader: Reader, selection: Node, folder: int, name: bytes) -> DiskFile | None:
    """The file that by-folder/ shows as ``name``: the disk's own name, or the legal one that stands for it."""
    condition = compile_selection(selection, "point")
    select = f"SELECT f.id, {_SHOWN}, a.id, a.size, a.mtime_ns FROM file f JOIN asset a ON a.id=f.asset"
    row = reader.one(
        f"{select} WHERE f.folder=? AND f.name=? AND f.shown IS NULL AND a.live AND ({condition.sql})",
        (folder, name, *condition.bindings),
    ) or reader.one(
        f"{select} WHERE f.folder=? AND f.shown=? AND a.live AND ({condition.sql})",
        (folder, name.decode("utf-8", "replace"), *condition.bindings),
    )
    return DiskFile(*row) if row else None
