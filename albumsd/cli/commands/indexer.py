"""albumsd indexer: the process that reads the sources."""

from __future__ import annotations

import argparse

from ..common import load, serve
from . import Command


def _configure(parser: argparse.ArgumentParser) -> None:
    pass


def _run(arguments: argparse.Namespace) -> int:
    from albumsd.indexer import process

    return serve(process.main, load(arguments))


COMMAND = Command(
    "indexer", "Watch the sources and read what is in them; what `albumsd run` and the service start.",
    "albumsd indexer", _configure, _run,
)  # fmt: skip
