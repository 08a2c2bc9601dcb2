"""albumsd facts: what the readers find in files, without a library."""

from __future__ import annotations

import argparse
from typing import Any

from albumsd.core.errors import UsageError

from ..common import print_json
from . import Command


def _configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", nargs="+", help="files to read; they are only read")
    parser.add_argument("--json", action="store_true", help="print JSON, one object per file")


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_value(item)}" for key, item in value.items() if item is not None)
    if isinstance(value, list):
        return "; ".join(_value(item) for item in value)
    return str(value)


def _run(arguments: argparse.Namespace) -> int:
    import os

    from albumsd.media import facts

    absent = [path for path in arguments.file if not os.path.isfile(path)]
    if absent:
        raise UsageError(what=f"no such file: {', '.join(absent)}")
    found = facts.describe(arguments.file)
    if arguments.json:
        print_json(found)
    else:
        for row in found:
            for key, value in row.items():
                if value not in (None, [], ""):
                    print(f"{key + ':':<13} {_value(value).encode('utf-8', 'replace').decode()}")
            print()
    return 4 if any(row["problems"] for row in found) else 0


COMMAND = Command(
    "facts", "Show what the readers find in files: dates, position, camera, exposure. Needs no library.",
    "albumsd facts IMG_1.jpg --json", _configure, _run,
)  # fmt: skip
