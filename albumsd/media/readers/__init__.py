"""The readers: one module per family of formats, found by the name that ``sniff`` gives.

A reader has ``NAME``, ``HELP`` (one sentence) and ``EXAMPLE`` (a file name), and those of these functions that its formats
support, in this order:

``facts(source, guess) -> Facts``: headers only, fast. What is merely odd goes into ``Facts.problems``; MediaError is raised
when nothing could be read.
``preview(source, long_side, limits) -> Picture | None``: an upright RGB picture, at most ``long_side``, in one decode; None
if the file has none to show.
``text(source, limit) -> str``: its text, at most ``limit`` characters.

To add one: a module here with these names, its name in ``READERS``, its extensions and first bytes in ``sniff``.
"""

from __future__ import annotations

import importlib
from types import ModuleType

READERS = ("jpeg", "png", "webp", "gif", "tiff", "raster", "heif", "avif", "jxl", "raw", "video", "pdf", "office", "text")


def reader(name: str) -> ModuleType:
    """The reader module of a name; imported at the first call, so that a process carries only what it meets."""
    if name not in READERS:
        raise KeyError(name)
    return importlib.import_module(f"{__name__}.{name}")
