"""Text ranking by rank-bm25: Okapi's scores, exactly, for a few candidates out of any number of documents.

rank_bm25 keeps a whole corpus in memory and walks all of it for every query. But a document's score needs of the
corpus only the number of documents, their mean length, and of each word the number of documents it stands in. Those
come from the index (``Corpus``), the candidates from FTS5, and ``BM25Okapi.get_scores`` does the rest: equal to
ranking all documents, for those that were candidates.

Every word of a document counts the same, wherever it stands: a title is short, so Okapi's length norm already favours
what is only a title, and the order that weighs columns (FTS5's) decides between equal scores.

``Corpus`` is refreshed when the library has changed, inline while that is quick, else by a thread and no more often
than every 50 times what it takes; the number of documents of a query's own words is always looked up fresh. Nothing
grows with the library: memory is that of 1000 candidates.

This is the order by words alone, and knows no other; ``fusion`` joins it with what ``meaning`` finds.
"""

from __future__ import annotations

import json
import logging
import math
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from rank_bm25 import BM25Okapi

from albumsd.query.tree import Node, likes
from albumsd.search import candidates, fulltext
from albumsd.search.candidates import Found
from albumsd.search.run import why
from albumsd.store.database import Reader, Tx
from albumsd.store.queries import Hit

log = logging.getLogger(__name__)

K1, B, EPSILON = 1.5, 0.75, 0.25
QUICK_S = 0.02
_VERSION = "SELECT group_concat(hex(block)) FROM fts_data WHERE id IN (1, 10)"
"""FTS5's totals and its structure, which every write to the index renews. Unlike SQLite's data_version it stays when
something else is written: a query that is remembered, the row in which a process says that it is alive."""
REST = 50


class Corpus(NamedTuple):
    """What Okapi needs to know of all documents. ``mean_idf`` is over the whole vocabulary, as BM25Okapi has it."""

    documents: int
    mean_length: float
    mean_idf: float

    def idf(self, holding: int) -> float:
        """Weight of a word that ``holding`` documents hold: Okapi's, with its floor for very common words."""
        if not holding:
            return 0.0
        value = math.log(max(self.documents - holding, 0) + 0.5) - math.log(holding + 0.5)
        return value if value >= 0 else EPSILON * self.mean_idf


def measure(tx: Tx) -> Corpus:
    """Count all documents and words: 1 s for a million documents."""
    documents, length = tx.one("SELECT count(*), total(length) FROM document") or (0, 0.0)
    mean_idf = tx.value(
        "SELECT avg(ln(max(? - doc, 0) + 0.5) - ln(doc + 0.5)) FROM fts_words WHERE doc > 0", (documents,)
    )
    return Corpus(documents, length / documents if documents else 1.0, mean_idf or 0.0)


class CorpusWatch:
    """The current ``Corpus`` of a library. Safe for several threads: one lock, its own connection."""

    def __init__(self, database: Path) -> None:
        self._reader = Reader(database)
        self._lock = threading.Lock()
        self._version: str | None = None
        self._took_s = 0.0
        self._measured = 0.0
        self._running = False
        self._corpus = Corpus(0, 1.0, 0.0)

    def current(self) -> Corpus:
        """Fresh when measuring is quick; otherwise at most as old as REST times what measuring takes, and that."""
        with self._lock:
            version = self._reader.value(_VERSION)
            if version != self._version and not self._running:
                if self._took_s < QUICK_S:
                    self._measure(version)
                elif time.monotonic() - self._measured > REST * self._took_s:
                    self._running = True
                    threading.Thread(target=self._behind, args=(version,), name="corpus", daemon=True).start()
            return self._corpus

    def _measure(self, version: str) -> None:
        begin = time.monotonic()
        self._corpus = measure(self._reader)
        self._measured = time.monotonic()
        self._took_s = self._measured - begin
        self._version = version

    def _behind(self, version: str) -> None:
        try:
            with Reader(self._reader.path) as reader:
                begin = time.monotonic()
                corpus = measure(reader)
            with self._lock:
                self._corpus, self._version, self._measured = corpus, version, time.monotonic()
                self._took_s = self._measured - begin
        except Exception:
            log.exception("counting words failed; the old counts stay")
        finally:
            with self._lock:
                self._running = False

    def close(self) -> None:
        self._reader.close()


