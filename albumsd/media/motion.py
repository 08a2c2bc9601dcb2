"""The video inside a motion photo: where it begins, proved by its own first box.

Google writes its length into XMP (MicroVideoOffset, a container item), Samsung a trailer that ends in ``SEFT`` and,
in HEIC, an ``mpvd`` box. Wherever it is said to be, an ISO media file must begin there, else it is not there.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..core.facts import Companion
from .containers import boxes, missing_tail
from .evidence import Evidence
from .source import Source, Window

_MARK = b"MotionPhoto_Data"
_TAIL = 1 << 20


def _is_video(source: Source, offset: int) -> bool:
    return 0 < offset < source.size - 16 and source.read(offset + 4, 4) == b"ftyp"


def _samsung(source: Source) -> Iterable[int]:
    """Offsets that Samsung's trailer names: ``SEFH`` directory, each entry with the distance back from it."""
    tail = source.read(max(0, source.size - 8), 8)
    if len(tail) < 8 or tail[4:] != b"SEFT":
        return
    length = int.from_bytes(tail[:4], "little")
    start = source.size - 8 - length
    directory = source.read(start, min(length, 65_536)) if start > 0 else b""
    if directory[:4] == b"SEFH":
        for at in range(12, len(directory) - 11, 12):
            back, size = (int.from_bytes(directory[at + n : at + n + 4], "little") for n in (4, 8))
            block = source.read(start - back, 64) if 0 < back <= start and size > 8 else b""
            if block[8 : 8 + len(_MARK)] == _MARK:
                yield start - back + 8 + len(_MARK)
    window = max(0, source.size - _TAIL)
    found = source.read(window, source.size - window).rfind(_MARK)
    if found >= 0:
        yield window + found + len(_MARK)


def cut_motion(source: Source, companions: Iterable[Companion]) -> str | None:
    """In words what is missing of a video that is inside a picture; None if it is whole."""
    for part in companions:
        missing = missing_tail(Window(source, part.offset)) if part.offset is not None else 0
        if missing:
            return f"{missing} bytes of the video inside it lie beyond the end of the file"
    return None


def find_motion(source: Source, evidences: Iterable[Evidence], *, isobmff: bool = False) -> tuple[Companion, ...]:
    """The motion companion of a picture, or nothing. ``offset`` is where its video file begins."""
    candidates: list[int] = []
    claimed = False
    for evidence in evidences:
        claimed = claimed or evidence.motion or evidence.motion_length is not None
        if evidence.motion_length:
            candidates.append(source.size - evidence.motion_length)
    candidates.extend(_samsung(source))
    if isobmff:
        candidates.extend(item.start for item in boxes(source) if item.kind == b"mpvd")
    for offset in candidates:
        if _is_video(source, offset):
            return (Companion("motion", offset=offset),)
    if claimed:
        window = max(64, source.size - 32 * _TAIL)
        found = source.read(window, source.size - window).find(b"ftyp")
        if found >= 4 and _is_video(source, window + found - 4):
            return (Companion("motion", offset=window + found - 4),)
    return ()
