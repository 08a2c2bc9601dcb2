"""The format of ``/proc/self/mountinfo`` (proc(5)). Text in, rows out; reading the file is for the caller.

The kernel writes space, tab, newline, backslash and ``#`` as ``\\`` and three octal digits; all other bytes stand for
themselves, so paths are bytes here.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import NamedTuple

PATH = "/proc/self/mountinfo"

_OCTAL = re.compile(rb"\\([0-3][0-7]{2})")


class Mount(NamedTuple):
    """One line. ``number`` is another one after each mount; ``device`` is ``major:minor``."""

    number: int
    point: bytes
    device: str
    fstype: str
    source: str
    root: bytes = b"/"
    """The folder of the filesystem that is shown at ``point``; not ``/`` for a bind mount or a subvolume."""

    @property
    def minor(self) -> int:
        return int(self.device.partition(":")[2])


def _plain(field: bytes) -> bytes:
    return _OCTAL.sub(lambda found: bytes([int(found[1], 8)]), field)


def parse(text: bytes) -> list[Mount]:
    """The lines of a mountinfo file, in its order: a later mount at the same point hides the earlier one.

    What is no such line is left out.
    """
    found = []
    for line in text.split(b"\n"):
        before, separator, after = line.partition(b" - ")
        left, right = before.split(b" "), after.split(b" ")
        if not separator or len(left) < 6 or len(right) < 2 or not left[0].isdigit():
            continue
        found.append(
            Mount(
                int(left[0]),
                _plain(left[4]),
                left[2].decode("ascii", "replace"),
                right[0].decode("utf-8", "replace"),
                os.fsdecode(_plain(right[1])),
                _plain(left[3]),
            )
        )
    return found


def place(path: bytes, mounts: Sequence[Mount]) -> tuple[str, bytes] | None:
    """``(device, path inside the filesystem)`` of an absolute path: the same by whatever road one comes to a folder.

    None when no mount is known there.
    """
    best: Mount | None = None
    for mount in mounts:  # of equal points the later one hides the earlier
        if inside(path, mount.point) and (best is None or len(mount.point) >= len(best.point)):
            best = mount
    if best is None:
        return None
    below = path[len(best.point.rstrip(b"/")) :].strip(b"/")
    return best.device, best.root.rstrip(b"/") + (b"/" + below if below else b"") or b"/"


def inside(inner: bytes, outer: bytes) -> bool:
    """Whether a path is another one or lies below it."""
    return inner == outer or inner.startswith(outer.rstrip(b"/") + b"/")
