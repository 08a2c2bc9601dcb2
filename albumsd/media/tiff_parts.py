"""Whether the pixels of a TIFF structure (TIFF and most RAW formats) are all in the file, by its own tables.

A RAW developer may fill what is missing with black and say nothing; the offsets and lengths of strips, tiles and
embedded JPEGs tell. Classic TIFF only; every number may lie, so each walk has an end.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from .source import Source

_MOST_TABLES = 32
_MOST_ENTRIES = 1000
_MOST_VALUES = 200_000
_OFFSETS = {273: 279, 324: 325, 513: 514}
"""Tags of offsets, and of the lengths that belong to them: strips, tiles, an embedded JPEG."""
_SUB_TABLES = 330
_WIDTH = {3: 2, 4: 4, 13: 4}


def _tables(source: Source) -> Iterator[dict[int, list[int]]]:
    """The numeric tags of every table: the chain of pages, and the sub-tables of each."""
    order: Literal["little", "big"] = "little" if source.head[:2] == b"II" else "big"

    def number(data: bytes) -> int:
        return int.from_bytes(data, order)

    open_tables, seen = [number(source.head[4:8])], set[int]()
    while open_tables and len(seen) < _MOST_TABLES:
        at = open_tables.pop(0)
        if at in seen or not 8 <= at < source.size:
            continue
        seen.add(at)
        count = min(number(source.read(at, 2)), _MOST_ENTRIES)
        entries = source.read(at + 2, 12 * count)
        tags: dict[int, list[int]] = {}
        for start in range(0, len(entries) - 11, 12):
            tag, kind = number(entries[start : start + 2]), number(entries[start + 2 : start + 4])
            length, width = number(entries[start + 4 : start + 8]), _WIDTH.get(kind, 0)
            if (
                not width
                or length > _MOST_VALUES
                or not (tag in _OFFSETS or tag in _OFFSETS.values() or tag == _SUB_TABLES)
            ):
                continue
            inside = entries[start + 8 : start + 12]
            data = inside if length * width <= 4 else source.read(number(inside), length * width)
            tags[tag] = [
                number(data[place : place + width]) for place in range(0, min(len(data), length * width), width)
            ]
        yield tags
        open_tables.extend(tags.get(_SUB_TABLES, ()))
        open_tables.append(number(source.read(at + 2 + 12 * count, 4)))


def missing_bytes(source: Source) -> int:
    """How many bytes the tables of a TIFF structure name beyond the end of the file; 0 if it is whole or no TIFF."""
    if source.head[:4] not in (b"II*\0", b"MM\0*"):
        return 0
    end = 0
    for tags in _tables(source):
        for offsets, lengths in _OFFSETS.items():
            pairs = zip(tags.get(offsets, ()), tags.get(lengths, ()))
            end = max(end, max((offset + length for offset, length in pairs), default=0))
    return max(0, end - source.size)
