"""Child processes with a deadline, a scratch folder that is really gone afterwards, and mounts that never stay.

A benchmark runs in a process of its own (``run.py`` starts it as leader of a session). Whatever it mounts lies in its
scratch folder, and whatever it starts is its descendant, so ``clear`` can find both even after it was killed.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

POLL_S = 0.002


class TooSlow(Exception):
    """Something did not happen before its deadline."""


def wait_until(true: Callable[[], object], deadline_s: float, what: str, poll_s: float = POLL_S) -> float:
    """Ask every ``poll_s`` until ``true()``; seconds that it took. Raises TooSlow."""
    began = time.perf_counter()
    while not true():
        if time.perf_counter() - began > deadline_s:
            raise TooSlow(f"{what}: not within {deadline_s:.0f} s")
        time.sleep(poll_s)
    return time.perf_counter() - began


@contextmanager
def process(
    command: Sequence[str | os.PathLike[str]], *, log: Path | None = None, stop_s: float = 20.0
) -> Iterator[subprocess.Popen[bytes]]:
    """A running process; SIGTERM at the end, SIGKILL if it has not gone ``stop_s`` later. ``log`` gets its output."""
    out = log.open("ab") if log else None
    try:
        started = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out or subprocess.DEVNULL, stderr=subprocess.STDOUT
        )
    finally:
        if out:
            out.close()
    try:
        yield started
    finally:
        started.terminate()
        try:
            started.wait(stop_s)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait(stop_s)


def mounts_below(folder: Path) -> list[Path]:
    """Mount points in ``folder``, the innermost first."""
    prefix = os.fspath(folder) + "/"
    points = [line.split(" ")[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    return sorted((Path(point) for point in points if point.startswith(prefix)), key=lambda p: -len(p.parts))


def unmount(point: Path) -> None:
    """Take a mount away, whoever still uses it and whether its process lives or not."""
    command = ["umount", "-l"] if os.geteuid() == 0 else ["fusermount3", "-uz"]
    subprocess.run([*command, point], check=False, capture_output=True, timeout=20)


def _abort_connection(point: Path) -> None:
    """End a FUSE connection, so that nobody waits in the kernel for it. Found by mountinfo: a stat could hang."""
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        fields = line.split(" ")
        if fields[4] == os.fspath(point):
            connection = Path(f"/sys/fs/fuse/connections/{fields[2].partition(':')[2]}/abort")
            with suppress(OSError):
                connection.write_text("1")


def descendants(pid: int) -> list[int]:
    """Living processes that ``pid`` started, directly or not, and those of its session."""
    parents, sessions = {}, {}
    for entry in os.listdir("/proc"):
        with suppress(OSError, ValueError):
            fields = Path(f"/proc/{int(entry)}/stat").read_text().rpartition(")")[2].split()
            parents[int(entry)], sessions[int(entry)] = int(fields[1]), int(fields[3])
    found: list[int] = [child for child, session in sessions.items() if session == pid and child != pid]
    queue = [pid, *found]
    while queue:
        parent = queue.pop()
        new = [child for child, its_parent in parents.items() if its_parent == parent and child not in found]
        found += new
        queue += new
    return found


def clear(scratch: Path, pids: Sequence[int] = ()) -> None:
    """Kill ``pids``, take every mount out of ``scratch``, and delete it."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    for point in mounts_below(scratch):
        _abort_connection(point)
        unmount(point)
    if not mounts_below(scratch):
        shutil.rmtree(scratch, ignore_errors=True)


def resident(pid: int) -> int:
    """Bytes of a process that lie in memory, pages of files included."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    return 0


def anonymous(pid: int) -> int:
    """Bytes of a process that are not pages of files."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    return 0
