"""albumsd rescan: look through sources again."""

from __future__ import annotations

import argparse

from albumsd.store import sources

from ..common import database, load, ping
from . import Command


def _configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", nargs="?", help="the source (default: all)")


def _run(arguments: argparse.Namespace) -> int:
    config = load(arguments)
    with database(config) as library, library.write(durable=True) as tx:
        number = sources.want_scan(tx, arguments.name)
    ping(config, "indexer", "scan")
    print(f"{number} source{'s' if number != 1 else ''} will be scanned; `albumsd wait` returns when that is done.")
    return 0


COMMAND = Command(
    "rescan", "Look through one source, or all, for what the watcher may have missed.", "albumsd rescan Camera",
    _configure, _run,
)  # fmt: skip
