"""A trace of every system call by which a program could change a file tree, and the question who touched one.

``record`` runs a program under strace. ``touched(lines, tree)`` gives the calls that changed something in ``tree``, or tried to;
``read(lines, tree)`` those that opened something there for reading. Only the arguments count, never whether a call succeeded.

strace shows the path of every file descriptor (``-y``), so a call relative to a folder (``unlinkat(5</tree/x>, "a")``), one on a
descriptor (``fchmod(7</tree/a>)``) and an open through a link (``= 8</tree/a>``) carry the path of the tree, as does one
relative to the working folder of an ``*at`` call. Older calls have no such argument: therefore going into the tree counts as touching.
Writing needs a descriptor that was opened for it, so ``write`` itself need not be traced.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

OPENING = ("open", "openat", "openat2", "open_by_handle_at")
CHANGING = (
    "creat", "mknod", "mknodat", "mkdir", "mkdirat", "rmdir", "unlink", "unlinkat", "rename", "renameat", "renameat2", "link",
    "linkat", "symlink", "symlinkat", "truncate", "ftruncate", "fallocate", "chmod", "fchmod", "fchmodat", "fchmodat2", "chown",
    "lchown", "fchown", "fchownat", "utime", "utimes", "utimensat", "futimesat", "setxattr", "lsetxattr", "fsetxattr", "setxattrat",
    "removexattr", "lremovexattr", "fremovexattr", "removexattrat", "copy_file_range", "ioctl", "mount", "umount2", "move_mount",
    "chdir", "fchdir",
)  # fmt: skip
BLIND = ("io_uring_setup",)
"""What would do all of this without a system call of its own: counts wherever it is."""

_WRITES = re.compile(r"O_WRONLY|O_RDWR|O_CREAT|O_TRUNC|O_APPEND|O_TMPFILE")
_ASKS = re.compile(
    r"TCGETS|FIOCLEX|FIONCLEX|FIONREAD|FS_IOC_GETFLAGS|FS_IOC_FIEMAP|FS_IOC_FSGETXATTR|BTRFS_IOC_INO_LOOKUP"
)
"""Requests of ioctl that change nothing."""
_LINE = re.compile(r"(?P<pid>\d+) +(?:<\.\.\. \w+ resumed>)?(?P<rest>.*)")


def record(
    words: Sequence[str | Path], into: Path, calls: Sequence[str] = (), **run: object
) -> subprocess.CompletedProcess[str]:
    """Run ``words`` and all its children under strace; the trace is in ``into``. ``calls``: further ones to record."""
    assert shutil.which("strace"), (
        "strace is not installed, and without it nothing is proved: make test installs it (contrib/setup test)"
    )
    names = ",".join(f"?{name}" for name in (*OPENING, *CHANGING, *BLIND, *calls))
    return subprocess.run(
        ["strace", "-f", "-qq", "-y", "--seccomp-bpf", "-s", "4096", "-e", f"trace={names}", "-e", "signal=none", "-o", into, *words],
        capture_output=True, text=True, check=False, **run,
    )  # type: ignore[call-overload, no-any-return]  # fmt: skip


def calls(lines: Iterable[str]) -> Iterator[str]:
    """Whole calls: what strace tore apart because another thread came between is joined again, by thread."""
    begun: dict[str, str] = {}
    for line in lines:
        match = _LINE.match(line)
        if match is None:
            continue
        pid, rest = match["pid"], match["rest"]
        if "resumed>" in line[: match.start("rest")]:
            rest = begun.pop(pid, "?(") + rest
        if rest.endswith("<unfinished ...>"):
            begun[pid] = rest.removesuffix("<unfinished ...>")
        else:
            yield rest
    yield from begun.values()


def _in(call: str, tree: Path) -> bool:
    return re.search(r'(?<=["<])' + re.escape(os.fspath(tree)) + r'(?=[/>"]| \(deleted\))', call) is not None


def touched(lines: Iterable[str], tree: Path) -> list[str]:
    """The calls that changed something in ``tree``, or tried to."""
    found = []
    for call in calls(lines):
        name = call.split("(", 1)[0]
        if name in BLIND or (
            _in(call, tree)
            and (
                bool(_WRITES.search(call))
                if name in OPENING
                else name != "?" and not (name == "ioctl" and _ASKS.search(call))
            )
        ):
            found.append(call)
    return found


def read(lines: Iterable[str], tree: Path) -> list[str]:
    """The calls that opened something in ``tree`` for reading."""
    return [call for call in calls(lines) if call.startswith(OPENING) and _in(call, tree) and not _WRITES.search(call)]
