"""Which assets ranking looks at for a query, and FTS5's own order of them.

A query is split. *Loose* are its plain words: best is an asset that holds all of them, but one that holds some may
come after. *Strict* is everything else: phrases, terms, groups with ``or``, what is excluded. What has all words is
``whole``, what has only some ``partly``.

FTS5 pays for every document that it scores (1.2 µs), far more than for one that it only finds (0.15 µs). So common
words are kept from being scored: words are taken rarest first, and only until they bring MOST_SCORED documents. When
even all words together stand in more than that (``lisbon`` in a library of Lisbon), relevance says little and the
newest come first.

A ``partly`` must hold most of what the query says, or nonsense would find something by any word that happens to be
known. Each word weighs by how rare it is, ln(1 + (N - n + 1/2) / (n + 1/2)) of N documents of which n hold it; one
that stands in no document weighs most, one in more than half of them nothing. ``coverage`` is the part of the whole
weight that an asset holds, in words of its own: tags and captions that a model suggested make no partly, or the model
would vouch for itself. Less than LEAST_COVERAGE is no find. So of two words the rarer one is enough and the commoner
one is not; an unknown word beside a known one finds nothing.
"""

from __future__ import annotations

import json
import math
from typing import NamedTuple

from albumsd.query.tree import And, Node, Not, Range, Text, conjoin
from albumsd.store.database import Tx

from . import fulltext
from .compiler import compile
from .condition import Condition
from .selections import is_small

MOST_SCORED = 20_000
"""Documents that FTS5 may score for one query: 25 ms."""

ENOUGH = 1000
"""Candidates that rank-bm25 orders. With so many, 37 of 40 first pages were those of ranking every document."""


LEAST_COVERAGE = 0.5
_ROUNDING = 1e-9


class Found(NamedTuple):
    """``score``: greater is better; FTS5's, or when sorted by date the moment of capture in seconds. ``coverage``: how
    much of the query's words is held, LEAST_COVERAGE to 1."""

    asset: int
    score: float
    coverage: float = 1.0


class Candidates(NamedTuple):
    whole: list[Found]
    partly: list[Found]
    by_date: bool
    """``whole`` is in the order of capture, newest first, and there is nothing else."""


class _Split(NamedTuple):
    loose: tuple[Text, ...]
    wanted: list[str]  # strict FTS5 expressions
    unwanted: list[str]
    rest: Node  # what is not text


def find(tx: Tx, node: Node, limit: int) -> Candidates:
    """The candidates for at least ``limit`` results, best first in each list."""
    split = _split(node)
    wanted = [fulltext.expression(text) or "" for text in split.loose] + split.wanted
    if not wanted:
        return Candidates(newest(tx, node, limit), [], True)
    whole = fulltext.combine(wanted, split.unwanted)
    size = _documents(tx, whole)
    if size > MOST_SCORED:
        return Candidates(newest(tx, node, limit, many=split.rest == conjoin()), [], True)
    condition = compile(split.rest, "driven")
    most = max(limit, ENOUGH)
    found = _scored(tx, whole, condition, most) if size else []
    if len(found) >= limit or len(split.loose) < 2:
        return Candidates(found, [], False)
    words = _weighed(tx, split.loose)
    rare = _rare(words)
    if not rare:
        return Candidates(found, [], False)
    some = fulltext.combine([fulltext.own(" OR ".join(rare)), *split.wanted], split.unwanted)
    have = {hit.asset for hit in found}
    partly = [hit for hit in _scored(tx, some, condition, most) if hit.asset not in have]
    return Candidates(found, _mostly(tx, words, partly), False)


def newest(tx: Tx, node: Node, limit: int, many: bool = False) -> list[Found]:
    """The last captured of a selection, newest first. ``many``: the caller knows that there are a lot."""
    if not many and is_small(tx, node):
        condition = compile(node)
        source = "asset a"
        order = "a.local DESC"
    else:  # walk backwards in time until there are enough
        condition = compile(node, "driven")
        first, last = _days(node)
        condition = Condition(f"{condition.sql} AND a.day >= ? AND a.day <= ?", (*condition.bindings, first, last))
        source = "asset a INDEXED BY asset_day"
        order = "a.day DESC, a.local DESC"
    rows = tx.all(
        f"SELECT a.id, a.mtime_ns FROM {source} WHERE a.live AND {condition.sql} ORDER BY {order}, a.id DESC LIMIT ?",
        (*condition.bindings, limit),
    )
    return [Found(row[0], row[1] / 1e9) for row in rows]


