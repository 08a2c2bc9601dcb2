"""Files and folders: phase one of the index, and what a scan found different.

A file row says: at this path stood ``asset`` when the disk said (size, mtime_ns). The scan compares, decides
what happened and calls one of these, each inside a transaction:

    arrive   names that were not there: a row and a provisional asset each, and a job to read it
    move     a known file at another path: the asset stays
    change   the path holds other bytes now: a new provisional asset, which takes the old one's name when
             nobody else holds it; ``file.previous`` remembers the old one until the hash decides (assets.identify)
    vanish   the file is gone: the asset stays, unseen        hold   missing, waiting for the person
    settle_stat   the content that was known, with another mtime or inode, or back from being held

Nothing here touches a disk.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from hashlib import blake2b
from typing import Literal, NamedTuple

from albumsd.core import clock, kinds, moments, names
from albumsd.core.facts import CaptureTime, Kind
from albumsd.core.namedates import from_folder, from_mtime, from_name

from . import assets, changes, jobs, naming, tally
from .database import Tx

FIRST_STAGE = "facts"

_PLAIN = re.compile(
    rb"(?!(?:con|prn|aux|nul|com[0-9]|lpt[0-9])\.)[a-z0-9_(][a-z0-9_() +,@#=-]{0,120}\.[a-z0-9]{1,8}", re.IGNORECASE
)
"""Names that ``names.sanitise`` would give back as they are, decided at once: nearly all that there are."""


class Entry(NamedTuple):
    """What a directory says of one file. ``inode`` is 0 where inode numbers are not stable."""

    name: bytes
    size: int
    mtime_ns: int
    inode: int


class Known(NamedTuple):
    """A file row."""

    id: int
    name: bytes
    size: int
    mtime_ns: int
    inode: int
    asset: int
    missing_ns: int | None


def legal(name: bytes) -> str:
    """The legal form of a disk name."""
    if _PLAIN.fullmatch(name):
        return name.decode("ascii")
    return names.sanitise(names.decode(name))


# ----------------------------------------------------------------------------------------- folders


def folder_id(tx: Tx, source: int, path: bytes) -> int | None:
    """The folder at ``path`` below the source; None if it is not known."""
    found = tx.value("SELECT id FROM folder WHERE source=? AND path=?", (source, path))
    return None if found is None else int(found)


def ensure_folder(tx: Tx, source: int, path: bytes) -> int:
    """The folder at ``path`` (b"" for the root), made with its parents when it is new."""
    known = folder_id(tx, source, path)
    wanted: list[bytes] = []
    while known is None and path:
        wanted.append(path)
        path = path.rpartition(b"/")[0]
        known = folder_id(tx, source, path)
    if known is None:
        known = tx.insert(
            "INSERT INTO folder(source, parent, name, shown, path) VALUES (?, NULL, x'', '', x'')", (source,)
        )
        changes.record(tx, "folder", known)
    for path in reversed(wanted):
        name = path.rpartition(b"/")[2]
        known = tx.insert(
            "INSERT INTO folder(source, parent, name, shown, path) VALUES (?, ?, ?, ?, ?)",
            (source, known, name, _free_folder_name(tx, known, name), path),
        )
        changes.record(tx, "folder", known)
    return known


def _free_folder_name(tx: Tx, parent: int, name: bytes) -> str:
    shown = legal(name)
    return _free(shown, name, lambda candidate: _shown_in(tx, parent, candidate))


def _shown_in(tx: Tx, folder: int, shown: str, moving: int = 0) -> bool:
    """Whether by-folder/ shows something in ``folder`` under this name: a folder, or a file other than ``moving``."""
    return bool(
        tx.value(
            "SELECT EXISTS (SELECT 1 FROM folder WHERE parent=?1 AND shown=?2)"
            " OR EXISTS (SELECT 1 FROM file WHERE folder=?1 AND shown=?2 AND id<>?3)"
            " OR EXISTS (SELECT 1 FROM file WHERE folder=?1 AND name=CAST(?2 AS BLOB) AND shown IS NULL AND id<>?3)",
            (folder, shown, moving),
        )
    )


def _free(shown: str, raw: bytes, is_used: Callable[[str], bool]) -> str:
    """``shown``, or with a suffix that follows from the disk's name when that is used."""
    candidate, digest, length = shown, blake2b(raw, digest_size=16).hexdigest(), 4
    while is_used(candidate):
        candidate, length = names.with_suffix(shown, digest[:length]), length + 1
    return candidate


