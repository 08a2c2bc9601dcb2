"""The format of ``/proc/self/mountinfo`` (proc(5)). Text in, rows out; reading the file is for the caller.

The kernel writes space, tab, newline, backslash and ``#`` as ``\\`` and three octal digits; all other bytes stand for
themselves, so paths are bytes here.
"""

from __future__ import annotations

import os
import re
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
            )
        )
    return found
