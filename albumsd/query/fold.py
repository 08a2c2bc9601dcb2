"""Text as typed, made comparable: the first thing that happens to every query.

Names reach the mount through Samba, phones and CJK keyboards, which cannot or do not type ASCII punctuation:
private-use stand-ins (U+F001 to F029 as macOS and Samba write them, U+F02A … as Linux' old ``mapchars`` does)
and full-width forms are mapped back, ``∕``, ``⁄`` and ``%2F`` stand for ``/``. Then NFC and casefold.

``fold`` may change the length; ``position`` finds the way back, and is only asked when there is an error to tell.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_left

_STAND_INS = {0xF000 + code: code for code in range(1, 0x20)}
_STAND_INS |= {0xF020 + n: ord(char) for n, char in enumerate('"*:<>?\\| .')}
_STAND_INS |= {0xF000 + ord(char): ord(char) for char in "*:<>?\\|"}
_STAND_INS |= {0xFF00 + ord(char) - 0x20: ord(char) for char in '():=*-/<>"'}
_STAND_INS |= {0x2215: ord("/"), 0x2044: ord("/")}

SLASH = "\u2215"
"""How a slash is written in a name: DIVISION SLASH."""


def fold(text: str) -> str:
    """Stand-ins mapped back, NFC, casefolded. ``fold(fold(text)) == fold(text)``. Never raises."""
    if text.isascii():
        folded = text.lower()
    else:
        folded = unicodedata.normalize("NFD", text.translate(_STAND_INS)).casefold()
        folded = unicodedata.normalize("NFC", folded)
    return folded.replace("%2f", "/") if "%" in folded else folded


def canonical(text: str) -> str:
    """The key under which a query is remembered: folded, single spaces, trimmed; a slash as ``∕``.

    It is a legal file name when ``text`` is plausible, and means the same query.
    """
    return " ".join(fold(text).split()).replace("/", SLASH)


def position(text: str, offset: int) -> int:
    """The 1-based character of ``text`` that became character ``offset`` (0-based) of ``fold(text)``."""
    if text.isascii() and "%" not in text:
        return offset + 1
    return bisect_left(range(len(text) + 1), offset + 1, key=lambda length: len(fold(text[:length]))) or 1