def subfolders(tx: Tx, folder: int) -> dict[bytes, int]:
    """``{name: id}`` of the folders in a folder."""
    return {row[0]: row[1] for row in tx.all("SELECT name, id FROM folder WHERE parent=?", (folder,))}


def remove_folder(tx: Tx, folder: int) -> bool:
    """Drop a folder that is gone from the disk with those below it, unless files there are held. True if dropped."""
    row = tx.one("SELECT source, path FROM folder WHERE id=?", (folder,))
    if row is None:
        return True
    source, path = row
    below = tx.all(
        "SELECT id FROM folder WHERE source=? AND path > ? AND (?='' OR path < ?) ORDER BY path DESC",
        (source, path + b"/" if path else b"", "below" if path else "", path + b"0"),
    )
    dropped = False
    for (each,) in (*below, (folder,)):  # children sort before their parents here
        dropped = not tx.value(
            "SELECT EXISTS (SELECT 1 FROM file WHERE folder=?1) OR EXISTS (SELECT 1 FROM folder WHERE parent=?1)",
            (each,),
        )
        if dropped:
            tx.run("DELETE FROM folder WHERE id=?", (each,))
            changes.record(tx, "folder", each)
    return dropped


# ------------------------------------------------------------------------------------------- files


def files_below(tx: Tx, source: int, path: bytes) -> list[int]:
    """Ids of the present files in ``path`` and in all folders below it."""
    if not path:
        rows = tx.all(
            "SELECT f.id FROM file f JOIN folder d ON d.id=f.folder WHERE d.source=? AND f.missing_ns IS NULL",
            (source,),
        )
    else:
        rows = tx.all(
            "SELECT f.id FROM file f JOIN folder d ON d.id=f.folder WHERE d.source=? AND f.missing_ns IS NULL"
            " AND (d.path=? OR (d.path > ? AND d.path < ?))",
            (source, path, path + b"/", path + b"0"),
        )
    return [row[0] for row in rows]


def arrive(tx: Tx, folder: int, folder_path: bytes, entries: Sequence[Entry], stage_version: int) -> None:
    """New names in one folder: a provisional asset, a file row and a job each, shown from this commit on."""
    if not entries:
        return
    now = clock.now_ns()
    parts = [names.decode(part) for part in reversed(folder_path.split(b"/")) if part]
    around = from_folder(parts)
    first = int(tx.value("SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name='asset'), 0)")) + 1
    wanted = [legal(entry.name) for entry in entries]
    keys = [names.name_key(name) for name in wanted]
    used = naming.taken(tx, keys)
    asset_rows: list[tuple[object, ...]] = []
    file_rows: list[list[object]] = []
    present: set[Kind] = set()
    dated: CaptureTime | None = None
    when: tuple[object, ...] = ()
    late: list[tuple[int, str, bytes]] = []  # names that need a suffix are given one by one, after the rest
    for asset, entry, name, key in zip(range(first, first + len(entries)), entries, wanted, keys, strict=True):
        raw, size, mtime_ns, inode = entry
        kind, mime = kinds.of_name(name)
        plain = name.encode() == raw
        captured = from_name(name if plain else names.decode(raw)) or around or from_mtime(mtime_ns)
        if captured is not dated:  # a folder's date is the same for all
            dated = captured
            when = (
                captured.local, captured.offset, captured.origin, moments.moment_ns(captured),
                *moments.calendar(captured.local),
            )  # fmt: skip
        file_rows.append([folder, raw, None if plain else name, asset, size, mtime_ns, inode])
        if key in used:
            late.append((asset, name, assets.join_path(folder_path, raw)))
            name = key = naming.between(asset)
        used.add(key)
        present.add(kind)
        asset_rows.append((asset, size, name, key, now, kind, *when, mime))
    _unique_in_folder(tx, folder, file_rows)
    tx.many(
        'INSERT INTO asset(id, size, name, name_key, live, arrived_ns, kind, local, "offset", origin, mtime_ns,'
        " year, month, week, day, mime) VALUES (?, ?, ?, ?, 1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        asset_rows,
    )
    for asset, name, path in late:
        naming.rename(tx, asset, naming.provisional(tx, name, path))
    tx.many(
        "INSERT INTO file(folder, name, shown, asset, size, mtime_ns, inode) VALUES (?, ?, ?, ?, ?, ?, ?)", file_rows
    )
    last = first + len(entries) - 1
    for kind in present:
        tx.run(
            "INSERT INTO asset_facet SELECT 'type', ?, id FROM asset WHERE id BETWEEN ? AND ? AND kind=?",
            (kinds.TYPE_OF_KIND[kind], first, last, kind),
        )
    tally.arrived(tx, folder, len(entries))
    jobs.open_new(tx, FIRST_STAGE, stage_version, first, last)
    changes.record(tx, "arrived", first, last)


