"""Looking at folder trees: their files, what is in them."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path


def files(top: Path) -> list[Path]:
    """Every file below a folder, links included."""
    return [Path(folder, name) for folder, _, found in os.walk(top) for name in found]


def digest(path: Path) -> str:
    """SHA-256 of what is read there."""
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def digests(top: Path) -> set[str]:
    return {digest(path) for path in files(top)}
