"""Assets: what is shown, and what happens to it when its content becomes known, changes or goes.

``refresh`` is the one function that turns what was read (``reading``, ``sidecar``, file rows) into the columns
and facets that views ask for; it is a pure function of those rows, so the order in which they came never
matters, and it writes the ``changes`` row. Everything that alters what an asset is ends in it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from typing import Any, NamedTuple

from albumsd.core import capture, clock, kinds, moments, names
from albumsd.core.facts import CaptureTime, Facts, Problem
from albumsd.core.namedates import from_folder, from_mtime, from_name

from . import changes, documents, naming, queries, readings
from .database import Tx


class _Held(NamedTuple):
    """A file of the asset, with what is needed of its folder and source; in the order of source and path."""

    id: int
    folder: int
    name: bytes
    shown: str | None
    mtime_ns: int
    inode: int
    path: bytes  # of the folder, below the source
    source: str
    volume: str | int
    sidecar: str | None  # Facts as JSON


_FILES = (
    "SELECT f.id, f.folder, f.name, f.shown, f.mtime_ns, f.inode, d.path, s.name, coalesce(t.volume, s.id), c.facts"
    " FROM file f JOIN folder d ON d.id=f.folder JOIN source s ON s.id=d.source"
    " LEFT JOIN source_state t ON t.source=s.id LEFT JOIN sidecar c ON c.file=f.id"
    " WHERE f.asset=? ORDER BY s.id, d.path, f.name"
)
_COLUMNS = (
    "name", "size", "mtime_ns", "year", "month", "week", "day", "country", "region", "city", "hood", "camera",
    "problem", "copies", "kind", "origin", "mime", "lens", "rating", "title",  # so far the fields of changes.Shown
    "live", "local", "offset", "width", "height", "duration_s", "aperture", "shutter_s", "iso", "focal_mm", "lat",
    "lon", "place",
)  # fmt: skip
_SELECT = "SELECT " + ", ".join(f'"{column}"' for column in _COLUMNS) + " FROM asset WHERE id=?"


def file_candidates(disk_name: str, folder_path: bytes, mtime_ns: int) -> list[CaptureTime]:
    """Capture times that stand around the bytes: name, folder, mtime."""
    parts = [names.decode(part) for part in reversed(folder_path.split(b"/")) if part]
    found = (from_name(disk_name), from_folder(parts), from_mtime(mtime_ns))
    return [candidate for candidate in found if candidate]


def _files(tx: Tx, asset: int) -> list[_Held]:
    return [_Held(*row) for row in tx.all(_FILES, (asset,))]


def _beside(held: list[_Held]) -> list[Facts]:
    return [readings.from_text(file.sidecar) for file in held if file.sidecar]


def capture_candidates(tx: Tx, asset: int, facts: Facts | None) -> list[CaptureTime]:
    """Every capture time known of an asset: inside, beside and around all of its files, in source order."""
    held = _files(tx, asset)
    return _candidates(held, _beside(held), facts)


def _candidates(held: list[_Held], beside: list[Facts], facts: Facts | None) -> list[CaptureTime]:
    found: list[CaptureTime] = []
    if facts:
        found += [facts.captured] if facts.captured else []
        found += facts.captured_others
    found += [told.captured for told in beside if told.captured]
    for file in held:
        found += file_candidates(names.decode(file.name), file.path, file.mtime_ns)
    return found


def camera_name(facts: Facts) -> str | None:
    """Make and model as one legal name: ``samsung SM-S921U``, but ``Canon EOS R5`` and not ``Canon Canon EOS R5``."""
    if not facts.camera or not (facts.camera.make or facts.camera.model):
        return None
    make, model = facts.camera.make or "", facts.camera.model or ""
    both = model if model.casefold().startswith(make.casefold()) else f"{make} {model}"
    return _legal(both.strip())


def refresh(
    tx: Tx,
    asset: int,
    before: changes.Shown | None | bool = False,
    *,
    facts: Facts | None = None,
    new_text: str | None = None,
    told: bool = False,
) -> None:
    """Recompute all that is shown of ``asset`` and record the change.

    ``before`` is the snapshot from before the caller's own changes; False: take it now. ``facts`` and ``new_text``:
    what the caller has just written to ``reading`` and ``content_text``, which then is not read again. ``told``: there
    is something new to tell of it, even if nothing that is shown differs. An asset that does not exist is no error.
    """
    row = tx.one(_SELECT, (asset,))
    if row is None:
        return
    old = changes.snapshot(tx, asset) if before is False else before
    assert old is not True  # for the type checker: a bool is only ever False
    have = dict(zip(_COLUMNS, row, strict=True))
    held = _files(tx, asset)
    beside = _beside(held)
    read_anew = facts is not None
    facts = facts or readings.of_asset(tx, asset)
    update: dict[str, Any] = {
        "live": int(bool(held)),
        "copies": len({(file.volume, file.inode or -file.id) for file in held}),
    }
    best = capture.best(_candidates(held, beside, facts)) if held else None
    if best:
        update |= _capture_columns(best)
    facets = {(facet, value) for facet, value in tx.all("SELECT facet, value FROM asset_facet WHERE asset=?", (asset,))}
    suggested = readings.suggestion(tx, asset)
    if facts:
        position = facts.position or next((told.position for told in beside if told.position), None)
        lat, lon = (position.lat, position.lon) if position else (None, None)
        update |= _fact_columns(facts, beside) | {"lat": lat, "lon": lon}
        if (have["lat"], have["lon"]) != (lat, lon):
            update |= dict.fromkeys(("place", "country", "region", "city", "hood"))
        tags = own_tags((facts, *beside))
        suggested = suggested.beside(tags, any(told.caption for told in (facts, *beside)))
        facets = _set_facets(tx, asset, facets, facts, tags | {tag for tag, _ in suggested.tags})
    # Only what differs is written: SQLite renews every index of a column that an UPDATE names.
    differs = [column for column, value in update.items() if have[column] != value]
    if differs:
        columns = ", ".join(f'"{column}"=?' for column in differs)
        tx.run(f"UPDATE asset SET {columns} WHERE id=?", (*(update[column] for column in differs), asset))
    have |= update
    if held:
        places = [(file.source, file.path, file.name) for file in held]
        documents.refresh(tx, asset, have, places, facts, beside, suggested, new_text)
    new = None
    if held:
        files = sorted([file.folder, file.shown or names.decode(file.name)] for file in held)
        plain = [have[column] for column in _COLUMNS[: len(changes.Shown._fields) - 2]]
        new = changes.Shown._make((*plain, [list(facet) for facet in sorted(facets)], files))
    changes.record_changed(tx, asset, old, new, told=told or read_anew or bool(differs))


def _capture_columns(captured: CaptureTime) -> dict[str, Any]:
    facets = moments.calendar(captured.local)
    return {
        "local": captured.local,
        "offset": captured.offset,
        "origin": captured.origin,
        "mtime_ns": moments.moment_ns(captured),
        **facets._asdict(),
    }


def _fact_columns(facts: Facts, beside: list[Facts]) -> dict[str, Any]:
    exposure = facts.exposure
    rating = next((found.rating for found in (*beside, facts) if found.rating is not None), None)
    lens = facts.camera.lens if facts.camera else None
    title = next((found.title for found in (facts, *beside) if found.title), None)
    return {
        "kind": facts.kind,
        "mime": facts.mime,
        "width": facts.width,
        "height": facts.height,
        "duration_s": facts.duration_s,
        "rating": rating,
        "camera": camera_name(facts),
        "lens": readings.storable(lens) if lens else None,
        "aperture": exposure.aperture if exposure else None,
        "shutter_s": exposure.shutter_s if exposure else None,
        "iso": exposure.iso if exposure else None,
        "focal_mm": exposure.focal_mm if exposure else None,
        "title": title and readings.storable(title),
    }


def own_tags(told: Iterable[Facts]) -> set[str]:
    """The tags that a person or a program wrote, as they are shown."""
    return {_legal(tag) for facts in told for tag in facts.tags if tag.strip()}


def _set_facets(tx: Tx, asset: int, have: set[tuple[str, str]], facts: Facts, tags: set[str]) -> set[tuple[str, str]]:
    """Bring the types and tags of an asset up to date. All its facets."""
    types = {kinds.TYPE_OF_KIND[facts.kind], *(kinds.TYPE_OF_FLAG.get(flag, flag) for flag in facts.flags)}
    wanted = {("type", kind) for kind in types} | {("tag", tag) for tag in tags}
    gone = {(facet, value) for facet, value in have - wanted if facet in ("type", "tag")}
    for facet, value in gone:
        tx.run("DELETE FROM asset_facet WHERE facet=? AND value=? AND asset=?", (facet, value, asset))
    if wanted - have:
        tx.many("INSERT INTO asset_facet VALUES (?, ?, ?)", ((f, v, asset) for f, v in sorted(wanted - have)))
    return (have | wanted) - gone


@lru_cache(4096)
def _legal(text: str) -> str:
    """``names.sanitise``, kept: the same few tags, cameras and lenses come with every picture."""
    return names.sanitise(text)


# ------------------------------------------------------------------------------- results of stages


def store_facts(tx: Tx, asset: int, facts: Facts) -> None:
    """Result of the facts stage: what the readers found inside the bytes."""
    old = changes.snapshot(tx, asset)
    readings.put(tx, asset, facts)
    problem = facts.problems[0].reason if facts.problems else None
    tx.run("UPDATE asset SET problem=? WHERE id=? AND problem IS NOT ?", (problem, asset, problem))
    refresh(tx, asset, old, facts=facts)


def set_problem(tx: Tx, asset: int, reason: str, detail: str) -> None:
    """A stage could not do this asset: it is listed under problems/<reason>/, its facts stay."""
    old = changes.snapshot(tx, asset)
    facts = readings.of_asset(tx, asset)
    if facts and not any(problem.reason == reason for problem in facts.problems):
        facts = replace(facts, problems=(*facts.problems, Problem(reason, detail)))
        readings.put(tx, asset, facts)
    tx.run("UPDATE asset SET problem=coalesce(problem, ?) WHERE id=?", (reason, asset))
    refresh(tx, asset, old, facts=facts)


def set_place(tx: Tx, asset: int, place: tuple[str, str, str, str, float, float] | None) -> None:
    """Result of the place stage: ``(country, region, city, hood, lat, lon of the city)``, '' where unknown."""
    old = changes.snapshot(tx, asset)
    if place is None:
        tx.run("UPDATE asset SET place=NULL, country=NULL, region=NULL, city=NULL, hood=NULL WHERE id=?", (asset,))
    else:
        country, region, city, hood = (names.sanitise(part) if part else "" for part in place[:4])
        place_id = tx.value(
            "INSERT INTO place(country, region, city, hood, lat, lon) VALUES (?, ?, ?, ?, ?, ?)"
            " ON CONFLICT DO UPDATE SET lat=excluded.lat, lon=excluded.lon RETURNING id",
            (country, region, city, hood, place[4], place[5]),
        )
        tx.run(
            "UPDATE asset SET place=?, country=?, region=?, city=?, hood=? WHERE id=?",
            (place_id, country, region or country, city, hood or None, asset),
        )
    refresh(tx, asset, old)


def set_preview(tx: Tx, asset: int, size: int, thumb_size: int, width: int, height: int, dhash: bytes | None) -> None:
    """Result of the preview stage: bytes of both files, pixels of the preview, perceptual hash."""
    old = changes.snapshot(tx, asset)
    tx.put("preview", asset=asset, size=size, thumb_size=thumb_size, width=width, height=height, dhash=dhash)
    changes.record(tx, "preview", asset)  # the facets are the same, but previews/ gains a name
    refresh(tx, asset, old)


def set_text(tx: Tx, asset: int, text: str) -> None:
    """Result of the text stage."""
    text = readings.storable(text)
    old = changes.snapshot(tx, asset)
    tx.put("content_text", asset=asset, text=text)
    refresh(tx, asset, old, new_text=text)


# -------------------------------------------------------------------------------------- identity


def identify(tx: Tx, asset: int, sha256: bytes) -> int:
    """The hash of a provisional asset is known: give it its identity, or find that the content is known already.

    Returns the id of the asset that the content belongs to: ``asset`` itself, or the older one that the file
    then hangs on, in which case ``asset`` and its jobs are gone (its inode answers ESTALE). An asset that has an
    identity keeps it, whatever is read at its path now: that is for the next look at its folder to find out.
    """
    file = tx.one(
        "SELECT f.id, f.name, f.previous, d.path, s.name FROM file f JOIN folder d ON d.id=f.folder"
        " JOIN source s ON s.id=d.source JOIN asset a ON a.id=f.asset WHERE f.asset=? AND a.sha256 IS NULL",
        (asset,),
    )
    if file is None:
        return asset
    file_id, disk_name, previous, folder_path, source_name = file
    known = tx.value("SELECT id FROM asset WHERE sha256=?", (sha256,))
    before = changes.snapshot(tx, asset)
    known_before = changes.snapshot(tx, known) if known else None
    previous_sha = tx.value("SELECT sha256 FROM asset WHERE id=?", (previous,)) if previous else None
    replaces = bool(
        previous_sha and previous_sha != sha256 and not tx.value("SELECT 1 FROM file WHERE asset=?", (previous,))
    )
    if replaces:
        tx.run(
            "INSERT INTO succession(old, new, source, path, at_ns) VALUES (?, ?, ?, ?, ?)",
            (previous_sha, sha256, source_name, join_path(folder_path, disk_name), clock.now_ns()),
        )
    if previous:
        tx.run("UPDATE file SET previous=NULL WHERE id=?", (file_id,))
    if known is None:
        tx.run("UPDATE asset SET sha256=? WHERE id=?", (sha256, asset))
        naming.settle(tx, asset, names.sanitise(names.decode(disk_name)), sha256)
        refresh(tx, asset, before, told=True)
        return asset
    tx.run("UPDATE file SET asset=? WHERE id=?", (known, file_id))
    if previous is not None:
        _give_back(tx, asset, previous, keep=known)
    queries.follow(tx, asset, known)
    if known > asset:  # a copy that came later was read first, and made way for a name that nobody else bears now
        naming.give_back(tx, asset, known)
    forget_provisional(tx, asset)
    changes.record_changed(tx, asset, before, None)
    refresh(tx, known, known_before)
    return int(known)


def _give_back(tx: Tx, asset: int, previous: int, keep: int | None = None) -> None:
    """``asset`` goes before its hash was known: what stood in its place before bears its own name again."""
    before = changes.snapshot(tx, previous) if previous != keep else None
    if naming.give_back(tx, asset, previous) and previous != keep:
        refresh(tx, previous, before)


def join_path(folder_path: bytes, name: bytes) -> bytes:
    return folder_path + b"/" + name if folder_path else name


def forget_provisional(tx: Tx, asset: int) -> None:
    """Delete an asset that never had a hash, with its jobs and words. Its id is never given again."""
    documents.forget(tx, asset)
    tx.run("DELETE FROM asset WHERE id=? AND sha256 IS NULL", (asset,))


def lost_file(tx: Tx, asset: int, before: changes.Shown | None, previous: int | None = None) -> None:
    """A file row of ``asset`` went: an asset that never had a hash goes, every other stays, maybe unseen.

    ``previous`` is that column of the row that went.
    """
    if tx.value("SELECT 1 FROM file WHERE asset=?", (asset,)):
        refresh(tx, asset, before)
        return
    if tx.value("SELECT sha256 IS NULL FROM asset WHERE id=?", (asset,)):
        if previous is not None:
            _give_back(tx, asset, previous)
        forget_provisional(tx, asset)
    else:
        tx.run("UPDATE asset SET live=0, copies=0 WHERE id=?", (asset,))
    changes.record_changed(tx, asset, before, None)
