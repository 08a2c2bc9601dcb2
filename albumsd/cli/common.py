"""What several commands share: opening a library, asking its processes, printing JSON."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from albumsd.core import config as configuration
from albumsd.core.config import Config
from albumsd.core.errors import AlbumsdError, LibraryBusy, LibraryMissing, NotReady, UsageError
from albumsd.store.database import Database, Reader, bring_up_to_date


def load(arguments: argparse.Namespace, **overrides: Any) -> Config:
    """The settings that the arguments, the environment and the file give."""
    return configuration.load(arguments.library, arguments.config, overrides)


def reader(config: Config) -> Reader:
    """A library of an older release is brought up to date first. Raises LibraryMissing."""
    bring_up_to_date(config.database)
    return Reader(config.database)


def database(config: Config, *, create: bool = False) -> Database:
    """Raises LibraryMissing unless ``create``."""
    return Database(config.database, create=create)


def split_source(text: str) -> tuple[str | None, str]:
    """``NAME=DIR`` or ``DIR``: a text that names an existing folder is one, whatever it holds."""
    name, equals, folder = text.partition("=")
    if not equals or "/" in name or Path(text).is_dir():
        return None, text
    if not name or not folder:
        raise UsageError(what=f"{text!r} is neither DIR nor NAME=DIR")
    return name, folder


def ask(config: Config, process: str, request: dict[str, Any], timeout_s: float = 2.0) -> dict[str, Any] | None:
    """The answer of a running process of this library; None when it is not there or does not answer."""
    from albumsd.ipc import calls

    try:
        return calls.ask(config.run / f"{process}.sock", request, timeout_s)
    except (NotReady, calls.CallFailed):
        return None


def ping(config: Config, process: str, text: str) -> None:
    """Tell a process of this library that there is something to look at."""
    from albumsd.ipc import pings

    pings.send(config.run / f"{process}.ping", text)


def serve(main: Callable[[Config], int], config: Config) -> int:
    """Run a process of the library; its exit code.

    3 is kept for what another try does not change (no library, or in use); a library that was only busy, a drive that
    did not answer and the like are 1, so that whoever supervises starts the process again. A library of an older
    release is brought up to date before the process begins: `albumsd run` has done so, a unit of one process has not.
    """
    try:
        bring_up_to_date(config.database)
        return main(config)
    except (LibraryBusy, LibraryMissing):
        raise
    except AlbumsdError as error:
        if error.exit_code != 3 or error.traceback:
            raise
        print(f"albumsd: {error}", file=sys.stderr)
        return 1


def positive(text: str) -> int:
    """An argument that is a whole number, 1 or more."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not 1 or more")
    return number


def seconds(text: str) -> float:
    """An argument that is a time in seconds, 0 or more."""
    number = float(text)
    if not 0 <= number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is no time in seconds")
    return number


def print_json(value: Any) -> None:
    """JSON on standard output: ASCII, so that names that are not UTF-8 survive as escapes."""
    json.dump(value, sys.stdout, indent=1, ensure_ascii=True)
    print()
