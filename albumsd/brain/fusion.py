"""Joins what the words found with what the meaning found, by reciprocal rank. Data in, data out.

Reciprocal rank fusion (Cormack, Clarke, Buettcher: Reciprocal Rank Fusion outperforms Condorcet and individual Rank
Learning Methods, SIGIR 2009): an asset's score is the sum over the lists that hold it of weight / (K + rank), rank
counted from 1. It needs no common scale of scores, and an asset that one list does not know loses nothing but that
list's part. A document has no picture and is found by its words; a picture without a word is found by what it shows.

What enters the lists decides whether nonsense finds nothing:

* the meaning list is what lies above the floor that the model has for this query (``floors``);
* who holds all words of the query is in the text list. But words that only the model has suggested, about a picture
  that it has seen, are its own voice again, which the meaning list is already: an asset's part of the text list is
  multiplied by the part of the words that are its own, and is nothing when none is. A captioner is another voice;
* who holds only some of them ("partly", ``search.candidates``) is in it when there is no model; or when meaning finds
  it too; or when it has no picture that meaning could speak for, and holds most of the query (COVERAGE);
* while meaning is waited for (``Sense.late`` with nothing found) who holds all words comes at once, and nobody else:
  what is shown before meaning has spoken is never taken back.

A list in the order of time (very common words) says that the words are there and no more: all of it counts as its last.
Between equal scores the better text score goes first, then the newer asset.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from albumsd.store.queries import Hit

from . import ranker
from .ranker import Ranking, TextHit

K = 60
"""Cormack's: found by trial on TREC runs, and flat around it."""
TEXT_WEIGHT = 1.0
MEANING_WEIGHT = 1.0
_encoded = json.JSONEncoder(ensure_ascii=False).encode
COVERAGE = 0.7
"""The part of a query that an asset which the model has not seen must hold."""


class Sensed(NamedTuple):
    """An asset as meaning ranks it: the cosine of its best part, and the floor that it is above."""

    asset: int
    score: float
    floor: float


class Sense(NamedTuple):
    """What meaning says to one query, best first. ``model``: whose word it is. ``late``: it has not spoken yet, or has
    not looked at everything."""

    model: str
    hits: list[Sensed]
    late: bool = False


def fuse(
    text: Ranking,
    sense: Sense | None,
    limit: int,
    has_seen: Callable[[int], bool],
    other_voice: bool = False,
) -> list[Hit]:
    """The best ``limit`` assets. ``sense``: None when there is no model to ask; then the order is the text's.

    ``has_seen(asset)``: whether the model has looked at a picture of it. ``other_voice``: what was suggested is not the
    word of this model alone.
    """
    if sense is None:
        return ranker.told(text._replace(hits=text.hits[:limit]))
    meant = {hit.asset: (rank, hit) for rank, hit in enumerate(sense.hits, 1)}
    admitted = list(_admitted(text, sense, meant.__contains__, has_seen, other_voice))
    worded = {hit.asset: (rank, hit) for rank, hit in enumerate(admitted, 1)}
    last = len(admitted) if text.by == "date" else 0
    scores = {asset: TEXT_WEIGHT * hit.own / (K + (last or rank)) for asset, (rank, hit) in worded.items()}
    for asset, (rank, _) in meant.items():
        scores[asset] = scores.get(asset, 0.0) + MEANING_WEIGHT / (K + rank)

    def order(asset: int) -> tuple[float, float, int]:
        return -scores[asset], -worded[asset][1].score if asset in worded else 0.0, -asset

    return [
        Hit(asset, scores[asset], _why(text, worded.get(asset), meant.get(asset), sense.model))
        for asset in sorted(scores, key=order)[:limit]
    ]


def _admitted(
    text: Ranking,
    sense: Sense,
    meant: Callable[[int], bool],
    has_seen: Callable[[int], bool],
    other_voice: bool,
) -> Iterator[TextHit]:
    waiting = sense.late and not sense.hits
    for hit in text.hits:
        if hit.own < 1 and (waiting or other_voice or not has_seen(hit.asset)):
            hit = hit._replace(own=1.0)
        speaks = hit.own > 0 and (hit.whole or meant(hit.asset))
        if speaks or (not waiting and hit.coverage >= COVERAGE and not has_seen(hit.asset)):
            yield hit


def _why(text: Ranking, worded: tuple[int, TextHit] | None, meant: tuple[int, Sensed] | None, model: str) -> str:
    """The JSON of ``search.run`` with both parts; of one that did not find it, ``{}`` or null."""
    told: dict[str, Any] = {"text": {}, "meaning": None}
    if worded:
        rank, hit = worded
        words = {word: round(share, 6) for word, share in hit.words.items()}
        score = round(ranker.words_score(text, hit), 6)
        told["text"] = {"words": words, "score": score, "by": text.by, "rank": rank}
    if meant:
        rank, sensed = meant
        told["meaning"] = round(sensed.score, 4)
        told["model"] = {"name": model, "rank": rank, "floor": round(sensed.floor, 4)}
    return _encoded(told)
