"""The folder on which the mount appears: look at it before mounting, clear away what a dead process left.

Everything here runs before the filesystem is served (or in another process): looking at one's own mount would wait
for oneself.
"""

from __future__ import annotations

import errno
import os
import subprocess
import threading
from pathlib import Path

from albumsd.core import mountinfo
from albumsd.core.errors import MountRefused
from albumsd.core.mountinfo import Mount

DEADLINE_S = 5.0
_CLEARERS = (("fusermount3", "-uz"), ("fusermount", "-uz"), ("umount", "-l"))


def at(path: Path) -> Mount | None:
    """What is mounted at ``path`` now; None for a plain folder. Asks no filesystem."""
    with open(mountinfo.PATH, "rb") as lines:
        mounts = mountinfo.parse(lines.read())
    raw = os.fsencode(path)
    return next((mount for mount in reversed(mounts) if mount.point == raw), None)


def st_dev(path: Path) -> int:
    """The ``st_dev`` of the albumsd that is mounted at ``path``, as the kernel names it; -1 for none.

    Asks no filesystem.
    """
    mounted = at(path)
    if mounted is None or mounted.fstype != "fuse.albumsd":
        return -1
    major, _, minor = mounted.device.partition(":")
    return os.makedev(int(major), int(minor))


def prepare(path: Path) -> None:
    """Make ``path`` an empty folder that can be mounted on. Raises MountRefused."""
    problem = _problem(path)
    if problem == errno.ENOTCONN:
        clear(path)
        problem = _problem(path)
    if problem == errno.ENOENT:
        try:
            path.mkdir(parents=True, mode=0o700)
        except OSError as error:
            raise MountRefused(path=path, why=error.strerror) from None
        return
    if problem == errno.ETIMEDOUT:
        raise MountRefused(path=path, why="something is mounted there that does not answer; `umount -l` takes it away")
    if problem:
        raise MountRefused(path=path, why=os.strerror(problem))
    mounted = at(path)
    if mounted is not None and mounted.fstype == "fuse.albumsd":
        raise MountRefused(path=path, why="another library is mounted there")
    with os.scandir(path) as entries:
        if next(entries, None) is not None:
            raise MountRefused(path=path, why="it is not empty; what is in it would be hidden")


def _problem(path: Path) -> int:
    """The errno of listing ``path``, 0 for none; ETIMEDOUT when it does not answer."""
    found: list[int] = []

    def look() -> None:
        try:
            with os.scandir(path) as entries:
                next(entries, None)
            found.append(0)
        except OSError as error:
            found.append(error.errno or errno.EIO)

    thread = threading.Thread(target=look, name="mountpoint", daemon=True)
    thread.start()
    thread.join(DEADLINE_S)
    return found[0] if found else errno.ETIMEDOUT


def clear(path: Path) -> None:
    """Take away a mount whose process is dead. That there is none is no error."""
    for command in _CLEARERS:
        try:
            done = subprocess.run([*command, os.fspath(path)], capture_output=True, timeout=DEADLINE_S)
        except (FileNotFoundError, subprocess.TimeoutExpired):
            continue
        if done.returncode == 0:
            return
