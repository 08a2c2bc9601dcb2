"""Inode numbers: one asset has one inode per rendition, in every folder and across remounts.

An asset's inode is ``asset_id * 8 + rendition`` (so the smallest is 8); the root is 1, FUSE's own. A
computed folder or text has an inode derived from its path, with bit 62 set: 61 bits of BLAKE2b leave
a chance of about 2^-20 that two of two million paths collide. No number is ever given to another thing:
asset ids are AUTOINCREMENT, and paths do not change their meaning.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from hashlib import blake2b

ROOT = 1
_COMPUTED = 1 << 62
_MASK = (1 << 61) - 1


class Rendition(IntEnum):
    """A form in which an asset is shown. The number is part of the inode: never renumber."""

    ORIGINAL = 0
    PREVIEW = 1
    THUMBNAIL = 2
    INFO = 3
    LINK = 4


def asset_inode(asset_id: int, rendition: Rendition) -> int:
    return asset_id * 8 + rendition


def split_asset_inode(inode: int) -> tuple[int, Rendition] | None:
    """``(asset_id, rendition)`` of an asset's inode; None for the root and for computed ones."""
    if inode < 8 or inode & _COMPUTED:
        return None
    try:
        return inode >> 3, Rendition(inode & 7)
    except ValueError:
        return None


def computed_inode(path: Sequence[str]) -> int:
    """The inode of a computed folder or text, from its path below the mount."""
    if not path:
        return ROOT
    digest = blake2b("/".join(path).encode("utf-8", "surrogateescape"), digest_size=8).digest()
    return _COMPUTED | (int.from_bytes(digest, "big") & _MASK)