def _unique_in_folder(tx: Tx, folder: int, rows: list[list[object]], moving: int = 0) -> None:
    """Two disk names that look alike when made legal must not be one name under by-folder/.

    ``rows`` begin ``[folder, name, shown]``; ``shown`` is set where another name must stand in. Whoever was there
    first keeps the plain one. ``moving``: a file row whose present name is about to be free.
    """
    stand_ins = tx.all(
        "SELECT shown FROM file WHERE folder=?1 AND shown IS NOT NULL AND id<>?2"
        " UNION ALL SELECT shown FROM folder WHERE parent=?1 AND shown<>CAST(name AS TEXT)",
        (folder, moving),
    )
    odd = {row[0] for row in stand_ins}
    if not odd and all(row[2] is None for row in rows):
        return
    coming = {names.decode(_bytes(row[1])) for row in rows if row[2] is None}

    def is_used(candidate: str) -> bool:
        return candidate in odd or candidate in coming or _shown_in(tx, folder, candidate, moving)

    for row in rows:
        raw = _bytes(row[1])
        if row[2] is not None:
            row[2] = _free(str(row[2]), raw, is_used)
            odd.add(row[2])
        elif (plain := names.decode(raw)) in odd:
            row[2] = _free(plain, raw, is_used)
            odd.add(row[2])


def _bytes(value: object) -> bytes:
    assert isinstance(value, bytes)
    return value


def move(tx: Tx, file: int, folder: int, entry: Entry, before: changes.Shown | None | Literal[False] = False) -> None:
    """A known file stands at another path now. Its asset, name and all that hangs on it stay."""
    asset = tx.value("SELECT asset FROM file WHERE id=?", (file,))
    if before is False:
        before = changes.snapshot(tx, asset)
    shown = legal(entry.name)
    row: list[object] = [folder, entry.name, None if shown.encode() == entry.name else shown]
    _unique_in_folder(tx, folder, [row], file)
    tx.run(
        "UPDATE file SET folder=?, name=?, shown=?, mtime_ns=?, inode=?, missing_ns=NULL WHERE id=?",
        (*row, entry.mtime_ns, entry.inode, file),
    )
    assets.refresh(tx, asset, before)


def move_around(tx: Tx, moves: Sequence[tuple[int, int, Entry]]) -> None:
    """Several ``(file, folder, entry)`` whose new paths are each other's old ones (two files that were swapped)."""
    before = [changes.snapshot(tx, tx.value("SELECT asset FROM file WHERE id=?", (file,))) for file, _, _ in moves]
    for file, _, _ in moves:  # a slash cannot stand in a name from a disk, so this one is free
        tx.run("UPDATE file SET name=CAST('/' || id AS BLOB), shown=NULL WHERE id=?", (file,))
    for (file, folder, entry), old in zip(moves, before, strict=True):
        move(tx, file, folder, entry, old)


