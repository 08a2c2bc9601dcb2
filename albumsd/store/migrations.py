"""Two roads to one schema: a new library runs ``schema.sql``, an older one the steps below.

``STEPS[n]`` takes a library from version n to n + 1, inside the transaction that raises ``user_version``.
A test opens every released version and compares the result with ``schema.sql``, so both must be changed
together. Ids and authored rows survive every step; before the first one the authored rows are written to a file beside
the library (``authored.export``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .database import Tx

SCHEMA_VERSION = 2

_MEANING = """
ALTER TABLE document ADD COLUMN suggested TEXT NOT NULL DEFAULT '';

CREATE TABLE suggestion (
    asset      INTEGER PRIMARY KEY REFERENCES asset(id) ON DELETE CASCADE,
    tags       TEXT    NOT NULL DEFAULT '[]',
    tags_by    TEXT    NOT NULL DEFAULT '',
    caption    TEXT,
    caption_by TEXT    NOT NULL DEFAULT ''
) STRICT;

CREATE TABLE model (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    key        TEXT    NOT NULL UNIQUE,
    name       TEXT    NOT NULL,
    dimensions INTEGER NOT NULL,
    vectors    INTEGER NOT NULL DEFAULT 0,
    assets     INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE embedding (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    model      INTEGER NOT NULL REFERENCES model(id),
    asset      INTEGER NOT NULL REFERENCES asset(id) ON DELETE CASCADE,
    part       INTEGER NOT NULL,
    tower      TEXT    NOT NULL CHECK (tower IN ('image', 'text')),
    vector     BLOB    NOT NULL
) STRICT;
CREATE UNIQUE INDEX embedding_part ON embedding(asset, model, part);
CREATE INDEX embedding_model ON embedding(model, id, asset);
CREATE TRIGGER model_vector_came AFTER INSERT ON embedding BEGIN
    UPDATE model SET vectors=vectors + 1, assets=assets + (new.part = 0) WHERE id=new.model;
END;
CREATE TRIGGER model_vector_gone AFTER DELETE ON embedding BEGIN
    UPDATE model SET vectors=vectors - 1, assets=assets - (old.part = 0) WHERE id=old.model;
END;

CREATE TABLE clustering (
    id         INTEGER PRIMARY KEY CHECK (id = 1),
    model      INTEGER REFERENCES model(id) ON DELETE SET NULL,
    at_ns      INTEGER NOT NULL,
    state      BLOB    NOT NULL
) STRICT;

CREATE TABLE cluster (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    label      TEXT    NOT NULL UNIQUE,
    model      INTEGER REFERENCES model(id) ON DELETE SET NULL,
    centroid   BLOB    NOT NULL
) STRICT;

CREATE TABLE spot (
    asset      INTEGER PRIMARY KEY REFERENCES asset(id) ON DELETE CASCADE,
    cluster    INTEGER REFERENCES cluster(id) ON DELETE SET NULL,
    x          REAL    NOT NULL,
    y          REAL    NOT NULL
) STRICT;
CREATE INDEX spot_cluster ON spot(cluster);

DROP TABLE fts_words;
DROP TABLE fts;
CREATE VIRTUAL TABLE fts USING fts5(title, path, context, body, suggested, content='', contentless_delete=1,
    tokenize='unicode61 remove_diacritics 2');
CREATE VIRTUAL TABLE fts_words USING fts5vocab(fts, 'row');
INSERT INTO fts(rowid, title, path, context, body, suggested)
    SELECT asset, title, path, context, body, suggested FROM document ORDER BY asset;
"""


def _add_meaning(tx: Tx) -> None:
    """2: vectors, what models say, clusters. FTS5 cannot add a column: its index is made again from the words."""
    tx.connection.execute(_MEANING)


STEPS: dict[int, Callable[[Tx], None]] = {1: _add_meaning}


def migrate(tx: Tx, version: int) -> None:
    """Run the steps from ``version`` to SCHEMA_VERSION."""
    for step in range(version, SCHEMA_VERSION):
        STEPS[step](tx)
