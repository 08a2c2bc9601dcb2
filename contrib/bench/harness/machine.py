"""Where the figures come from: the machine, and the version of everything they are compared with."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import tempfile
from importlib.metadata import version
from pathlib import Path

_BASELINES = {
    "bindfs": ("bindfs", "--version"),
    "find": ("find", "--version"),
    "sha256sum": ("sha256sum", "--version"),
    "exiftool": ("exiftool", "-ver"),
}
_LIBRARIES = (
    "apsw",
    "pyfuse3",
    "trio",
    "rank-bm25",
    "exifread",
    "pillow",
    "numpy",
    "torch",
    "open-clip-torch",
    "hnswlib",
)


def describe() -> dict[str, str]:
    """``{what: text}`` for the header: processor, memory, kernel, Python, load at the start, versions."""
    load = os.getloadavg()[0]
    found = {
        "processor": f"{os.cpu_count()} × {_processor()}",
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "system": f"{_distribution()}, Linux {platform.release()}",
        "filesystem of the scratch folder": filesystem(Path(tempfile.gettempdir())),
        "load when it began": f"{load:.1f}" + (" (the machine was not quiet)" if load > 1 else ""),
        "albumsd": f"{version('albumsd')}, Python {platform.python_version()}, SQLite {_sqlite()}",
        "libraries": ", ".join(f"{name} {version(name)}" for name in _LIBRARIES),
    }
    return found | {"baselines": ", ".join(f"{name} {_version(command)}" for name, command in _BASELINES.items())}


def filesystem(path: Path) -> str:
    """Type of the filesystem that ``path`` lies on."""
    best = ("", "?")
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, point, kind, *_ = line.split(" ")
        if (str(path.resolve()) + "/").startswith(point.rstrip("/") + "/") and len(point) > len(best[0]):
            best = (point, kind)
    return best[1]


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith(("model name", "Model")):
            return line.partition(":")[2].strip()
    return platform.machine()


def _distribution() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return "unknown distribution"


def _sqlite() -> str:
    import apsw

    return str(apsw.sqlite_lib_version())


def _version(command: tuple[str, ...]) -> str:
    try:
        said = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False).stdout
    except FileNotFoundError:
        return "not installed"
    found = re.search(r"\d+(\.\d+)+", said)
    return found.group() if found else "?"
