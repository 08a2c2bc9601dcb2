"""What a scan asks the store: rows to compare a disk with, and what it remembers from one scan to the next.

Reads and small notes only; what a difference does to the rows is in ``store.files``.
"""

from __future__ import annotations

import json
from typing import NamedTuple

from . import changes, files, jobs, sources
from .database import Row, Tx

SAMPLE = 16


class Placed(NamedTuple):
    """A file row with the folder it stands in."""

    known: files.Known
    folder: bytes  # path below the source

    @property
    def path(self) -> bytes:
        return self.folder + b"/" + self.known.name if self.folder else self.known.name


def placed(row: Row, folder: bytes) -> Placed:
    """A row of ``rows_in`` with the path of its folder."""
    return Placed(files.Known._make(row), folder)


_PLACED = (
    "SELECT f.id, f.name, f.size, f.mtime_ns, f.inode, f.asset, f.missing_ns, d.path FROM file f"
    " JOIN folder d ON d.id=f.folder"
)


def folders(tx: Tx, source: int) -> dict[bytes, int]:
    """``{path below the source: id}`` of every known folder."""
    return dict(tx.all("SELECT path, id FROM folder WHERE source=?", (source,)))


def rows_in(tx: Tx, folder: int) -> list[Row]:
    """Plain rows ``(id, name, size, mtime_ns, inode, asset, missing_ns)`` of a folder, as quickly as they come."""
    return tx.all("SELECT id, name, size, mtime_ns, inode, asset, missing_ns FROM file WHERE folder=?", (folder,))


def rows_below(tx: Tx, source: int, path: bytes) -> list[Placed]:
    """Every file row in ``path`` and below it."""
    if not path:
        rows = tx.all(f"{_PLACED} WHERE d.source=?", (source,))
    else:
        rows = tx.all(
            f"{_PLACED} WHERE d.source=? AND d.path=?"
            f" UNION ALL {_PLACED} WHERE d.source=? AND d.path > ? AND d.path < ?",
            (source, path, source, path + b"/", path + b"0"),
        )
    return [placed(row[:7], row[7]) for row in rows]


def rows_with_inode(tx: Tx, source: int, entry: files.Entry) -> list[Placed]:
    """Rows of the source that have the entry's inode, size and mtime."""
    if not entry.inode:
        return []
    rows = tx.all(
        f"{_PLACED} WHERE f.inode=? AND f.inode <> 0 AND f.size=? AND f.mtime_ns=? AND d.source=?",
        (entry.inode, entry.size, entry.mtime_ns, source),
    )
    return [placed(row[:7], row[7]) for row in rows]


def present_below(tx: Tx, source: int, path: bytes) -> int:
    """How many files in ``path`` and below it are not held as missing."""
    return len(files.files_below(tx, source, path))


def has_files(tx: Tx, source: int) -> bool:
    """Whether any file of the source is known."""
    return bool(
        tx.value("SELECT EXISTS (SELECT 1 FROM file f JOIN folder d ON d.id=f.folder WHERE d.source=?)", (source,))
    )


def sample(tx: Tx, source: int) -> list[tuple[bytes, int]]:
    """``(path below the source, size)`` of a few known files, spread over the ids."""
    rows = tx.all(
        "SELECT d.path, f.name, f.size FROM file f JOIN folder d ON d.id=f.folder WHERE d.source=?"
        " AND f.missing_ns IS NULL ORDER BY (f.id * 2654435761) % 4294967296 LIMIT ?",
        (source, SAMPLE),
    )
    return [(path + b"/" + name if path else name, size) for path, name, size in rows]


def remember_volume(tx: Tx, source: sources.Source, volume: str, grain_ns: int, inodes: bool) -> None:
    """Store where a source lies. On another volume than before, the inode numbers that are known mean nothing."""
    if source.volume not in (None, volume):
        tx.run(
            "UPDATE file SET inode=0 WHERE inode <> 0 AND folder IN (SELECT id FROM folder WHERE source=?)",
            (source.id,),
        )
    sources.set_volume(tx, source.id, volume, grain_ns, inodes)
    changes.record(tx, "source", source.id)


def want_scan_of(tx: Tx, source: int) -> None:
    """Ask for a scan of one source by its id."""
    tx.run("UPDATE source_state SET scan_wanted=scan_wanted + 1 WHERE source=?", (source,))


def inner_mounts(tx: Tx, source: int) -> set[bytes]:
    """Paths below the source where another drive was mounted when it was last scanned."""
    text = tx.value("SELECT value FROM meta WHERE key=?", (f"inner_mounts:{source}",))
    return {bytes.fromhex(path) for path in json.loads(text)} if text else set()


