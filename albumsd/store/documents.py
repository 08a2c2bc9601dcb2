"""The words under which an asset is found, and the full-text index over them.

``document`` keeps the words as our own tokenizer made them (core.words), joined by spaces, so that SQLite and
rank-bm25 count the same; ``fts`` is a contentless FTS5 table over the same four columns, its rowid the asset.
Nothing is written when the words are what they were.
"""

from __future__ import annotations

from albumsd.core import names
from albumsd.core.facts import Facts
from albumsd.core.words import words

from .database import Tx

MAX_BODY_WORDS = 200_000
"""Words of one document that are indexed: a novel has 100,000."""


def refresh(tx: Tx, asset: int, facts: Facts, beside: list[Facts]) -> None:
    """Recompute the words of ``asset`` from its rows."""
    row = tx.one("SELECT name, country, region, city, hood, camera, lens, day FROM asset WHERE id=?", (asset,))
    if row is None:
        return
    name, *context_parts = row
    paths = tx.all(
        "SELECT s.name, d.path, f.name FROM file f JOIN folder d ON d.id=f.folder JOIN source s ON s.id=d.source"
        " WHERE f.asset=? ORDER BY d.source, f.id",
        (asset,),
    )
    told = [facts, *beside]
    titles = [name]
    for found in told:
        titles += [text for text in (found.title, found.description, found.caption) if text] + list(found.tags)
    body = tx.value("SELECT text FROM content_text WHERE asset=?", (asset,)) or ""
    columns = (
        words(" ".join(titles)),
        words(" ".join(f"{s} {names.decode(path)} {names.decode(file)}" for s, path, file in paths)),
        words(" ".join(part for part in context_parts if part)),
        words(body)[:MAX_BODY_WORDS],
    )
    texts = tuple(" ".join(column) for column in columns)
    have = tx.one("SELECT title, path, context, body FROM document WHERE asset=?", (asset,))
    if have == texts:
        return
    if have is not None:
        tx.run("DELETE FROM fts WHERE rowid=?", (asset,))
    tx.run(
        "INSERT OR REPLACE INTO document VALUES (?, ?, ?, ?, ?, ?)", (asset, *texts, sum(len(c) for c in columns))
    )
    tx.run("INSERT INTO fts(rowid, title, path, context, body) VALUES (?, ?, ?, ?, ?)", (asset, *texts))


def forget(tx: Tx, asset: int) -> None:
    """Take an asset out of the index."""
    if tx.run("DELETE FROM document WHERE asset=?", (asset,)):
        tx.run("DELETE FROM fts WHERE rowid=?", (asset,))
