"""What a reader is: one family of formats, and the functions that read it. ``readers/`` holds one module per reader."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..core.facts import Facts
from .limits import Limits
from .sniff import Guess
from .source import Source

if TYPE_CHECKING:
    from PIL import Image

    from .pictures import Picture


@dataclass(frozen=True, slots=True)
class Reader:
    """One family of formats. What it cannot give is None."""

    name: str
    help: str
    example: str
    """A file name of its kind."""
    facts: Callable[[Source, Guess], Facts]
    """Headers only, fast. What is merely odd goes into ``Facts.problems``; MediaError when nothing could be read."""
    preview: Callable[[Source, int, Limits], Picture | None] | None = None
    """``(source, long_side, limits)``: an upright RGB picture; None if there is none to show."""
    text: Callable[[Source, int], str] | None = None
    """``(source, limit)``: its words, at most ``limit`` characters."""
    frames: Callable[[Source, int, int, Limits], Iterator[Image.Image]] | None = None
    """``(source, count, short_side, limits)``: upright RGB pictures from up to ``count`` moments, in their order."""
