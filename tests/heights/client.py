"""Looks at the working folder for ``drivers.MountDriver``: ``python client.py UID|-``; one JSON question per line of
standard input, ``[errno, answer]`` per line of standard output. Becomes the user before the first question, inside
the folder already: the folders above it are nobody's business."""

from __future__ import annotations

import json
import os
import stat
import sys
from collections.abc import Callable
from typing import Any


def seen(found: os.stat_result) -> list[Any]:
    if stat.S_ISDIR(found.st_mode):
        return ["folder", found.st_ino, 0, 0]
    return ["link" if stat.S_ISLNK(found.st_mode) else "file", found.st_ino, found.st_size, found.st_mtime_ns]


def listed(path: str) -> dict[str, list[Any]]:
    rows = {}
    with os.scandir(path) as entries:
        for entry in entries:
            row = seen(entry.stat(follow_symlinks=False))
            assert row[1] == entry.inode()
            assert (row[0] == "folder", row[0] == "link") == (entry.is_dir(follow_symlinks=False), entry.is_symlink())
            rows[entry.name] = row
    return rows


def read(path: str) -> str:
    with open(path, "rb") as file:
        return file.read().hex()


def gestures(folder: str, file: str) -> dict[str, int]:
    new = f"{folder}/new"
    tries: dict[str, Callable[[], Any]] = {
        "mkdir": lambda: os.mkdir(new),
        "create": lambda: open(new, "x"),
        "mknod": lambda: os.mknod(new),
        "symlink": lambda: os.symlink("target", new),
        "link": lambda: os.link(file, new),
        "rename": lambda: os.rename(file, new),
        "unlink": lambda: os.unlink(file),
        "rmdir": lambda: os.rmdir(folder.partition("/")[0]),
        "write": lambda: os.open(file, os.O_WRONLY),
        "append": lambda: os.open(file, os.O_RDWR | os.O_APPEND),
        "truncate": lambda: os.truncate(file, 0),
        "chmod": lambda: os.chmod(file, 0o644),
        "setxattr": lambda: os.setxattr(file, "user.new", b"x"),
        "litter": lambda: open(f"{folder}/.DS_Store", "x"),
    }
    found = {}
    for name, gesture in tries.items():
        try:
            gesture()
            found[name] = 0
        except OSError as error:
            found[name] = error.errno or -1
    return found


ASKED: dict[str, Callable[..., Any]] = {
    "list": listed,
    "stat": lambda path: seen(os.lstat(path)),
    "read": read,
    "target": os.readlink,
    "gestures": gestures,
    "user": os.geteuid,
}

if sys.argv[1] != "-":
    user = int(sys.argv[1])
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
for line in sys.stdin:
    what, paths = json.loads(line)
    try:
        answer = [0, ASKED[what](*paths)]
    except OSError as error:
        answer = [error.errno, str(error)]
    print(json.dumps(answer), flush=True)
