"""SQL functions of our own, on every connection.

``has_words(value, wanted)``: 1 when the words (core.words) of ``value`` contain all of ``wanted`` (words joined by
spaces), else 0; NULL has no words. It is Python: statements call it on distinct values, not on every row.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import apsw

from albumsd.core import names
from albumsd.core.words import words


@lru_cache(16384)
def _words(value: str | bytes) -> frozenset[str]:
    return frozenset(words(names.decode(value) if isinstance(value, bytes) else value))


def has_words(*given: Any) -> int:
    """Whether every word of ``wanted`` is a word of ``value`` (text, bytes of a path, or None)."""
    value, wanted = given
    return int(value is not None and _words(value).issuperset(wanted.split()))


def register(connection: apsw.Connection) -> None:
    connection.create_scalar_function("has_words", has_words, 2, deterministic=True)
