"""albumsd facts: what the readers find in files, without a library."""

from __future__ import annotations

import argparse
import os
import stat
import sys
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


def _refusal(path: str) -> str | None:
    """Why ``path`` is no file to read; None if it is one. Opens nothing."""
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return f"no such file: {path}"
    except (OSError, ValueError) as error:
        return f"{path}: {getattr(error, 'strerror', None) or error}"
    if stat.S_ISDIR(mode):
        return f"{path} is a folder"
    return None if stat.S_ISREG(mode) else f"{path} is not a regular file"


def _run(arguments: argparse.Namespace) -> int:
    from albumsd.media import facts

    refusals = [(path, _refusal(path)) for path in arguments.file]
    refused = [words for _, words in refusals if words]
    files = [path for path, words in refusals if not words]
    if not files:
        raise UsageError(what="; ".join(refused))
    found = facts.describe(files)
    if arguments.json:
        print_json(found)
    else:
        for row in found:
            for key, value in row.items():
                if value not in (None, [], ""):
                    print(f"{key + ':':<13} {_value(value).encode('utf-8', 'replace').decode()}")
            print()
    for words in refused:
        print(f"albumsd: {words}", file=sys.stderr)
    if refused:
        return 2
    return 4 if any(row["problems"] for row in found) else 0


COMMAND = Command(
    "facts", "Show what the readers find in files: dates, position, camera, exposure. Needs no library.",
    "albumsd facts IMG_1.jpg --json", _configure, _run,
)  # fmt: skip
