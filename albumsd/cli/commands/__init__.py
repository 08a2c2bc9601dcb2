"""The commands. A new one is one file here with a ``COMMAND`` and one line in ``MODULES`` (name: module)."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

MODULES = {
    "run": "run",
    "mount": "mount",
    "indexer": "indexer",
    "brain": "brain",
    "add": "add",
    "sources": "sources",
    "rescan": "rescan",
    "forget": "forget",
    "status": "status",
    "wait": "wait",
    "facts": "facts",
    "search": "search",
    "models": "models",
    "config": "config",
    "help": "help_",
    "demo": "demo",
}


@dataclass(frozen=True, slots=True)
class Command:
    """``configure`` adds arguments (``--library`` and ``--config`` are there already); ``run`` gives the exit code."""

    name: str
    help: str
    example: str
    configure: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]
    dashes: bool = False
    """Its arguments may begin with a dash (``-word`` in a query): only ``-h`` and ``--long`` ones are options."""


def find(name: str) -> Command | None:
    """The command called ``name``, or None."""
    module = MODULES.get(name)
    if module is None:
        return None
    command: Command = import_module(f"{__name__}.{module}").COMMAND
    return command


def load_all() -> list[Command]:
    return [command for name in MODULES if (command := find(name))]
