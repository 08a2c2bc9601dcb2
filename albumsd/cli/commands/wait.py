"""albumsd wait: return when all that is known is indexed and shown."""

from __future__ import annotations

import argparse
import sys
import time
from typing import Any

from albumsd.core.config import Config
from albumsd.core.errors import NotReady
from albumsd.store import changes, jobs, sources
from albumsd.store.database import Reader

from ..common import ask, load, reader
from . import Command

POLL_S = 0.1


def pending(library: Reader, config: Config) -> str | None:
    """What is still to be done, in a few words; None when the library is at rest and the mount shows all."""
    due = sources.scans_due(library)
    if due:
        return f"scanning {', '.join(due)}"
    number = jobs.open_count(library)
    if number:
        return f"{number:,} jobs"
    indexer = ask(config, "indexer", {"ask": "status"})
    if indexer and indexer.get("busy"):
        return "the indexer"
    mount = ask(config, "mount", {"ask": "status"})
    if mount and mount.get("applied_gen", 0) < changes.latest(library):
        return "the mount"
    return None


def wait(config: Config, timeout_s: float, progress: Any = None) -> None:
    """Raises NotReady after ``timeout_s`` with what was still missing."""
    end = time.monotonic() + timeout_s
    quiet = 0
    with reader(config) as library:
        while True:
            what = pending(library, config)
            quiet = quiet + 1 if what is None else 0
            if quiet >= 2:  # twice: news may have been on its way to the indexer
                return
            if progress is not None:
                progress(what or "")
            if time.monotonic() > end:
                raise NotReady(what=what or "the library", seconds=timeout_s)
            time.sleep(POLL_S)


def _configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--timeout", metavar="S", type=float, default=3600.0, help="give up after S seconds (3600)")


def _run(arguments: argparse.Namespace) -> int:
    config = load(arguments)
    if sys.stderr.isatty():
        from rich.console import Console

        with Console(stderr=True).status("waiting") as shown:
            wait(config, arguments.timeout, lambda what: shown.update(f"waiting for {what}" if what else "waiting"))
    else:
        wait(config, arguments.timeout)
    return 0


COMMAND = Command(
    "wait", "Return when nothing is left to index and the mount shows all; parked work does not count.",
    "albumsd wait --timeout 600", _configure, _run,
)  # fmt: skip
