"""What the tables of a HEIF or AVIF file say (ISO 14496-12, 8.11), for files that no decoder opens or that are cut.

A decoder may draw a picture with missing tiles and say nothing; ``missing_items`` tells. And libheif and libavif refuse
a cut file as a whole, though its size, EXIF and XMP often stand before the cut: ``salvaged`` finds them.
"""

from __future__ import annotations

from collections.abc import Iterator

from .containers import MAX_BLOCK, Box, box, boxes
from .evidence import Evidence
from .exif import read_exif, read_exif_file
from .source import Source
from .xmp import read_xmp

Extents = list[tuple[int, int]]


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


def _places(source: Source, meta: Box) -> Iterator[tuple[int, Extents]]:
    """``(item, its extents as offset and length)`` of the ``iloc`` items that lie in the file or in ``idat``."""
    table = _table(source, _in(source, meta, b"iloc"))
    if table is None:
        return
    idat = _in(source, meta, b"idat")
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
        base, extents = table.take(base_size), Extents()
        for _extent in range(table.take(2)):
            table.take(index_size)
            offset, length = table.take(offset_size), table.take(length_size)
            extents.append((base + offset + (idat.start if method == 1 and idat else 0), length))
        if method == 0 or (method == 1 and idat):
            yield item, extents


def _in(source: Source, meta: Box, *path: bytes) -> Box | None:
    return box(source, *path, start=meta.start + 4, end=meta.end)


def missing_items(source: Source) -> int:
    """How many of its parts have bytes beyond the file's end; 1 if the tables themselves are cut."""
    meta = box(source, b"meta")
    if meta is None:
        return 0
    try:
        return sum(any(at + length > source.size for at, length in extents) for _, extents in _places(source, meta))
    except IndexError:
        return 1


def _size(source: Source, meta: Box) -> tuple[int, int] | None:
    """The largest picture that the properties describe, upright: tiles and thumbnails are smaller."""
    properties = _in(source, meta, b"iprp", b"ipco")
    if properties is None:
        return None
    sizes, turned = [], False
    for item in boxes(source, properties.start, properties.end):
        if item.kind == b"ispe":
            data = source.read(item.start + 4, 8)
            sizes.append((int.from_bytes(data[:4], "big"), int.from_bytes(data[4:], "big")))
        elif item.kind == b"irot":
            turned = turned or bool(source.read(item.start, 1)[:1] in (b"\1", b"\3"))
    width, height = max(sizes, key=lambda size: size[0] * size[1], default=(0, 0))
    if not (width and height):
        return None
    return (height, width) if turned else (width, height)


def _metadata_items(source: Source, meta: Box) -> dict[int, str]:
    """``{item: "exif" or "xmp"}``."""
    listed = _in(source, meta, b"iinf")
    found: dict[int, str] = {}
    if listed is None:
        return found
    first = listed.start + (6 if source.read(listed.start, 1) == b"\0" else 8)
    for entry in boxes(source, first, listed.end):
        data = source.read(entry.start, min(entry.end - entry.start, 256))
        wide = {2: 2, 3: 4}.get(data[0] if data else 0)
        if entry.kind != b"infe" or wide is None:
            continue
        number, kind = int.from_bytes(data[4 : 4 + wide], "big"), data[6 + wide : 10 + wide]
        if kind == b"Exif":
            found[number] = "exif"
        elif kind == b"mime" and b"application/rdf+xml" in data:
            found[number] = "xmp"
    return found


def _salvage(source: Source) -> tuple[tuple[int, int] | None, dict[str, bytes]]:
    """Upright size, and the blocks ``exif`` and ``xmp`` that lie whole in the file, of one that no decoder opens."""
    blocks: dict[str, bytes] = {}
    meta = box(source, b"meta")
    if meta is None:
        return None, blocks
    try:
        wanted = _metadata_items(source, meta)
        for item, extents in _places(source, meta):
            if item in wanted and 0 < sum(length for _, length in extents) < MAX_BLOCK:
                data = b"".join(source.read(at, length) for at, length in extents)
                if len(data) == sum(length for _, length in extents):
                    start = 4 + int.from_bytes(data[:4], "big") if wanted[item] == "exif" else 0
                    blocks.setdefault(wanted[item], data[start:])
    except IndexError:
        pass  # the tables are cut: what was read so far counts
    return _size(source, meta), blocks


def salvaged(source: Source) -> tuple[tuple[int, int] | None, list[Evidence]]:
    """Upright size and metadata of a file that its decoder does not open."""
    size, blocks = _salvage(source)
    found = [parse(blocks[name]) for name, parse in (("exif", read_exif), ("xmp", read_xmp)) if name in blocks]
    return size, found or [read_exif_file(source.file())]
