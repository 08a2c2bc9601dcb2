"""Making the kernel forget. What each does, so that a row can say what was cold.

``names``     names and attributes of every filesystem (``echo 2 > drop_caches``): root only. The blocks that hold them
              on the disk stay cached, so this is the cold of a mount, not of a spinning disk.
``pages``     the page cache of given files, seen through one mount: the source's own pages stay.
``all``       everything (``echo 3``): root only.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

_DROP = Path("/proc/sys/vm/drop_caches")


def can_drop() -> bool:
    return os.access(_DROP, os.W_OK)


def drop_names() -> None:
    """Raises PermissionError unless ``can_drop``."""
    _DROP.write_text("2")


def drop_all() -> None:
    """Raises PermissionError unless ``can_drop``."""
    os.sync()
    _DROP.write_text("3")


def drop_pages(paths: Iterable[Path]) -> None:
    """Forget the pages that these paths have under this mount."""
    for path in paths:
        fd = os.open(path, os.O_RDONLY)
        try:
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(fd)


def read_ahead(path: Path, kib: int) -> int | None:
    """Set the read-ahead of the filesystem that holds ``path``; what it was. None where that is not allowed."""
    device = os.stat(path).st_dev
    setting = Path(f"/sys/class/bdi/{os.major(device)}:{os.minor(device)}/read_ahead_kb")
    try:
        was = int(setting.read_text())
        setting.write_text(str(kib))
    except OSError:
        return None
    return was
