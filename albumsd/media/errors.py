"""The one exception of this package: a file could not be read, with the reason as it will be shown.

``reason`` is a slug, the folder name under ``problems/``:

``empty`` no bytes · ``truncated`` the end is missing · ``corrupt`` the bytes contradict their format ·
``encrypted`` a password is needed · ``no-decoder`` a known format that nothing here can decode ·
``not-what-it-says`` the content is not what the name promises · ``too-large`` more pixels or text than the limit ·
``timeout``, ``memory`` the task's limits were reached · ``crash`` the decoder died · ``unreadable`` the file could
not be opened · ``cancelled`` albumsd was stopped before the file's turn came: the one that says nothing about the
file.
"""

from __future__ import annotations

from ..core.facts import Problem

REASONS = (
    "empty",
    "truncated",
    "corrupt",
    "encrypted",
    "no-decoder",
    "not-what-it-says",
    "too-large",
    "timeout",
    "memory",
    "crash",
    "unreadable",
    "cancelled",
)


class MediaError(Exception):
    """A file, or a part of it, could not be read. ``problem`` says why."""

    def __init__(self, reason: str, detail: str = "") -> None:
        self.problem = Problem(reason, detail)
        super().__init__(f"{reason}: {detail}" if detail else reason)


def explain(error: BaseException) -> Problem:
    """The problem that an exception of a decoding library stands for."""
    if isinstance(error, MediaError):
        return error.problem
    text = " ".join(str(error).split())[:200]
    name = type(error).__name__
    low = text.lower()
    if isinstance(error, MemoryError) or "cannot allocate" in low or "out of memory" in low:
        return Problem("memory", text or "the decoder needed more memory than its limit")
    if name == "DecompressionBombError" or "security limit" in low:
        return Problem("too-large", text)
    if "truncated" in low or "unexpected end" in low or "end of file" in low or "broken data stream" in low:
        return Problem("truncated", text)
    if isinstance(error, EOFError):
        return Problem("truncated", text or "the file ends too early")
    if "password" in low or "encrypted" in low:
        return Problem("encrypted", text)
    if isinstance(error, OSError) and error.errno is not None and error.filename is not None:
        return Problem("unreadable", error.strerror or text)
    return Problem("corrupt", f"{name}: {text}" if text else name)
