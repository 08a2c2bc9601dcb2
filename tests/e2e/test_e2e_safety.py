"""Safety rules on the running whole: a trace of every system call on a source, and no network."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from albumsd.demo import library as drawn

SCRIPT = """
import os, shutil, subprocess, sys, time
from pathlib import Path
from support.daemon import Daemon
source, folder = Path(sys.argv[1]), Path(sys.argv[2])
running = Daemon(folder, {"Photos": source}, {"rest_s": 0.2, "nice": 0})
try:
    running.wait()
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
    print("assets", running.status()["assets"])
finally:
    running.close()
"""


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return drawn.build(tmp_path_factory.mktemp("drawn") / "Pictures", scenes=24).folder


def _environment() -> dict[str, str]:
    here = Path(__file__).resolve()
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(here.parents[1]), str(here.parents[2])])}


CHANGING = (
    "open,openat,openat2,creat,rename,renameat,renameat2,unlink,unlinkat,rmdir,mkdir,mkdirat,link,linkat,symlink,"
    "symlinkat,truncate,chmod,fchmodat,chown,lchown,fchownat,utimensat,utime,utimes,futimesat,setxattr,lsetxattr,"
    "removexattr,lremovexattr,mknod,mknodat"
)
WRITES = re.compile(r"O_WRONLY|O_RDWR|O_CREAT|O_TRUNC|O_APPEND")


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_no_call_ever_writes_renames_or_unlinks_in_a_source(pictures: Path, tmp_path: Path) -> None:
    """Every call of every process of a full run (scan, read, decode, serve, refuse) that names a path of the source."""
    trace = tmp_path / "trace"
    done = subprocess.run(
        ["strace", "-f", "-qq", "--seccomp-bpf", "-s", "4096", "-e", f"trace={CHANGING}", "-o", trace,
         sys.executable, "-c", SCRIPT, pictures, tmp_path / "run"],
        capture_output=True, text=True, timeout=300, env=_environment(), check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert int(done.stdout.split()[-1]) > 50
    opened, guilty = 0, []
    with trace.open(errors="replace") as lines:
        for line in lines:
            if os.fspath(pictures) not in line:
                continue
            call = line.split(None, 1)[1].split("(")[0]
            if call in ("open", "openat", "openat2"):
                opened += 1
                if WRITES.search(line):
                    guilty.append(line)
            else:
                guilty.append(line)
    assert opened > 100
    assert guilty == []


@pytest.mark.skipif(os.geteuid() != 0, reason="a network namespace needs root")
def test_everything_runs_without_any_network(pictures: Path, tmp_path: Path) -> None:
    """The whole run in an empty network namespace, in which not even loopback is up."""
    done = subprocess.run(
        ["unshare", "--net", sys.executable, "-c", SCRIPT, pictures, tmp_path / "run"],
        capture_output=True, text=True, timeout=300, env=_environment(), check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_no_socket_but_unix_ones(pictures: Path, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    done = subprocess.run(
        ["strace", "-f", "-qq", "--seccomp-bpf", "-e", "trace=socket", "-o", trace,
         sys.executable, "-c", SCRIPT, pictures, tmp_path / "run"],
        capture_output=True, text=True, timeout=300, env=_environment(), check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    sockets = [line for line in trace.read_text().splitlines() if "socket(" in line]
    assert sockets
    assert [line for line in sockets if "AF_UNIX" not in line and "AF_LOCAL" not in line] == []
