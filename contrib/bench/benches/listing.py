"""Names and attributes: one large folder listed as ``ls -l`` does, and stats of its files in no order."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from harness import caches, library, timing, trees
from harness.bench import Bench, Context
from harness.table import Row, Target

MONTH = "by-date/2020/2020-09"


def long_listing(folder: Path) -> int:
    """Every name and its attributes; how many."""
    with os.scandir(folder) as entries:
        return sum(1 for entry in entries if entry.stat(follow_symlinks=False).st_mode)


def stats(paths: Sequence[str]) -> None:
    for path in paths:
        os.stat(path)


def run(context: Context) -> list[Row]:
    count = context.size(10_000, 4_000)
    reps = context.size(9, 5)
    tree = context.scratch / "tree"
    trees.files(tree / "many", count, 64)
    names = [f"IMG_{number:06d}.jpg" for number in range(count)]
    random.Random(5).shuffle(names)
    own = library.Library(context.scratch / "library", context.scratch / "mount")
    library.add_rows(own, "tree", tree)
    rows = []
    with ExitStack() as stack:
        stack.enter_context(own.mounted())
        bound = stack.enter_context(library.bindfs(tree, context.scratch / "bindfs"))
        folders = {
            "albumsd": own.mount / "by-folder" / "tree" / "many",
            "bindfs": bound / "many",
            "disk": tree / "many",
        }
        month = {"albumsd": own.mount / MONTH, "bindfs": bound / "many"}
        for folder in (*folders.values(), own.mount / MONTH):
            found = long_listing(folder)
            assert found == count, f"{folder} lists {found} of {count}"
        ls: dict[str, Callable[[], object]] = {name: partial(long_listing, folder) for name, folder in folders.items()}
        by_date: dict[str, Callable[[], object]] = {
            name: partial(long_listing, folder) for name, folder in month.items()
        }
        look: dict[str, Callable[[], object]] = {
            name: partial(stats, [f"{folder}/{file}" for file in names]) for name, folder in folders.items()
        }
        what = f"{count:,} names"
        warm = timing.interleaved(ls, reps, before=lambda name: ls[name]())
        rows.append(timing.compare(f"ls -l of {what}, warm", warm, "bindfs", Target(1.2)))
        rows.append(timing.compare(f"ls -l of {what}, warm", warm, "disk"))
        warm = timing.interleaved(look, reps, before=lambda name: look[name]())
        rows.append(timing.compare(f"stat of {what} in no order, warm", warm, "bindfs"))
        if caches.can_drop():
            cold = timing.interleaved(ls, reps, before=lambda _: caches.drop_names())
            rows.append(timing.compare(f"ls -l of {what}, cold", cold, "bindfs", Target(0.5)))
            rows.append(timing.compare(f"ls -l of {what}, cold", cold, "disk"))
            cold = timing.interleaved(by_date, reps, before=lambda _: caches.drop_names())
            rows.append(timing.compare("the same files under by-date, cold", cold, "bindfs", Target(0.5)))
            cold = timing.interleaved(look, reps, before=lambda _: caches.drop_names())
            rows.append(timing.compare(f"stat of {what} in no order, cold", cold, "bindfs", Target(2.0)))
    return rows


BENCH = Bench(
    "listing", "Listing and stat through the mount, against bindfs and the bare disk.", "run.py --only listing", run
)
