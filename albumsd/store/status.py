"""What the library can say of itself: sources, counts, jobs, problems. One report, for status/ and `albumsd status`.

Nothing here asks another process; ``eta_s`` and the state of ``brain`` are filled in by who can (cli).
"""

from __future__ import annotations

from typing import Any, NamedTuple

from albumsd.core import names

from . import files, jobs, sources
from .database import Tx


class SourceRow(NamedTuple):
    name: str
    path: str
    state: str
    why: str
    watch: str
    files: int
    missing: int
    scanning: bool


def source_rows(tx: Tx) -> list[SourceRow]:
    """One row per source, in source order."""
    return [
        SourceRow(
            source.name,
            names.decode(source.path),
            source.state,
            source.why,
            source.watch,
            files.count(tx, source.id),
            len(files.missing(tx, source.id)),
            source.scan_due,
        )
        for source in sources.all_sources(tx)
    ]


def source_text(row: SourceRow) -> str:
    """A few lines about one source."""
    lines = [f"{row.name}", f"Folder:   {row.path}", f"State:    {row.state}" + (f" ({row.why})" if row.why else "")]
    lines.append(f"Files:    {row.files:,}")
    if row.scanning:
        lines.append("Scan:     waiting or running")
    if row.watch:
        lines.append(f"Watched:  {'by polling' if row.watch == 'polling' else 'at once (inotify)'}")
    if row.missing:
        lines.append(f"Missing:  {row.missing:,} files are gone from the disk and wait for you. If you deleted them:")
        lines.append(f"          albumsd sources --confirm-missing '{row.name}'")
    return "\n".join(lines) + "\n"


def report(tx: Tx, mount: str | None = None) -> dict[str, Any]:
    """``{mount, sources, assets, items, jobs, eta_s, brain, problems, ...}``, the shape of `albumsd status --json`."""
    assets = int(tx.value("SELECT count(*) FROM asset WHERE live"))
    return {
        "mount": mount,
        "sources": [row._asdict() for row in source_rows(tx)],
        "assets": assets,
        "items": assets,
        "provisional": int(tx.value("SELECT count(*) FROM asset WHERE live AND sha256 IS NULL")),
        "jobs": jobs.counts(tx),
        "eta_s": None,
        "brain": {"state": "away", "model": None, "device": None},
        "problems": dict(tx.all("SELECT problem, count(*) FROM asset WHERE live AND problem IS NOT NULL GROUP BY 1")),
    }


def report_text(report: dict[str, Any]) -> str:
    """The report as a person reads it."""
    lines = [f"{report['assets']:,} items"]
    if report["provisional"]:
        lines.append(f"{report['provisional']:,} of them are not yet read: their dates come from names and file times")
    lines += ["", "Sources"]
    for row in report["sources"]:
        note = f" ({row['why']})" if row["why"] else ""
        poll = ", watched by polling" if row["watch"] == "polling" else ""
        held = f", {row['missing']:,} missing" if row["missing"] else ""
        lines.append(f"  {row['name']}: {row['state']}{note}, {row['files']:,} files{held}{poll}  {row['path']}")
    if not report["sources"]:
        lines.append("  none yet: albumsd add DIR")
    if report["jobs"]:
        lines += ["", "Work", f"  {'':<10}{'open':>10}{'done':>10}{'failed':>10}{'parked':>10}"]
        for stage, row in report["jobs"].items():
            lines.append(f"  {stage:<10}" + "".join(f"{row[k]:>10,}" for k in ("open", "done", "failed", "parked")))
    if report["eta_s"]:
        lines.append(f"  about {duration_text(report['eta_s'])} to go")
    if report["problems"]:
        lines += ["", "Problems (the files are listed under problems/)"]
        lines += [f"  {reason}: {number:,}" for reason, number in sorted(report["problems"].items())]
    brain = report["brain"]
    lines += ["", f"Search: ranking process {brain['state']}; by text only, no model of meaning is installed"]
    return "\n".join(lines) + "\n"


def duration_text(seconds: float) -> str:
    """``40 s``, ``12 min``, ``3 h 20 min``"""
    if seconds < 90:
        return f"{round(seconds)} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"
