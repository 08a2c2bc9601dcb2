"""albumsd forget: stop showing a source."""

from __future__ import annotations

import argparse

from albumsd.store import sources

from ..common import database, load, ping
from . import Command


def _configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="the source")


def _run(arguments: argparse.Namespace) -> int:
    config = load(arguments)
    with database(config) as library:
        number = sources.forget(library, arguments.name)
    ping(config, "indexer", "scan")
    ping(config, "mount", "")
    print(f"{arguments.name} is forgotten, with {number} files. On disk nothing has changed.")
    return 0


COMMAND = Command(
    "forget", "Stop showing a source. Its files stay where they are.", "albumsd forget Camera", _configure, _run
)
