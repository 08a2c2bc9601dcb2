"""Safety rules on the running whole: a trace of every system call on a source, and no network.

One run serves all of them: scan, read, decode, embed, serve, refuse, rescan, search, under strace, in an empty network
namespace. With what runs models installed, the demo's model looks at every picture; without, all the rest is proved.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from support import trace

from albumsd.core import weights
from albumsd.demo import library as drawn
from albumsd.demo import model
from albumsd.store.database import Reader

MEANING = weights.installed()

SCRIPT = """
import json, os, sys
from pathlib import Path
from support.daemon import Daemon
source, folder, settings = Path(sys.argv[1]), Path(sys.argv[2]), json.loads(sys.argv[3])
running = Daemon(folder, {"Photos": source}, {"rest_s": 0.2, "nice": 0, **settings})
try:
    running.wait(240)
    for top, _, names in os.walk(running.mount):
        for name in names:
            try:
                Path(top, name).read_bytes()
            except OSError:
                pass
    for act in (os.unlink, lambda p: os.rename(p, p + "x"), lambda p: open(p, "r+b"), lambda p: os.truncate(p, 0)):
        top, _, names = next(row for row in os.walk(running.mount / "by-date") if row[2])
        try:
            act(os.path.join(top, names[0]))
        except OSError:
            pass
    running.run("rescan")
    running.wait()
    assert os.listdir(running.mount / "search" / "warranty")
    if settings:
        query = running.mount / "search" / "a photo of dogs"
        running.until(lambda: os.listdir(query), "an answer by meaning", 60)
    print("assets", running.status()["assets"])
finally:
    running.close()
"""

TOUCHES = """
import os, sys
from pathlib import Path
top = Path(sys.argv[1])
folder = os.open(top, os.O_RDONLY)
def fd(name): return os.open(top / name, os.O_RDONLY)
def through_a_link(name):
    os.symlink(top / name, top.parent / "link")
    open(top.parent / "link", "ab").close()
def in_the_folder(name):
    os.chdir(top)
    os.unlink(name)
touches = {
    "open": lambda name: open(top / name, "ab"),
    "truncate": lambda name: os.truncate(top / name, 1),
    "ftruncate": lambda name: os.ftruncate(os.open(top / name, os.O_RDWR), 1),
    "fchmod": lambda name: os.fchmod(fd(name), 0o600),
    "fchown": lambda name: os.fchown(fd(name), -1, -1),
    "futimens": lambda name: os.utime(fd(name)),
    "fsetxattr": lambda name: os.setxattr(fd(name), "user.x", b"x"),
    "fremovexattr": lambda name: os.removexattr(fd(name), "user.x"),
    "unlinkat": lambda name: os.unlink(name, dir_fd=folder),
    "renameat": lambda name: os.rename(name, "moved", src_dir_fd=folder, dst_dir_fd=folder),
    "mkdirat": lambda name: os.mkdir(name + ".d", dir_fd=folder),
    "linkat": lambda name: os.link(top / name, top.parent / "hard"),
    "link": through_a_link,
    "chdir": in_the_folder,
}
for name, touch in touches.items():
    try:
        touch(name)
    except OSError:
        pass
