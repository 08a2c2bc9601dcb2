"""What a person made or decided, as a plain JSON file: written before a library is migrated.

The tables are those that ``schema.sql`` marks AUTHORED (``tables``), as far as the library at hand has them yet. The
file is ``backups/authored-v<schema>-<UTC time>.json`` in the library, 0600, on the disk before anything changes::

    {"what": "authored rows of an albumsd library", "schema": 1, "written": "2024-04-13T18:22:05Z",
     "tables": {"source": [{"id": 1, "name": "Pictures", "path": {"hex": "2f61", "text": "/a"}, "added_ns": 1}]}}

Bytes are ``{"hex": …}``, with ``text`` beside it where they can be read. A library that was not migrated in the end,
and is tried again, gets no second file of the same rows. Reading one back is a person's decision: nothing here does it.
"""

from __future__ import annotations

import json
import os
import re
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from albumsd.core import clock
from albumsd.core.errors import LibraryNotSaved

if TYPE_CHECKING:
    from .database import Tx

WHAT = "authored rows of an albumsd library"
_MARKED = re.compile(r"^CREATE TABLE (\w+) \([^\n]*-- AUTHORED:", re.MULTILINE)


@cache
def tables() -> tuple[str, ...]:
    """The tables whose rows nothing can compute again, in the order of the schema."""
    return tuple(_MARKED.findall(Path(__file__).with_name("schema.sql").read_text("utf-8")))


def rows(tx: Tx) -> dict[str, list[dict[str, Any]]]:
    """All authored rows by table, ready for JSON; also of a library of an older release."""
    there = {row[0] for row in tx.all("SELECT name FROM sqlite_schema WHERE type='table'")}
    return {table: _rows(tx, table) for table in tables() if table in there}


def _rows(tx: Tx, table: str) -> list[dict[str, Any]]:
    names = [row[1] for row in tx.all(f"PRAGMA table_info({table})")]
    found = tx.all(f"SELECT * FROM {table} ORDER BY 1")
    return [{name: _plain(value) for name, value in zip(names, row, strict=True)} for row in found]


def _plain(value: Any) -> Any:
    if not isinstance(value, bytes):
        return value
    with suppress(UnicodeDecodeError):
        text = value.decode()
        if text.isprintable():
            return {"hex": value.hex(), "text": text}
    return {"hex": value.hex()}


def export(tx: Tx, library: Path, version: int) -> Path:
    """Write the rows of a library of schema ``version`` into its ``backups/``; the file. Raises LibraryNotSaved."""
    folder = library / "backups"
    kept = rows(tx)
    moment = datetime.fromtimestamp(clock.now_ns() // 1_000_000_000, UTC)
    told = {"what": WHAT, "schema": version, "written": f"{moment:%Y-%m-%dT%H:%M:%SZ}", "tables": kept}
    path = folder / f"authored-v{version}-{moment:%Y%m%dT%H%M%SZ}.json"
    try:
        folder.mkdir(exist_ok=True, mode=0o700)
        newest = max(folder.glob(f"authored-v{version}-*.json"), default=None)
        if newest and _holds(newest, kept):
            return newest
        _write(path, json.dumps(told, indent=1).encode("ascii") + b"\n")
    except OSError as error:
        raise LibraryNotSaved(path=folder, why=error.strerror or error) from error
    return path


def _holds(path: Path, kept: dict[str, list[dict[str, Any]]]) -> bool:
    with suppress(ValueError):
        told = json.loads(path.read_bytes())
        return isinstance(told, dict) and told.get("tables") == kept
    return False


def _write(path: Path, data: bytes) -> None:
    """Whole and on the disk, or not at all. One at a time: the caller has the library's write lock."""
    beside = path.with_suffix(".new")
    beside.unlink(missing_ok=True)
    with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    for folder in (path.parent, path.parent.parent):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
