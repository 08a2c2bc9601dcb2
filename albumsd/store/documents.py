"""The words under which an asset is found, and the full-text index over them.

``document`` keeps the words as our own tokenizer made them (core.words), joined by spaces, so that SQLite and
rank-bm25 count the same; ``fts`` is a contentless FTS5 table over the same five columns, its rowid the asset.
What a model says has a column of its own, ``suggested``, so that its words can be told from those of a person.
Nothing is written when the words are what they were.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from albumsd.core import names
from albumsd.core.facts import Facts
from albumsd.core.words import words

from .database import Tx
from .readings import Suggestion

MAX_BODY_WORDS = 200_000
"""Words of one document that are indexed: a novel has 100,000. The help of the setting ``text_mib`` says so.

Ten times as many would hold a transaction for half a second; what stands behind them is found by ``text=``.
"""

MAX_BODY_CHARS = 2_000_000
"""They are looked for in so many characters, so that no transaction lasts."""

_PIECE = 100_000
_GAP = re.compile(r"\s")

_COLUMNS = ("title", "path", "context", "suggested", "body")
_CONTEXT = ("country", "region", "city", "hood", "camera", "lens", "day")


def refresh(
    tx: Tx,
    asset: int,
    row: Mapping[str, Any],
    files: Sequence[tuple[str, bytes, bytes]],
    facts: Facts | None,
    beside: Sequence[Facts],
    suggested: Suggestion,
    new_text: str | None = None,
) -> None:
    """Recompute the words of ``asset`` from its columns, its files ``(source, folder, name)`` and what was read.

    ``suggested``: what of a model's words is shown. ``new_text`` is the text of its content when that is new; else the
    words of the body stay as they are.
    """
    titles = [row["name"]]
    for found in (facts, *beside) if facts else beside:
        titles += [text for text in (found.title, found.description, found.caption) if text]
        titles += found.tags
    short = (
        _joined(" ".join(titles)),
        _joined(" ".join(f"{s} {names.decode(path)} {names.decode(name)}" for s, path, name in files)),
        _joined(" ".join(row[column] for column in _CONTEXT if row[column])),
        _joined(" ".join([*(tag for tag, _ in suggested.tags), suggested.caption or ""])),
    )
    have = tx.one("SELECT title, path, context, suggested FROM document WHERE asset=?", (asset,))
    if have == short and new_text is None:
        return
    had_body = tx.value("SELECT body FROM document WHERE asset=?", (asset,)) if have else None
    if new_text is None and have is None:
        new_text = tx.value("SELECT text FROM content_text WHERE asset=?", (asset,)) or ""
    body = had_body if new_text is None else _body(new_text)
    if have == short and body == had_body:
        return
    if have is not None:
        tx.run("DELETE FROM fts WHERE rowid=?", (asset,))
    texts = dict(zip(_COLUMNS, (*short, body), strict=True))
    length = sum(text.count(" ") + 1 for text in texts.values() if text)
    tx.put("document", asset=asset, **texts, length=length)
    tx.run(f"INSERT INTO fts(rowid, {', '.join(texts)}) VALUES (?, ?, ?, ?, ?, ?)", (asset, *texts.values()))


def _body(text: str) -> str:
    """The first words of a document, piece by piece: where each letter is a word, the limit is reached early."""
    found: list[str] = []
    at, end = 0, min(len(text), MAX_BODY_CHARS)
    while at < end and len(found) < MAX_BODY_WORDS:
        gap = _GAP.search(text, min(at + _PIECE, end), min(at + _PIECE + 1000, end))
        stop = gap.start() if gap else min(at + _PIECE, end)
        found += words(text[at:stop])
        at = stop
    return " ".join(found[:MAX_BODY_WORDS])


def _joined(text: str) -> str:
    return " ".join(words(text))


def forget(tx: Tx, asset: int) -> None:
    """Take an asset out of the index."""
    if tx.run("DELETE FROM document WHERE asset=?", (asset,)):
        tx.run("DELETE FROM fts WHERE rowid=?", (asset,))
