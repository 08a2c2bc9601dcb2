"""albumsd add: point albumsd at a folder."""

from __future__ import annotations

import argparse
import os

from albumsd.store import sources

from ..common import database, load, ping, split_source
from . import Command


def _configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", metavar="[NAME=]DIR", nargs="+", help="a folder, and the name to show it under")


def _run(arguments: argparse.Namespace) -> int:
    config = load(arguments)
    with database(config, create=True) as library:
        for text in arguments.source:
            name, folder = split_source(text)
            source = sources.add(library, config, folder, name)
            print(f"{source.name}: {os.fsdecode(source.path)}")
    ping(config, "indexer", "scan")
    ping(config, "mount", "")
    return 0


COMMAND = Command(
    "add", "Add folders to the library. They are only ever read.", "albumsd add Camera=/mnt/photos ~/Documents",
    _configure, _run,
)  # fmt: skip
