"""The readers: one module per family of formats, each with a ``READER``, found by the name that ``sniff`` gives.

Every module has the functions of ``reader.Reader`` that its formats support, in the same order: ``facts``, ``preview``,
``text``. To add one: a module here, its name in ``MODULES``, its extensions and first bytes in ``sniff``.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module

from ..reader import Reader

MODULES = (
    "jpeg",
    "png",
    "webp",
    "gif",
    "tiff",
    "raster",
    "heif",
    "avif",
    "jxl",
    "raw",
    "video",
    "pdf",
    "office",
    "text",
)


@cache
def reader(name: str) -> Reader:
    """The reader of a name; imported at the first call: a process carries only what it meets. Raises KeyError."""
    if name not in MODULES:
        raise KeyError(name)
    found: Reader = import_module(f"{__name__}.{name}").READER
    return found


def all_readers() -> tuple[Reader, ...]:
    """Every registered reader, in order. Imports all decoders."""
    return tuple(reader(name) for name in MODULES)
