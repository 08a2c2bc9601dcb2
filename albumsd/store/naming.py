"""Giving shown names: unique in the library, decided once, never taken back by what arrives later.

A provisional asset gets its sanitised original name when that is free, else ``stem~new`` + hex of its path;
``settle`` replaces that by ``stem~`` + hex of the SHA-256 once it is known. A plain name that was given stays.
While content that changed in place has no hash, the newcomer bears the name of what stood there (``inherit``);
``give_back`` undoes that when it turns out to be something else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from hashlib import blake2b
from itertools import count

from albumsd.core import names

from .database import Tx

_ALL_KEYS = "SELECT name_key FROM asset WHERE name_key IN (SELECT value FROM json_each(?))"
_MARK = "new"
_PROVISIONAL = re.compile(rf"~{_MARK}[0-9a-f]{{4,}}(?:\.[^.\s]{{1,12}})?\Z")
SHORTEST = 4


def is_taken(tx: Tx, key: str) -> bool:
    return tx.value("SELECT 1 FROM asset WHERE name_key=?", (key,)) is not None


def taken(tx: Tx, keys: Sequence[str]) -> set[str]:
    """Which of these keys some asset has."""
    return {row[0] for row in tx.all(_ALL_KEYS, (json.dumps(keys),))}


def between(asset: int) -> str:
    """What an asset is called inside a transaction that gives it another name: no legal name, so always free."""
    return f"/{asset}"


def suffixed(tx: Tx, name: str, digest: str, mark: str = "") -> str:
    """``stem~`` + 4 or more hex of ``digest``: the shortest that is free."""
    for length in range(SHORTEST, len(digest) + 1):
        candidate = names.with_suffix(name, mark + digest[:length])
        if not is_taken(tx, names.name_key(candidate)):
            return candidate
    for number in count(2):  # the same digest many times over: equal paths in many sources
        candidate = names.with_suffix(name, f"{mark}{digest}{number}")
        if not is_taken(tx, names.name_key(candidate)):
            return candidate
    raise AssertionError("count() does not end")


def provisional(tx: Tx, name: str, path: bytes) -> str:
    """A free name for an asset whose hash is not known; ``path`` makes the suffix reproducible."""
    if not is_taken(tx, names.name_key(name)):
        return name
    return suffixed(tx, name, blake2b(path, digest_size=16).hexdigest(), _MARK)


def rename(tx: Tx, asset: int, name: str) -> None:
    tx.run("UPDATE asset SET name=?, name_key=? WHERE id=?", (name, names.name_key(name), asset))


def settle(tx: Tx, asset: int, original: str, sha256: bytes) -> None:
    """The hash is known: a provisional suffix becomes one of the content; a plain or inherited name stays."""
    current = tx.value("SELECT name FROM asset WHERE id=?", (asset,))
    if current == original or not _PROVISIONAL.search(current):
        return
    if is_taken(tx, names.name_key(original)):
        original = suffixed(tx, original, sha256.hex())
    rename(tx, asset, original)


def inherit(tx: Tx, heir: int, old: int) -> None:
    """``heir`` takes over the name of ``old``, which no folder shows any more."""
    name, sha256 = tx.all("SELECT name, sha256 FROM asset WHERE id=?", (old,))[0]
    rename(tx, heir, between(heir))
    if sha256 is None:  # it never had an identity and is about to go
        rename(tx, old, between(old))
    else:
        rename(tx, old, suffixed(tx, name, sha256.hex()))
    rename(tx, heir, name)


def give_back(tx: Tx, heir: int, old: int) -> bool:
    """``heir`` is about to go: if ``old`` has its suffix only because ``heir`` has the name, ``old`` gets it. If so."""
    both = tx.all("SELECT id, name, sha256 FROM asset WHERE id IN (?, ?)", (heir, old))
    rows = {row[0]: row[1:] for row in both}
    if len(rows) < 2 or rows[old][1] is None:
        return False
    name, (lent, sha256) = rows[heir][0], rows[old]
    digest = sha256.hex()
    if all(names.with_suffix(name, digest[:length]) != lent for length in range(SHORTEST, len(digest) + 1)):
        return False
    rename(tx, heir, between(heir))
    rename(tx, old, name)
    return True
