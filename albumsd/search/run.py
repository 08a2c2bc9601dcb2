"""The search: text in, ranked hits out; what ``search/<query>/`` and ``albumsd search`` show.

``brain`` ranks when it is there and answers in time; otherwise the order is FTS5's, without a word: a search always
answers. One that was late is left alone for a while (``patience``). While it is waited for, the reader has no statement
open. What can only be ordered by time (terms alone, very common words) is, newest first. ``why`` of a hit is JSON:
``{"text": {"words": {word: share}, "score": number, "by": "bm25" | "fts5" | "date"}, "meaning": null}``; the shares
add up to the score.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Literal, NamedTuple

from albumsd.core.errors import NotReady
from albumsd.ipc import calls
from albumsd.query.parser import parse
from albumsd.query.tree import Node, is_pure_filter
from albumsd.store.database import Tx
from albumsd.store.queries import Hit

from . import candidates, fulltext
from .candidates import Candidates, Found
from .patience import WAIT_S, Patience

SOCKET = "brain.sock"
"""Where brain listens, in the library's ``run/``."""

_COLUMN_WEIGHTS = (4.0, 2.0, 2.0, 1.0)
_K1 = 1.2
_quoted = lru_cache(1024)(json.JSONEncoder(ensure_ascii=False).encode)
_PATIENCE = Patience()


class Results(NamedTuple):
    """Best first. ``by``: who ordered them."""

    hits: list[Hit]
    by: Literal["brain", "fts"]


def search(
    reader: Tx,
    text: str,
    *,
    today: str,
    limit: int,
    brain: Path | None = None,
    deadline_s: float = WAIT_S,
    patience: Patience = _PATIENCE,
) -> Results:
    """The best ``limit`` assets for a query. ``brain``: its socket; waited for ``deadline_s``, at most WAIT_S.

    Raises QueryError for what is not a query. Finding nothing is no error.
    """
    node = parse(text, today)
    if brain is not None and not is_pure_filter(node):
        hits = _ask(brain, text, today, limit, min(deadline_s, WAIT_S), patience)
        if hits is not None:
            return Results(hits, "brain")
    found = candidates.find(reader, node, limit)
    if found.by_date:
        return Results(dated(found.whole[:limit]), "fts")
    return Results(_explained(reader, fulltext.terms(node), found, limit), "fts")


def filter_selection(text: str, today: str) -> Node:
    """The selection of ``filter/<query>/``: everything that is asked for must hold. Raises QueryError."""
    return parse(text, today)


def dated(found: Iterable[Found]) -> list[Hit]:
    """Hits in the order of time; the score is the moment of capture in seconds."""
    return [Hit(hit.asset, hit.score, why({}, 0.0, "date")) for hit in found]


def why(words: dict[str, float], score: float, by: Literal["bm25", "fts5", "date"]) -> str:
    """The JSON that says why something was found. Written by hand: every search needs it hundreds of times."""
    shares = ", ".join([f"{_quoted(word)}: {round(share, 6)}" for word, share in words.items()])
    return f'{{"text": {{"words": {{{shares}}}, "score": {round(score, 6)}, "by": "{by}"}}, "meaning": null}}'


def _ask(brain: Path, text: str, today: str, limit: int, deadline_s: float, patience: Patience) -> list[Hit] | None:
    """The hits as brain ranks them; None when it is away, late, dying or confused."""
    began = patience.begin(brain)
    if began is None:
        return None
    request = {"ask": "rank", "query": text, "today": today, "limit": limit}
    try:
        answer = calls.ask(brain, request, deadline_s)
    except NotReady:
        patience.missed(brain, began, deadline_s)
        return None
    except (calls.CallFailed, ValueError, TypeError):  # it said something, and be it nonsense
        patience.answered(brain)
        return None
    patience.answered(brain)
    try:
        return [Hit(int(asset), float(score), str(told)) for asset, score, told in answer["hits"]]
    except (ValueError, TypeError, KeyError):
        return None


def _explained(reader: Tx, terms: Sequence[str], found: Candidates, limit: int) -> list[Hit]:
    """Hits in FTS5's order. It tells one score; the shares of the words are in the proportion of its own formula."""
    chosen = [*found.whole, *found.partly][:limit]
    documents = {
        row[0]: row[1:]
        for row in reader.all(
            "SELECT asset, title, path, context, body FROM document WHERE asset IN (SELECT value FROM json_each(?))",
            (json.dumps([hit.asset for hit in chosen]),),
        )
    }
    counted = {hit.asset: _counts(terms, documents.get(hit.asset, ())) for hit in chosen}
    holding = {term: sum(term in counts for counts in counted.values()) for term in terms}
    hits = []
    for hit in chosen:
        parts = {
            term: math.log(1 + len(chosen) / holding[term]) * count * (_K1 + 1) / (count + _K1)
            for term, count in counted[hit.asset].items()
        }
        whole = sum(parts.values()) or 1.0
        shares = {term: hit.score * part / whole for term, part in parts.items()}
        hits.append(Hit(hit.asset, hit.score, why(shares, hit.score, "fts5")))
    return hits


def _counts(terms: Sequence[str], columns: Sequence[str]) -> dict[str, float]:
    """How often each term stands in a document, weighted by column; terms that do not are left out."""
    found: dict[str, float] = {}
    for text, weight in zip(columns, _COLUMN_WEIGHTS, strict=False):
        around = f" {text} "
        for term in terms:
            count = fulltext.occurrences(around, term)
            if count:
                found[term] = found.get(term, 0.0) + weight * count
    return found
