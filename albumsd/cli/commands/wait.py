"""albumsd wait: return when all that is known is indexed and shown."""

from __future__ import annotations

import argparse
import sys
import time
from typing import Any

from albumsd.core.config import Config
from albumsd.core.errors import NotDone
from albumsd.ipc import locks
from albumsd.store import changes, jobs, sources
from albumsd.store.database import Reader

from ..common import ask, load, reader, seconds
from . import Command

POLL_S = 0.1
ALONE_S = 30.0
"""For so long nobody may be there to do the work: a process that died is started again by `albumsd run`."""
NOBODY = "the indexer is not running (`albumsd run` starts it)"


def pending(library: Reader, config: Config) -> str | None:
    """What is still to be done, in a few words; None when the library is at rest and the mount shows all."""
    due = sources.scans_due(library)
    number = 0 if due else jobs.open_count(library)
    if due or number:
        work = f"{', '.join(due)} to be looked through" if due else f"{number:,} jobs open"
        return work if locks.holder(config.run, "indexer") else f"{work}; {NOBODY}"
    indexer = ask(config, "indexer", {"ask": "status"})
    if indexer and indexer.get("busy"):
        return "the indexer has something in hand"
    mount = ask(config, "mount", {"ask": "status"})
    if mount and mount.get("applied_gen", 0) < changes.latest(library):
        return "the mount does not show everything yet"
    return None


def wait(config: Config, timeout_s: float, progress: Any = None) -> None:
    """Raises NotDone after ``timeout_s``, or when nobody does the work, with what was still to be done."""
    begun = served = time.monotonic()
    quiet = 0
    with reader(config) as library:
        while True:
            what = pending(library, config)
            quiet = quiet + 1 if what is None else 0
            if quiet >= 2:  # twice: news may have been on its way to the indexer
                return
            if progress is not None:
                progress(what or "")
            now = time.monotonic()
            if what is None or not what.endswith(NOBODY):
                served = now
            if now - begun > timeout_s or now - served > ALONE_S:
                raise NotDone(what=what or "it comes and goes", seconds=round(now - begun))
            time.sleep(POLL_S)


def _configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--timeout", metavar="S", type=seconds, default=3600.0, help="give up after S seconds (3600)")


def _run(arguments: argparse.Namespace) -> int:
    config = load(arguments)
    if sys.stderr.isatty():
        from rich.console import Console

        with Console(stderr=True).status("waiting") as shown:
            wait(config, arguments.timeout, lambda what: shown.update(f"waiting: {what}" if what else "waiting"))
    else:
        wait(config, arguments.timeout)
    return 0


COMMAND = Command(
    "wait", "Return when nothing is left to index and the mount shows all; parked work does not count.",
    "albumsd wait --timeout 600", _configure, _run,
)  # fmt: skip
