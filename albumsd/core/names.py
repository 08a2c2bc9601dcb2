"""Names from the world, made fit to be shown; and the one rule for names that are taken.

A shown name is legal on every system that may look at the mount: no ``/``, NUL or control character, no
leading dot, no trailing dot or space, at most 225 bytes of UTF-8 (so that a rank in front or ``.webp``
behind still fits 255). Uniqueness is decided on ``name_key``: NFC, then casefolded.
"""

from __future__ import annotations

import re
import unicodedata

MAX_BYTES = 225

_ILLEGAL = re.compile(r'[\x00-\x1f\x7f-\x9f/\\:*?"<>|\ufffe\uffff\ud800-\udfff]')
_EXTENSION = re.compile(r"\.[^.\s]{1,12}\Z")
_RESERVED = re.compile(r"^(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|\Z)", re.IGNORECASE)


def decode(raw: bytes) -> str:
    """Text of a path's bytes; what is not UTF-8 becomes U+FFFD, so the result can always be shown."""
    return raw.decode("utf-8", "replace")


def name_key(name: str) -> str:
    """The form in which two names are the same: casefold of NFC (and NFC again, since folding can decompose)."""
    if name.isascii():
        return name.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def split(name: str) -> tuple[str, str]:
    """``("IMG_1", ".jpg")``: the stem and the extension with its dot (empty if there is none)."""
    found = _EXTENSION.search(name)
    if not found or found.start() == 0:
        return name, ""
    return name[: found.start()], found.group()


def _cut(text: str, limit: int) -> str:
    """``text`` cut to at most ``limit`` bytes of UTF-8, never inside a code point."""
    return text.encode("utf-8")[:limit].decode("utf-8", "ignore")


def sanitise(name: str, fallback: str = "unnamed") -> str:
    """``name`` made legal: NFC, forbidden characters as ``_``, no leading dot, no trailing dot or space."""
    text = unicodedata.normalize("NFC", name)
    text = _ILLEGAL.sub("_", text).rstrip(". ").lstrip(". ")
    if not text:
        text = fallback
    if _RESERVED.match(text):
        text = "_" + text
    if len(text) * 4 > MAX_BYTES and len(text.encode("utf-8")) > MAX_BYTES:
        stem, extension = split(text)
        text = _cut(stem, MAX_BYTES - len(extension.encode("utf-8"))).rstrip(". ") + extension
    return text


def with_suffix(name: str, suffix: str) -> str:
    """``IMG_1.jpg`` and ``3fa8`` give ``IMG_1~3fa8.jpg``, cut so that it stays legal."""
    stem, extension = split(name)
    room = MAX_BYTES - len(extension.encode("utf-8")) - len(suffix) - 1
    return f"{_cut(stem, room).rstrip(' ')}~{suffix}{extension}"