def remember_inner_mounts(tx: Tx, source: int, paths: set[bytes]) -> None:
    key = f"inner_mounts:{source}"
    if paths:
        text = json.dumps(sorted(path.hex() for path in paths))
        tx.run("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, text))
    else:
        tx.run("DELETE FROM meta WHERE key=?", (key,))


def read_again(tx: Tx, file: int, stage: str, version: int) -> None:
    """Ask for ``stage`` on the asset of a file once more."""
    row = tx.one("SELECT a.id, a.local FROM file f JOIN asset a ON a.id=f.asset WHERE f.id=?", (file,))
    if row:
        jobs.open_jobs(tx, stage, version, [(row[0], jobs.day_number(row[1]))])


def beside(tx: Tx, folder: int, base: bytes) -> list[int]:
    """Ids of the files in a folder that a sidecar ``base.xmp`` can be about: ``base`` and ``base.*``."""
    rows = tx.all(
        "SELECT id FROM file WHERE folder=? AND name=?"
        " UNION ALL SELECT id FROM file WHERE folder=? AND name > ? AND name < ?",
        (folder, base, folder, base + b".", base + b"/"),
    )
    return [row[0] for row in rows]


def has_sidecar(tx: Tx, file: int) -> bool:
    return tx.value("SELECT 1 FROM sidecar WHERE file=?", (file,)) is not None


# --------------------------------------------------------------------------------- for the job runner


class Subject(NamedTuple):
    """What a stage is told of an asset."""

    asset: int
    sha256: bytes | None
    size: int
    name: str
    kind: str
    mime: str | None
    local: str
    lat: float | None
    lon: float | None
    place: int | None
    problem: str | None
    live: bool


def subject(tx: Tx, asset: int) -> Subject | None:
    """The asset as a stage sees it; None when it is gone."""
    row = tx.one(
        "SELECT id, sha256, size, name, kind, mime, local, lat, lon, place, problem, live FROM asset WHERE id=?",
        (asset,),
    )
    return Subject._make((*row[:11], bool(row[11]))) if row else None


def file_exists(tx: Tx, file: int) -> bool:
    return tx.value("SELECT 1 FROM file WHERE id=?", (file,)) is not None


def sidecar_name(tx: Tx, file: int) -> bytes | None:
    """The name of the XMP sidecar beside a file: ``IMG.jpg.xmp``, else ``IMG.xmp``; None if the folder has neither."""
    row = tx.one("SELECT folder, name FROM file WHERE id=?", (file,))
    if row is None or row[1][-4:].lower() == b".xmp":
        return None
    folder, name = row
    stem = name.rpartition(b".")[0] or name
    wanted = [base + ending for base in (name, stem) for ending in (b".xmp", b".XMP", b".Xmp")]
    marks = ", ".join("?" * len(wanted))
    found = {
        other
        for (other,) in tx.all(
            f"SELECT name FROM file WHERE folder=? AND name IN ({marks}) AND missing_ns IS NULL", (folder, *wanted)
        )
    }
    return next((candidate for candidate in wanted if candidate in found), None)


def folder_of(tx: Tx, file: int) -> bytes | None:
    """The path below its source of the folder that a file stands in; None if the file is not known."""
    path: bytes | None = tx.value("SELECT d.path FROM file f JOIN folder d ON d.id=f.folder WHERE f.id=?", (file,))
    return path


def present(tx: Tx, places: list[files.Location]) -> list[files.Location]:
    """Those locations whose file is not held as missing."""
    ids = [place.file for place in places]
    marks = ", ".join("?" * len(ids))
    here = {row[0] for row in tx.all(f"SELECT id FROM file WHERE id IN ({marks}) AND missing_ns IS NULL", ids)}
    return [place for place in places if place.file in here]


def stage_version(tx: Tx, stage: str) -> int | None:
    """The version of a stage that this library was last worked on with; None if it never was."""
    found = tx.value("SELECT value FROM meta WHERE key=?", (f"stage:{stage}",))
    return None if found is None else int(found)


def remember_stage(tx: Tx, stage: str, version: int) -> None:
    tx.run("INSERT OR REPLACE INTO meta VALUES (?, ?)", (f"stage:{stage}", version))


def forget_stage(tx: Tx, stage: str) -> None:
    """As if this library had never seen the stage."""
    tx.run("DELETE FROM meta WHERE key=?", (f"stage:{stage}",))


def assets_without(tx: Tx, stage: str, after: int, count: int) -> list[int]:
    """Ids above ``after`` of live, hashed assets that have no job of a stage."""
    rows = tx.all(
        "SELECT a.id FROM asset a WHERE a.id > ? AND a.live AND a.sha256 IS NOT NULL"
        " AND NOT EXISTS (SELECT 1 FROM job WHERE asset=a.id AND stage=?) ORDER BY a.id LIMIT ?",
        (after, stage, count),
    )
    return [row[0] for row in rows]