def change(tx: Tx, known: Known, folder_path: bytes, entry: Entry, stage_version: int) -> None:
    """The path holds other bytes now, or says so: a provisional asset stands in until the hash is known."""
    old = known.asset
    before = changes.snapshot(tx, old)
    folder = tx.value("SELECT folder FROM file WHERE id=?", (known.id,))
    previous = tx.value("SELECT previous FROM file WHERE id=?", (known.id,))
    # The row goes and comes again, so that `arrive` is the only place where provisional assets are made.
    tx.run("DELETE FROM file WHERE id=?", (known.id,))
    arrive(tx, folder, folder_path, [entry], stage_version)
    file, new = tx.all("SELECT id, asset FROM file WHERE folder=? AND name=?", (folder, entry.name))[0]
    hashed = tx.value("SELECT sha256 IS NOT NULL FROM asset WHERE id=?", (old,))
    tx.run("UPDATE file SET previous=? WHERE id=?", (old if hashed else previous, file))
    if not tx.value("SELECT 1 FROM file WHERE asset=?", (old,)):
        naming.inherit(tx, new, old)
    assets.lost_file(tx, old, before)


def settle_stat(tx: Tx, file: int, entry: Entry) -> None:
    """Same content, other mtime or inode (a remount, a coarser clock): remember what the disk says now."""
    tx.run("UPDATE file SET mtime_ns=?, inode=?, missing_ns=NULL WHERE id=?", (entry.mtime_ns, entry.inode, file))


def vanish(tx: Tx, file: int) -> None:
    """A file is gone. Its asset is shown no more unless another file holds it."""
    row = tx.one("SELECT asset, previous FROM file WHERE id=?", (file,))
    if row is None:
        return
    asset, previous = row
    before = changes.snapshot(tx, asset)
    tx.run("DELETE FROM file WHERE id=?", (file,))
    assets.lost_file(tx, asset, before, previous)


def hold(tx: Tx, files: Iterable[int]) -> None:
    """Too many went at once: they stay listed, and wait for the person (`albumsd sources --confirm-missing`)."""
    now = clock.now_ns()
    tx.many("UPDATE file SET missing_ns=? WHERE id=? AND missing_ns IS NULL", ((now, file) for file in files))


def missing(tx: Tx, source: int) -> list[int]:
    """Ids of the files of a source that are held as missing."""
    rows = tx.all(
        "SELECT f.id FROM file f INDEXED BY file_missing CROSS JOIN folder d ON d.id=f.folder"
        " WHERE d.source=? AND f.missing_ns IS NOT NULL",
        (source,),
    )
    return [row[0] for row in rows]


def count(tx: Tx, source: int) -> int:
    """File rows of a source, held ones included."""
    return int(tx.value("SELECT files FROM source_state WHERE source=?", (source,)) or 0)


def missing_counts(tx: Tx) -> dict[int, int]:
    """``{source: files held as missing}``; sources without any are left out."""
    return dict(
        tx.all(
            "SELECT d.source, count(*) FROM file f INDEXED BY file_missing CROSS JOIN folder d ON d.id=f.folder"
            " WHERE f.missing_ns IS NOT NULL GROUP BY 1"
        )
    )


# ---------------------------------------------------------------------------------- where to read it


class Location(NamedTuple):
    """A path at which an asset's bytes should be found, and what the disk said of it."""

    file: int
    source: int
    path: bytes  # absolute
    size: int
    mtime_ns: int
    inode: int
    grain_ns: int
    state: str  # of the source


def locations(tx: Tx, asset: int) -> list[Location]:
    """Where an asset's bytes lie: online sources first, then in source order; held files last."""
    rows = tx.all(
        "SELECT f.id, s.id, s.path, d.path, f.name, f.size, f.mtime_ns, f.inode, t.grain_ns, t.state FROM file f"
        " JOIN folder d ON d.id=f.folder JOIN source s ON s.id=d.source JOIN source_state t ON t.source=s.id"
        " WHERE f.asset=? ORDER BY f.missing_ns IS NOT NULL, t.state <> 'online', s.id, f.id",
        (asset,),
    )
    return [
        Location(row[0], row[1], assets.join_path(row[2], assets.join_path(row[3], row[4])), *row[5:]) for row in rows
    ]
