"""Open a file only if that needs no disk: openat2(2) with RESOLVE_CACHED, for opens on the loop thread.

The kernel then resolves the path from memory or says EAGAIN. Opening itself may still wait on filesystems that ask a
server or a daemon; so this is for folders only of which a thread has opened a file lately, on a filesystem that answers
RWF_NOWAIT (local disks do). Called through PyDLL: a call that cannot wait need not give the interpreter away.
"""

from __future__ import annotations

import ctypes
import errno
import os
import time
from collections import OrderedDict

_OPENAT2 = 437  # the same on every architecture that albumsd runs on
_AT_FDCWD = -100
_RESOLVE_CACHED = 0x20
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOATIME

KNOWN_S = 60.0
MOST_FOLDERS = 4096


class _OpenHow(ctypes.Structure):
    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


_how = _OpenHow(_FLAGS, 0, _RESOLVE_CACHED)
_syscall = ctypes.PyDLL(None, use_errno=True).syscall
_syscall.argtypes = (ctypes.c_long, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p, ctypes.c_size_t)
_syscall.restype = ctypes.c_long
_supported = True


def open_cached(path: bytes) -> int | None:
    """A descriptor, or None when it must be tried where it may wait: not cached, not allowed, not there."""
    global _supported
    if not _supported:
        return None
    fd = int(_syscall(_OPENAT2, _AT_FDCWD, path, ctypes.addressof(_how), ctypes.sizeof(_how)))
    if fd >= 0:
        return fd
    if ctypes.get_errno() in (errno.ENOSYS, errno.EINVAL):  # before Linux 5.6; before 5.12
        _supported = False
    return None


class LocalFolders:
    """Folders on local disks: opening a file there again within a minute needs no thread. Loop thread only."""

    def __init__(self) -> None:
        self._until: OrderedDict[bytes, float] = OrderedDict()

    def add(self, folder: bytes) -> None:
        self._until[folder] = time.monotonic() + KNOWN_S
        self._until.move_to_end(folder)
        if len(self._until) > MOST_FOLDERS:
            self._until.popitem(last=False)

    def __contains__(self, folder: bytes) -> bool:
        until = self._until.get(folder)
        return until is not None and time.monotonic() < until
