"""One way to look at a library, at three heights: the tree itself, the handlers on it, a mount of it.

A ``Driver`` says what a program sees; what it may not do raises OSError with the errno that a program would get. The
mount is looked at through a process of its own (``client.py``) with a deadline, so that a hung call hangs no test.
"""

from __future__ import annotations

import json
import os
import select
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import pyfuse3
import pytest
import trio
from heights.indexed import PATIENCE_S

from albumsd.core.config import Config
from albumsd.core.errors import AlbumsdError
from albumsd.mount.operations import Operations
from albumsd.store import lookups
from albumsd.store.database import Reader
from albumsd.vfs.node import Content, Folder, Leaf
from albumsd.vfs.tree import Tree

HEIGHTS = [
    "tree",
    "operations",
    pytest.param("mount", marks=[pytest.mark.mount, pytest.mark.slow]),
    pytest.param("user", marks=[pytest.mark.mount, pytest.mark.slow, pytest.mark.user]),
]
"""From the lowest; the tree knows no gestures."""

DEADLINE_S = PATIENCE_S + 20.0
Names = tuple[str, ...]


class Seen(NamedTuple):
    """What a listing or a stat says. ``size`` and ``mtime_ns`` are 0 for a folder."""

    kind: str  # folder, file, link
    inode: int
    size: int
    mtime_ns: int


class Driver(Protocol):
    height: str

    def list(self, path: Names) -> dict[str, Seen]: ...
    def stat(self, path: Names) -> Seen: ...
    def read(self, path: Names) -> bytes: ...
    def target(self, path: Names) -> str: ...


class Gestures(Driver, Protocol):
    """A height at which something can be tried that the tree knows nothing of."""

    def gestures(self, folder: Names, file: Names) -> dict[str, int]:
        """Everything a program may try to change ``file`` in ``folder``: its name to its errno, 0 where it worked."""
        ...


def walk(
    driver: Driver, top: Names = (), skip: Callable[[Names], bool] = lambda path: False
) -> Iterator[tuple[Names, Seen]]:
    """Everything listed below ``top``."""
    for name, seen in driver.list(top).items():
        path = (*top, name)
        yield path, seen
        if seen.kind == "folder" and not skip(path):
            yield from walk(driver, path, skip)


# ------------------------------------------------------------------------------------------- the tree


class TreeDriver:
    height = "tree"

    def __init__(self, config: Config) -> None:
        self.reader = Reader(config.database)
        self.tree = Tree(config, self.reader)

    def _at(self, path: Names) -> Folder | Leaf:
        node: Folder | Leaf = self.tree.root
        try:
            for name in path:
                if not isinstance(node, Folder):
                    raise NotADirectoryError
                node = node.lookup(self.reader, os.fsencode(name))
        except AlbumsdError as error:
            raise OSError(error.errno, str(error)) from None
        return node

    def _seen(self, node: Folder | Leaf) -> Seen:
        if isinstance(node, Folder):
            return Seen("folder", node.inode, 0, 0)
        return Seen("link" if node.content is Content.LINK else "file", node.inode, node.size, node.mtime_ns)

    def list(self, path: Names) -> dict[str, Seen]:
        folder, rows, cookie = self._at(path), {}, 0
        assert isinstance(folder, Folder)
        listing = folder.open(self.reader)
        while page := listing.page(self.reader, cookie, 3):
            rows |= {os.fsdecode(entry.name): self._seen(entry.node) for entry in page}
            cookie = page[-1].cookie
        return rows

    def stat(self, path: Names) -> Seen:
        return self._seen(self._at(path))

    def read(self, path: Names) -> bytes:
        leaf = self._at(path)
        assert isinstance(leaf, Leaf)
        if leaf.content is Content.ORIGINAL:
            return Path(os.fsdecode(lookups.first_path(self.reader, leaf.asset) or b"")).read_bytes()
        if leaf.content is Content.PREVIEW:
            return self.tree.preview_path(self.reader, leaf).read_bytes()
        return self.tree.content(self.reader, leaf)

    def target(self, path: Names) -> str:
        leaf = self._at(path)
        assert isinstance(leaf, Leaf)
        return os.fsdecode(self.tree.link_target(self.reader, leaf))

    def close(self) -> None:
        self.reader.close()


# --------------------------------------------------------------------------------------- the handlers


class _Caller:
    pid, uid, gid, umask = 1, 0, 0, 0


