"""SHA-256 of a file, which is the identity of its content."""

from __future__ import annotations

import hashlib
import os

from .source import open_fd


def sha256_file(file: int | bytes | str) -> tuple[str, int]:
    """``(hex digest, size in bytes)`` of a path or of an open descriptor, read whole from its start.

    A descriptor keeps its position and stays open. The size is what was hashed. Raises OSError.
    """
    if not isinstance(file, int):
        fd = open_fd(file)
        try:
            return sha256_file(fd)
        finally:
            os.close(fd)
    before = os.lseek(file, 0, os.SEEK_CUR)
    os.lseek(file, 0, os.SEEK_SET)
    try:
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(file, 0, 0, os.POSIX_FADV_SEQUENTIAL)
        with open(file, "rb", buffering=0, closefd=False) as raw:
            digest = hashlib.file_digest(raw, "sha256")
            size = raw.tell()
        return digest.hexdigest(), size
    finally:
        os.lseek(file, before, os.SEEK_SET)