class Candidates(BM25Okapi):  # type: ignore[misc]
    """BM25Okapi over some documents, with the corpus-wide numbers put in instead of counted."""

    def __init__(self, counts: list[dict[str, int]], lengths: list[int], idf: dict[str, float], mean: float) -> None:
        self.k1, self.b, self.epsilon, self.idf, self.avgdl = K1, B, EPSILON, idf, mean
        self.corpus_size, self.doc_freqs, self.doc_len = len(counts), counts, lengths


def holding(tx: Tx, term: str, documents: int) -> int:
    """How many documents hold a word; of a beginning (``warr*``) the sum over its words, at most all."""
    if not term.endswith("*"):
        return int(tx.value("SELECT doc FROM fts_words WHERE term = ?", (term,)) or 0)
    first = term[:-1]
    most = tx.value("SELECT total(doc) FROM fts_words WHERE term >= ? AND term < ?", (first, first + "\U0010ffff"))
    return min(documents, int(most))


class TextHit(NamedTuple):
    """An asset as its words rank it. ``words``: the share of each in the score; the shares add up to it.

    ``whole``: it holds all words of the query. ``coverage``: how much of them it holds (``search.candidates``).
    ``own``: the part of those words (by number) that it holds not only in what a model suggested.
    """

    asset: int
    score: float
    words: dict[str, float]
    whole: bool
    coverage: float
    own: float = 1.0


class Ranking(NamedTuple):
    """Best first: all that are whole, then the others. ``by``: date or name where no word orders."""

    hits: list[TextHit]
    by: Literal["bm25", "date", "name"]


def told(ranked: Ranking) -> list[Hit]:
    """A ranking by words as an answer."""
    return [
        Hit(hit.asset, hit.score, why(hit.words, words_score(ranked, hit), ranked.by, place))
        for place, hit in enumerate(ranked.hits, 1)
    ]


def words_score(ranked: Ranking, hit: TextHit) -> float:
    """The part of the score that words have: none of a moment in time."""
    return hit.score if ranked.by == "bm25" else 0.0


def ranking(tx: Tx, corpus: Corpus, node: Node, limit: int) -> Ranking:
    """The best ``limit`` assets: those with all words before those with some, each by Okapi's score."""
    found = candidates.find(tx, node, limit)
    if found.by_date:
        hits = [TextHit(hit.asset, hit.score, {}, True, 1.0) for hit in found.whole[:limit]]
        return Ranking(hits, "name" if any(likes(node)) else "date")
    terms = fulltext.terms(node)
    idf = {term: corpus.idf(holding(tx, term, corpus.documents)) for term in terms}
    hits = _scored(tx, corpus, terms, idf, found.whole, True, limit)
    return Ranking(hits + _scored(tx, corpus, terms, idf, found.partly, False, limit - len(hits)), "bm25")


def _scored(
    tx: Tx,
    corpus: Corpus,
    terms: Sequence[str],
    idf: dict[str, float],
    tier: list[Found],
    whole: bool,
    limit: int,
) -> list[TextHit]:
    """One tier in Okapi's order; what is equal stays in FTS5's.

    In a library of a handful of documents Okapi's weights are zero or less and mean nothing: there FTS5's order stays.
    """
    if not tier or limit <= 0:
        return []
    documents = {
        row[0]: (row[1], row[2], row[3])
        for row in tx.all(
            "SELECT asset, ' ' || title || ' ' || path || ' ' || context || ' ' || body || ' ', suggested || ' ',"
            " length FROM document WHERE asset IN (SELECT value FROM json_each(?))",
            (json.dumps([hit.asset for hit in tier]),),
        )
    }
    found = [hit for hit in tier if hit.asset in documents]  # the others are gone since they were found: a moment ago
    counts, owned = [], []
    for own, suggested, _ in (documents[hit.asset] for hit in found):
        counts.append(_counts(terms, own + suggested))
        owned.append(len(_counts(terms, own)) / len(counts[-1]) if suggested.strip() and counts[-1] else 1.0)
    okapi = Candidates(counts, [documents[hit.asset][2] for hit in found], idf, corpus.mean_length)
    shares = {term: okapi.get_scores([term]) for term in terms}
    scores = sum(shares.values(), np.zeros(len(found)))
    order = np.argsort(-scores, kind="stable") if corpus.mean_idf > 0 else range(len(found))
    return [
        TextHit(
            found[n].asset,
            float(scores[n]),
            {term: float(shares[term][n]) for term in terms if term in counts[n]},
            whole,
            found[n].coverage,
            owned[n],
        )
        for n in order[:limit]
    ]


def _counts(terms: Sequence[str], text: str) -> dict[str, int]:
    return {term: count for term in terms if (count := fulltext.occurrences(text, term))}
