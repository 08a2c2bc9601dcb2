"""GIF: the first picture stands for all; endless animations cost no more than that."""

from __future__ import annotations

from PIL import Image

from ...core.facts import Facts, Problem
from .. import pictures
from ..ends import cut
from ..errors import MediaError, explain
from ..evidence import Evidence, prose, settle
from ..limits import Limits
from ..reader import Reader
from ..sniff import Guess
from ..source import Source
from ..xmp import read_xmp


def facts(source: Source, guess: Guess) -> Facts:
    try:
        with Image.open(source.file(), formats=("GIF",)) as image:
            size, info = image.size, dict(image.info)
            animated = bool(getattr(image, "is_animated", False))
    except (OSError, SyntaxError, ValueError, EOFError, IndexError) as error:
        problem = explain(error)
        raise MediaError(problem.reason, problem.detail) from None
    comment = info.get("comment")
    found = [Evidence(description=prose(comment.decode("utf-8", "replace")) if isinstance(comment, bytes) else None)]
    if isinstance(info.get("xmp"), bytes):
        found.insert(0, read_xmp(info["xmp"]))
    missing = cut(source, guess.mime)
    return settle(
        guess.kind,
        guess.mime,
        found,
        size=size,
        flags=("animated",) if animated else (),
        problems=[Problem("truncated", missing)] if missing else (),
    )


def preview(source: Source, long_side: int, limits: Limits) -> pictures.Picture:
    return pictures.by_pillow(source.file(), long_side, limits, None, ("GIF",))


READER = Reader(
    name="gif",
    help="GIF pictures and animations.",
    example="cat.gif",
    facts=facts,
    preview=preview,
)
