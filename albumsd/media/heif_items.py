"""Which parts of a HEIF file's picture lie beyond its end, by the container's own tables (ISO 14496-12, 8.11).

A decoder may draw a picture with missing tiles and say nothing; the tables tell. Only the primary picture counts,
with the tiles and auxiliary pictures it is derived from: a file that lost its second picture still shows its first.
"""

from __future__ import annotations

from collections.abc import Iterator

from .containers import MAX_BLOCK, Box, box, boxes
from .source import Source


class _Numbers:
    """Big-endian numbers of a table. Raises IndexError where it is cut."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def take(self, count: int) -> int:
        end = self._at + count
        if end > len(self._data):
            raise IndexError("the table is cut")
        value = int.from_bytes(self._data[self._at : end], "big")
        self._at = end
        return value


def _table(source: Source, found: Box | None) -> _Numbers | None:
    if found is None:
        return None
    return _Numbers(source.read(found.start, min(found.end - found.start, MAX_BLOCK)))


def _ends(table: _Numbers) -> Iterator[tuple[int, int]]:
    """``(item, where its bytes end)`` of the ``iloc`` items that lie in the file itself."""
    version = table.take(1)
    table.take(3)
    sizes = table.take(2)
    offset_size, length_size, base_size = sizes >> 12, sizes >> 8 & 15, sizes >> 4 & 15
    index_size = sizes & 15 if version in (1, 2) else 0
    wide = 4 if version == 2 else 2
    for _count in range(table.take(wide)):
        item = table.take(wide)
        method = table.take(2) & 15 if version in (1, 2) else 0
        table.take(2)
        base, end = table.take(base_size), 0
        for _extent in range(table.take(2)):
            table.take(index_size)
            offset, length = table.take(offset_size), table.take(length_size)
            end = max(end, base + offset + length)
        if method == 0:
            yield item, end


def _parts(source: Source, meta: Box) -> set[int] | None:
    """The primary item and what it is derived from; None when the tables do not say."""
    primary = _table(source, box(source, b"pitm", start=meta.start + 4, end=meta.end))
    if primary is None:
        return None
    version = primary.take(4) >> 24
    first = primary.take(2 if version == 0 else 4)
    parts = {first}
    references = box(source, b"iref", start=meta.start + 4, end=meta.end)
    if references is None:
        return parts
    wide = 2 if source.read(references.start, 1) == b"\0" else 4
    for reference in boxes(source, references.start + 4, references.end):
        if reference.kind == b"dimg":
            table = _table(source, reference)
            if table is not None and table.take(wide) == first:
                parts.update(table.take(wide) for _count in range(table.take(2)))
    return parts


def missing_items(source: Source) -> int:
    """How many parts of the primary picture have bytes beyond the file's end; 1 if the tables themselves are cut."""
    meta = box(source, b"meta")
    if meta is None:
        return 0
    try:
        locations = _table(source, box(source, b"iloc", start=meta.start + 4, end=meta.end))
        if locations is None:
            return 0
        parts = _parts(source, meta)
        return sum(end > source.size for item, end in _ends(locations) if parts is None or item in parts)
    except IndexError:
        return 1
