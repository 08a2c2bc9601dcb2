"""A model's folder: everything is fetched into ``.NAME.part`` beside it, checked, and then renamed in one step.

So a folder of models holds whole ones only, whatever happens in between; and what came before a try was broken off is
gone on with. One program at a time works on a folder: it holds a lock on it.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from albumsd.core import checksums

from .download import Failed, NotThere, fetch

SAY_S = 0.25
"""So often at most it says how far it is."""

Say = Callable[[dict[str, Any]], None]


def put(folder: Path, files: Sequence[Mapping[str, Any]], say: Say) -> None:
    """Make ``folder`` of the files. Raises Failed; then there is no ``folder``."""
    if folder.exists():
        raise Failed(f"{folder} is there already")
    work = folder.with_name(f".{folder.name}.part")
    try:
        work.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _alone(work):
            sums = dict(_each(work, files, say))
            checksums.write(work, sums)
            size = sum((work / name).stat().st_size for name in sums)
            for name in (*sums, checksums.NAME, "."):
                _sync(work / name)
            os.rename(work, folder)
            _sync(folder.parent)
    except OSError as error:
        raise Failed(f"{error.filename or folder}: {error.strerror}") from None
    say({"done": str(folder), "bytes": size})


def _each(work: Path, files: Sequence[Mapping[str, Any]], say: Say) -> Iterator[tuple[str, str]]:
    """Name and SHA-256 of each file that is there now."""
    kept = {checksums.NAME}
    for file in files:
        for name, url, pinned in zip(file["names"], file["urls"], file["sha256s"], strict=True):
            target = work / name
            try:
                if pinned and target.exists() and checksums.of_file(target) == pinned:
                    digest, checked = pinned, "pinned"
                else:
                    digest, checked = fetch(url, target, pinned, file["weights"], _progress(name, say))
            except NotThere:
                if name != file["names"][-1] or file["optional"]:
                    continue
                raise
            kept.add(name)
            say({"got": name, "bytes": target.stat().st_size, "sha256": digest, "checked": checked})
            yield name, digest
            break
    for stray in set(work.iterdir()) - {work / name for name in kept}:  # of a try for something else
        stray.unlink()


def _progress(name: str, say: Say) -> Callable[[int, int | None], None]:
    said, times = float("-inf"), 0

    def progress(at: int, of: int | None) -> None:
        nonlocal said, times
        now = time.monotonic()
        times += 1
        if (
            times <= 2 or now - said >= SAY_S or at == of
        ):  # where it begins, that something comes, and then now and then
            said = now
            say({"file": name, "at": at, "of": of})

    return progress


@contextmanager
def _alone(work: Path) -> Iterator[None]:
    held = os.open(work, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Failed(f"another `albumsd models pull` is at work on {work}") from None
        yield
    finally:
        os.close(held)


def _sync(path: Path) -> None:
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
