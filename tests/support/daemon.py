"""A running albumsd for tests: `albumsd run` in a process group of its own, with deadlines, and no mount left behind.

Tests look at the mount from this process, which serves nothing, or from a client process where a hang must be bounded
(``look``). ``close`` is called whatever happened: SIGTERM, then SIGKILL to every process of the library, then a lazy unmount.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

START_S = 60
PROCESSES = ("mount", "indexer", "brain")


class Daemon:
    """``Daemon(folder, {"Photos": path})`` is up when the constructor returns."""

    def __init__(self, folder: Path, sources: dict[str, Path], settings: dict[str, Any] | None = None) -> None:
        self.library = folder / "library"
        self.mount = folder / "mount"
        self.log = folder / "log.txt"
        folder.mkdir(parents=True, exist_ok=True)
        self.library.mkdir(mode=0o700)
        lines = [f"{name} = {json.dumps(value)}" for name, value in (settings or {}).items()]
        (self.library / "config.toml").touch(0o600)
        (self.library / "config.toml").write_text("\n".join(lines))
        words = [word for name, path in sources.items() for word in ("--source", f"{name}={path}")]
        self.process = self._start(words)

    def _start(self, words: list[str]) -> subprocess.Popen[str]:
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "albumsd", "run", "--library", self.library, "--mount", self.mount, *words],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        lines: list[str] = []
        ready = threading.Event()

        def read() -> None:
            for line in process.stdout or ():
                lines.append(line)
                if line.startswith("ready:"):
                    ready.set()
            ready.set()

        self._reading = threading.Thread(target=read, daemon=True)
        self._reading.start()
        self.said = lines
        self.process = process
        if not ready.wait(START_S) or not any(line.startswith("ready:") for line in lines):
            self.close()
            raise AssertionError(f"albumsd did not get ready:\n{self.log.read_text(errors='replace')[-4000:]}")
        return process

    def start_again(self) -> None:
        """After ``stop``: the same library, which knows its sources."""
        self._start([])

    # ------------------------------------------------------------------------------------ asking

    def run(self, *words: str | Path, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """`albumsd WORDS --library …`, not checked."""
        return subprocess.run(
            [sys.executable, "-m", "albumsd", words[0], "--library", self.library, *words[1:]],
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def wait(self, timeout: float = 120) -> None:
        done = self.run("wait", "--timeout", str(timeout), timeout=timeout + 30)
        assert done.returncode == 0, done.stderr + self.log.read_text(errors="replace")[-3000:]

    def status(self) -> dict[str, Any]:
        done = self.run("status", "--json")
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def pid(self, process: str) -> int:
        """Who wrote the lock file last; 0 in the moment in which it is being written."""
        return int((self.library / "run" / f"{process}.lock").read_text() or 0)

    def look(self, *words: str, timeout: float = 30) -> subprocess.CompletedProcess[bytes]:
        """Run a program that looks into the mount, bounded in time."""
        return subprocess.run(words, capture_output=True, timeout=timeout, check=False)

    def until(self, condition: Callable[[], Any], what: str, timeout: float = 30) -> Any:
        """The first true value of ``condition``, asked again and again; OSError counts as false."""
        end = time.monotonic() + timeout
        while True:
            with suppress(OSError):
                if value := condition():
                    return value
            assert time.monotonic() < end, f"{what} did not happen:\n{self.log.read_text(errors='replace')[-3000:]}"
            time.sleep(0.02)

    def names(self, *path: str) -> list[str]:
        return sorted(os.listdir(self.mount.joinpath(*path)))

    # ------------------------------------------------------------------------------------ ending

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        self.process.terminate()
        code = self.process.wait(40)
        self._release()
        return code

    def _release(self) -> None:
        self._reading.join(10)
        if self.process.stdout:
            self.process.stdout.close()

    def close(self) -> None:
        with suppress(ProcessLookupError):
            self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
        for process in PROCESSES:
            with suppress(OSError, ValueError, ProcessLookupError):
                pid = self.pid(process)
                if b"albumsd" in Path(f"/proc/{pid}/cmdline").read_bytes():
                    os.kill(pid, signal.SIGKILL)
        self._release()
        if os.fspath(self.mount) in Path("/proc/self/mountinfo").read_text():
            subprocess.run(["umount", "-l", self.mount], check=False, capture_output=True, timeout=20)
