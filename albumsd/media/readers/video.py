"""Videos: everything FFmpeg (PyAV) opens; dates, places and makes from their containers.

A QuickTime ``creationdate`` carries its own offset and wins. ``creation_time`` is UTC by the specification; makers
known to write their wall clock into it are listed in ``_LOCAL_CLOCK``, and a time without ``Z`` (AVI) is a wall
clock too. Sony keeps the offset of the clock in a ``USMT`` box.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta, timezone
from fractions import Fraction
from typing import Any

import av
import av.error
import av.logging
from PIL import Image

from ...core.capture import from_moment, offset_seconds
from ...core.facts import CaptureTime, Facts, Position, Problem
from .. import pictures
from ..containers import Box, box, boxes, missing_tail
from ..ends import cut
from ..errors import MediaError, explain
from ..evidence import Evidence, clean, position, prose, rating_of, settle
from ..exif import camera_of
from ..limits import Limits
from ..reader import Reader
from ..sniff import Guess
from ..source import Source
from ..xmp import read_xmp
from ..zones import in_utc, written

av.logging.set_level(av.logging.PANIC)

_ISO6709 = re.compile(r"^([+-]\d{2,6}(?:\.\d+)?)([+-]\d{3,7}(?:\.\d+)?)([+-]\d+(?:\.\d+)?)?")
_LOCAL_CLOCK = re.compile(r"\b(?:dji|gopro|nikon|canon|panasonic|olympus|fujifilm|ricoh|casio)\b", re.IGNORECASE)
_XMP_UUID = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_OPEN_S = 20
_FRAMES_S = 8.0
"""For so long further frames are looked for; a video that is slow to decode is known by those found until then."""
_FAILURES = 3
_LONGEST = 2.5
"""A frame is at most so much longer than its short side."""


def _open(source: Source) -> Any:
    try:
        return av.open(source.file(), metadata_errors="replace", timeout=_OPEN_S)
    except (av.error.FFmpegError, OSError, ValueError) as error:
        problem = explain(error)
        if problem.reason == "memory":
            raise MediaError("memory", problem.detail) from None
        if source.head[4:8] in (b"ftyp", b"mdat", b"wide", b"free") and (
            missing_tail(source) or box(source, b"moov") is None
        ):
            raise MediaError("truncated", "the index of the video is missing") from None
        raise MediaError("corrupt", _words(error)) from None


def _words(error: BaseException) -> str:
    return getattr(error, "strerror", None) or str(error)


def _where(metadata: dict[str, str]) -> Position | None:
    for key, value in metadata.items():
        low = key.lower()
        if low.endswith("location.iso6709") or low in ("location", "location-eng") or low.startswith("location-"):
            found = _ISO6709.match(value.strip())
            if found:
                lat, lon = _degrees(found[1], 2), _degrees(found[2], 3)
                return position(lat, lon, float(found[3]) if found[3] else None)
    return None


def _degrees(text: str, whole: int) -> float:
    """ISO 6709 degrees: ``+DD.D``, ``+DDMM.M`` or ``+DDMMSS.S``."""
    sign, digits = (-1.0 if text[0] == "-" else 1.0), text[1:]
    integer, _, fraction = digits.partition(".")
    if len(integer) <= whole:
        return sign * float(digits)
    degrees, minutes = float(integer[:whole]), integer[whole:]
    if len(minutes) <= 2:
        return sign * (degrees + float(f"{minutes}.{fraction or 0}") / 60)
    return sign * (degrees + float(minutes[:2]) / 60 + float(f"{minutes[2:]}.{fraction or 0}") / 3600)


def _sony_offset(source: Source, usmt: Box) -> str | None:
    """The clock's offset from a Sony ``USMT`` box: ``MTDT`` items of size, id, language, encoding; id 11, minutes."""
    for inner in boxes(source, usmt.start + 16, usmt.end):
        data = source.read(inner.start, min(inner.end - inner.start, 4096)) if inner.kind == b"MTDT" else b""
        at = 2
        while at + 12 <= len(data):
            size, number = int.from_bytes(data[at : at + 2], "big"), int.from_bytes(data[at + 2 : at + 6], "big")
            minutes = int.from_bytes(data[at + 10 : at + 12], "big", signed=True)
            if number == 11 and size >= 12 and abs(minutes) <= 14 * 60:
                return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"
            if size < 10:
                break
            at += size
    return None


def _matrix_turn(source: Source, track: Box) -> int:
    """Quarter turns clockwise that the track header asks for."""
    header = box(source, b"tkhd", start=track.start, end=track.end)
    if header is None:
        return 0
    start = header.start + (40 if source.read(header.start, 1) == b"\0" else 52)
    values = source.read(start, 20)
    a, b, c, d = (int.from_bytes(values[at : at + 4], "big", signed=True) for at in (0, 4, 12, 16))
    return (
        {(0, 1): 1, (-1, 0): 2, (0, -1): 3}.get(((a > 0) - (a < 0), (b > 0) - (b < 0)), 0)
        if (a or b) and (c or d)
        else 0
    )


