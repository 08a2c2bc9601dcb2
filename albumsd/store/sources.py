"""Sources: add, list, forget; their state; and what may not be one.

``source`` is authored (a person pointed at the folder), ``source_state`` derived. Forgetting a source drops its
file rows; assets keep their identity, so albums and tags bind again when the content comes back.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from albumsd.core import clock, mountinfo, names
from albumsd.core.config import Config
from albumsd.core.errors import MountRefused, NoSuchSource, SourceRefused
from albumsd.core.mountinfo import inside

from . import assets, changes, files
from .database import Database, Tx


class Source(NamedTuple):
    id: int
    name: str
    path: bytes  # absolute
    state: str  # new, online, offline, stalled
    why: str
    volume: str | None
    grain_ns: int
    inodes: bool
    watch: str
    scan_due: bool
    scanned_ns: int | None
    watch_why: str
    files: int


_SELECT = (
    "SELECT s.id, s.name, s.path, t.state, t.why, t.volume, t.grain_ns, t.inodes, t.watch,"
    " t.scan_wanted > t.scan_done, t.scanned_ns, t.watch_why, t.files"
    " FROM source s JOIN source_state t ON t.source=s.id"
)


def all_sources(tx: Tx) -> list[Source]:
    """Every source, in source order."""
    rows = tx.all(f"{_SELECT} ORDER BY s.id")
    return [Source._make((*row[:7], bool(row[7]), row[8], bool(row[9]), *row[10:])) for row in rows]


def by_name(tx: Tx, name: str) -> Source:
    """Raises NoSuchSource."""
    for source in all_sources(tx):
        if source.name == name:
            return source
    raise NoSuchSource(name=name)


def add(database: Database, config: Config, path: Path | str, name: str | None = None) -> Source:
    """Point albumsd at a folder. Pointing twice at the same folder is no error.

    Raises SourceRefused when it is no folder, overlaps another source, lies in the mount, holds the library, or
    when the name is taken.
    """
    raw = os.fsencode(os.path.realpath(os.path.expanduser(path)))
    if not any(source.path == raw for source in all_sources(database)):
        refuse_place(raw, config)  # looks at disks, so before the transaction
    with database.write(durable=True) as tx:
        known = all_sources(tx)
        for source in known:
            if source.path == raw and name in (None, source.name):
                return source
        refuse_overlap(raw, known)
        refuse_other_road(raw, known)
        chosen = names.sanitise(name or names.decode(os.path.basename(raw)) or "files")
        taken = {names.name_key(source.name) for source in known}
        if names.name_key(chosen) in taken:
            if name is not None:
                raise SourceRefused(path=os.fsdecode(raw), why=f"the name {chosen} is taken; give another: NAME=DIR")
            number = 2
            while names.name_key(f"{chosen} {number}") in taken:
                number += 1
            chosen = f"{chosen} {number}"
        new = tx.insert("INSERT INTO source(name, path, added_ns) VALUES (?, ?, ?)", (chosen, raw, clock.now_ns()))
        tx.run("INSERT INTO source_state(source, state) VALUES (?, 'new')", (new,))
        files.ensure_folder(tx, new, b"")
        changes.record(tx, "source", new)
        return by_name(tx, chosen)


def _resolved(mount: Path) -> bytes:
    """The mount's path without symbolic links, found without a question to the mount itself: it may be hung."""
    path = os.path.join(os.path.realpath(mount.parent), mount.name)
    for _ in range(40):
        try:
            target = os.readlink(path)
        except OSError:
            break
        path = os.path.join(os.path.dirname(path), target)
        path = os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
    return os.fsencode(os.path.normpath(path))


def _albumsd_mount_over(raw: bytes) -> bytes | None:
    """The mount of any albumsd that ``raw`` lies in, wherever `run --mount` has put it; None for none."""
    try:
        text = Path(mountinfo.PATH).read_bytes()
    except OSError:
        return None
    over = [mount for mount in mountinfo.parse(text) if inside(raw, mount.point)]
    nearest = max(reversed(over), key=lambda mount: len(mount.point), default=None)
    return nearest.point if nearest and nearest.fstype == "fuse.albumsd" else None


def refuse_mount(known: list[Source], mount: Path) -> None:
    """Raise MountRefused if a mount there would lie in a source, or cover one: a source is only ever read."""
    point = _resolved(mount)
    for source in known:
        if inside(point, source.path):
            raise MountRefused(path=mount, why=f"it lies in the source {source.name} ({os.fsdecode(source.path)})")
        if inside(source.path, point):
            raise MountRefused(path=mount, why=f"the source {source.name} ({os.fsdecode(source.path)}) lies in it")


def refuse_place(raw: bytes, config: Config) -> None:
    """Raise SourceRefused if the folder ``raw`` (real path) is none, or overlaps the mount or the library."""
    shown = os.fsdecode(raw)
    mount = _resolved(config.mount)
    library = os.fsencode(os.path.realpath(config.library))
    originals = os.fsencode(os.path.realpath(config.originals))
    if inside(raw, mount):
        raise SourceRefused(path=shown, why=f"it lies in the mount {os.fsdecode(mount)}")
    shown_by = _albumsd_mount_over(raw)
    if shown_by is not None:
        raise SourceRefused(path=shown, why=f"it lies in the mount {os.fsdecode(shown_by)}")
    if not os.path.isdir(raw):
        why = "it is not a folder" if os.path.lexists(raw) else "there is no such folder; plug its drive in first"
        raise SourceRefused(path=shown, why=why)
    if inside(mount, raw):
        raise SourceRefused(path=shown, why=f"the mount {os.fsdecode(mount)} lies in it")
    if raw != originals:
        if inside(library, raw):
            raise SourceRefused(path=shown, why=f"the library {os.fsdecode(library)} lies in it; move one of them")
        if inside(raw, library):
            raise SourceRefused(path=shown, why=f"it lies in the library {os.fsdecode(library)}")


