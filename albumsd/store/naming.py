"""Giving shown names: unique in the library, decided once, never taken back by what arrives later.

A provisional asset gets its sanitised original name when that is free, else ``stem~`` + hex of its path;
``settle`` replaces that suffix by hex of the SHA-256 once it is known. A plain name that was given stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

from albumsd.core import names

from .database import Tx

_ALL_KEYS = "SELECT name_key FROM asset WHERE name_key IN (SELECT value FROM json_each(?))"


def is_taken(tx: Tx, key: str) -> bool:
    return tx.value("SELECT 1 FROM asset WHERE name_key=?", (key,)) is not None


def taken(tx: Tx, keys: Sequence[str]) -> set[str]:
    """Which of these keys some asset has."""
    import json

    return {row[0] for row in tx.all(_ALL_KEYS, (json.dumps(keys),))}


def suffixed(tx: Tx, name: str, digest: str) -> str:
    """``stem~`` + 4 or more hex of ``digest``: the shortest that is free."""
    for length in range(4, len(digest) + 1):
        candidate = names.with_suffix(name, digest[:length])
        if not is_taken(tx, names.name_key(candidate)):
            return candidate
    return names.with_suffix(name, digest)


def provisional(tx: Tx, name: str, path: bytes) -> str:
    """A free name for an asset whose hash is not known; ``path`` makes the suffix reproducible."""
    if not is_taken(tx, names.name_key(name)):
        return name
    return suffixed(tx, name, blake2b(path, digest_size=16).hexdigest())


def rename(tx: Tx, asset: int, name: str) -> None:
    tx.run("UPDATE asset SET name=?, name_key=? WHERE id=?", (name, names.name_key(name), asset))


def settle(tx: Tx, asset: int, original: str, sha256: bytes) -> None:
    """The hash is known: a provisional suffix becomes one of the content; a plain name stays."""
    current = tx.value("SELECT name FROM asset WHERE id=?", (asset,))
    if current == original:
        return
    rename(tx, asset, f"{asset}.settling~")  # frees the old key: the suffix may come out the same
    rename(tx, asset, suffixed(tx, original, sha256.hex()))


def inherit(tx: Tx, heir: int, old: int) -> None:
    """``heir`` takes over the name of ``old``, which no folder shows any more."""
    name = tx.value("SELECT name FROM asset WHERE id=?", (old,))
    sha256 = tx.value("SELECT sha256 FROM asset WHERE id=?", (old,))
    digest = sha256.hex() if sha256 else blake2b(str(old).encode(), digest_size=16).hexdigest()
    rename(tx, heir, f"{heir}.settling~")
    rename(tx, old, suffixed(tx, name, digest))
    rename(tx, heir, name)
