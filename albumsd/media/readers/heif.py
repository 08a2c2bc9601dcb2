"""HEIC and HEIF: iPhones, Samsungs. libheif turns the picture as the container says (irot, imir), and only once:
an EXIF orientation inside is told but not applied again.
"""

from __future__ import annotations

import pillow_heif
from PIL import Image

from ...core.facts import Facts, Problem
from .. import pictures
from ..containers import missing_tail
from ..ends import cut
from ..errors import MediaError, explain
from ..evidence import Evidence, settle
from ..exif import read_exif
from ..heif_items import missing_items, salvaged
from ..limits import Limits
from ..motion import find_motion
from ..reader import Reader
from ..sniff import Guess
from ..source import Source
from ..xmp import read_xmp

pillow_heif.options.DECODE_THREADS = 2
pillow_heif.options.THUMBNAILS = False
pillow_heif.options.DEPTH_IMAGES = False
pillow_heif.options.AUX_IMAGES = False


def _open(source: Source) -> pillow_heif.HeifFile:
    try:
        return pillow_heif.open_heif(source.file())
    except (OSError, SyntaxError, ValueError, EOFError, RuntimeError) as error:
        problem = explain(error)
        if problem.reason in ("too-large", "memory"):
            raise MediaError(problem.reason, problem.detail) from None
        if missing_tail(source):
            raise MediaError("truncated", "the container is longer than the file") from None
        raise MediaError("corrupt", problem.detail or "libheif cannot read it") from None


def _failure(source: Source, error: BaseException) -> MediaError:
    problem = explain(error)
    if problem.reason == "corrupt" and missing_tail(source):
        return MediaError("truncated", problem.detail)
    return MediaError(problem.reason, problem.detail)


def facts(source: Source, guess: Guess) -> Facts:
    problems: list[Problem] = []
    found: list[Evidence] = []
    size = None
    animated = guess.mime.endswith("-sequence")
    try:
        heif = _open(source)
        size = heif.size
        image = heif[heif.primary_index]
        for name, parse in (("exif", read_exif), ("xmp", read_xmp)):
            block = image.info.get(name)
            if isinstance(block, bytes) and block:
                found.append(parse(block))
    except MediaError as error:
        size, found = salvaged(source)
        if found == [Evidence()] and size is None and not animated:
            raise
        problems.append(error.problem)
    if not problems and (missing := missing_items(source)):
        problems.append(Problem("truncated", f"{missing} parts of it lie beyond the end of the file"))
    if not problems and (beyond := cut(source, guess.mime)):
        problems.append(Problem("truncated", beyond))
    return settle(
        guess.kind,
        guess.mime,
        found,
        size=size,
        upright=size is not None,
        companions=find_motion(source, found, isobmff=True),
        flags=("animated",) if animated else (),
        problems=problems,
    )


def preview(source: Source, long_side: int, limits: Limits) -> pictures.Picture:
    try:
        heif = _open(source)
    except MediaError:
        if not guess_sequence(source):
            raise
        from .video import first_frame

        return pictures.finish(first_frame(source, long_side), long_side)
    width, height = heif.size
    pictures.check_size(width, height, limits)
    picture = heif[heif.primary_index]
    try:
        image = Image.frombuffer(picture.mode, picture.size, picture.data, "raw", picture.mode, picture.stride, 1)
    except (OSError, ValueError, RuntimeError, SyntaxError, EOFError) as error:
        raise _failure(source, error) from None
    image.info["icc_profile"] = picture.info.get("icc_profile")
    return pictures.finish(image, long_side)


def guess_sequence(source: Source) -> bool:
    """Whether the file is a sequence (a track, like a video), which libheif may refuse and FFmpeg can play."""
    return source.head[8:12] in (b"msf1", b"hevc", b"hevx")


READER = Reader(
    name="heif",
    help="HEIC and HEIF pictures of phones, with Live and motion photos.",
    example="IMG_0001.HEIC",
    facts=facts,
    preview=preview,
)
