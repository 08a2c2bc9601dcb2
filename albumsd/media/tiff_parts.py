"""Whether the pixels of a TIFF structure (TIFF, BigTIFF and most RAW formats) are all in the file, by its own tables.

A RAW developer may fill what is missing with black and say nothing, and the first page of a cut scan is often whole;
the offsets and lengths of tables, strips, tiles and embedded JPEGs tell. Every number may lie, so each walk has an end.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from .source import Source

_MOST_TABLES = 1000
_MOST_ENTRIES = 1000
_MOST_VALUES = 200_000
_OFFSETS = {273: 279, 324: 325, 513: 514}
"""Tags of offsets, and of the lengths that belong to them: strips, tiles, an embedded JPEG."""
_SUB_TABLES = 330
_WANTED = frozenset({*_OFFSETS, *_OFFSETS.values(), _SUB_TABLES})
_WIDTH = {3: 2, 4: 4, 13: 4, 16: 8, 18: 8}


class _Layout(NamedTuple):
    """How wide numbers are: of a table's length, of a count and an offset, and of a whole entry."""

    first: int
    counter: int
    word: int
    entry: int


_CLASSIC, _BIG = _Layout(4, 2, 4, 12), _Layout(8, 8, 8, 20)


def missing_bytes(source: Source, *, tables: bool = True) -> int:
    """How many bytes the tables of a TIFF structure name beyond the end of the file; 0 if it is whole or no TIFF.

    A page whose table lies beyond the end counts as missing with ``tables``: for TIFF files. Makers of RAW leave broken
    pointers to tables, also to sub-tables, which never count.
    """
    layout = {b"II*\0": _CLASSIC, b"MM\0*": _CLASSIC, b"II+\0": _BIG, b"MM\0+": _BIG}.get(source.head[:4])
    if layout is None:
        return 0
    order: Literal["little", "big"] = "little" if source.head[:2] == b"II" else "big"

    def number(data: bytes) -> int:
        return int.from_bytes(data, order)

    end, seen = 0, set[int]()
    pages, others = [number(source.head[layout.first : layout.first + layout.word])], list[int]()
    while (pages or others) and len(seen) < _MOST_TABLES:
        counts = bool(pages) and tables
        at = (pages or others).pop(0)
        if at in seen or at < 8:
            continue
        if at >= source.size:
            end = max(end, at + layout.counter) if counts else end
            continue
        seen.add(at)
        count = min(number(source.read(at, layout.counter)), _MOST_ENTRIES)
        after = at + layout.counter + layout.entry * count
        if after > source.size:
            end = max(end, after) if counts else end
            continue
        entries = source.read(at + layout.counter, layout.entry * count)
        tags: dict[int, list[int]] = {}
        for start in range(0, len(entries) - layout.entry + 1, layout.entry):
            tag, kind = number(entries[start : start + 2]), number(entries[start + 2 : start + 4])
            width = _WIDTH.get(kind, 0)
            length = number(entries[start + 4 : start + 4 + layout.word])
            if tag not in _WANTED or not width or length > _MOST_VALUES:
                continue
            data = entries[start + 4 + layout.word : start + layout.entry]
            if length * width > layout.word:
                data = source.read(number(data), length * width)
            tags[tag] = [
                number(data[place : place + width]) for place in range(0, min(len(data), length * width), width)
            ]
        for offsets, lengths in _OFFSETS.items():
            pairs = zip(tags.get(offsets, ()), tags.get(lengths, ()))
            end = max(end, max((offset + length for offset, length in pairs), default=0))
        others.extend(tags.get(_SUB_TABLES, ()))
        pages.append(number(source.read(after, layout.word)))
    return max(0, end - source.size)
