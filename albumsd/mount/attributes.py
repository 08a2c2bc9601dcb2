"""Nodes as the kernel wants them: ``EntryAttributes``.

st_nlink is 2 always: at 1, one unlink of a name would let the kernel think that the inode is gone from every view.
A text that belongs to no asset (a README.txt, what status/ holds) changes without any row that would tell the kernel
so, wherever it stands: it is good for a second, like all that stands in a volatile folder.
Modes 0700 and 0600 with ``default_permissions``: the owner's gestures reach their handler, which refuses by errno.
"""

from __future__ import annotations

import os
import pwd
import stat

import pyfuse3

from albumsd.core.config import Config
from albumsd.core.errors import ConfigError
from albumsd.vfs.node import Content, Folder, Leaf

TIMEOUT_S = 300.0
VOLATILE_S = 1.0
_BLOCK = 4096
_DIRECTORY_SIZE = 4096  # file managers take a directory of size 0 for one that is not mounted

_MODES = {
    Content.ORIGINAL: stat.S_IFREG | 0o600,
    Content.PREVIEW: stat.S_IFREG | 0o600,
    Content.INFO: stat.S_IFREG | 0o600,
    Content.TEXT: stat.S_IFREG | 0o600,
    Content.LINK: stat.S_IFLNK | 0o777,
}
_DIRECTORY = stat.S_IFDIR | 0o700


def owner(config: Config) -> tuple[int, int]:
    """``(uid, gid)`` that everything in the mount belongs to. Raises ConfigError for an unknown user."""
    chosen = str(config["owner"])
    if not chosen:
        return os.geteuid(), os.getegid()
    try:
        user = pwd.getpwuid(int(chosen)) if chosen.isdigit() else pwd.getpwnam(chosen)
    except KeyError:
        if chosen.isdigit():
            return int(chosen), os.getegid()
        raise ConfigError(path=config.library, what=f"owner: there is no user {chosen!r}") from None
    return user.pw_uid, user.pw_gid


class Attributes:
    """Makes EntryAttributes. ``reused`` is one object for readdir_reply, which copies it before the next is filled."""

    def __init__(self, uid: int, gid: int) -> None:
        self._uid = uid
        self._gid = gid
        self.reused = self._blank()

    def _blank(self) -> pyfuse3.EntryAttributes:
        attr = pyfuse3.EntryAttributes()
        attr.st_uid = self._uid
        attr.st_gid = self._gid
        attr.st_nlink = 2
        attr.st_blksize = _BLOCK
        return attr

    def leaf(self, leaf: Leaf, volatile: bool = False) -> pyfuse3.EntryAttributes:
        """A file or symlink that stands in a folder that is volatile, or not."""
        return self.fill_leaf(self._blank(), leaf, volatile)

    def folder(self, folder: Folder, mtime_ns: int, volatile: bool = False) -> pyfuse3.EntryAttributes:
        """A folder that stands in a folder that is volatile, or not."""
        return self.fill_folder(self._blank(), folder, mtime_ns, volatile)

    def fill_leaf(self, attr: pyfuse3.EntryAttributes, leaf: Leaf, volatile: bool) -> pyfuse3.EntryAttributes:
        inode, size, mtime_ns, content, asset, _ = leaf
        attr.st_ino = inode
        attr.st_mode = _MODES[content]
        attr.st_size = size
        attr.st_blocks = (size + 511) >> 9
        attr.st_atime_ns = attr.st_ctime_ns = attr.st_mtime_ns = mtime_ns
        is_text = content is Content.TEXT
        volatile = volatile or (is_text and not asset)
        attr.entry_timeout = VOLATILE_S if volatile else TIMEOUT_S
        attr.attr_timeout = VOLATILE_S if volatile and is_text else TIMEOUT_S
        return attr

    def fill_folder(
        self, attr: pyfuse3.EntryAttributes, folder: Folder, mtime_ns: int, volatile: bool
    ) -> pyfuse3.EntryAttributes:
        attr.st_ino = folder.inode
        attr.st_mode = _DIRECTORY
        attr.st_size = _DIRECTORY_SIZE
        attr.st_blocks = 0
        attr.st_atime_ns = attr.st_ctime_ns = attr.st_mtime_ns = mtime_ns
        attr.entry_timeout = VOLATILE_S if volatile else TIMEOUT_S
        attr.attr_timeout = VOLATILE_S if volatile or folder.volatile else TIMEOUT_S
        return attr


def absent() -> pyfuse3.EntryAttributes:
    """An answer to LOOKUP that the kernel remembers as ENOENT."""
    attr = pyfuse3.EntryAttributes()
    attr.st_ino = 0
    attr.entry_timeout = TIMEOUT_S
    return attr
