"""Assets: what is shown, and what happens to it when its content becomes known, changes or goes.

``refresh`` is the one function that turns what was read (``reading``, ``sidecar``, file rows) into the columns
and facets that views ask for; it is a pure function of those rows, so the order in which they came never
matters, and it writes the ``changes`` row. Everything that alters what an asset is ends in it.
"""

from __future__ import annotations

from typing import Any

from albumsd.core import capture, clock, kinds, moments, names
from albumsd.core.facts import CaptureTime, Facts
from albumsd.core.namedates import from_folder, from_mtime, from_name

from . import changes, documents, naming, readings
from .database import Tx


def file_candidates(shown_name: str, folder_path: bytes, mtime_ns: int) -> list[CaptureTime]:
    """Capture times that stand around the bytes: name, folder, mtime."""
    parts = [names.decode(part) for part in reversed(folder_path.split(b"/")) if part]
    found = (from_name(shown_name), from_folder(parts), from_mtime(mtime_ns))
    return [candidate for candidate in found if candidate]


def capture_candidates(tx: Tx, asset: int, facts: Facts | None) -> list[CaptureTime]:
    """Every capture time known of an asset: inside, beside and around all of its files, in source order."""
    found: list[CaptureTime] = []
    if facts:
        found += [facts.captured] if facts.captured else []
        found += facts.captured_others
    for _, beside in readings.sidecars(tx, asset):
        found += [beside.captured] if beside.captured else []
    for name, folder_path, mtime_ns in tx.all(
        "SELECT f.name, d.path, f.mtime_ns FROM file f JOIN folder d ON d.id=f.folder WHERE f.asset=?"
        " ORDER BY d.source, f.id",
        (asset,),
    ):
        found += file_candidates(names.decode(name), folder_path, mtime_ns)
    return found


def camera_name(facts: Facts) -> str | None:
    """Make and model as one legal name: ``samsung SM-S921U``, but ``Canon EOS R5`` and not ``Canon Canon EOS R5``."""
    if not facts.camera or not (facts.camera.make or facts.camera.model):
        return None
    make, model = facts.camera.make or "", facts.camera.model or ""
    both = model if model.casefold().startswith(make.casefold()) else f"{make} {model}"
    return names.sanitise(both.strip())


def refresh(tx: Tx, asset: int, before: changes.Facets | None | bool = False) -> None:
    """Recompute all that is shown of ``asset`` and record the change.

    ``before`` is the snapshot from before the caller's own changes; False: take it now. An asset that does not
    exist is no error.
    """
    old = changes.snapshot(tx, asset) if before is False else before
    assert old is not True  # for the type checker: a bool is only ever False
    row = tx.one("SELECT name, kind, lat, lon FROM asset WHERE id=?", (asset,))
    if row is None:
        return
    files = tx.all(
        "SELECT DISTINCT d.source, CASE WHEN f.inode THEN f.inode ELSE -f.id END FROM file f"
        " JOIN folder d ON d.id=f.folder WHERE f.asset=?",
        (asset,),
    )
    facts = readings.of_asset(tx, asset)
    beside = [found for _, found in readings.sidecars(tx, asset)]
    update: dict[str, Any] = {"live": bool(files), "copies": len(files)}
    if files:
        best = capture.best(capture_candidates(tx, asset, facts))
        if best:
            update |= _capture_columns(best)
    if facts:
        position = facts.position or next((s.position for s in beside if s.position), None)
        moved = (row[2], row[3]) != ((position.lat, position.lon) if position else (None, None))
        update |= _fact_columns(facts, beside) | {
            "lat": position.lat if position else None,
            "lon": position.lon if position else None,
        }
        if moved:
            update |= dict.fromkeys(("place", "country", "region", "city", "hood"))
        tags = {names.sanitise(tag) for found in (facts, *beside) for tag in found.tags}
        types = {kinds.TYPE_OF_KIND[facts.kind], *(kinds.TYPE_OF_FLAG.get(flag, flag) for flag in facts.flags)}
        _set_facets(tx, asset, {("type", t) for t in types} | {("tag", t) for t in tags})
    columns = ", ".join(f'"{column}"=?' for column in update)
    tx.run(f"UPDATE asset SET {columns} WHERE id=?", (*update.values(), asset))
    if facts:
        documents.refresh(tx, asset, facts, beside)
    changes.record_changed(tx, asset, old, changes.snapshot(tx, asset))


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
    return {
        "kind": facts.kind,
        "mime": facts.mime,
        "width": facts.width,
        "height": facts.height,
        "duration_s": facts.duration_s,
        "rating": rating,
        "camera": camera_name(facts),
        "lens": names.sanitise(lens) if lens else None,
        "aperture": exposure.aperture if exposure else None,
        "shutter_s": exposure.shutter_s if exposure else None,
        "iso": exposure.iso if exposure else None,
        "focal_mm": exposure.focal_mm if exposure else None,
        "title": next((found.title for found in (facts, *beside) if found.title), None),
    }


