"""PNG: screenshots, drawings, exports; EXIF, XMP and the texts that programs write."""

from __future__ import annotations

from ...core.facts import CaptureTime, Facts, Problem
from .. import containers, pictures
from ..evidence import Evidence, clean, prose, settle
from ..limits import Limits
from ..marks import screenshot_maker, screenshot_name
from ..reader import Reader
from ..sniff import Guess
from ..source import Source
from ..zones import written
from .jpeg import evidence

_JUNK_TITLES = ("image", "untitled")


def _texts(texts: dict[str, str]) -> Evidence:
    found = Evidence()
    when = written(texts.get("Creation Time") or texts.get("create-date"), "xmp")
    if when:
        found.claims = [CaptureTime(when.local, when.offset, "xmp")]
    title = clean(texts.get("Title"))
    found.title = None if title and title.lower() in _JUNK_TITLES else title
    found.description = prose(texts.get("Description") or texts.get("Comment"))
    if screenshot_maker(texts.get("Software")):
        found.flags = ("screenshots",)
    return found


def facts(source: Source, guess: Guess) -> Facts:
    blocks = containers.png(source)
    flags = ["screenshots"] if screenshot_name(source.name) else []
    if blocks.animated:
        flags.append("animated")
    problems = []
    if not blocks.size:
        problems.append(Problem("corrupt", "no header"))
    elif not blocks.complete:
        problems.append(Problem("truncated", "the end chunk is missing"))
    found = [*evidence(blocks), _texts(blocks.text)]
    return settle(guess.kind, guess.mime, found, size=blocks.size, flags=flags, problems=problems)


def preview(source: Source, long_side: int, limits: Limits) -> pictures.Picture:
    found = evidence(containers.png(source))
    orientation = next((item.orientation for item in found if item.orientation), None)
    return pictures.by_pillow(source.file(), long_side, limits, orientation, ("PNG",))


READER = Reader(
    name="png",
    help="PNG pictures and screenshots, with EXIF, XMP and PNG texts.",
    example="Screenshot_2024-04-13-18-22-05.png",
    facts=facts,
    preview=preview,
)
