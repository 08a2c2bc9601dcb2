"""Folders of files to measure on. Contents are pseudo-random, so that no filesystem stores them as holes."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path

_BLOCK = random.Random(7).randbytes(1 << 20)
_OLD_S = 1_600_000_000
"""mtimes lie in the past: a file that was just written is not at rest."""


def write(path: Path, size: int, number: int = 0) -> None:
    """A file of ``size`` bytes whose content ``number`` decides. It is on the disk, not only in memory."""
    with open(path, "wb", buffering=0) as file:
        head = number.to_bytes(8, "big")
        left = size
        while left > 0:
            block = head + _BLOCK[: min(left, len(_BLOCK)) - len(head)] if left > len(head) else head[:left]
            left -= file.write(block)
    when = _OLD_S + number * 60
    os.utime(path, (when, when))


def files(folder: Path, count: int, size: int, name: Callable[[int], str] = "IMG_{:06d}.jpg".format) -> list[Path]:
    """``count`` files of ``size`` bytes in one folder, all different."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / name(number) for number in range(count)]
    for number, path in enumerate(paths):
        write(path, size, number)
    return paths


def wide(folder: Path, count: int, per_folder: int = 500) -> None:
    """``count`` small files in folders of ``per_folder``, as years of days would be."""
    for start in range(0, count, per_folder):
        below = folder / f"{2005 + start // per_folder // 12 % 20}" / f"batch-{start // per_folder:04d}"
        below.mkdir(parents=True, exist_ok=True)
        for number in range(start, min(count, start + per_folder)):
            path = os.fspath(below / f"IMG_{number:07d}.jpg")
            fd = os.open(path, os.O_CREAT | os.O_WRONLY, 0o600)
            os.write(fd, number.to_bytes(8, "big") * (2 + number % 30))
            os.close(fd)
            os.utime(path, (_OLD_S + number, _OLD_S + number))
    os.sync()
