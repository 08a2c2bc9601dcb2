"""A filesystem that hangs on purpose: ``python mount_hang.py MOUNT FLAG``. One file, ``a.jpg``, of 1 MiB; while the file FLAG exists,
READ of it is not answered. A process of its own: it stands for a drive that has stopped."""

from __future__ import annotations

import errno
import os
import stat
import sys

import pyfuse3
import trio

SIZE = 1 << 20
FILE = 2


def _stopped() -> bool:
    return os.path.exists(sys.argv[2])


class Hanging(pyfuse3.Operations):
    def _attr(self, inode: int) -> pyfuse3.EntryAttributes:
        attr = pyfuse3.EntryAttributes()
        attr.st_ino = inode
        attr.st_mode = stat.S_IFREG | 0o644 if inode == FILE else stat.S_IFDIR | 0o755
        attr.st_size = SIZE if inode == FILE else 0
        attr.st_nlink = 2
        attr.st_mtime_ns = 10**18
        return attr

    async def lookup(self, parent_inode: int, name: bytes, ctx: pyfuse3.RequestContext) -> pyfuse3.EntryAttributes:
        if name != b"a.jpg":
            raise pyfuse3.FUSEError(errno.ENOENT)
        return self._attr(FILE)

    async def getattr(self, inode: int, ctx: pyfuse3.RequestContext) -> pyfuse3.EntryAttributes:
        return self._attr(inode)

    async def opendir(self, inode: int, ctx: pyfuse3.RequestContext) -> int:
        return inode

    async def readdir(self, fh: int, start_id: int, token: pyfuse3.ReaddirToken) -> None:
        if not start_id:
            pyfuse3.readdir_reply(token, b"a.jpg", self._attr(FILE), 1)

    async def open(self, inode: int, flags: int, ctx: pyfuse3.RequestContext) -> pyfuse3.FileInfo:
        return pyfuse3.FileInfo(fh=inode, direct_io=True)

    async def read(self, fh: int, off: int, size: int) -> bytes:
        while _stopped():  # noqa: ASYNC110 -- another process sets the flag
            await trio.sleep(0.02)
        return b"x" * min(size, SIZE - off)


pyfuse3.init(Hanging(), sys.argv[1], {"fsname=hanging", "default_permissions", "allow_other"})
try:
    trio.run(pyfuse3.main)
finally:
    pyfuse3.close()
