"""READDIR: rows of a listing into the kernel's buffer.

A cookie given to the kernel is the row's own plus ``SHIFT``; 1 and 2 are "." and "..". One call gives at most one
page: what was accepted stands, so an error of the next page can be said by the next call, and lookup counts are
exact.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import pyfuse3

from albumsd.vfs.node import Entry, Folder, Leaf

from .attributes import Attributes
from .handles import DirectoryHandle
from .inodes import FIRST_COMPUTED, Inodes
from .kept import Kept, KeptListing

if TYPE_CHECKING:
    from albumsd.vfs.tree import Tree

SHIFT = 2
MOST_ROWS = 1600

Pager = Callable[[DirectoryHandle, int, int], Awaitable[list[Entry]]]
"""``(handle, cookie, count)`` to the rows that follow, an empty list at the end."""


class Lister:
    def __init__(self, tree: Tree, inodes: Inodes, attributes: Attributes, kept: Kept, pager: Pager) -> None:
        self._tree = tree
        self._inodes = inodes
        self._attributes = attributes
        self._kept = kept
        self._pager = pager

    async def give(self, handle: DirectoryHandle, start: int, token: pyfuse3.ReaddirToken) -> None:
        """Answer one READDIR that begins after the cookie ``start``."""
        if start < SHIFT:
            for cookie, name in ((1, b"."), (2, b"..")):
                if cookie > start:
                    attr = self._fill(handle.folder, False)
                    if not pyfuse3.readdir_reply(token, name, attr, cookie):
                        return
            start = SHIFT
        if handle.kept is not None:
            self._give_kept(handle, handle.kept, start - SHIFT, token)
            return
        waiting = handle.waiting
        if handle.cookie != start - SHIFT:
            handle.cookie = start - SHIFT
            handle.collected = None  # somebody seeks: the pages will not be the whole listing in order
            waiting.clear()
        volatile = handle.folder.volatile
        hold = self._inodes.hold
        given = 0
        while waiting or await self._more(handle, given):
            entry = waiting[0]
            node = entry.node
            if not pyfuse3.readdir_reply(token, entry.name, self._fill(node, volatile), entry.cookie + SHIFT):
                return
            hold(node, volatile)
            waiting.popleft()
            handle.cookie = entry.cookie
            given += 1

    async def _more(self, handle: DirectoryHandle, given: int) -> bool:
        """Ask for the next page; False at the end. What was accepted stands: an error after it is for the next call."""
        try:
            page = await self._pager(handle, handle.cookie, handle.rows)
        except Exception:
            if given:
                return False
            raise
        if handle.folder.slow_listing:
            handle.rows = min(handle.rows * 2, MOST_ROWS)
        if page:
            handle.collect(page)
            handle.waiting.extend(page)
        elif handle.collected is not None and handle.version is not None:
            self._kept.put(handle.folder, handle.version, handle.collected)
            handle.collected = None
        return bool(page)

    def _give_kept(self, handle: DirectoryHandle, kept: KeptListing, cookie: int, token: pyfuse3.ReaddirToken) -> None:
        reply, hold = pyfuse3.readdir_reply, self._inodes.hold
        rows = kept.ready(self._attributes)
        for at in range(kept.after(cookie), len(rows)):
            name, attr, cookie, node = rows[at]
            if not reply(token, name, attr or self._fill(node, False), cookie + SHIFT):
                return
            if node.inode >= FIRST_COMPUTED:
                hold(node, False)

    def _fill(self, node: Folder | Leaf, volatile: bool) -> pyfuse3.EntryAttributes:
        attributes = self._attributes
        if type(node) is Leaf:
            return attributes.fill_leaf(attributes.reused, node, volatile)
        assert isinstance(node, Folder)
        return attributes.fill_folder(attributes.reused, node, self._tree.folder_mtime_ns(node), volatile)
