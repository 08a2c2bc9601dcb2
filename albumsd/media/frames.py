"""What a video shows at several moments, as small pictures beside its preview, so that a model can look at all of it.

A frame of one colour (before it fades in, a lens cap) and one that is like another that was taken are left out: a
video in which nothing moves has one frame, and nothing but black has none. The files lie where ``shelf`` says; they are
written like previews, and a file of an earlier try that this one has no frame for goes.
"""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageChops, ImageStat

from .limits import Limits
from .preview import write
from .readers import reader
from .shelf import FRAME_SIDE, MOST_FRAMES, frame_path
from .sniff import sniff
from .source import Source

GRID = 32
"""Frames are compared by the grey levels, 0 to 255, of so many fields across and down."""
SAME = 2.0
"""Mean difference below which two frames are one: more than noise, less than a person who came in."""
BLANK = 5.0
"""Standard deviation below which there is nothing to see."""


def make(source: Source, previews: Path, sha256: str, count: int, limits: Limits) -> int:
    """Write up to ``count`` frames of ``source``; how many. Raises MediaError, OSError."""
    guess = sniff(source.head, source.name)
    decoder = reader(guess.reader) if guess.reader and source.size else None
    made, taken = 0, list[Image.Image]()
    if decoder is not None and decoder.frames is not None:
        frame_path(previews, sha256, 1).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        for image in decoder.frames(source, min(count, MOST_FRAMES), FRAME_SIDE, limits):
            small = image.convert("L").resize((GRID, GRID), Image.Resampling.BOX)
            if ImageStat.Stat(small).stddev[0] < BLANK or any(alike(small, other) for other in taken):
                continue
            made += 1
            taken.append(small)
            image.info.clear()
            write(image, frame_path(previews, sha256, made))
    for number in range(made + 1, MOST_FRAMES + 1):
        frame_path(previews, sha256, number).unlink(missing_ok=True)
    return made


def alike(one: Image.Image, other: Image.Image) -> bool:
    """Whether two small grey pictures show the same."""
    return ImageStat.Stat(ImageChops.difference(one, other)).mean[0] < SAME