def _is_picture_track(source: Source, track: Box) -> bool:
    handler = box(source, b"mdia", b"hdlr", start=track.start, end=track.end)
    return handler is not None and source.read(handler.start + 8, 4) == b"vide"


def _structure(source: Source) -> tuple[int, str | None, bool, bytes]:
    """Turn, Sony's offset, whether its maker writes wall clocks, embedded XMP: from an ISO media file's boxes."""
    turn, offset, local, packet = 0, None, False, b""
    moov = box(source, b"moov")
    if moov is None:
        return turn, offset, local, packet
    for item in boxes(source, moov.start, moov.end):
        if item.kind == b"trak":
            if _is_picture_track(source, item):
                turn = turn or _matrix_turn(source, item)
        elif item.kind == b"uuid" and source.read(item.start, 4) == b"USMT":
            offset = offset or _sony_offset(source, item)
        elif item.kind == b"udta":
            for inner in boxes(source, item.start, item.end):
                local = local or inner.kind in (b"NCDT", b"CNTH", b"PANA", b"GPMF", b"FIRM")
                if inner.kind == b"XMP_":
                    packet = source.read(inner.start, min(inner.end - inner.start, 1 << 20))
    for item in boxes(source):
        if item.kind == b"uuid" and source.read(item.start, 16) == _XMP_UUID:
            packet = packet or source.read(item.start + 16, min(item.end - item.start, 1 << 20))
    return turn, offset, local, packet


def _capture(metadata: dict[str, str], offset: str | None, local: bool, writer: str) -> Evidence:
    found = Evidence()
    own = written(metadata.get("com.apple.quicktime.creationdate") or metadata.get("date"), "video")
    if own and own.offset:
        found.claims = [own]
        return found
    text = metadata.get("creation_time") or metadata.get("com.apple.quicktime.creationdate") or metadata.get("date")
    when = written(text, "video")
    if when is None:
        return found
    if (text and not text.rstrip().endswith("Z") and not when.offset) or local or _LOCAL_CLOCK.search(writer):
        found.claims = [CaptureTime(when.local, None, "video")]
    elif offset:
        zone = timezone(timedelta(seconds=offset_seconds(offset)))
        claim = from_moment(in_utc(when).astimezone(zone), "video")
        found.claims = [claim] if claim else []
    else:
        found.moments = [(in_utc(when), "video")]
    return found


def _tag(metadata: dict[str, str], *names: str) -> str | None:
    for name in names:
        for key in (name, f"com.apple.quicktime.{name}", f"com.android.{name}"):
            if metadata.get(key):
                return metadata[key]
    return None


def facts(source: Source, guess: Guess) -> Facts:
    is_isobmff = guess.mime in ("video/mp4", "video/quicktime", "video/x-m4v", "video/3gpp", "video/3gpp2")
    with _open(source) as container:
        metadata = {key.lower(): value for key, value in container.metadata.items()}
        streams = container.streams.video
        if not streams:
            raise MediaError("corrupt", "no picture track")
        stream = streams[0]
        width, height = stream.width or 0, stream.height or 0
        aspect = stream.sample_aspect_ratio
        if aspect and aspect > 0 and aspect != 1 and Fraction(1, 4) < aspect < 4:
            width = round(width * aspect)
        duration = container.duration / av.time_base if container.duration and container.duration > 0 else None
        handlers = " ".join(str(item.metadata.get("handler_name", "")) for item in container.streams)
        encoders = " ".join(str(item.metadata.get("encoder", "")) for item in container.streams)
    turn, offset, local, packet = _structure(source) if is_isobmff else (0, None, False, b"")
    make, model = clean(_tag(metadata, "make", "manufacturer")), clean(_tag(metadata, "model"))
    writer = f"{make} {handlers} {encoders} {metadata.get('encoder', '')}"
    found = _capture(metadata, offset, local, writer)
    found.position = _where(metadata)
    found.camera = camera_of(make, model, None)
    found.title = clean(metadata.get("title"))
    found.description = prose(metadata.get("description") or metadata.get("comment") or metadata.get("synopsis"))
    found.tags = tuple(part.strip() for part in re.split("[,;]", metadata.get("keywords", "")) if part.strip())
    found.rating = rating_of(_tag(metadata, "rating.user")) if _tag(metadata, "rating.user") else None
    found.content_id = clean(metadata.get("com.apple.quicktime.content.identifier"))
    heard = [found, read_xmp(packet)] if packet else [found]
    problems: list[Problem] = []
    if missing := cut(source, guess.mime):
        problems.append(Problem("truncated", missing))
    return settle(
        guess.kind,
        guess.mime,
        heard,
        size=(height, width) if turn in (1, 3) else (width, height),
        upright=True,
        duration_s=None if duration is None else round(duration, 3),
        problems=problems,
    )


