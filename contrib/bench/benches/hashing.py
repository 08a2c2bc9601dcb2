"""SHA-256 of one large file that is in memory, against coreutils."""

from __future__ import annotations

import os
import subprocess
from statistics import median

from harness import timing, trees
from harness.bench import Bench, Context
from harness.table import Row, Target


def run(context: Context) -> list[Row]:
    from albumsd.media.hashing import sha256_file

    size = context.size(256, 64) << 20
    path = context.scratch / "large.bin"
    trees.write(path, size)
    times = timing.interleaved(
        {
            "albumsd": lambda: sha256_file(os.fsencode(path)),
            "sha256sum": lambda: subprocess.run(["sha256sum", path], check=True, stdout=subprocess.DEVNULL),
        },
        context.size(9, 5),
        first_is_warming=True,
    )
    speeds = {name: [size / seconds for seconds in found] for name, found in times.items()}
    return [
        Row(
            f"SHA-256 of {size >> 20} MiB", median(speeds["albumsd"]), "B/s", median(speeds["sha256sum"]), "sha256sum",
            timing.ratio(speeds["albumsd"], speeds["sha256sum"]), Target(0.9, at_least=True),
        )
    ]  # fmt: skip


BENCH = Bench("hashing", "Hashing, against sha256sum: greater is better.", "run.py --only hashing", run)
