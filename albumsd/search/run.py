"""The search: text in, ranked hits out; what ``search/<query>/`` and ``albumsd search`` show.

``brain`` ranks when it is there and answers in time; otherwise the order is FTS5's, without a word: a search always
answers. One that was late is left alone for a while (``patience``). While it is waited for, the reader has no statement
open. What can only be ordered by time (terms alone, very common words) is, newest first.

Meaning is brain's alone. When a model is chosen and brain has not spoken, only those who hold all words are shown: who
holds some may be nonsense to the model, and what was shown is not taken back. ``late`` says that asking again may find
more. ``like=`` without brain is the asset itself, by its name.

``why`` of a hit is JSON. ``text`` is ``{}`` when words did not find it, else its ``words`` with the share of each (they
add up to ``score``), ``by`` ("bm25", "fts5", "date" when words do not order, "name" for ``like=``) and ``rank`` among
what words found. ``meaning`` is the cosine, or null when meaning did not find it; ``model`` is there with it::

    {"text": {"words": {"dog": 4.2}, "score": 4.2, "by": "bm25", "rank": 3},
     "meaning": 0.312, "model": {"name": "ViT-B-32", "rank": 2, "floor": 0.25}}
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Literal, NamedTuple

from albumsd.core.errors import NotReady, QueryError
from albumsd.ipc import calls
from albumsd.query.fold import canonical
from albumsd.query.parser import parse
from albumsd.query.tree import Like, Node, is_pure_filter, likes, walk
from albumsd.store.database import Tx
from albumsd.store.queries import Hit

from . import candidates, fulltext
from .candidates import Candidates, Found
from .patience import Patience, wait_s

SOCKET = "brain.sock"
"""Where brain listens, in the library's ``run/``."""

By = Literal["bm25", "fts5", "date", "name"]
_COLUMN_WEIGHTS = (4.0, 2.0, 2.0, 1.0, 1.0)
_K1 = 1.2
_quoted = lru_cache(1024)(json.JSONEncoder(ensure_ascii=False).encode)
_PATIENCE = Patience()
_BRAIN_S = 0.8
"""The part of the wait that brain is told it has; the rest is for the way there and back."""


class Results(NamedTuple):
    """Best first. ``by``: who ordered them. ``late``: meaning may find more when asked again."""

    hits: list[Hit]
    by: Literal["brain", "fts"]
    late: bool = False


def search(
    reader: Tx,
    text: str,
    *,
    today: str,
    limit: int,
    brain: Path | None = None,
    model: bool = False,
    deadline_s: float = 5.0,
    patience: Patience = _PATIENCE,
) -> Results:
    """The best ``limit`` assets for a query. ``brain``: its socket. ``model``: one is chosen, so meaning is wanted.
    ``deadline_s``: when the whole search should be over; brain is waited for a part of it (``patience.wait_s``).

    Raises QueryError for what is not a query. Finding nothing is no error.
    """
    node = parse(text, today)
    ranked = not is_pure_filter(node)
    if brain is not None and ranked:
        answer = _ask(brain, text, today, limit, wait_s(deadline_s, model), patience)
        if answer is not None:
            return answer
    found = candidates.find(reader, node, limit)
    late = model and ranked
    if found.by_date:
        return Results(dated(found.whole[:limit], "name" if any(likes(node)) else "date"), "fts", late)
    if model:
        found = found._replace(partly=[])
    return Results(_explained(reader, fulltext.terms(node), found, limit), "fts", late)


def filter_selection(text: str, today: str) -> Node:
    """The selection of ``filter/<query>/``: everything that is asked for must hold. Raises QueryError, also for
    ``like=``: that ranks, and where likeness ends no set can say.
    """
    node = parse(text, today)
    if any(isinstance(part, Like) for part in walk(node)):
        raise QueryError(what="like= ranks, so it is for search/ only", position=1, query=text)
    return node


def dated(found: Iterable[Found], by: Literal["date", "name"] = "date") -> list[Hit]:
    """Hits in the order of time; the score is the moment of capture in seconds."""
    return [Hit(hit.asset, hit.score, why({}, 0.0, by)) for hit in found]


def why(words: dict[str, float], score: float, by: By, rank: int | None = None) -> str:
    """The JSON that says why words found something. Written by hand: every search needs it hundreds of times."""
    shares = ", ".join([f"{_quoted(word)}: {round(share, 6)}" for word, share in words.items()])
    place = "" if rank is None else f', "rank": {rank}'
    return f'{{"text": {{"words": {{{shares}}}, "score": {round(score, 6)}, "by": "{by}"{place}}}, "meaning": null}}'


def _ask(brain: Path, text: str, today: str, limit: int, wait: float, patience: Patience) -> Results | None:
    """What brain says; None when it is away, too slow, dying or confused."""
    key = canonical(text)
    began = patience.begin(brain, key, wait)
    if began is None:
        return None
    request = {"ask": "rank", "query": text, "today": today, "limit": limit, "deadline_s": round(wait * _BRAIN_S, 3)}
    late = False
    try:
        answer = calls.ask(brain, request, wait)
        hits = [Hit(int(asset), float(score), str(told)) for asset, score, told in answer["hits"]]
        late = bool(answer.get("late"))
    except NotReady:
        patience.missed(brain, began, wait)
        return None
    except (calls.CallFailed, ValueError, TypeError, KeyError, AttributeError):  # it said something, and be it nonsense
        patience.answered(brain, key)
        return None
    patience.answered(brain, key, late)
    return Results(hits, "brain", late)


def _explained(reader: Tx, terms: Sequence[str], found: Candidates, limit: int) -> list[Hit]:
    """Hits in FTS5's order. It tells one score; the shares of the words are in the proportion of its own formula."""
    chosen = [*found.whole, *found.partly][:limit]
    documents = {
        row[0]: row[1:]
        for row in reader.all(
            "SELECT asset, title, path, context, body, suggested FROM document"
            " WHERE asset IN (SELECT value FROM json_each(?))",
            (json.dumps([hit.asset for hit in chosen]),),
        )
    }
    counted = {hit.asset: _counts(terms, documents.get(hit.asset, ())) for hit in chosen}
    holding = {term: sum(term in counts for counts in counted.values()) for term in terms}
    hits = []
    for rank, hit in enumerate(chosen, 1):
        parts = {
            term: math.log(1 + len(chosen) / holding[term]) * count * (_K1 + 1) / (count + _K1)
            for term, count in counted[hit.asset].items()
        }
        whole = sum(parts.values()) or 1.0
        shares = {term: hit.score * part / whole for term, part in parts.items()}
        hits.append(Hit(hit.asset, hit.score, why(shares, hit.score, "fts5", rank)))
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