def first_frame(source: Source, long_side: int, share: float = 0.0) -> Image.Image:
    """The keyframe at ``share`` of the duration, or else the first; already shrunk. Raises MediaError."""
    error: BaseException | None = None
    for at in dict.fromkeys((share, 0.0)):
        with _open(source) as container:
            if not container.streams.video:
                raise MediaError("corrupt", "no picture track")
            stream = container.streams.video[0]
            stream.codec_context.thread_count = 1
            try:
                if at and container.duration:
                    stream.codec_context.skip_frame = "NONKEY"
                    container.seek(int(container.duration * at))
                frame = next(container.decode(stream))
                return _upright(frame, pictures.fit(*_size(frame, stream), long_side))
            except (av.error.FFmpegError, StopIteration, ValueError, OSError) as failure:
                error = failure
    if isinstance(error, StopIteration) or missing_tail(source):
        raise MediaError("truncated", "no frame of it can be decoded")
    raise MediaError("corrupt", _words(error) if error else "")


def _size(frame: Any, stream: Any) -> tuple[int, int]:
    """Width and height with square pixels, before it is turned."""
    width, height = frame.width, frame.height
    aspect = stream.sample_aspect_ratio
    if aspect and aspect != 1 and Fraction(1, 4) < aspect < 4:
        width = round(width * aspect)
    return width, height


def _upright(frame: Any, size: tuple[int, int]) -> Image.Image:
    image: Image.Image = frame.reformat(*size, format="rgb24").to_image()
    turns = round((frame.rotation or 0) / 90) % 4
    return image.rotate(90 * turns, expand=True) if turns else image


def _short(width: int, height: int, short_side: int) -> tuple[int, int]:
    scale = min(1.0, short_side / min(width, height), short_side * _LONGEST / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def frames(source: Source, count: int, short_side: int, limits: Limits) -> Iterator[Image.Image]:
    """What it shows in the middle of each of ``count`` equal parts: the keyframe before it, or, where that lies in the
    part before, the frame itself. Of a video without a duration its first keyframes.

    Bad places are passed over. Ends after ``_FRAMES_S``, or when ``_FAILURES`` places in a row are bad. Raises
    MediaError when it cannot be opened.
    """
    end, failures = time.monotonic() + _FRAMES_S, 0
    with _open(source) as container:
        if not container.streams.video:
            raise MediaError("corrupt", "no picture track")
        stream = container.streams.video[0]
        pictures.check_size(stream.width or 0, stream.height or 0, limits)
        stream.codec_context.thread_count = 1
        length, start = max(0, container.duration or 0), container.start_time or 0
        for number in range(count):
            if failures >= _FAILURES or time.monotonic() > end:
                return
            frame = None
            with suppress(av.error.FFmpegError, ValueError, OSError):
                at = start + length * (2 * number + 1) // (2 * count) if length else None
                frame = _keyframe(container, stream, at)
                if frame is not None and at is not None and _at(frame) < at - length // (2 * count):
                    frame = _exactly(container, stream, at, end) or frame
            if frame is None:
                failures += 1
            else:
                failures = 0
                yield _upright(frame, _short(*_size(frame, stream), short_side))


def _at(frame: Any) -> float:
    """When a frame is shown, in microseconds; 0 if it does not say."""
    return float(frame.time or 0) * av.time_base


def _keyframe(container: Any, stream: Any, at: int | None) -> Any:
    """The keyframe at or before ``at`` (microseconds); None: the next one. None if there is none."""
    stream.codec_context.skip_frame = "NONKEY"
    if at is not None:
        container.seek(at)
    return next(container.decode(stream), None)


def _exactly(container: Any, stream: Any, at: int, end: float) -> Any:
    """The frame at ``at``, decoded from the keyframe before it; None when it is not reached until ``end``."""
    stream.codec_context.skip_frame = "DEFAULT"
    container.seek(at)
    for frame in container.decode(stream):
        if _at(frame) >= at:
            return frame
        if time.monotonic() > end:
            return None
    return None


def preview(source: Source, long_side: int, limits: Limits) -> pictures.Picture:
    with _open(source) as container:
        for stream in container.streams.video[:1]:
            if stream.width and stream.height:
                pictures.check_size(stream.width, stream.height, limits)
    return pictures.finish(first_frame(source, long_side, 0.1), long_side)


READER = Reader(
    name="video",
    help="Videos: MP4 MOV MKV AVI WebM and what else FFmpeg opens.",
    example="VID_20240413_182205.mp4",
    facts=facts,
    preview=preview,
    frames=frames,
)
