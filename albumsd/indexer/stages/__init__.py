"""The stages of indexing, in the order in which they are worth doing.

A stage is one module here with a ``STAGE``, and its name in ``MODULES``.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module

from ..stage import Stage

MODULES = ("facts", "hash", "place", "text", "preview")


@cache
def all_stages() -> tuple[Stage, ...]:
    """Every registered stage, in order."""
    return tuple(import_module(f"{__name__}.{module}").STAGE for module in MODULES)


def stage(name: str) -> Stage:
    """Raises KeyError when there is no stage of that name."""
    for found in all_stages():
        if found.name == name:
            return found
    raise KeyError(name)
