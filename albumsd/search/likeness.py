"""Which asset ``like=`` means: the one of that shown name, else the one whose SHA-256 begins so, else the one
whose name begins with these words (``img_1`` for ``IMG_1.jpg``).

What two assets could be meant by is meant by none: to guess would show what is like something else. Only live ones
count; the shown name is unique, so it is never a guess.
"""

from __future__ import annotations

import re

from albumsd.core.names import name_key
from albumsd.core.words import words
from albumsd.store.database import Tx

from .condition import Condition, Value

_DIGITS = re.compile(r"[0-9a-f]{6,64}")

_NAMED = "(SELECT n.id FROM asset n WHERE n.name_key = ? AND n.live)"
_HASHED = (
    "(SELECT CASE count(*) WHEN 1 THEN min(h.id) END FROM"
    " (SELECT id FROM asset WHERE sha256 BETWEEN ? AND ? AND live LIMIT 2) h)"
)
_BEGUN = (
    "(SELECT CASE count(*) WHEN 1 THEN min(b.id) END FROM"
    " (SELECT a.id FROM fts CROSS JOIN asset a ON a.id = fts.rowid"
    " WHERE fts MATCH ? AND a.live AND has_words(a.name, ?) LIMIT 2) b)"
)


def alike(reference: str) -> Condition:
    """The asset itself, in any mode; NULL when there is none."""
    sql, bindings = _which(reference)
    return Condition(f"(a.id = {sql})", bindings)


def resolve(tx: Tx, reference: str) -> int | None:
    """The asset that a ``Like`` refers to; None when there is none, or more than one."""
    sql, bindings = _which(reference)
    found = tx.value(f"SELECT {sql}", bindings)
    return None if found is None else int(found)


def _which(reference: str) -> tuple[str, tuple[Value, ...]]:
    """SQL for the asset's id."""
    choices = [_NAMED]
    bindings: list[Value] = [name_key(reference)]
    if _DIGITS.fullmatch(reference):
        choices.append(_HASHED)
        bindings += [bytes.fromhex(reference.ljust(64, digit)) for digit in "0f"]
    begun = " ".join(words(reference))
    if begun:
        choices.append(_BEGUN)
        bindings += [f'{{title}} : ^"{begun}"', begun]
    return (f"coalesce({', '.join(choices)})" if len(choices) > 1 else _NAMED), tuple(bindings)
