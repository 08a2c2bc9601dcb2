"""One slow or hung drive and everybody else: stats and first reads elsewhere while 32 readers sit on it (rule 7).

Each file elsewhere is looked at once, with its name unknown to the kernel and its pages unknown to the mount, so every
figure is a request that albumsd answers. The comparison is the same library at rest.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from harness import caches, library, processes, timing, trees
from harness.bench import Bench, Context
from harness.table import Row, Target

READERS = 32
FILES, MIB = 40, 64
RATE = 20_000_000
_READ = """
import os, sys, threading
def read(path):
    fd = os.open(path, os.O_RDONLY)
    print(path, flush=True)
    while os.read(fd, 1 << 20):
        pass
threads = [threading.Thread(target=read, args=(path,), daemon=True) for path in sys.argv[1:]]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
"""


@contextmanager
def slow_source(point: Path, rate: int) -> Iterator[Path]:
    """A drive of ``rate`` bytes per second, 0: one that hangs."""
    point.mkdir()
    script = Path(__file__).resolve().parents[1] / "slow_source.py"
    command = [sys.executable, os.fspath(script), os.fspath(point), str(FILES), str(MIB), str(rate)]
    try:
        with processes.process(command, stop_s=2.0):
            processes.wait_until(lambda: os.path.ismount(point), 20.0, "the slow source")
            yield point
    finally:
        if point in processes.mounts_below(point.parent):
            processes.unmount(point)


@contextmanager
def readers(folder: Path) -> Iterator[None]:
    """READERS threads of another process, each in the middle of a file of its own."""
    paths = [folder / name for name in sorted(os.listdir(folder))[:READERS]]
    child = subprocess.Popen([sys.executable, "-c", _READ, *paths], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        assert child.stdout is not None
        for _ in paths:
            child.stdout.readline()
        time.sleep(0.5)  # until their reads have filled whatever queue there is
        yield
    finally:
        child.kill()
        child.communicate(timeout=30)


def each(paths: Sequence[Path], look: str) -> list[float]:
    """Seconds of one stat, or one open and read of 4 KiB, of each path."""
    took = []
    for path in paths:
        began = time.perf_counter()
        if look == "stat":
            os.stat(path)
        else:
            fd = os.open(path, os.O_RDONLY)
            os.read(fd, 4096)
            os.close(fd)
        took.append(time.perf_counter() - began)
    return took


def _rows(context: Context, what: str, rate: int) -> list[Row]:
    count = context.size(3_000, 800)
    base = context.scratch / what.replace(" ", "-")
    fast = base / "fast"
    trees.files(fast, 4 * count, 8_192)
    own = library.Library(base / "library", base / "mount")
    found: dict[str, dict[str, list[float]]] = {"at rest": {}, what: {}}
    with slow_source(base / "slow", rate) as slow:
        library.add_rows(own, "fast", fast)
        library.add_rows(own, "slow", slow)
        with own.mounted():
            elsewhere = own.mount / "by-folder" / "fast"
            paths = [elsewhere / name for name in sorted(os.listdir(fast))]
            shares = [paths[n::4] for n in range(4)]
            if caches.can_drop():
                caches.drop_names()
            found["at rest"]["stat"] = each(shares[0], "stat")
            found["at rest"]["first read"] = each(shares[1], "read")
            with readers(own.mount / "by-folder" / "slow"):
                found[what]["stat"] = each(shares[2], "stat")
                found[what]["first read"] = each(shares[3], "read")
    rows = []
    for look, limit_s in (("stat", 0.005), ("first read", 0.020)):
        ours, rest = (timing.percentile(found[state][look], 99) for state in (what, "at rest"))
        worst = max(found[what][look])
        rows.append(
            Row(
                f"{look} elsewhere, p99, {READERS} readers on a {what} source", ours, "s", rest, "at rest", ours / rest,
                Target(limit_s, "figure"), f"worst {worst * 1e3:.1f} ms",
            )
        )  # fmt: skip
    return rows


def run(context: Context) -> list[Row]:
    return [*_rows(context, "20 MB per s", RATE), *_rows(context, "hung", 0)]


BENCH = Bench(
    "independence", "What a slow or hung drive does to the rest of the mount.", "run.py --only independence", run
)
