"""Phase one of the index: the names of a new source, and a second look when nothing changed, against find.

The indexer's own process is measured from its start, with everything else that it does meanwhile (its stages begin to
read files). ``Scan`` by itself shows what the walk and the rows cost. Files hold a few bytes: only names are looked at.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from statistics import median

from harness import caches, library, processes, timing, trees
from harness.bench import Bench, Context
from harness.table import Row, Target

FIRST = 1_000
_ASSETS = "SELECT count(*) FROM (SELECT 1 FROM asset LIMIT ?)"
_DONE = "SELECT scan_done >= scan_wanted AND scanned_ns IS NOT NULL FROM source_state"


def find(tree: Path) -> None:
    subprocess.run(["find", tree, "-printf", r"%s %T@ %p\n"], check=True, stdout=subprocess.DEVNULL)


class Fresh:
    """Libraries with ``tree`` as a source that nobody has looked at yet."""

    def __init__(self, scratch: Path, tree: Path) -> None:
        self._scratch, self._tree = scratch, tree
        self._count = 0

    def library(self) -> library.Library:
        from albumsd.store import sources
        from albumsd.store.database import Database

        self._count += 1
        own = library.Library(self._scratch / f"library-{self._count}", self._scratch / "mount")
        with Database(own.config.database, create=True) as store:
            sources.add(store, own.config, self._tree, "tree")
        return own


def scan(own: library.Library) -> None:
    """One whole look, in this process."""
    from albumsd.indexer.scan import Scan
    from albumsd.indexer.volumes import Mounts
    from albumsd.store import sources
    from albumsd.store.database import Database

    with Database(own.config.database) as store:
        source = sources.by_name(store, "tree")
        volume = Mounts.now().volume(source.path)
        with store.write() as tx:
            sources.set_state(tx, source.id, "online")
            sources.set_volume(tx, source.id, volume.identity, volume.grain_ns, volume.inodes)
        outcome = Scan(store, sources.by_name(store, "tree"), rest_s=0, stage=("facts", 1)).whole()
        assert outcome.complete, "the scan did not end"


def indexer(own: library.Library, deadline_s: float) -> tuple[float, float]:
    """Seconds from the start of the process to the first 1,000 names, and to the end of phase one."""
    from albumsd.store.database import Reader

    with Reader(own.config.database) as reader, own.running("indexer"):
        first = processes.wait_until(
            lambda: reader.value(_ASSETS, (FIRST,)) >= FIRST, deadline_s, "the first names", 0.01
        )
        rest = processes.wait_until(lambda: reader.value(_DONE), deadline_s, "phase one", 0.02)
    return first, first + rest


def run(context: Context) -> list[Row]:
    count = context.size(100_000, 20_000)
    reps = context.size(3, 2)
    tree = context.scratch / "tree"
    trees.wide(tree, count)
    fresh = Fresh(context.scratch, tree)
    cool: Callable[[], object] = caches.drop_names if caches.can_drop() else lambda: None
    cold = "names cold" if caches.can_drop() else "names warm: making the kernel forget needs root"
    firsts: list[float] = []
    wholes: timing.Times = {timing.OURS: [], "find": []}
    for _ in range(reps):
        cool()
        wholes["find"].append(timing.clocked(lambda: find(tree)))
        own = fresh.library()
        cool()
        first, whole = indexer(own, 120.0)
        firsts.append(first)
        wholes[timing.OURS].append(whole)
        shutil.rmtree(own.folder)
    rows = [
        Row(
            f"first {FIRST:,} names of a new source of {count:,}",
            median(firsts),
            "s",
            target=Target(2.0, "figure"),
            note=cold,
        ),
        timing.compare("its phase one, the indexer's whole process", wholes, "find", Target(3.0), cold),
    ]
    calls: dict[str, Callable[[], object]] = {timing.OURS: lambda: scan(made[-1]), "find": lambda: find(tree)}
    made: list[library.Library] = []

    def prepare(name: str) -> None:
        if name == timing.OURS:
            made.append(fresh.library())
        cool()

    rows.append(
        timing.compare("phase one, the scan alone", timing.interleaved(calls, reps, before=prepare), "find", note=cold)
    )
    for own in made[:-1]:
        shutil.rmtree(own.folder)
    again = timing.interleaved(calls, context.size(7, 5), first_is_warming=True)
    rows.append(timing.compare("rescan, nothing changed, warm", again, "find", Target(2.0)))
    if caches.can_drop():
        again = timing.interleaved(calls, reps, before=lambda _: cool())
        rows.append(timing.compare("rescan, nothing changed, names cold", again, "find"))
    return rows


BENCH = Bench("scanning", "A new source and a rescan, against find.", "run.py --only scanning", run, 300.0)
