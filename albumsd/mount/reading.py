"""Bytes: open a leaf, read from a handle.

An original is opened at the first of its files that is there and is what was indexed. A read takes what the page
cache has at once (preadv with RWF_NOWAIT, on the loop thread) and the missing rest in a thread of the volume, with
the deadline. Where a filesystem knows no RWF_NOWAIT (network, FUSE), every call on it may block: then all of it,
fstat too, runs in the thread.

After every read fstat must say what it said at open; a difference is EIO, never bytes.
"""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Callable
from functools import partial

from pyfuse3 import FUSEError

from albumsd.core.errors import AlbumsdError, Changed, Offline, Stalled
from albumsd.store import files
from albumsd.store.database import Reader
from albumsd.store.files import Location

from .cached import LocalFolders, open_cached
from .handles import FileHandle
from .opening import OpenFile, fits, open_location, open_path, read_at
from .volumes import Volume, Volumes, touch

log = logging.getLogger(__name__)

_LARGEST = 1 << 20
_NO_NOWAIT = (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS)
_ONLINE = ("online", "new")


class Reading:
    """Loop thread only. ``changed`` is given the path of a file that is not what was indexed."""

    def __init__(self, volumes: Volumes, changed: Callable[[bytes], object]) -> None:
        self._volumes = volumes
        self._changed = changed
        self._buffer = memoryview(bytearray(_LARGEST))
        self._blocking: set[int] = set()  # st_dev of filesystems without RWF_NOWAIT
        self._nonblocking: set[int] = set()  # and of those with it
        self._local = LocalFolders()

    async def open_original(self, reader: Reader, asset: int) -> FileHandle:
        """Raises Changed when no file fits, Stalled, Offline when all are away, or FUSEError with the disk's errno."""
        places = files.locations(reader, asset)
        if not places:
            raise Changed(name=f"asset {asset}")
        refusals: list[AlbumsdError | OSError] = []
        for place in places:
            try:
                return await self._try(reader, place)
            except (AlbumsdError, OSError) as error:
                refusals.append(error.with_traceback(None))  # else this list and its errors would hold each other
                if isinstance(error, Changed):
                    self._changed(place.path)
        raise _verdict(refusals)

    async def _try(self, reader: Reader, place: Location) -> FileHandle:
        if place.state == "stalled":
            raise Stalled(name=os.fsdecode(place.path))
        if place.state not in _ONLINE:
            raise Offline(name=os.fsdecode(place.path))
        volume, root = self._volumes.of(reader, place.source)
        file = None if volume.stalled else self._quickly(place.path, root)
        if file is None or not fits(file, place):
            file = await volume.run(partial(open_location, place, root), probe=partial(touch, root, place.path, 0))
            self._learn(file)
        return FileHandle(None, file, volume)

    def _quickly(self, path: bytes, root: bytes) -> OpenFile | None:
        """Open without a thread what needs no disk. None: do it the long way, which also says what is wrong."""
        if os.path.dirname(path) not in self._local:
            return None
        fd = open_cached(path)
        if fd is None:
            return None
        file = OpenFile(fd, path, root)
        try:
            file.stat()
        except (Changed, OSError):
            return None
        self._learn(file)
        return file

    def _learn(self, file: OpenFile) -> None:
        """The next file of this folder may be opened quickly if its filesystem is known to be a local one."""
        if file.dev in self._nonblocking:
            self._local.add(os.path.dirname(file.path))

    async def open_preview(self, path: str | os.PathLike[str], size: int) -> FileHandle:
        """A file of the library. Raises Changed unless it is there and has ``size`` bytes."""
        volume = self._volumes.library
        raw = os.fsencode(path)
        file = None if volume.stalled else self._quickly(raw, b"")
        if file is None:
            try:
                file = await volume.run(partial(open_path, raw, b""), probe=partial(touch, b"", raw, 0))
            except OSError as error:
                raise FUSEError(error.errno or errno.EIO) from None
            self._learn(file)
        if file.size != size:
            raise Changed(name=os.fsdecode(raw))
        return FileHandle(None, file, volume)

    async def read(self, handle: FileHandle, offset: int, size: int) -> bytes | memoryview:
        """Bytes; shorter only at the end. A memoryview is good until the next read. Raises FUSEError(EIO), Stalled."""
        if handle.content is not None:
            return handle.content[offset : offset + size]
        file, volume = handle.file, handle.volume
        assert file is not None
        assert volume is not None
        size = min(size, file.size - offset)
        if size <= 0:
            return b""
        head = b""
        if file.dev not in self._blocking and size <= _LARGEST:
            cached = self._cached(file, offset, size)
            if cached == size:
                return self._buffer[:size]
            head = bytes(self._buffer[:cached])
        tail = await self._waited(file, volume, offset + len(head), size - len(head))
        return head + tail if head else tail

    def _cached(self, file: OpenFile, offset: int, size: int) -> int:
        """How many bytes the page cache had; they stand at the beginning of the buffer."""
        try:
            cached = os.preadv(file.fd, [self._buffer[:size]], offset, os.RWF_NOWAIT)
        except BlockingIOError:
            cached = 0
        except OSError as error:
            if error.errno not in _NO_NOWAIT:
                raise FUSEError(errno.EIO) from None
            self._blocking.add(file.dev)
            return 0
        self._nonblocking.add(file.dev)
        self._learn(file)
        if cached == size and not file.same():  # a filesystem that knows RWF_NOWAIT answers fstat from memory
            self._changed(file.path)
            raise FUSEError(errno.EIO)
        return cached

    async def _waited(self, file: OpenFile, volume: Volume, offset: int, size: int) -> bytes:
        probe = partial(touch, file.root, file.path, offset)
        try:
            data: bytes = await volume.run(partial(read_at, file, size, offset), probe=probe)
        except Changed:
            self._changed(file.path)
            raise FUSEError(errno.EIO) from None
        except OSError as error:
            log.info("%s: %s", os.fsdecode(file.path), error)
            raise FUSEError(errno.EIO) from None
        return data

    def close(self, handle: FileHandle) -> None:
        """Close a handle, in a thread where closing may block."""
        if handle.file is not None and handle.volume is not None and handle.file.dev in self._blocking:
            handle.volume.later(partial(_drop, handle.file))
        handle.file = None


def _verdict(refusals: list[AlbumsdError | OSError]) -> Exception:
    """Why an asset cannot be opened, when its files refuse for different reasons: the most hopeful one."""
    for kind in (Stalled, Changed, Offline):
        for refusal in refusals:
            if isinstance(refusal, kind):
                return refusal
    first = refusals[0]
    return FUSEError(first.errno or errno.EIO) if isinstance(first, OSError) else first


def _drop(file: OpenFile) -> None:
    """Hold the file until here: if nobody else does, it is closed in this thread."""
