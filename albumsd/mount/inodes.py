"""What the kernel holds: for every computed inode the node behind it and how often the kernel looked it up.

An asset's inode says which asset it is (core.ids), so assets need no entry here and a million of them cost nothing. A
computed inode is a digest of a path: its ``Folder`` (or computed text) stays here until the kernel has forgotten it
as often as it was told of it. The root is always here.

Only the loop thread changes the table. Other threads may call ``get`` and ``folders``: single dictionary operations.
"""

from __future__ import annotations

from collections.abc import Iterable

from albumsd.core.ids import ROOT
from albumsd.vfs.node import Folder, Leaf

FIRST_COMPUTED = 1 << 62
"""Inodes from here on are digests of paths (core.ids)."""


class Held:
    """One entry. ``count`` > 0 except for the root: how many lookups the kernel has still to forget."""

    __slots__ = ("count", "node", "volatile")

    def __init__(self, node: Folder | Leaf, volatile: bool) -> None:
        self.node = node
        self.volatile = volatile
        self.count = 0


class Inodes:
    def __init__(self, root: Folder) -> None:
        self._held = {ROOT: Held(root, root.volatile)}

    def __len__(self) -> int:
        return len(self._held) - 1

    def get(self, inode: int) -> Folder | Leaf | None:
        """The node of a computed inode; None if the kernel does not hold it."""
        held = self._held.get(inode)
        return held.node if held else None

    def volatile(self, inode: int) -> bool:
        """True: its attributes are good for a second only."""
        held = self._held.get(inode)
        return held is not None and held.volatile

    def hold(self, node: Folder | Leaf, volatile: bool) -> None:
        """The kernel is told of ``node`` once more. The newest node stands for its inode. Assets are not kept."""
        inode = node.inode
        if ROOT < inode < FIRST_COMPUTED:
            return
        held = self._held.get(inode)
        if held is None:
            held = self._held[inode] = Held(node, volatile)
        else:
            held.node = node
            held.volatile = volatile
        held.count += 1

    def forget(self, inodes: Iterable[tuple[int, int]]) -> None:
        """The kernel forgets ``(inode, times)``."""
        for inode, times in inodes:
            held = self._held.get(inode)
            if held is not None:
                held.count -= times
                if held.count <= 0 and inode != ROOT:
                    del self._held[inode]

    def folders(self) -> list[Folder]:
        """All folders that the kernel holds, the root among them."""
        return [held.node for held in list(self._held.values()) if isinstance(held.node, Folder)]

    def count(self, inode: int) -> int:
        """How many lookups of a computed inode the kernel has still to forget."""
        held = self._held.get(inode)
        return held.count if held else 0
