"""WebP: pictures of the web and of some phones. Very large ones are decoded by FFmpeg, in a third of the memory."""

from __future__ import annotations

from ...core.facts import Facts, Problem
from .. import containers, pictures
from ..evidence import settle
from ..limits import Limits
from ..marks import screenshot_name
from ..reader import Reader
from ..sniff import Guess
from ..source import Source
from .jpeg import evidence

_BYTES_PER_PIXEL = 16
"""What Pillow holds at its peak: two canvases, a copy of one, and the picture, at four bytes each."""


def facts(source: Source, guess: Guess) -> Facts:
    blocks = containers.webp(source)
    flags = ["screenshots"] if screenshot_name(source.name) else []
    if blocks.animated:
        flags.append("animated")
    problems = []
    if not blocks.size:
        problems.append(Problem("corrupt", "no picture in it"))
    elif not blocks.complete:
        problems.append(Problem("truncated", "shorter than its header says"))
    return settle(guess.kind, guess.mime, evidence(blocks), size=blocks.size, flags=flags, problems=problems)


def preview(source: Source, long_side: int, limits: Limits) -> pictures.Picture:
    blocks = containers.webp(source)
    orientation = next((item.orientation for item in evidence(blocks) if item.orientation), None)
    if blocks.size:
        pictures.check_size(*blocks.size, limits)
        if blocks.size[0] * blocks.size[1] * _BYTES_PER_PIXEL > limits.memory * 0.6 and not blocks.animated:
            from .video import first_frame

            return pictures.finish(first_frame(source, long_side), long_side, orientation)
    return pictures.by_pillow(source.file(), long_side, limits, orientation, ("WEBP",))


READER = Reader(
    name="webp",
    help="WebP pictures and animations, with EXIF and XMP.",
    example="holiday.webp",
    facts=facts,
    preview=preview,
)
