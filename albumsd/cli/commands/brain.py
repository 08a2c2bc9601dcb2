"""albumsd brain: the process that ranks queries."""

from __future__ import annotations

import argparse

from ..common import load, serve
from . import Command


def _configure(parser: argparse.ArgumentParser) -> None:
    pass


def _run(arguments: argparse.Namespace) -> int:
    from albumsd.brain import process

    return serve(process.main, load(arguments))


COMMAND = Command("brain", "Rank queries; what `albumsd run` and the service start.", "albumsd brain", _configure, _run)
