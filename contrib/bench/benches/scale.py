"""The same questions to libraries of 10k, 100k and 1M generated assets: start, folders, searches, memory.

Only ``mount`` runs, and ``brain`` where a row says so. Folders are listed with the kernel's names dropped before, where
that is allowed. A search is ``ls search/<query>``: every query is different, none was asked before.
"""

from __future__ import annotations

import os
import random
import shutil
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

import generate
import world
from harness import caches, library, processes, timing
from harness.bench import Bench, Context
from harness.table import Row, Target

STARTS = 5
START_S = 0.3
RESIDENT = 150_000_000
_SEARCH_S = {100_000: 0.050, 1_000_000: 0.150}
BUSY = f"{generate.BUSY_MONTH[:4]}/{generate.BUSY_MONTH}"
FILTERS = (
    "camera=apple/by-date",
    "camera=apple/by-date/2019",
    f"camera=apple/by-date/{BUSY}",
    "rating=5/by-place",
    f"{world.World().vocabulary[3]}/by-date",
)


def names(folder: Path) -> int:
    return len(os.listdir(folder))


def cool() -> None:
    if caches.can_drop():
        caches.drop_names()


def _listed(folder: Path, reps: int) -> tuple[float, int]:
    """Median seconds of listing a folder, and how many names it has."""
    took = []
    count = 0
    for _ in range(reps):
        cool()
        began = time.perf_counter()
        count = names(folder)
        took.append(time.perf_counter() - began)
    return median(took), count


def _searches(mount: Path, queries: Sequence[str]) -> list[float]:
    took = []
    for query in queries:
        began = time.perf_counter()
        names(mount / "search" / query)
        took.append(time.perf_counter() - began)
    return took


def _folders(top: Path) -> Iterator[Path]:
    """``top`` and every folder below it, each listed once, files and all."""
    stack = [top]
    while stack:
        folder = stack.pop()
        yield folder
        with os.scandir(folder) as entries:
            stack += [Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False)]


def _starts(own: library.Library) -> Row:
    took = []
    for _ in range(STARTS):
        with own.mounted() as mounted:
            took.append(mounted.start_s)
    return Row("mount: from start to the first answer", median(took), "s", target=Target(START_S, "figure"))


def _views(own: library.Library, reps: int) -> list[Row]:
    rows = []
    places = os.listdir(own.mount / "by-place")
    for path in (
        "by-date",
        "by-date/2019",
        f"by-date/{BUSY}",
        "by-place",
        f"by-place/{places[0]}",
        "by-camera",
        "by-tag",
    ):
        seconds, count = _listed(own.mount / path, reps)
        what = path.replace(places[0], "<country>")
        rows.append(Row(f"ls {what}", seconds, "s", note=f"{count:,} names"))
    for path in FILTERS:
        seconds, count = _listed(own.mount / "filter" / path, reps)
        rows.append(Row(f"ls filter/{path}", seconds, "s", note=f"{count:,} names"))
    return rows


def _search_rows(own: library.Library, size: int, queries: Sequence[str], how: str) -> list[Row]:
    took = _searches(own.mount, queries)
    limit = _SEARCH_S.get(size)
    return [
        Row(f"ls search/<query>, p50, {how}", timing.percentile(took, 50), "s", note=f"{len(took)} queries"),
        Row(
            f"ls search/<query>, p95, {how}", timing.percentile(took, 95), "s",
            target=Target(limit, "figure") if limit else None, note=f"worst {max(took) * 1e3:.0f} ms",
        ),
    ]  # fmt: skip


def _memory(own: library.Library, searches: int) -> list[Row]:
    """A mount process that has listed every folder of by-date once and then searched."""
    queries = world.text_queries(searches + 2_000)[2_000:]
    with own.mounted() as mounted:
        fresh = processes.resident(mounted.pid)
        began = time.perf_counter()
        folders = sum(1 for _ in _folders(own.mount / "by-date"))
        listing = time.perf_counter() - began
        _searches(own.mount, queries)
        after = processes.resident(mounted.pid)
        private = processes.anonymous(mounted.pid)
    return [
        Row("every folder of by-date listed once", listing, "s", note=f"{folders:,} folders"),
        Row("mount process, resident: at the start", fresh, "B"),
        Row(
            f"mount process, resident: after all of by-date and {searches:,} searches", after, "B",
            target=Target(RESIDENT, "figure"), note=f"{private / 1e6:.0f} MB of it its own, the rest pages of files",
        ),
    ]  # fmt: skip


def _library(context: Context, size: int) -> list[Row]:
    own = library.Library(context.scratch / f"library-{size}", context.scratch / "mount")
    began = time.perf_counter()
    database = generate.generate(own.folder, size)
    took = time.perf_counter() - began
    rows = [Row("database on the disk", database.stat().st_size, "B", note=f"generated in {took:.0f} s"), _starts(own)]
    count = context.size(200, 50)
    queries = world.text_queries(2 * count)
    random.Random(1).shuffle(queries)
    with own.mounted():
        names(own.mount / "by-date")
        rows += _views(own, context.size(5, 3))
        rows += _search_rows(own, size, queries[:count], "FTS5's order")
        with own.running("brain"):
            processes.wait_until(lambda: own.asks("brain"), 60.0, "brain", 0.05)
            names(own.mount / "search" / "warming up")
            rows += _search_rows(own, size, queries[count:], "ranked by brain")
    rows += _memory(own, context.size(1_000, 100))
    shutil.rmtree(own.folder)
    return [row._replace(what=f"{size:,}: {row.what}") for row in rows]


def run(context: Context) -> list[Row]:
    sizes = (10_000, 100_000) if context.quick else (10_000, 100_000, 1_000_000)
    return [row for size in sizes for row in _library(context, size)]


BENCH = Bench("scale", "Generated libraries of 10,000 to 1,000,000 assets.", "run.py --only scale", run, 600.0)