def _days(node: Node) -> tuple[str, str]:
    """The first and last day that a selection can hold, as far as its terms say so."""
    first, last = "", "9999-12-31"
    for part in node.parts if isinstance(node, And) else (node,):
        if isinstance(part, Range) and part.attribute == "day":
            first, last = max(first, str(part.low or "")), min(last, str(part.high or last))
    return first, last


def _split(node: Node) -> _Split:
    loose: list[Text] = []
    wanted: list[str] = []
    unwanted: list[str] = []
    rest: list[Node] = []
    for part in node.parts if isinstance(node, And) else (node,):
        expression = fulltext.expression(part.part if isinstance(part, Not) else part)
        if isinstance(part, Text) and not part.phrase and not part.scope:
            loose.append(part)
        elif expression is None:
            rest.append(part)
        else:
            (unwanted if isinstance(part, Not) else wanted).append(expression)
    if not loose and not wanted and unwanted:
        return _Split((), [], [], node)
    return _Split(tuple(loose), wanted, unwanted, conjoin(*rest))


def _documents(tx: Tx, expression: str) -> int:
    """How many documents match, counted no further than to one more than MOST_SCORED."""
    return int(
        tx.value("SELECT count(*) FROM (SELECT 1 FROM fts WHERE fts MATCH ? LIMIT ?)", (expression, MOST_SCORED + 1))
    )


class _Word(NamedTuple):
    """A word of a query: the documents that hold it (of a beginning at most all), and its weight."""

    documents: int
    expression: str
    weight: float


def _weighed(tx: Tx, loose: tuple[Text, ...]) -> list[_Word]:
    """The words, rarest first."""
    every = int(tx.value("SELECT coalesce(max(asset), 0) FROM document"))
    found = []
    for text in loose:
        expression = fulltext.expression(text) or ""
        documents = _documents(tx, expression)
        if documents > MOST_SCORED:
            documents = min(every, _holding(tx, text))
        weight = math.log1p((every - documents + 0.5) / (documents + 0.5)) if documents <= every / 2 else 0.0
        found.append(_Word(documents, expression, weight))
    return sorted(found)


def _holding(tx: Tx, text: Text) -> int:
    """How many documents hold a word, counted by the index; of a beginning the sum over its words."""
    first = text.words[-1]
    if text.prefix:
        return int(
            tx.value("SELECT total(doc) FROM fts_words WHERE term >= ? AND term < ?", (first, first + "\U0010ffff"))
        )
    return int(tx.value("SELECT doc FROM fts_words WHERE term = ?", (first,)) or 0)


def _rare(words: list[_Word]) -> list[str]:
    """The expressions of the rarest words that say something, as many as may be scored."""
    found, total = [], 0
    for word in words:
        total += word.documents
        if total > MOST_SCORED or not word.weight:
            break
        if word.documents:
            found.append(word.expression)
    return found


def _mostly(tx: Tx, words: list[_Word], found: list[Found]) -> list[Found]:
    """Those that hold most of the words, with how much. Asked word by word: no document is read."""
    weights = dict.fromkeys((hit.asset for hit in found), 0.0)
    assets = json.dumps(list(weights))
    some = " OR ".join(_rare(words))
    for word in words:
        if word.documents and word.weight:
            rows = tx.all(
                "SELECT rowid FROM fts WHERE fts MATCH ? AND +rowid IN (SELECT value FROM json_each(?))",
                (fulltext.own(f"({some}) AND {word.expression}"), assets),
            )
            for (asset,) in rows:
                weights[asset] += word.weight
    whole = sum(word.weight for word in words)
    covered = [hit._replace(coverage=weights[hit.asset] / whole) for hit in found]
    return [hit for hit in covered if hit.coverage >= LEAST_COVERAGE - _ROUNDING]


def _scored(tx: Tx, expression: str, condition: Condition, limit: int) -> list[Found]:
    rows = tx.all(
        "SELECT a.id, -fts.rank FROM fts CROSS JOIN asset a ON a.id = fts.rowid WHERE fts MATCH ? AND fts.rank MATCH ?"
        f" AND a.live AND {condition.sql} ORDER BY fts.rank LIMIT ?",
        (expression, fulltext.WEIGHTS, *condition.bindings, limit),
    )
    return [Found(*row) for row in rows]
