"""What the tests of the adapter work with: a library indexed by hand, Operations without a kernel, a mount in a process
of its own. A test never touches a mount from the process that serves it."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyfuse3
import pytest
import trio
from mount_fakes import FakeTree

from albumsd.core import config as settings
from albumsd.core.config import Config
from albumsd.ipc.calls import ask
from albumsd.mount.operations import Operations
from albumsd.store import files, sources
from albumsd.store.database import Database


class Library:
    """A library with one or more sources, indexed by hand: rows as a scan would write them."""

    def __init__(self, top: Path) -> None:
        self.top = top
        self.folder = top / "library"
        self.config: Config = settings.load(self.folder, overrides={"mount": str(top / "mount")})
        self.database = Database(self.config.database, create=True)

    def source(self, name: str = "photos", path: Path | None = None, state: str = "online") -> Path:
        path = path or self.top / name
        path.mkdir(exist_ok=True)
        known = sources.add(self.database, self.config, path, name)
        with self.database.write() as tx:
            sources.set_volume(tx, known.id, f"volume of {name}", 1, True)
            sources.set_state(tx, known.id, state)
        return path

    def state(self, name: str, state: str) -> None:
        with self.database.write() as tx:
            sources.set_state(tx, sources.by_name(tx, name).id, state)

    def index(self, path: Path, content: bytes | None = None) -> int:
        """Write ``content`` to a file of a source and give it a row. Its asset's id."""
        if content is not None:
            path.write_bytes(content)
        return self.index_many([path])[0]

    def index_many(self, paths: list[Path]) -> list[int]:
        entries = []
        for path in paths:
            stat = path.lstat()
            entries.append(files.Entry(os.fsencode(path.name), stat.st_size, stat.st_mtime_ns, stat.st_ino))
        with self.database.write() as tx:
            source = next(s for s in sources.all_sources(tx) if s.path == os.fsencode(paths[0].parent))
            folder = files.ensure_folder(tx, source.id, b"")
            files.arrive(tx, folder, b"", entries, 1)
            return [
                tx.value("SELECT asset FROM file WHERE folder=? AND name=?", (folder, entry.name)) for entry in entries
            ]

    def vanish(self, asset: int) -> None:
        with self.database.write() as tx:
            files.vanish(tx, tx.value("SELECT id FROM file WHERE asset=?", (asset,)))


class Mounted:
    """A mount served by another process. ``path`` may be used freely; a test that could hang uses ``shell``."""

    def __init__(self, config: Config, process: subprocess.Popen[bytes]) -> None:
        self.config = config
        self.path = config.mount
        self.process = process

    def status(self, timeout_s: float = 5.0) -> dict[str, object]:
        return ask(self.config.run / "mount.sock", {"ask": "status"}, timeout_s)

    def shell(self, command: str, timeout_s: float = 20.0, user: int | None = None) -> subprocess.CompletedProcess[str]:
        """Run a command with the mount as working folder; after ``timeout_s`` it is killed, and that fails the test."""
        words = ["timeout", "-s", "KILL", str(timeout_s), "sh", "-c", command]
        if user is not None:
            words = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", *words]
        command_line = ["sh", "-c", 'cd "$1" && shift && exec "$@"', "sh", str(self.path), *words]
        done = subprocess.run(command_line, capture_output=True, text=True, timeout=timeout_s + 10)
        assert done.returncode not in (137, -9), f"hung: {command}"
        return done

    def wait(self, met: Callable[[], bool], seconds: float = 10.0) -> None:
        """Until ``met()``; fails after ``seconds``."""
        end = time.monotonic() + seconds
        while not met():
            assert time.monotonic() < end, "did not happen"
            time.sleep(0.02)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(10)

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        self.process.terminate()
        return self.process.wait(15)


Mounter = Callable[..., Mounted]


def unmount(path: Path) -> None:
    """Take away whatever is mounted there; a client that hangs in it gets ENOTCONN."""
    for command in (["umount", "-f"], ["umount", "-l"], ["fusermount3", "-uz"]):
        with suppress(FileNotFoundError):
            if subprocess.run([*command, str(path)], capture_output=True, timeout=10).returncode == 0:
                return


class Caller:
    """Who asks: what handlers see of a RequestContext."""

    def __init__(self, pid: int = 1) -> None:
        self.pid, self.uid, self.gid, self.umask = pid, 0, 0, 0


class Rig:
    """Operations on the fake tree, without a kernel. ``call`` runs one handler in a loop of its own."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self.reader = library.database.reader()
        self.tree = FakeTree(library.config, self.reader)
        self.ops = Operations(library.config, self.tree, self.reader)  # type: ignore[arg-type]
        self.room = 1 << 30  # rows that one READDIR has room for

    def call(self, handler: Callable[..., Any], *args: Any) -> Any:
        async def go() -> Any:
            with trio.fail_after(20):
                return await handler(*args)

        return trio.run(go)

    def errno(self, handler: Callable[..., Any], *args: Any) -> int:
        """The errno that the handler answers; 0 for none. Anything but a FUSEError fails the test, as it ends a mount."""

        async def caught() -> int:
            try:
                await handler(*args)
            except pyfuse3.FUSEError as error:
                return error.errno
            return 0

        answer: int = self.call(caught)
        return answer

    def find(self, path: str) -> int:
        """The inode at ``path``, looked up part by part as the kernel does."""
        inode = pyfuse3.ROOT_INODE
        for part in path.split("/"):
            inode = self.call(self.ops.lookup, inode, part.encode(), Caller()).st_ino
        return inode

    def read(self, path: str, size: int = 1 << 17) -> bytes:
        """What a program reads that opens ``path``."""
        info = self.call(self.ops.open, self.find(path), os.O_RDONLY, Caller())
        parts = []
        while part := bytes(self.call(self.ops.read, info.fh, sum(map(len, parts)), size)):
            parts.append(part)
        self.call(self.ops.release, info.fh)
        return b"".join(parts)

    def list(self, path: str) -> list[tuple[bytes, int, int]]:
        """``(name, inode, cookie)`` of a whole listing, READDIR by READDIR."""
        fh = self.call(self.ops.opendir, self.find(path) if path else pyfuse3.ROOT_INODE, Caller())
        rows: list[tuple[bytes, int, int]] = []
        while page := self.readdir(fh, rows[-1][2] if rows else 0):
            rows += page
        self.call(self.ops.releasedir, fh)
        return rows

    def readdir(self, fh: int, start: int) -> list[tuple[bytes, int, int]]:
        rows: list[tuple[bytes, int, int]] = []

        def reply(token: object, name: bytes, attr: pyfuse3.EntryAttributes, cookie: int) -> bool:
            if len(rows) >= self.room:
                return False
            rows.append((name, attr.st_ino, cookie))
            return True

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(pyfuse3, "readdir_reply", reply)
            self.call(self.ops.readdir, fh, start, None)
        return rows
