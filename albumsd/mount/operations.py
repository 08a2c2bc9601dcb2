"""Every request of the kernel, answered from ``vfs``.

LOOKUP, GETATTR and pages of fast listings are answered inline: between the kernel's question and the answer nothing
waits, because the kernel lets only one uncached LOOKUP or READDIR into a directory at a time. What can scan runs in
the reader lane; what touches a disk in the lane of its volume; all with a deadline. Handlers are ``guarded``: nothing
but an errno leaves them. Everything computed is read-only: a gesture on it is EROFS, the litter of systems EPERM.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pyfuse3
from pyfuse3 import FUSEError

from albumsd.core.config import Config
from albumsd.core.errors import Changed, NotReady
from albumsd.core.ids import computed_inode, split_asset_inode
from albumsd.ipc import pings
from albumsd.store.database import Reader
from albumsd.vfs.node import Content, Entry, Folder, Leaf

from . import xattrs
from .announcer import Pending
from .attributes import Attributes, absent, owner
from .guard import guarded
from .handles import DirectoryHandle, FileHandle, Handles
from .inodes import Inodes
from .interest import Interest
from .kept import Kept, keepable
from .lanes import Missed, ReaderLane
from .listing import Lister
from .probes import litter, never
from .reading import Reading
from .space import NAME_MAX, Space
from .volumes import Volumes

if TYPE_CHECKING:
    from albumsd.vfs.tree import Tree

QUERY_THREADS = 8
MOST_OPENED = 10_000
"""Folders whose watchers are thought of; a `find` opens more than anybody watches."""
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_TRUNC


class Operations(pyfuse3.Operations):
    """One per mount. Handlers run in the loop thread, which owns ``reader``."""

    supports_dot_lookup = True
    enable_writeback_cache = False

    def __init__(self, config: Config, tree: Tree, reader: Reader) -> None:
        super().__init__()
        self.tree = tree
        self.ready = False
        self.on_ready: Callable[[], object] = lambda: None
        self.inodes = Inodes(tree.root)
        self.files: Handles[FileHandle] = Handles()
        self.directories: Handles[DirectoryHandle] = Handles()
        self.opened: dict[int, float] = {}  # folder inode: monotonic second of its last OPENDIR
        self.pending = Pending()
        self.volumes = Volumes(float(config["read_deadline_s"]))
        self._reader = reader
        self._attributes = Attributes(*owner(config))
        self._queries = ReaderLane("queries", QUERY_THREADS, config.database)
        self._query_s = float(config["search_deadline_s"]) + 1.0  # for when the tree cannot keep its own
        self._indexer = config.run / "indexer.ping"
        self._reading = Reading(self.volumes, lambda path: pings.send(self._indexer, f"changed:{os.fsdecode(path)}"))
        self._interest = Interest(reader, lambda ids: pings.send(self._indexer, f"look:{','.join(map(str, ids))}"))
        self._kept = Kept(reader)
        self._lister = Lister(tree, self.inodes, self._attributes, self._kept, self._page)
        self._space = Space(config)

    def init(self) -> None:
        """The kernel has mounted us."""
        self.ready = True
        self.on_ready()

    # ------------------------------------------------------------------------------------- names

    @guarded
    async def lookup(self, parent_inode: int, name: bytes, ctx: pyfuse3.RequestContext) -> pyfuse3.EntryAttributes:
        if name in (b".", b".."):
            return self._dot(parent_inode, name)
        if never(name):
            return absent()
        if len(name) > NAME_MAX:
            raise FUSEError(errno.ENAMETOOLONG)
        parent = self._folder(parent_inode)
        asked = self.pending.asked_by(ctx.pid, parent_inode, name)
        if asked is not None:
            return self._announced(asked)
        return self._told(await self._find(parent, name), parent.volatile)

    async def _find(self, parent: Folder, name: bytes) -> Folder | Leaf:
        kept = self._kept.find(parent, name)
        if kept is not None:
            return kept
        if parent.slow_lookup:
            found: Folder | Leaf = await self._query(lambda reader: parent.lookup(reader, name))
            return found
        return parent.lookup(self._reader, name)

    def _announced(self, gone: bool) -> pyfuse3.EntryAttributes:
        """The announcer asks for the name that it is about to make or remove (see announcer)."""
        if not gone:
            raise FUSEError(errno.ENOENT)
        attr = self._attributes.leaf(Leaf(self.pending.inode, 0, 0, Content.TEXT))
        attr.st_mode = self.pending.mode
        attr.entry_timeout = attr.attr_timeout = 0
        return attr

    def _dot(self, inode: int, name: bytes) -> pyfuse3.EntryAttributes:
        """``.`` and ``..`` are asked for by NFS servers only, for inodes that the kernel has forgotten."""
        node = self._node(inode)
        if name == b".." and isinstance(node, Folder):
            node = self._node(computed_inode(node.path[:-1]))
        return self._told(node, self.inodes.volatile(node.inode))

    def _told(self, node: Folder | Leaf, volatile: bool) -> pyfuse3.EntryAttributes:
        """Attributes of a node that the kernel counts as looked up once more."""
        attr = self._attr(node, volatile)
        self.inodes.hold(node, volatile)
        return attr

    def _attr(self, node: Folder | Leaf, volatile: bool) -> pyfuse3.EntryAttributes:
        if isinstance(node, Folder):
            return self._attributes.folder(node, self.tree.folder_mtime_ns(node), volatile)
        return self._attributes.leaf(node, volatile)

    def _node(self, inode: int) -> Folder | Leaf:
        """The node of an inode. Raises FUSEError(ESTALE) when it is gone: the kernel looks the name up again."""
        node = self.inodes.get(inode)
        if node is None and split_asset_inode(inode) is not None:
            node = self.tree.leaf(self._reader, inode)
        if node is None:
            raise FUSEError(errno.ESTALE)
        return node

    def _folder(self, inode: int) -> Folder:
        node = self._node(inode)
        if not isinstance(node, Folder):
            raise FUSEError(errno.ENOTDIR)
        return node

    async def _query(self, call: Callable[[Reader], Any]) -> Any:
        """Run ``call`` where it may scan. Raises NotReady after the deadline."""
        try:
            return await self._queries.run(call, deadline_s=self._query_s)
        except Missed:
            raise NotReady(what="the library", seconds=self._query_s) from None

    async def forget(self, inode_list: Sequence[tuple[int, int]]) -> None:
        self.inodes.forget(inode_list)

    @guarded
    async def getattr(self, inode: int, ctx: pyfuse3.RequestContext) -> pyfuse3.EntryAttributes:
        return self._attr(self._node(inode), self.inodes.volatile(inode))

    @guarded
    async def readlink(self, inode: int, ctx: pyfuse3.RequestContext) -> bytes:
        node = self._node(inode)
        if isinstance(node, Folder) or node.content is not Content.LINK:
            raise FUSEError(errno.EINVAL)
        return self.tree.link_target(self._reader, node)

    # ----------------------------------------------------------------------------------- folders

    @guarded
    async def opendir(self, inode: int, ctx: pyfuse3.RequestContext) -> int:
        folder = self._folder(inode)
        handle = await self._begin(folder)
        self.opened.pop(inode, None)
        self.opened[inode] = time.monotonic()
        if len(self.opened) > MOST_OPENED:
            del self.opened[next(iter(self.opened))]
        return self.directories.add(handle)

    async def _begin(self, folder: Folder) -> DirectoryHandle:
        version = self._kept.version() if keepable(folder) else None
        kept = self._kept.get(folder, version) if version is not None else None
        if kept is not None:
            return DirectoryHandle(folder, None, None, kept)
        if folder.slow_listing:
            return DirectoryHandle(folder, await self._query(folder.open), version, None)
        return DirectoryHandle(folder, folder.open(self._reader), version, None)

    @guarded
    async def readdir(self, fh: int, start_id: int, token: pyfuse3.ReaddirToken) -> None:
        await self._lister.give(self.directories.get(fh), start_id, token)

    async def _page(self, handle: DirectoryHandle, cookie: int, count: int) -> list[Entry]:
        listing = handle.listing
        if listing is None:
            raise FUSEError(errno.ETIMEDOUT)
        if not handle.folder.slow_listing:
            page = listing.page(self._reader, cookie, count)
        else:
            try:
                page = await self._query(lambda reader: listing.page(reader, cookie, count))
            except NotReady:
                handle.listing = None
                raise
        self._interest.seen(page)
        return page

    @guarded
    async def releasedir(self, fh: int) -> None:
        self.directories.pop(fh)

    @guarded
    async def fsyncdir(self, fh: int, datasync: bool) -> None:
        """Nothing is ever written through a directory handle."""

    # ------------------------------------------------------------------------------------- files

    @guarded
    async def open(self, inode: int, flags: int, ctx: pyfuse3.RequestContext) -> pyfuse3.FileInfo:
        node = self._node(inode)
        if isinstance(node, Folder):
            raise FUSEError(errno.EISDIR)
        if flags & _WRITING:
            raise FUSEError(errno.EROFS)
        handle = await self._open(node)
        keep = node.content in (Content.ORIGINAL, Content.PREVIEW)
        return pyfuse3.FileInfo(fh=self.files.add(handle), keep_cache=keep)

    async def _open(self, leaf: Leaf) -> FileHandle:
        if leaf.content is Content.ORIGINAL:
            return await self._reading.open_original(self._reader, leaf.asset)
        if leaf.content is Content.PREVIEW:
            return await self._open_preview(leaf)
        if leaf.content is Content.TEXT:
            return FileHandle(self.tree.content(self._reader, leaf), None, None)
        content: bytes = await self._query(lambda reader: self.tree.content(reader, leaf))
        return FileHandle(content, None, None)

    async def _open_preview(self, leaf: Leaf) -> FileHandle:
        """A file of the library that is not what its row says was lost: the indexer makes it again."""
        path = self.tree.preview_path(self._reader, leaf)
        try:
            return await self._reading.open_preview(path, leaf.size)
        except Changed:
            pings.send(self._indexer, f"preview:{leaf.asset}")
            raise

    @guarded
    async def read(self, fh: int, off: int, size: int) -> bytes:
        return await self._reading.read(self.files.get(fh), off, size)  # type: ignore[return-value]

    @guarded
    async def flush(self, fh: int) -> None:
        """Nothing was written: nothing to wait for."""

    @guarded
    async def fsync(self, fh: int, datasync: bool) -> None:
        """Nothing was written: nothing to wait for."""

    @guarded
    async def release(self, fh: int) -> None:
        handle = self.files.pop(fh)
        if handle is not None:
            self._reading.close(handle)

    @guarded
    async def statfs(self, ctx: pyfuse3.RequestContext) -> pyfuse3.StatvfsData:
        return await self._space.statfs()

    # -------------------------------------------------------------------------------- attributes

    @guarded
    async def getxattr(self, inode: int, name: bytes, ctx: pyfuse3.RequestContext) -> bytes:
        refusal = xattrs.refusal(name)
        if refusal:
            raise FUSEError(refusal)
        try:
            return self._xattrs(inode)[name]
        except KeyError:
            raise FUSEError(pyfuse3.ENOATTR) from None

    @guarded
    async def listxattr(self, inode: int, ctx: pyfuse3.RequestContext) -> Sequence[bytes]:
        return sorted(self._xattrs(inode))

    def _xattrs(self, inode: int) -> dict[bytes, bytes]:
        node = self._node(inode)
        return {} if isinstance(node, Folder) else self.tree.xattrs(self._reader, node)

    @guarded
    async def setxattr(self, inode: int, name: bytes, value: bytes, ctx: pyfuse3.RequestContext) -> None:
        raise FUSEError(errno.EROFS)

    @guarded
    async def removexattr(self, inode: int, name: bytes, ctx: pyfuse3.RequestContext) -> None:
        raise FUSEError(errno.EROFS)

    # ---------------------------------------------------------------------------------- gestures

    @guarded
    async def setattr(
        self,
        inode: int,
        attr: pyfuse3.EntryAttributes,
        fields: pyfuse3.SetattrFields,
        fh: int | None,
        ctx: pyfuse3.RequestContext,
    ) -> pyfuse3.EntryAttributes:
        if self.pending.touched_by(ctx.pid, inode):
            return self._attr(self._node(inode), self.inodes.volatile(inode))
        raise FUSEError(errno.EROFS)

    @guarded
    async def mknod(
        self, parent_inode: int, name: bytes, mode: int, rdev: int, ctx: pyfuse3.RequestContext
    ) -> pyfuse3.EntryAttributes:
        return await self._made(parent_inode, name, ctx)

    @guarded
    async def mkdir(
        self, parent_inode: int, name: bytes, mode: int, ctx: pyfuse3.RequestContext
    ) -> pyfuse3.EntryAttributes:
        return await self._made(parent_inode, name, ctx)

    async def _made(self, parent_inode: int, name: bytes, ctx: pyfuse3.RequestContext) -> pyfuse3.EntryAttributes:
        if self.pending.asked_by(ctx.pid, parent_inode, name) is not False:
            raise _refusal(name)
        parent = self._folder(parent_inode)
        return self._told(await self._find(parent, name), parent.volatile)

    @guarded
    async def unlink(self, parent_inode: int, name: bytes, ctx: pyfuse3.RequestContext) -> None:
        if self.pending.asked_by(ctx.pid, parent_inode, name) is not True:
            raise _refusal(name)

    @guarded
    async def rmdir(self, parent_inode: int, name: bytes, ctx: pyfuse3.RequestContext) -> None:
        if self.pending.asked_by(ctx.pid, parent_inode, name) is not True:
            raise _refusal(name)

    @guarded
    async def create(
        self, parent_inode: int, name: bytes, mode: int, flags: int, ctx: pyfuse3.RequestContext
    ) -> tuple[pyfuse3.FileInfo, pyfuse3.EntryAttributes]:
        raise _refusal(name)

    @guarded
    async def symlink(
        self, parent_inode: int, name: bytes, target: bytes, ctx: pyfuse3.RequestContext
    ) -> pyfuse3.EntryAttributes:
        raise _refusal(name)

    @guarded
    async def link(
        self, inode: int, new_parent_inode: int, new_name: bytes, ctx: pyfuse3.RequestContext
    ) -> pyfuse3.EntryAttributes:
        raise _refusal(new_name)

    @guarded
    async def rename(
        self,
        parent_inode_old: int,
        name_old: bytes,
        parent_inode_new: int,
        name_new: bytes,
        flags: int,
        ctx: pyfuse3.RequestContext,
    ) -> None:
        raise _refusal(name_new)

    @guarded
    async def write(self, fh: int, off: int, buf: bytes) -> int:
        raise FUSEError(errno.EBADF)

    # ------------------------------------------------------------------------------------- state

    def held(self, path: tuple[str, ...]) -> bool:
        """Whether the kernel holds the folder at ``path``. Callable from any thread."""
        return not path or self.inodes.get(computed_inode(path)) is not None

    def close(self) -> None:
        """The mount is gone: let go of what is open."""
        for number in self.files.numbers():
            handle = self.files.pop(number)
            if handle is not None:
                with suppress(OSError):
                    self._reading.close(handle)


def _refusal(name: bytes) -> FUSEError:
    return FUSEError(errno.EPERM if litter(name) else errno.EROFS)
