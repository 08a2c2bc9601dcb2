"""What the library can say of itself: sources, counts, jobs, problems. One report, for status/ and `albumsd status`.

Nothing here asks another process: what the indexer and brain say of themselves are rows (``store.processes``), and
the counts are kept (``store.tally``), so a report costs the same at any size. The command line, which may wait for an
answer, asks them for something fresher.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from albumsd.core import names

from . import embeddings, files, jobs, processes, sources, tally
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
    watch_why: str


def source_rows(tx: Tx) -> list[SourceRow]:
    """One row per source, in source order."""
    missing = files.missing_counts(tx)
    return [
        SourceRow(
            source.name,
            names.decode(source.path),
            source.state,
            source.why,
            source.watch,
            source.files,
            missing.get(source.id, 0),
            source.scan_due,
            source.watch_why,
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
        lines.append(f"Watched:  {'by looking again and again' if row.watch == 'polling' else 'at once (inotify)'}")
    if row.watch_why:
        lines.append(f"          because {row.watch_why}")
    if row.missing:
        lines.append(f"Missing:  {row.missing:,} files are gone from the disk and wait for you. If you deleted them:")
        lines.append(f"          albumsd sources --confirm-missing '{row.name}'")
    return "\n".join(lines) + "\n"


def report(tx: Tx, mount: str | None = None) -> dict[str, Any]:
    """``{mount, sources, assets, items, jobs, eta_s, brain, problems, …}``, the shape of `albumsd status --json`.

    ``eta_s``: seconds until nothing is open; None while nobody knows. ``indexer``, ``brain``: their state, or 'away'.
    ``models``: of which there are vectors, and how many.
    """
    count = tally.assets(tx)
    living = processes.living(tx)
    indexer, brain = living.get("indexer"), living.get("brain")
    told: dict[str, Any] = {
        "mount": mount,
        "sources": [row._asdict() for row in source_rows(tx)],
        "assets": count.live,
        "items": count.live,
        "provisional": count.provisional,
        "jobs": jobs.counts(tx),
        "eta_s": None,
        "indexer": {"state": indexer.state if indexer else "away"},
        "brain": {
            "state": brain.state if brain else "away",
            **brain_told(brain.detail if brain else {}),
        },
        "models": [
            {"name": row.name, "key": row.key, "dimensions": row.dimensions, "vectors": row.rows, "assets": row.assets}
            for row in embeddings.models(tx)
        ],
        "problems": dict(tx.all("SELECT problem, count(*) FROM asset WHERE live AND problem IS NOT NULL GROUP BY 1")),
    }
    told["eta_s"] = estimate(told, indexer.eta_s if indexer else None)
    return told


def brain_told(detail: dict[str, Any]) -> dict[str, Any]:
    """What a report repeats of brain's own words: ``model`` (name), ``model_state`` (cold, loading, warm, failed),
    ``device`` and ``dtype`` once it was loaded, ``why`` something is missing. None: not said."""
    return {name: detail.get(name) for name in ("model", "model_state", "device", "dtype", "why")}


def estimate(report: dict[str, Any], eta_s: float | None) -> float | None:
    """Seconds until nothing is open: 0 when nothing is, else what the indexer says, as long as it can be believed.

    While a source waits for a scan nobody knows how much it will bring; and work that is there takes time.
    """
    if _scanning(report):
        return None
    if not any(row["open"] for row in report["jobs"].values()):
        return 0.0
    return eta_s or None


def report_text(report: dict[str, Any]) -> str:
    """The report as a person reads it."""
    lines = [f"{report['assets']:,} items"]
    if report["provisional"]:
        lines.append(f"{report['provisional']:,} of them are not yet read: their dates come from names and file times")
    lines += ["", "Sources"]
    for row in report["sources"]:
        note = f" ({row['why']})" if row["why"] else ""
        poll = ", polled" if row["watch"] == "polling" else ""
        held = f", {row['missing']:,} missing" if row["missing"] else ""
        lines.append(f"  {row['name']}: {row['state']}{note}, {row['files']:,} files{held}{poll}  {row['path']}")
        if row["watch_why"]:
            lines.append(f"    is looked through again and again: {row['watch_why']}")
        if row["missing"]:
            lines.append(f"    missing files wait for you: albumsd sources --confirm-missing '{row['name']}'")
    if not report["sources"]:
        lines.append("  none yet: albumsd add DIR")
    if report["jobs"]:
        lines += ["", "Work", f"  {'':<10}{'open':>10}{'done':>10}{'failed':>10}{'parked':>10}"]
        for stage, row in report["jobs"].items():
            lines.append(f"  {stage:<10}" + "".join(f"{row[k]:>10,}" for k in ("open", "done", "failed", "parked")))
    if report["jobs"] or _scanning(report):
        lines += [*([] if report["jobs"] else ["", "Work"]), f"  {_outlook(report)}"]
    if report["problems"]:
        lines += ["", "Problems (the files are listed under problems/)"]
        lines += [f"  {reason}: {number:,}" for reason, number in sorted(report["problems"].items())]
    lines += ["", f"Search: {_ranking(report)}"]
    others = (row for row in report["models"] if row["vectors"] and row["name"] != report["brain"]["model"])
    lines += [f"  {row['name']} has seen {row['assets']:,} items" for row in others]
    return "\n".join(lines) + "\n"


def _scanning(report: dict[str, Any]) -> bool:
    return any(row["scanning"] and row["state"] in ("new", "online") for row in report["sources"])


def _outlook(report: dict[str, Any]) -> str:
    waiting = _scanning(report) or any(row["open"] for row in report["jobs"].values())
    if report["indexer"]["state"] == "away":
        return "the indexer is not running: nothing goes on until `albumsd run` is started" if waiting else "all done"
    if _scanning(report):
        return "looking through the folders; how long it takes is not known yet"
    if report["eta_s"]:
        return f"about {duration_text(report['eta_s'])} to go"
    return "how long it takes is not known yet" if report["eta_s"] is None else "all done"


def _ranking(report: dict[str, Any]) -> str:
    """By what a search goes at this moment, and how far that reaches."""
    brain = report["brain"]
    if brain["state"] in ("away", "silent"):
        how = "is away" if brain["state"] == "away" else "does not answer"
        return f"by text only, in the simpler order of the index, because the ranking process {how}"
    why = brain.get("why")
    if not brain["model"]:
        return f"by text only; {why or 'no model is chosen'}"
    if brain.get("model_state") == "failed":
        by = f"by text, and by meaning as {brain['answers']} saw it" if brain.get("answers") else "by text only"
        return f"{by} for now; {brain['model']} does not work: {why or 'it does not say why'}"
    seen = next((row["assets"] for row in reversed(report["models"]) if row["name"] == brain["model"]), 0)
    jobs = report["jobs"].get("embed", {})
    waiting = jobs.get("open", 0) + jobs.get("parked", 0)
    far = f"{seen:,} of {seen + waiting:,} embedded" if waiting else f"{seen:,} embedded"
    by = "by text and meaning" if seen else "by text for now, by meaning too when pictures are embedded"
    until = f"; {brain['answers']} answers until then" if brain.get("answers") else ""
    return f"{by} ({brain['model']}{_place(brain)}; {far}{until})" + (f"; {why}" if why else "")


def _place(brain: dict[str, Any]) -> str:
    """Where the model runs, when it is in memory; else what has to happen first."""
    match brain.get("model_state"):
        case "loading":
            return ", which is being loaded"
        case "cold":
            return ", loaded when it is needed"
    return (
        " ".join(["", "on", brain["device"], *([brain["dtype"]] if brain.get("dtype") else [])])
        if brain["device"]
        else ""
    )


def duration_text(seconds: float) -> str:
    """``40 s``, ``12 min``, ``3 h 20 min``"""
    if seconds < 90:
        return f"{round(seconds)} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"
