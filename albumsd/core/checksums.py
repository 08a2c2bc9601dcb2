"""SHA256SUMS of a folder: what its files were when they were fetched, in the format of sha256sum(1).

``sha256sum -c SHA256SUMS`` in the folder says the same as ``wrong``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

NAME = "SHA256SUMS"


def write(folder: Path, sums: Mapping[str, str]) -> None:
    """``sums``: file name to hex. Raises OSError."""
    (folder / NAME).write_text("".join(f"{sums[name]}  {name}\n" for name in sorted(sums)), "utf-8")


def read(folder: Path) -> dict[str, str] | None:
    """File name to hex; None when the folder has no SHA256SUMS. A line that is none of sha256sum's names no file."""
    try:
        lines = (folder / NAME).read_text("utf-8", "replace").splitlines()
    except FileNotFoundError:
        return None
    found = {}
    for line in lines:
        digest, _, name = line.partition("  ")
        if len(digest) == 64 and name and "/" not in name:
            found[name] = digest.lower()
    return found


def of_file(path: Path) -> str:
    """SHA-256 in hex. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def wrong(folder: Path) -> list[str]:
    """The files that are not there, or not what SHA256SUMS says; none when there is no SHA256SUMS."""
    return [name for name, digest in sorted((read(folder) or {}).items()) if _differs(folder / name, digest)]


def _differs(path: Path, digest: str) -> bool:
    try:
        return of_file(path) != digest
    except OSError:
        return True
