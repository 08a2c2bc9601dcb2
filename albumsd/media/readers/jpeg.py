"""JPEG: photographs of nearly all cameras and phones, with the videos that some of them append."""

from __future__ import annotations

from ...core.facts import Facts, Problem
from .. import containers, pictures
from ..evidence import Evidence, settle
from ..exif import read_exif
from ..iptc import read_iptc
from ..limits import Limits
from ..marks import screenshot_name
from ..motion import cut_motion, find_motion
from ..reader import Reader
from ..sniff import Guess
from ..source import Source
from ..xmp import read_xmp


def evidence(blocks: containers.Blocks) -> list[Evidence]:
    """What the metadata blocks of a picture say, the most trusted first: EXIF, XMP, IPTC."""
    found: list[Evidence] = []
    if blocks.exif:
        found.append(read_exif(blocks.exif))
    found.extend(read_xmp(packet) for packet in blocks.xmp)
    if blocks.iptc:
        found.append(read_iptc(blocks.iptc))
    return found


def facts(source: Source, guess: Guess) -> Facts:
    blocks = containers.jpeg(source)
    found = evidence(blocks)
    problems = [] if blocks.size else [Problem("corrupt", "no picture after the metadata")]
    companions = find_motion(source, found)
    if missing := cut_motion(source, companions):
        problems.append(Problem("truncated", missing))
    return settle(
        guess.kind,
        guess.mime,
        found,
        size=blocks.size,
        companions=companions,
        flags=("screenshots",) if screenshot_name(source.name) else (),
        problems=problems,
    )


def preview(source: Source, long_side: int, limits: Limits) -> pictures.Picture:
    blocks = containers.jpeg(source)
    found = evidence(blocks)
    orientation = next((item.orientation for item in found if item.orientation), None)
    return pictures.by_pillow(source.file(), long_side, limits, orientation, ("JPEG", "MPO"))


READER = Reader(
    name="jpeg",
    help="Photographs in JPEG, with EXIF, XMP and IPTC, and motion photos.",
    example="IMG_20240413_182205.jpg",
    facts=facts,
    preview=preview,
)