class OperationsDriver:
    height = "operations"

    def __init__(self, config: Config) -> None:
        self.reader = Reader(config.database)
        self.operations = Operations(config, Tree(config, self.reader), self.reader)

    def call(self, handler: Callable[..., Any], *args: Any) -> Any:
        """What the handler answers; its errno as OSError. Any other exception fails the test, as it ends a mount."""

        async def go() -> Any:
            with trio.fail_after(DEADLINE_S):
                return await handler(*args)

        try:
            return trio.run(go)
        except pyfuse3.FUSEError as error:
            raise OSError(error.errno, os.strerror(error.errno)) from None

    def _look(self, path: Names) -> pyfuse3.EntryAttributes:
        attr = self.call(self.operations.getattr, pyfuse3.ROOT_INODE, _Caller())
        for name in path:
            attr = self.call(self.operations.lookup, attr.st_ino, os.fsencode(name), _Caller())
            if attr.st_ino == 0:  # "not there", which the kernel may remember
                raise FileNotFoundError(2, name)
        return attr

    def list(self, path: Names) -> dict[str, Seen]:
        fh = self.call(self.operations.opendir, self._look(path).st_ino, _Caller())
        rows: dict[str, Seen] = {}
        last = 0
        page: list[int] = []

        def reply(token: object, name: bytes, attr: pyfuse3.EntryAttributes, cookie: int) -> bool:
            nonlocal last
            if len(page) == 4:
                return False
            page.append(cookie)
            last = cookie
            if name not in (b".", b".."):
                rows[os.fsdecode(name)] = seen_of(attr)
            return True

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(pyfuse3, "readdir_reply", reply)
            while True:
                page.clear()
                self.call(self.operations.readdir, fh, last, None)
                if not page:
                    break
        self.call(self.operations.releasedir, fh)
        return rows

    def stat(self, path: Names) -> Seen:
        return seen_of(self._look(path))

    def read(self, path: Names) -> bytes:
        fh = self.call(self.operations.open, self._look(path).st_ino, os.O_RDONLY, _Caller()).fh
        parts: list[bytes] = []
        while part := bytes(self.call(self.operations.read, fh, sum(map(len, parts)), 5000)):
            parts.append(part)
        self.call(self.operations.release, fh)
        return b"".join(parts)

    def target(self, path: Names) -> str:
        return os.fsdecode(self.call(self.operations.readlink, self._look(path).st_ino, _Caller()))

    def gestures(self, folder: Names, file: Names) -> dict[str, int]:
        top, inode, name = self._look(folder).st_ino, self._look(file).st_ino, os.fsencode(file[-1])
        parent, ops, who = self._look(file[:-1]).st_ino, self.operations, _Caller()
        tries: dict[str, tuple[Any, ...]] = {
            "mkdir": (ops.mkdir, top, b"new", 0o700, who),
            "create": (ops.create, top, b"new", 0o600, os.O_WRONLY, who),
            "mknod": (ops.mknod, top, b"new", stat.S_IFREG | 0o600, 0, who),
            "symlink": (ops.symlink, top, b"new", b"target", who),
            "link": (ops.link, inode, top, b"new", who),
            "rename": (ops.rename, parent, name, top, b"new", 0, who),
            "unlink": (ops.unlink, parent, name, who),
            "rmdir": (ops.rmdir, pyfuse3.ROOT_INODE, os.fsencode(folder[0]), who),
            "write": (ops.open, inode, os.O_WRONLY, who),
            "append": (ops.open, inode, os.O_RDWR | os.O_APPEND, who),
            "truncate": (ops.open, inode, os.O_RDONLY | os.O_TRUNC, who),
            "chmod": (ops.setattr, inode, pyfuse3.EntryAttributes(), None, None, who),
            "setxattr": (ops.setxattr, inode, b"user.new", b"x", who),
            "litter": (ops.create, top, b".DS_Store", 0o600, os.O_WRONLY, who),
        }
        return {what: self._errno(*words) for what, words in tries.items()}

    def _errno(self, handler: Callable[..., Any], *args: Any) -> int:
        try:
            self.call(handler, *args)
        except OSError as error:
            return error.errno or -1
        return 0

    def close(self) -> None:
        self.operations.close()
        self.reader.close()


def seen_of(attr: Any) -> Seen:
    """From EntryAttributes or os.stat_result."""
    if stat.S_ISDIR(attr.st_mode):
        return Seen("folder", attr.st_ino, 0, 0)
    kind = "link" if stat.S_ISLNK(attr.st_mode) else "file"
    return Seen(kind, attr.st_ino, attr.st_size, attr.st_mtime_ns)


# ------------------------------------------------------------------------------------------- the mount


class MountDriver:
    """A mount that another process serves, seen by a third, which may be an ordinary user."""

    def __init__(self, mount: Path, user: int | None = None) -> None:
        self.height = "mount" if user is None else "mount, ordinary user"
        words = [sys.executable, str(Path(__file__).with_name("client.py")), "-" if user is None else str(user)]
        self._client = subprocess.Popen(words, cwd=mount, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def _ask(self, what: str, *path: Names) -> Any:
        assert self._client.stdin is not None
        assert self._client.stdout is not None
        self._client.stdin.write(json.dumps([what, ["/".join(one) or "." for one in path]]).encode() + b"\n")
        self._client.stdin.flush()
        ready, _, _ = select.select([self._client.stdout], [], [], DEADLINE_S)
        assert ready, f"hung: {what} {path}"
        error, answer = json.loads(self._client.stdout.readline())
        if error:
            raise OSError(error, answer)
        return answer

    def list(self, path: Names) -> dict[str, Seen]:
        return {name: Seen(*row) for name, row in self._ask("list", path).items()}

    def stat(self, path: Names) -> Seen:
        return Seen(*self._ask("stat", path))

    def read(self, path: Names) -> bytes:
        return bytes.fromhex(self._ask("read", path))

    def target(self, path: Names) -> str:
        return str(self._ask("target", path))

    def gestures(self, folder: Names, file: Names) -> dict[str, int]:
        found: dict[str, int] = self._ask("gestures", folder, file)
        return found

    def user(self) -> int:
        return int(self._ask("user"))

    def close(self) -> None:
        self._client.kill()
        self._client.wait(10)
        for stream in (self._client.stdin, self._client.stdout):
            assert stream is not None
            stream.close()