def refuse_overlap(raw: bytes, known: list[Source]) -> None:
    """Raise SourceRefused if the folder ``raw`` (real path) is, contains or lies in a source."""
    shown = os.fsdecode(raw)
    for source in known:
        if source.path == raw:
            raise SourceRefused(path=shown, why=f"it is the source {source.name} already")
        if inside(raw, source.path):
            raise SourceRefused(path=shown, why=f"it lies in the source {source.name} ({os.fsdecode(source.path)})")
        if inside(source.path, raw):
            raise SourceRefused(path=shown, why=f"the source {source.name} ({os.fsdecode(source.path)}) lies in it")


def refuse_other_road(raw: bytes, known: list[Source]) -> None:
    """Raise SourceRefused if ``raw`` is, contains or lies in a source by another road (a bind mount, a subvolume)."""
    mounts = mountinfo.parse(Path(mountinfo.PATH).read_bytes())
    mine = mountinfo.place(raw, mounts)
    for source in known:
        theirs = mountinfo.place(source.path, mounts)
        if mine is None or theirs is None or mine[0] != theirs[0]:
            continue
        if inside(mine[1], theirs[1]) or inside(theirs[1], mine[1]):
            where = f"the source {source.name} ({os.fsdecode(source.path)})"
            raise SourceRefused(path=os.fsdecode(raw), why=f"it shows folders of {where} by another road")


def forget(database: Database, name: str) -> int:
    """Stop showing a source: its file rows go, nothing on the disk does. How many files it had."""
    source = by_name(database, name)
    ids = [
        row[0]
        for row in database.all("SELECT f.id FROM file f JOIN folder d ON d.id=f.folder WHERE d.source=?", (source.id,))
    ]
    database.batches(ids, files.vanish)
    with database.write(durable=True) as tx:
        for (file,) in tx.all("SELECT f.id FROM file f JOIN folder d ON d.id=f.folder WHERE d.source=?", (source.id,)):
            files.vanish(tx, file)
        tx.run("DELETE FROM source WHERE id=?", (source.id,))
        changes.record(tx, "source", source.id)
    return len(ids)


def set_state(tx: Tx, source: int, state: str, why: str = "") -> bool:
    """Set what is known of a source's drive. True if that is news."""
    if tx.run("UPDATE source_state SET state=?, why=? WHERE source=? AND (state, why) <> (?, ?)",
              (state, why, source, state, why)):  # fmt: skip
        changes.record(tx, "source", source)
        return True
    return False


def set_volume(tx: Tx, source: int, volume: str, grain_ns: int, inodes: bool) -> None:
    """Remember the volume a source was first seen on, the grain of its mtimes, and whether inodes are stable."""
    tx.run("UPDATE source_state SET volume=?, grain_ns=?, inodes=? WHERE source=?", (volume, grain_ns, inodes, source))


def set_watch(tx: Tx, source: int, watch: str, why: str = "") -> None:
    """How a source is watched: 'inotify', 'polling' (``why``: the reason and its cure) or '' for not now."""
    tx.run("UPDATE source_state SET watch=?1, watch_why=?2 WHERE source=?3 AND (watch, watch_why) <> (?1, ?2)",
           (watch, why, source))  # fmt: skip


def want_scan(tx: Tx, name: str | None = None) -> int:
    """Ask for a scan of one source or all. How many. Raises NoSuchSource."""
    wanted = [by_name(tx, name)] if name else all_sources(tx)
    for source in wanted:
        tx.run("UPDATE source_state SET scan_wanted=scan_wanted + 1 WHERE source=?", (source.id,))
    return len(wanted)


def scan_ticket(tx: Tx, source: int) -> int:
    """To be taken before a scan and given to ``scan_done``: what was asked for later is still due after it."""
    return int(tx.value("SELECT scan_wanted FROM source_state WHERE source=?", (source,)) or 0)


def scan_done(tx: Tx, source: int, ticket: int) -> None:
    tx.run("UPDATE source_state SET scan_done=?, scanned_ns=? WHERE source=?", (ticket, clock.now_ns(), source))


def scans_due(tx: Tx) -> list[str]:
    """Names of the sources that wait for a scan and whose drive is (or may be) here."""
    return [s.name for s in all_sources(tx) if s.scan_due and s.state in ("new", "online")]


def confirm_missing(database: Database, name: str) -> int:
    """The person says that the held files of a source are gone for good. How many."""
    ids = files.missing(database, by_name(database, name).id)
    return database.batches(ids, files.vanish)


def resolve_moved(tx: Tx, asset: int) -> None:
    """A held file whose content turned up elsewhere has moved: its row goes, the asset stays."""
    held = tx.all("SELECT id FROM file WHERE asset=? AND missing_ns IS NOT NULL", (asset,))
    if held and tx.value("SELECT 1 FROM file WHERE asset=? AND missing_ns IS NULL", (asset,)):
        before = changes.snapshot(tx, asset)
        tx.many("DELETE FROM file WHERE id=?", held)
        assets.refresh(tx, asset, before)
