"""albumsd mount: the filesystem process."""

from __future__ import annotations

import argparse

from ..common import load, serve
from . import Command


def _configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--mount", metavar="DIR", help="where to mount (default ~/Albums)")


def _run(arguments: argparse.Namespace) -> int:
    from albumsd.mount import process

    return serve(process.main, load(arguments, mount=arguments.mount))


COMMAND = Command(
    "mount", "Mount the library; what `albumsd run` and the service start.", "albumsd mount --mount ~/Albums",
    _configure, _run,
)  # fmt: skip
