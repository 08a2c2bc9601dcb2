"""The stages of indexing, in the order in which they are worth doing.

A stage is one module here with a ``STAGE``, and its name in ``MODULES``.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module

from albumsd.core.config import Config
from albumsd.core.errors import ConfigError

from ..stage import Stage

MODULES = ("facts", "hash", "place", "text", "preview", "embed", "tags", "caption")
ALWAYS = {"facts", "hash"}
"""Without these nothing is known of a file: they cannot be switched off."""


@cache
def all_stages() -> tuple[Stage, ...]:
    """Every registered stage, in order."""
    return tuple(import_module(f"{__name__}.{module}").STAGE for module in MODULES)


def switched_off(config: Config) -> frozenset[str]:
    """Stages that the settings leave out. Raises ConfigError for one that cannot be, or that does not exist."""
    wanted = frozenset(word.strip() for word in config["stages_off"].split(",") if word.strip())
    unknown = wanted - (set(MODULES) - ALWAYS)
    if unknown:
        may = ", ".join(name for name in MODULES if name not in ALWAYS)
        raise ConfigError(path=config.library, what=f"stages_off: {', '.join(sorted(unknown))}; it may name {may}")
    return wanted


def stage(name: str) -> Stage:
    """Raises KeyError when there is no stage of that name."""
    for found in all_stages():
        if found.name == name:
            return found
    raise KeyError(name)
