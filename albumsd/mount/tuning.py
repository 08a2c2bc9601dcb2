"""Two numbers of the kernel that decide whether one slow disk slows the others. Best effort; nothing depends on it.

max_background: reads of the page cache share this many slots of a mount, 12 by default: sixteen readers on a hung
disk would take them all, and the first read of a file elsewhere would wait. The file belongs to whoever mounted, so
no root is needed where fusectl is mounted (systemd does that). Where it is not, root mounts it for one thread only:
in a mount namespace that ends with the thread.

read_ahead_kb: 128 by default; at 1024 a read of a large file makes an eighth of the requests. Root only.

To be started after INIT, whose answer sets both. The mount itself is never touched: its number stands in mountinfo.
"""

from __future__ import annotations

import ctypes
import logging
import os
import threading
from pathlib import Path

from . import mountpoint

log = logging.getLogger(__name__)

MAX_BACKGROUND = 256
_CONGESTION = 192
_READ_AHEAD_KB = 1024
_CONNECTIONS = "/sys/fs/fuse/connections"
_CLONE_NEWNS = 0x00020000
_MS_REC_SLAVE = 0x4000 | (1 << 19)


def start(mount: Path) -> None:
    """Do it in a thread of its own."""
    threading.Thread(target=_tune, args=(mount,), name="tuning", daemon=True).start()


def _tune(mount: Path) -> None:
    mounted = mountpoint.at(mount)
    if mounted is None:
        return
    _write(f"/sys/class/bdi/0:{mounted.minor}/read_ahead_kb", _READ_AHEAD_KB)
    connection = f"{_CONNECTIONS}/{mounted.minor}"
    if not os.path.isdir(connection) and os.geteuid() == 0:
        _private_fusectl()
    _write(f"{connection}/congestion_threshold", _CONGESTION)
    _write(f"{connection}/max_background", MAX_BACKGROUND)


def _write(path: str, number: int) -> None:
    try:
        with open(path, "w", encoding="ascii") as file:
            file.write(str(number))
    except OSError as error:
        log.debug("%s: %s", path, error.strerror)


def _private_fusectl() -> None:
    """Mount fusectl where only this thread sees it."""
    libc = ctypes.CDLL(None, use_errno=True)
    if (
        libc.unshare(_CLONE_NEWNS)
        or libc.mount(None, b"/", None, _MS_REC_SLAVE, None)
        or libc.mount(b"fusectl", _CONNECTIONS.encode(), b"fusectl", 0, None)
    ):
        log.debug("fusectl: %s", os.strerror(ctypes.get_errno()))
