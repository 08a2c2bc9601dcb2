"""AVIF, still and sequence: decoded by Pillow's own libavif.

The turns of the container (irot, imir) decide; libavif reports them as an EXIF orientation, which Pillow puts over
the one in the file. So the orientation that Pillow gives is applied once, and the one inside the EXIF block is only
told.
"""

from __future__ import annotations

from PIL import Image

from ...core.facts import Facts, Problem
from .. import pictures
from ..containers import missing_tail
from ..ends import cut
from ..errors import MediaError, explain
from ..evidence import Evidence, settle
from ..exif import read_exif
from ..heif_items import salvaged
from ..limits import Limits
from ..reader import Reader
from ..sniff import Guess
from ..source import Source
from ..xmp import read_xmp


def _open(source: Source) -> Image.Image:
    try:
        return Image.open(source.file(), formats=("AVIF",))
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        problem = explain(error)
        if problem.reason == "corrupt" and missing_tail(source):
            raise MediaError("truncated", "the container is longer than the file") from None
        raise MediaError("corrupt", "libavif cannot read it") from None


def _turn(image: Image.Image) -> int | None:
    value = image.getexif().get(0x0112)
    return value if value in range(1, 9) else None


def facts(source: Source, guess: Guess) -> Facts:
    try:
        image = _open(source)
    except MediaError as error:
        told, heard = salvaged(source)
        if told is None and heard == [Evidence()]:
            raise
        return settle(guess.kind, guess.mime, heard, size=told, upright=told is not None, problems=(error.problem,))
    turn, size = _turn(image), image.size
    found_list = []
    if isinstance(image.info.get("exif"), bytes):
        found_list.append(read_exif(image.info["exif"]))
    if isinstance(image.info.get("xmp"), bytes):
        found_list.append(read_xmp(image.info["xmp"]))
    if turn in (5, 6, 7, 8):
        size = (size[1], size[0])
    flags = ("animated",) if getattr(image, "is_animated", False) else ()
    missing = cut(source, guess.mime)
    problems = [Problem("truncated", missing)] if missing else []
    return settle(guess.kind, guess.mime, found_list, size=size, upright=True, flags=flags, problems=problems)


def preview(source: Source, long_side: int, limits: Limits) -> pictures.Picture:
    image = _open(source)
    pictures.check_size(*image.size, limits)
    turn = _turn(image)
    problems = pictures.load(image)
    return pictures.finish(image, long_side, turn, problems)


READER = Reader(
    name="avif",
    help="AVIF pictures and sequences.",
    example="IMG_0001.avif",
    facts=facts,
    preview=preview,
)
