"""Words: how text becomes tokens, the same for documents, for attributes and for queries.

A token is a run of letters and digits, at most 64 characters, after NFKD, casefold and the loss of
diacritics, so that ``Lódź``, ``LODZ`` and ``lodz`` are one word. All else separates, underscores too.

- Letters and digits stay together: ``img1234`` is one token, ``IMG_1234`` two. Cutting at the boundary would
  make ``mp4``, ``b52`` and every hash into pieces that match too much; a name's number is found by ``img*``.
- Scripts without spaces (Han, kana, Hangul, Thai, Lao, Khmer, Burmese) give one token per character: a
  phrase of them then finds any substring. Voiced kana keep their mark (``が`` is not ``か``).
- Letters that Unicode does not decompose but people type without (``ø æ ł đ ı`` and their like) are spelled out.
- Marks of Indic scripts are dropped like every other mark: SQLite would split words at them.

Every token passes SQLite's tokenizer ``unicode61 remove_diacritics 2`` unchanged and whole; a test asks it (for
letters that SQLite's table knows, which is Unicode 14; newer ones are rare ideographs and scripts).
``words(" ".join(words(text))) == words(text)``.
"""

from __future__ import annotations

import re
import unicodedata

MAX_CHARS = 64
"""A longer run (base64 in a document) is cut, in documents and in queries alike."""

_UNSPACED = (
    "\u0e01-\u0e4e\u0e81-\u0ecd\u1000-\u103f\u1100-\u11ff\u1780-\u17d3\u3005-\u3007\u3021-\u3029\u3031-\u303c"
    "\u3041-\u30ff\u3105-\u312f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f\uac00-\ud7ff"
    "\uf900-\ufaff\U0001b000-\U0001b16f\U00020000-\U0003ffff"
)
_ASCII_TOKEN = re.compile(r"[a-z0-9]+")
_TOKEN = re.compile(rf"(?!\W)[{_UNSPACED}]|[^\W_{_UNSPACED}]+")
_SPELLED = {"ø": "o", "æ": "ae", "œ": "oe", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ħ": "h", "ŧ": "t", "ı": "i"}
_INVISIBLE = frozenset("\u00ad\u200c\u200d\u2060\ufeff")
"""Soft hyphen and joiners stand inside words and mean nothing there."""
_KANA_MARKS = frozenset("\u3099\u309a")


class _Letters(dict[int, "int | str | None"]):
    """A table for ``str.translate``, filled as characters are met. One per process; filling is idempotent."""

    def __missing__(self, code: int) -> int | str | None:
        letter = chr(code)
        value: int | str | None = code
        if letter in _INVISIBLE:
            value = None
        elif letter in _SPELLED:
            value = _SPELLED[letter]
        elif 0x19B0 <= code <= 0x19C9 or 0x1CF2 <= code <= 0x1CF3:
            value = " "  # New Tai Lue vowels, two Vedic signs: letters to Python, separators to SQLite
        elif unicodedata.category(letter)[0] == "M" and letter not in _KANA_MARKS:
            value = None
        self[code] = value
        return value


_LETTERS = _Letters()


def words(text: str) -> list[str]:
    """The tokens of ``text`` in their order, repetitions kept. Never raises; lone surrogates separate."""
    if text.isascii():
        found: list[str] = _ASCII_TOKEN.findall(text.lower())
    else:
        folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
        found = _TOKEN.findall(unicodedata.normalize("NFC", folded.translate(_LETTERS)))
    return [token if len(token) <= MAX_CHARS else token[:MAX_CHARS] for token in found]
