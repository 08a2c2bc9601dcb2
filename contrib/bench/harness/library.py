"""A library for a benchmark: its folder, its processes, its mount; and rows for a tree without waiting for the indexer.

Every process is a child of the caller, started as the supervisor would, one by one, so that only what is measured runs.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from albumsd.core import config as configuration
from albumsd.core.config import Config
from albumsd.core.errors import AlbumsdError
from albumsd.ipc import calls
from albumsd.store import files, sources
from albumsd.store.database import Database

from . import processes

READY_S = 30.0


@dataclass(frozen=True)
class Library:
    """``folder`` holds the database, ``mount`` is where it is mounted; both lie in the scratch folder."""

    folder: Path
    mount: Path

    @property
    def config(self) -> Config:
        return configuration.load(self.folder, None, {"mount": os.fspath(self.mount)})

    def command(self, *words: str | os.PathLike[str]) -> list[str]:
        """An albumsd command on this library."""
        library = ["--library", os.fspath(self.folder)]
        return [
            sys.executable,
            "-m",
            "albumsd",
            os.fspath(words[0]),
            *library,
            *(os.fspath(word) for word in words[1:]),
        ]

    def asks(self, process: str) -> bool:
        """Whether that process of the library answers."""
        try:
            calls.ask(self.config.run / f"{process}.sock", {"ask": "status"}, 1.0)
        except (AlbumsdError, OSError, calls.CallFailed):
            return False
        return True

    @contextmanager
    def mounted(self) -> Iterator[Mounted]:
        """The mount process, up and answering. Raises TooSlow."""
        self.mount.mkdir(parents=True, exist_ok=True)
        log = self.folder / "mount.log"
        began = time.perf_counter()
        try:
            with processes.process(self.command("mount", "--mount", self.mount), log=log) as child:
                self._wait(child, log)
                yield Mounted(child.pid, time.perf_counter() - began)
        finally:
            if self.mount in processes.mounts_below(self.mount.parent):
                processes.unmount(self.mount)

    def _wait(self, child: subprocess.Popen[bytes], log: Path) -> None:
        """Until a listing of the root comes back."""

        def there() -> bool:
            if child.poll() is not None:
                raise processes.TooSlow(f"the mount ended with {child.returncode}: {log.read_text()[-2000:]}")
            return os.path.exists(self.mount / "README.txt")

        processes.wait_until(there, READY_S, "the mount")

    @contextmanager
    def running(self, process: str) -> Iterator[subprocess.Popen[bytes]]:
        """``indexer`` or ``brain``, from its start; it may not answer yet."""
        with processes.process(self.command(process), log=self.folder / f"{process}.log") as child:
            yield child


@dataclass(frozen=True)
class Mounted:
    pid: int
    start_s: float
    """From fork to the first answer, the interpreter's start included."""


def add_rows(library: Library, name: str, tree: Path) -> None:
    """Make ``tree`` a source and give each of its files a row and an identity, as a finished index has them.

    The SHA-256 is made up from the path: what is measured here never asks for it.
    """
    from albumsd.indexer.volumes import Mounts

    with Database(library.config.database, create=True) as store:
        source = sources.add(store, library.config, tree, name)
        volume = Mounts.now().volume(os.fsencode(os.path.realpath(tree)))
        with store.write() as tx:
            sources.set_state(tx, source.id, "online")
            sources.set_volume(tx, source.id, volume.identity, volume.grain_ns, volume.inodes)
            for path, _, names in os.walk(os.fsencode(tree)):
                below = os.path.relpath(path, os.fsencode(tree))
                below = b"" if below == b"." else below
                entries = []
                for file in sorted(names):
                    found = os.stat(path + b"/" + file)
                    entries.append(files.Entry(file, found.st_size, found.st_mtime_ns, found.st_ino * volume.inodes))
                files.arrive(tx, files.ensure_folder(tx, source.id, below), below, entries, 1)
            unknown = tx.all("SELECT id FROM asset WHERE sha256 IS NULL")
            tx.many(
                "UPDATE asset SET sha256=? WHERE id=?",
                ((blake2b(str(row[0]).encode(), digest_size=32).digest(), row[0]) for row in unknown),
            )
            tx.run("DELETE FROM job")
            sources.scan_done(tx, source.id, sources.scan_ticket(tx, source.id))


@contextmanager
def bindfs(tree: Path, point: Path) -> Iterator[Path]:
    """The same tree through bindfs, with its own defaults."""
    point.mkdir(parents=True, exist_ok=True)
    try:
        with processes.process(["bindfs", "-f", tree, point]):
            processes.wait_until(lambda: os.path.ismount(point), READY_S, "bindfs")
            yield point
    finally:
        if point in processes.mounts_below(point.parent):
            processes.unmount(point)
