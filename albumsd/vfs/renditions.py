"""Renditions: the same names again, each standing for another form of the asset.

A rendition turns the rows of a page into leaves (exact sizes: the kernel and every program trust ``st_size``)
and appends its ending to names. ``name_of`` and ``asked_for`` are inverse.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from albumsd.core.ids import Rendition, asset_inode, computed_inode
from albumsd.store import lookups
from albumsd.store.database import Reader

from . import info
from .node import Content, Leaf

Row = tuple[int, int, int]
"""(asset id, size of the original, mtime_ns)"""


@dataclass(frozen=True, slots=True)
class Form:
    """One rendition: the folder it hangs under ('' for originals), what names end in, where the bytes come from."""

    folder: str
    ending: str
    rendition: Rendition
    content: Content
    help: str

    def name_of(self, name: bytes) -> bytes:
        return name + self.ending.encode()

    def asked_for(self, name: bytes) -> bytes | None:
        """The asset's own name behind a name in this form; None if it cannot be one."""
        ending = self.ending.encode()
        if not name.endswith(ending) or len(name) == len(ending):
            return None
        return name[: len(name) - len(ending)]

    def leaves(self, reader: Reader, rows: Sequence[Row]) -> list[Leaf | None]:
        """A leaf for each row; None where the asset has no such rendition (yet)."""
        inode, content = self.rendition, self.content
        if content is Content.ORIGINAL:
            return [Leaf(asset * 8, size, mtime_ns, content, asset) for asset, size, mtime_ns in rows]
        if content is Content.PREVIEW:
            sizes = lookups.preview_sizes(reader, [row[0] for row in rows])
        elif content is Content.INFO:
            sizes = {row[0]: len(info.render(reader, row[0]) or b"") for row in rows}
        else:
            sizes = {row[0]: len(link_target(reader, row[0])) for row in rows}
        return [
            Leaf(asset_inode(asset, inode), sizes[asset], mtime_ns, content, asset) if sizes.get(asset) else None
            for asset, _, mtime_ns in rows
        ]

    def leaf(self, reader: Reader, row: Row) -> Leaf | None:
        return self.leaves(reader, [row])[0]


def file_leaf(reader: Reader, form: Form, row: Row, file: int, folder: tuple[str, ...], name: bytes) -> Leaf | None:
    """The leaf of one file among several that an asset may have: all are the asset, but each has a link of its own."""
    if form.content is not Content.LINK:
        return form.leaf(reader, row)
    target = lookups.file_path(reader, file)
    if target is None:
        return None
    inode = computed_inode((*folder, name.decode("utf-8", "surrogateescape")))
    return Leaf(inode, len(target), row[2], Content.LINK, row[0], target)


def link_target(reader: Reader, asset: int) -> bytes:
    """Absolute path on disk of an asset's first file; empty if it has none."""
    return lookups.first_path(reader, asset) or b""


ORIGINALS = Form("", "", Rendition.ORIGINAL, Content.ORIGINAL, "The original files, bit for bit.")
PREVIEWS = Form(
    "previews", ".webp", Rendition.PREVIEW, Content.PREVIEW,
    "Everything again as WebP pictures of at most 1600 pixels; readable while the drive is away.",
)  # fmt: skip
INFO = Form(
    "info", ".txt", Rendition.INFO, Content.INFO,
    "Everything again as text: device, lens, exposure, place, SHA-256, where it lies and why it was found.",
)  # fmt: skip
LINKS = Form(
    "links", "", Rendition.LINK, Content.LINK,
    "Everything again as symbolic links to the original files.",
)  # fmt: skip

FORMS = (ORIGINALS, PREVIEWS, INFO, LINKS)
BY_RENDITION = {form.rendition: form for form in FORMS}


def encode(name: str) -> bytes:
    """A shown name as the bytes the kernel gets."""
    return os.fsencode(name)
