"""albumsd sources: list the folders of the library; confirm what is missing."""

from __future__ import annotations

import argparse

from albumsd.store import sources, status

from ..common import database, load, ping, print_json, reader
from . import Command


def _configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--confirm-missing", metavar="NAME", help="the files of this source that are held as missing are really gone"
    )


def _run(arguments: argparse.Namespace) -> int:
    config = load(arguments)
    if arguments.confirm_missing:
        with database(config) as library:
            gone = sources.confirm_missing(library, arguments.confirm_missing)
        ping(config, "mount", "")
        print(f"{gone} files are no longer shown. Nothing was deleted from any disk.")
        return 0
    with reader(config) as library:
        rows = status.source_rows(library)
    if arguments.json:
        print_json([row._asdict() for row in rows])
    elif not rows:
        print("No source yet. Add a folder:  albumsd add ~/Pictures")
    else:
        print("\n".join(status.source_text(row) for row in rows), end="")
    return 0


COMMAND = Command(
    "sources", "List the folders of the library and the state of their drives.",
    "albumsd sources --confirm-missing Camera", _configure, _run,
)  # fmt: skip
