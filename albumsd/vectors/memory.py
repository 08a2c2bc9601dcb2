"""How much memory there is, for who is about to take gigabytes of it."""

from __future__ import annotations

from pathlib import Path

_LINES = Path("/proc/meminfo")


def free() -> int:
    """Bytes that programs may still take; without /proc, plenty."""
    try:
        lines = _LINES.read_text().splitlines()
    except OSError:
        return 1 << 60
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")), 1 << 60)