def _set_facets(tx: Tx, asset: int, wanted: set[tuple[str, str]]) -> None:
    have = {tuple(row) for row in tx.all("SELECT facet, value FROM asset_facet WHERE asset=?", (asset,))}
    for facet, value in have - wanted:
        if facet in ("type", "tag"):
            tx.run("DELETE FROM asset_facet WHERE facet=? AND value=? AND asset=?", (facet, value, asset))
    tx.many("INSERT INTO asset_facet VALUES (?, ?, ?)", ((f, v, asset) for f, v in sorted(wanted - have)))


# ------------------------------------------------------------------------------- results of stages


def store_facts(tx: Tx, asset: int, facts: Facts) -> None:
    """Result of the facts stage: what the readers found inside the bytes."""
    old = changes.snapshot(tx, asset)
    readings.put(tx, asset, facts)
    problem = facts.problems[0].reason if facts.problems else None
    tx.run("UPDATE asset SET problem=? WHERE id=?", (problem, asset))
    refresh(tx, asset, old)


def set_problem(tx: Tx, asset: int, reason: str, detail: str) -> None:
    """A stage could not do this asset: it is listed under problems/<reason>/, its facts stay."""
    old = changes.snapshot(tx, asset)
    facts = readings.of_asset(tx, asset)
    if facts and not any(problem.reason == reason for problem in facts.problems):
        from dataclasses import replace

        from albumsd.core.facts import Problem

        readings.put(tx, asset, replace(facts, problems=(*facts.problems, Problem(reason, detail))))
    tx.run("UPDATE asset SET problem=coalesce(problem, ?) WHERE id=?", (reason, asset))
    refresh(tx, asset, old)


def set_place(
    tx: Tx, asset: int, place: tuple[str, str, str, str, float, float] | None
) -> None:
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


def set_preview(
    tx: Tx, asset: int, size: int, thumb_size: int, width: int, height: int, dhash: bytes | None
) -> None:
    """Result of the preview stage: bytes of both files, pixels of the preview, perceptual hash."""
    old = changes.snapshot(tx, asset)
    tx.run(
        "INSERT OR REPLACE INTO preview VALUES (?, ?, ?, ?, ?, ?)", (asset, size, thumb_size, width, height, dhash)
    )
    # The preview's folder gains a name; the facets are the same, so say it in so many words.
    changes.record(tx, "arrived", asset)
    refresh(tx, asset, old)


def set_text(tx: Tx, asset: int, text: str) -> None:
    """Result of the text stage."""
    old = changes.snapshot(tx, asset)
    tx.run("INSERT OR REPLACE INTO content_text VALUES (?, ?)", (asset, text))
    refresh(tx, asset, old)


# -------------------------------------------------------------------------------------- identity


def identify(tx: Tx, asset: int, sha256: bytes) -> int:
    """The hash of a provisional asset is known: give it its identity, or find that the content is known already.

    Returns the id of the asset that the content belongs to: ``asset`` itself, or the older one that the file
    then hangs on, in which case ``asset`` and its jobs are gone (its inode answers ESTALE).
    """
    file = tx.one(
        "SELECT f.id, f.name, f.previous, d.path, s.name FROM file f JOIN folder d ON d.id=f.folder"
        " JOIN source s ON s.id=d.source WHERE f.asset=?",
        (asset,),
    )
    known = tx.value("SELECT id FROM asset WHERE sha256=?", (sha256,))
    if file is None or known == asset:
        return asset
    file_id, disk_name, previous, folder_path, source_name = file
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
    tx.run("UPDATE file SET previous=NULL WHERE id=?", (file_id,))
    if known is None:
        tx.run("UPDATE asset SET sha256=? WHERE id=?", (sha256, asset))
        if not previous:
            naming.settle(tx, asset, names.sanitise(names.decode(disk_name)), sha256)
        refresh(tx, asset, before)
        return asset
    tx.run("UPDATE file SET asset=? WHERE id=?", (known, file_id))
    heir_name = tx.value("SELECT name FROM asset WHERE id=?", (asset,)) if previous == known else None
    if heir_name:  # the file was only touched: the old asset takes its name back
        naming.inherit(tx, known, asset)
    forget_provisional(tx, asset)
    changes.record_changed(tx, asset, before, None)
    refresh(tx, known, known_before)
    return int(known)


def join_path(folder_path: bytes, name: bytes) -> bytes:
    return folder_path + b"/" + name if folder_path else name


def forget_provisional(tx: Tx, asset: int) -> None:
    """Delete an asset that never had a hash, with its jobs and words. Its id is never given again."""
    documents.forget(tx, asset)
    tx.run("DELETE FROM asset WHERE id=? AND sha256 IS NULL", (asset,))


def lost_file(tx: Tx, asset: int, before: changes.Facets | None) -> None:
    """A file row of ``asset`` went: an asset that never had a hash goes, every other stays, maybe unseen."""
    if tx.value("SELECT 1 FROM file WHERE asset=?", (asset,)):
        refresh(tx, asset, before)
        return
    if tx.value("SELECT sha256 IS NULL FROM asset WHERE id=?", (asset,)):
        forget_provisional(tx, asset)
    else:
        tx.run("UPDATE asset SET live=0, copies=0 WHERE id=?", (asset,))
    changes.record_changed(tx, asset, before, None)