print(*touches)
"""


def environment() -> dict[str, str]:
    here = Path(__file__).resolve()
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(here.parents[1]), str(here.parents[2])])}


# ------------------------------------------------------------------------------------- the checker itself

INNOCENT = [
    '7 openat(AT_FDCWD</home>, "/src/a.jpg", O_RDONLY|O_CLOEXEC) = 3</src/a.jpg>',
    '7 openat(AT_FDCWD</home>, "/src-other/a.jpg", O_RDWR) = 3</src-other/a.jpg>',
    '7 rename("/library/a", "/library/src") = 0',
    "7 ioctl(3</src/a.jpg>, TCGETS, 0x7ffd) = -1 ENOTTY (Inappropriate ioctl for device)",
    '8 openat(AT_FDCWD</home>, "/src/a.jpg", O_RDONLY <unfinished ...>',
    '7 openat(AT_FDCWD</home>, "/library/x", O_RDWR <unfinished ...>',
    "8 <... openat resumed>) = 4</src/a.jpg>",
    "7 <... openat resumed>) = 4</library/x>",
    "7 +++ exited with 0 +++",
]
GUILTY = [
    '7 openat(AT_FDCWD</home>, "/src/a.jpg", O_RDWR) = -1 EROFS (Read-only file system)',
    '7 openat(AT_FDCWD</home>, "/library/link", O_WRONLY|O_APPEND) = 3</src/a.jpg>',
    '7 openat(AT_FDCWD</src>, ".", O_RDWR|O_TMPFILE, 0600) = 3</src/#12>',
    '7 openat(5</src/sub>, "a.jpg", O_WRONLY) = 3</src/sub/a.jpg>',
    "7 fchmod(3</src/a.jpg>, 0600) = 0",
    "7 fchown(3</src/a.jpg>, 0, 0) = 0",
    '7 fsetxattr(3</src/a.jpg>, "user.x", "x", 1, 0) = 0',
    "7 ftruncate(3</src/a.jpg>, 0) = 0",
    "7 utimensat(3</src/a.jpg>, NULL, NULL, 0) = 0",
    '7 unlinkat(5</src>, "a.jpg", 0) = 0',
    '7 renameat2(5</src>, "a", AT_FDCWD</tmp>, "b", RENAME_NOREPLACE) = 0',
    '7 rename("/library/x", "/src/x") = 0',
    '7 link("/src/a.jpg", "/library/a.jpg") = 0',
    '7 chdir("/src") = 0',
    "7 ioctl(3</src/a.jpg>, FS_IOC_SETFLAGS, [FS_IMMUTABLE_FL]) = 0",
    "7 ftruncate(3</src/a.jpg (deleted)>, 0) = 0",
    "7 io_uring_setup(8, {}) = 3",
]


@pytest.mark.parametrize("line", GUILTY)
def test_the_checker_finds_every_way_to_touch_a_tree(line: str) -> None:
    call = line.split(" ", 1)[1]
    assert trace.touched([*INNOCENT, line], Path("/src")) == [call]
    middle = call.index(",") if "," in call else call.index("(") + 1
    torn = [
        f"7 {call[:middle]} <unfinished ...>",
        INNOCENT[0].replace("7", "8", 1),
        f"7 <... x resumed>{call[middle:]}",
    ]
    assert len(trace.touched(torn, Path("/src"))) == 1


def test_the_checker_lets_reading_pass() -> None:
    assert trace.touched(INNOCENT, Path("/src")) == []
    assert len(trace.read(INNOCENT, Path("/src"))) == 2


def test_a_program_that_touches_a_tree_is_caught_in_a_real_trace(tmp_path: Path) -> None:
    top = tmp_path / "Pictures"
    top.mkdir()
    ways = re.findall(r'^    "(\w+)":', TOUCHES, re.MULTILINE)
    for name in ways:
        (top / name).write_bytes(b"some bytes")
    done = trace.record([sys.executable, "-c", TOUCHES, top], tmp_path / "trace", timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ways
    found = trace.touched((tmp_path / "trace").read_text().splitlines(), top)
    missed = [name for name in ways if not any(re.search(rf'["/]{name}|^{name}\(', call) for call in found)]
    assert missed == []


# ------------------------------------------------------------------------------------------ the full run


class Traced(NamedTuple):
    source: Path
    library: Path
    before: dict[str, tuple[int, ...]]
    lines: list[str]
    said: str
    alone: bool  # in an empty network namespace


def shape(top: Path) -> dict[str, tuple[int, ...]]:
    """What lies in a folder and when it was last changed in any way: mode, owner, size, mtime and ctime of every name."""
    found = {}
    for folder, _, names in os.walk(top):
        for path in (Path(folder), *(Path(folder, name) for name in names)):
            stat = path.lstat()
            found[str(path)] = (
                stat.st_mode,
                stat.st_uid,
                stat.st_nlink,
                stat.st_size,
                stat.st_mtime_ns,
                stat.st_ctime_ns,
            )
    return found


@pytest.fixture(scope="module")
def traced(tmp_path_factory: pytest.TempPathFactory) -> Traced:
    folder = tmp_path_factory.mktemp("traced")
    pictures = drawn.build(folder / "Pictures", scenes=24).folder
    before = shape(pictures)
    alone = os.geteuid() == 0
    settings = {"model": os.fspath(model.FOLDER), "demo": True} if MEANING else {}
    words = [*(["unshare", "--net"] if alone else []), sys.executable, "-c", SCRIPT, pictures, folder / "run",
             json.dumps(settings)]  # fmt: skip
    done = trace.record(words, folder / "trace", ["socket"], timeout=400, env=environment())
    assert done.returncode == 0, done.stderr[-3000:]
    lines = (folder / "trace").read_text(errors="replace").splitlines()
    return Traced(pictures, folder / "run" / "library", before, lines, done.stdout, alone)


def test_no_call_ever_writes_renames_or_unlinks_in_a_source(traced: Traced) -> None:
    """Every call of every process of a full run that names a path of the source, or holds a descriptor of it."""
    assert int(traced.said.split()[-1]) > 50
    assert len(trace.read(traced.lines, traced.source)) > 100
    assert trace.touched(traced.lines, traced.source) == []


def test_a_source_is_after_a_full_run_what_it_was_before(traced: Traced) -> None:
    assert shape(traced.source) == traced.before


def test_everything_runs_without_any_network(traced: Traced) -> None:
    """The whole run happened in an empty network namespace, in which not even loopback is up."""
    if not traced.alone:
        pytest.skip("a network namespace needs root")
    assert int(traced.said.split()[-1]) > 50


def test_every_picture_was_seen_by_the_model(traced: Traced) -> None:
    """In that namespace, and in a process of the trace: what runs models was opened there."""
    if not MEANING:
        pytest.skip("the extra `meaning` is not installed")
    with Reader(traced.library / "albumsd.db") as reader:
        pictures = {
            row[0]
            for row in reader.all(
                "SELECT a.id FROM asset a JOIN preview p ON p.asset=a.id WHERE a.live AND a.kind IN ('photo', 'video')"
            )
        }
        seen = {row[0] for row in reader.all("SELECT DISTINCT asset FROM embedding WHERE tower='image'")}
    assert len(pictures) >= 24
    assert pictures <= seen
    torch = importlib.util.find_spec("torch")
    assert torch
    assert torch.origin
    assert trace.read(traced.lines, Path(torch.origin).parent)


def test_no_socket_but_unix_ones(traced: Traced) -> None:
    sockets = [call for call in trace.calls(traced.lines) if call.startswith("socket(")]
    assert sockets
    assert [call for call in sockets if "AF_UNIX" not in call and "AF_LOCAL" not in call] == []
