"""A drive that is slow or hung, as a filesystem: ``slow_source.py MOUNTPOINT FILES MIB BYTES_PER_SECOND``

``FILES`` files of ``MIB`` MiB of zeros in one folder. All their reads together get at most so many bytes per second;
with 0 no read is ever answered. Names and attributes always are, at once.
"""

from __future__ import annotations

import errno
import os
import stat
import sys

import pyfuse3
import trio

_FIRST = 100
_WHEN_NS = 1_600_000_000 * 10**9


class Slow(pyfuse3.Operations):
    """Inode 1 is the folder, ``_FIRST + n`` the n-th file."""

    def __init__(self, count: int, size: int, rate: int) -> None:
        super().__init__()
        self._count, self._size, self._rate = count, size, rate
        self._free_at = 0.0

    def _attributes(self, inode: int) -> pyfuse3.EntryAttributes:
        attr = pyfuse3.EntryAttributes()
        attr.st_ino = inode
        attr.st_mode = stat.S_IFDIR | 0o755 if inode == pyfuse3.ROOT_INODE else stat.S_IFREG | 0o644
        attr.st_size = 4096 if inode == pyfuse3.ROOT_INODE else self._size
        attr.st_uid, attr.st_gid = os.getuid(), os.getgid()
        attr.st_atime_ns = attr.st_mtime_ns = attr.st_ctime_ns = _WHEN_NS
        return attr

    async def getattr(self, inode: int, ctx: object = None) -> pyfuse3.EntryAttributes:
        return self._attributes(inode)

    async def lookup(self, parent_inode: int, name: bytes, ctx: object = None) -> pyfuse3.EntryAttributes:
        stem, _, extension = name.decode("ascii", "replace").partition(".")
        number = int(stem[4:]) if stem.startswith("VID_") and stem[4:].isdecimal() and extension == "mp4" else -1
        if not 0 <= number < self._count:
            raise pyfuse3.FUSEError(errno.ENOENT)
        return self._attributes(_FIRST + number)

    async def opendir(self, inode: int, ctx: object) -> int:
        return inode

    async def readdir(self, fh: int, start_id: int, token: pyfuse3.ReaddirToken) -> None:
        for number in range(start_id, self._count):
            name = f"VID_{number:03d}.mp4".encode()
            if not pyfuse3.readdir_reply(token, name, self._attributes(_FIRST + number), number + 1):
                return

    async def open(self, inode: int, flags: int, ctx: object) -> pyfuse3.FileInfo:
        return pyfuse3.FileInfo(fh=inode)

    async def read(self, fh: int, off: int, size: int) -> bytes:
        size = max(0, min(size, self._size - off))
        if not self._rate:
            await trio.sleep_forever()
        self._free_at = max(self._free_at, trio.current_time()) + size / self._rate
        await trio.sleep_until(self._free_at)
        return bytes(size)


def main(arguments: list[str]) -> int:
    point, count, mib, rate = arguments
    pyfuse3.init(Slow(int(count), int(mib) << 20, int(rate)), point, {"fsname=slow", "subtype=slow"})
    try:
        trio.run(pyfuse3.main)
    finally:
        pyfuse3.close(unmount=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
