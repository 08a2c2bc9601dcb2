"""Libraries with a few indexed files, Operations without a mount, and real mounts in processes that can be killed.

Every mount is taken away again whatever happens.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from albumsd.core.config import Config

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from mount_tools import Library, Mounted, Mounter, Rig, unmount  # noqa: E402

START_S = 20.0


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    made = Library(tmp_path)
    yield made
    made.database.close()


@pytest.fixture
def mount() -> Iterator[Mounter]:
    """``mount(config, *settings)``: serve the library with the fake tree; back when the kernel has mounted it."""
    started: list[Mounted] = []

    def start(config: Config, *overrides: str, env: dict[str, str] | None = None) -> Mounted:
        if not os.access("/dev/fuse", os.R_OK | os.W_OK):
            pytest.skip("/dev/fuse is not there")
        words = [sys.executable, str(HERE / "mount_serve.py"), str(config.library), str(config.mount), *overrides]
        log = config.library / "mount.log"
        with open(log, "ab") as out:
            process = subprocess.Popen(
                words, stdout=out, stderr=out, start_new_session=True, env=os.environ | (env or {})
            )
        mounted = Mounted(config, process)
        started.append(mounted)

        def ready() -> bool:
            assert process.poll() is None, f"mount ended: {process.returncode}\n{_text(log)}"
            with suppress(Exception):
                return bool(mounted.status()["ready"])
            return False

        mounted.wait(ready, START_S)
        return mounted

    yield start
    for mounted in started:
        if mounted.process.poll() is None:
            mounted.process.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                mounted.process.wait(10)
            if mounted.process.poll() is None:
                mounted.process.kill()
                mounted.process.wait(10)
        if os.fsencode(mounted.path) in Path("/proc/self/mountinfo").read_bytes():
            unmount(mounted.path)


def _text(path: Path) -> str:
    return path.read_text("utf-8", "replace") if path.exists() else ""


@pytest.fixture
def rig(library: Library) -> Iterator[Rig]:
    library.source()
    made = Rig(library)
    yield made
    made.ops.close()
    made.reader.close()
