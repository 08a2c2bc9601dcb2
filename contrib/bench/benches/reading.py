"""Bytes: many small files, many photographs, one large file; warm, cold for the mount, and cold for the disk too."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from harness import caches, library, timing, trees
from harness.bench import Bench, Context
from harness.table import Row, Target

_MIB = 1 << 20


def heads(paths: Sequence[Path]) -> None:
    """open, read 4 KiB, close."""
    for path in paths:
        fd = os.open(path, os.O_RDONLY)
        os.read(fd, 4096)
        os.close(fd)


def whole(paths: Sequence[Path]) -> None:
    """Every byte, in sequence."""
    buffer = bytearray(_MIB)
    for path in paths:
        fd = os.open(path, os.O_RDONLY)
        while os.readv(fd, [buffer]):
            pass
        os.close(fd)


class Trio:
    """The same files seen through albumsd, bindfs and the disk."""

    def __init__(
        self, roads: dict[str, Path], folder: str, names: Sequence[str], read: Callable[[Sequence[Path]], None]
    ):
        self.paths = {road: [top / folder / name for name in names] for road, top in roads.items()}
        self.calls: dict[str, Callable[[], object]] = {road: partial(read, paths) for road, paths in self.paths.items()}

    def warm(self, road: str) -> None:
        self.calls[road]()

    def cool(self, road: str) -> None:
        """Cold for the mount: the source's own pages stay where they are."""
        caches.drop_pages(self.paths[road] if road != "disk" else ())
        if caches.can_drop():
            caches.drop_names()
        whole(self.paths["disk"])


def run(context: Context) -> list[Row]:
    small, photos = context.size(1_000, 300), context.size(200, 40)
    large = context.size(1024, 256) * _MIB
    free = os.statvfs(context.scratch)
    if free.f_bavail * free.f_frsize < 4 * large:
        large //= 2
    reps = context.size(7, 3)
    tree = context.scratch / "tree"
    trees.files(tree / "small", small, 8_192)
    trees.files(tree / "photos", photos, 5 * _MIB, "PXL_{:06d}.jpg".format)
    trees.files(tree / "large", 1, large, "VID_{:06d}.mp4".format)
    own = library.Library(context.scratch / "library", context.scratch / "mount")
    library.add_rows(own, "tree", tree)
    with ExitStack() as stack:
        stack.enter_context(own.mounted())
        bound = stack.enter_context(library.bindfs(tree, context.scratch / "bindfs"))
        roads = {"albumsd": own.mount / "by-folder" / "tree", "bindfs": bound, "disk": tree}

        def files(folder: str, read: Callable[[Sequence[Path]], None] = whole) -> Trio:
            return Trio(roads, folder, sorted(os.listdir(tree / folder)), read)

        rows = _small(files("small", heads), small, reps)
        rows += _photos(files("photos"), photos, reps, context.quick)
        rows += _large(files("large"), own.mount, large, reps)
    return rows


def _small(trio: Trio, count: int, reps: int) -> list[Row]:
    what = f"open, read 4 KiB, close × {count:,}"
    warm = timing.interleaved(trio.calls, reps, before=trio.warm)
    cold = timing.interleaved(trio.calls, reps, before=trio.cool)
    return [
        timing.compare(f"{what}, warm", warm, "bindfs"),
        timing.compare(f"{what}, cold", cold, "bindfs"),
    ]


def _photos(trio: Trio, count: int, reps: int, quick: bool) -> list[Row]:
    what = f"{count} files of 5 MiB"
    warm = timing.interleaved(trio.calls, reps, before=trio.warm)
    cold = timing.interleaved(trio.calls, reps, before=trio.cool)
    rows = [
        timing.compare(f"{what}, warm", warm, "bindfs", Target(0.25)),
        timing.compare(f"{what}, warm", warm, "disk"),
        timing.compare(f"{what}, cold", cold, "bindfs", Target(1.0)),
    ]
    if caches.can_drop() and not quick:
        frozen = timing.interleaved(trio.calls, 3, before=lambda _: caches.drop_all())
        rows.append(timing.compare(f"{what}, the disk cold too", frozen, "bindfs"))
        rows.append(timing.compare(f"{what}, the disk cold too", frozen, "disk"))
    return rows


def _large(trio: Trio, mount: Path, size: int, reps: int) -> list[Row]:
    what = f"{size // _MIB} MiB in sequence, cold"
    own_choice = caches.read_ahead(mount, 128)
    note = "" if own_choice is not None else "read-ahead as it was: setting it needs root"
    rows = [
        timing.compare(
            f"{what}, read-ahead 128 KiB",
            timing.interleaved(trio.calls, reps, before=trio.cool),
            "bindfs",
            Target(1.5),
            note,
        )
    ]
    if own_choice is not None and caches.read_ahead(mount, 1024) is not None:
        times = timing.interleaved(trio.calls, reps, before=trio.cool)
        note = "the mount's own choice" if own_choice == 1024 else ""
        rows.append(timing.compare(f"{what}, read-ahead 1024 KiB", times, "bindfs", Target(1.0), note))
    return rows


BENCH = Bench(
    "reading", "Reading through the mount, against bindfs and the bare disk.", "run.py --only reading", run, 300.0
)
