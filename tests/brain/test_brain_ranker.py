"""brain.ranker: exactly rank_bm25's scores, from a few candidates, while the library changes."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from rank_bm25 import BM25Okapi

from albumsd.brain import ranker
from albumsd.core.errors import QueryError
from albumsd.query.parser import parse
from albumsd.store import queries as queries_of_store
from albumsd.store.database import Database, Tx
from albumsd.store.processes import Pulse
from albumsd.store.queries import Hit

TODAY = "2024-05-01"


def rank(tx: Tx, corpus: ranker.Corpus, query: str, today: str, limit: int) -> list[Hit]:
    return ranker.told(ranker.ranking(tx, corpus, parse(query, today), limit))


def whole_corpus(database: Database) -> tuple[list[int], BM25Okapi]:
    rows = database.all(
        "SELECT asset, title || ' ' || path || ' ' || context || ' ' || body FROM document ORDER BY asset"
    )
    return [row[0] for row in rows], BM25Okapi([row[1].split() for row in rows])


def queries(database: Database, count: int) -> list[str]:
    """One to four words of a document each, very common ones among them, some twice."""
    rng = random.Random(11)
    found = []
    for _ in range(count):
        title, body = database.all("SELECT title, body FROM document WHERE asset=?", (rng.randrange(1, 301),))[0]
        words = f"{title} {body} papers 2020".split()
        found.append(" ".join(rng.choice(words) for _ in range(rng.randrange(1, 5))))
    return found


def test_scores_are_those_of_ranking_every_document(papers: Database) -> None:
    assets, okapi = whole_corpus(papers)
    corpus = ranker.measure(papers)
    assert corpus.documents == len(assets)
    assert corpus.mean_length == pytest.approx(okapi.avgdl)
    assert corpus.mean_idf == pytest.approx(okapi.average_idf)
    for query in queries(papers, 60):
        words = list(dict.fromkeys(query.split()))
        wanted = dict(zip(assets, okapi.get_scores(words), strict=True))
        hits = rank(papers, corpus, query, TODAY, 300)
        assert hits
        np.testing.assert_allclose([hit.score for hit in hits], [wanted[hit.asset] for hit in hits], rtol=1e-9)


def test_with_all_words_first_then_by_score(papers: Database) -> None:
    assets, okapi = whole_corpus(papers)
    corpus = ranker.measure(papers)
    partly = 0
    for query in queries(papers, 40):
        words = list(dict.fromkeys(query.split()))
        scores = dict(zip(assets, okapi.get_scores(words), strict=True))
        holds = {
            asset: all(word in counts for word in words) for asset, counts in zip(assets, okapi.doc_freqs, strict=True)
        }
        hits = [hit.asset for hit in rank(papers, corpus, query, TODAY, 300)]
        tiers = [[asset for asset in hits if holds[asset] is tier] for tier in (True, False)]
        partly += bool(tiers[1])
        assert hits == tiers[0] + tiers[1]
        assert len(tiers[0]) == sum(holds.values())
        for tier in tiers:
            ordered = [scores[asset] for asset in tier]
            assert ordered == sorted(ordered, reverse=True)
    assert partly > 5


def test_why_adds_up_to_the_score(papers: Database) -> None:
    corpus = ranker.measure(papers)
    hits = rank(papers, corpus, "w3 w20 w1*", TODAY, 50)
    assert hits
    for hit in hits:
        why = json.loads(hit.why)
        assert why["meaning"] is None
        assert why["text"]["by"] == "bm25"
        assert set(why["text"]["words"]) <= {"w3", "w20", "w1*"}
        assert sum(why["text"]["words"].values()) == pytest.approx(why["text"]["score"], abs=1e-5)
        assert why["text"]["score"] == pytest.approx(hit.score, abs=1e-5)


def test_a_beginning_counts_every_word_that_begins_so(papers: Database) -> None:
    every = papers.all("SELECT term, doc FROM fts_words WHERE term LIKE 'w39%'")
    assert len(every) > 3
    assert ranker.holding(papers, "w39*", 10_000) == sum(row[1] for row in every)
    assert ranker.holding(papers, "w39*", 2) == 2
    assert ranker.holding(papers, "nothing*", 10) == ranker.holding(papers, "nothing", 10) == 0


def test_limit_nonsense_and_filters(papers: Database) -> None:
    corpus = ranker.measure(papers)
    assert len(rank(papers, corpus, "w0", TODAY, 7)) == 7
    assert rank(papers, corpus, "xyzzy", TODAY, 7) == []
    newest = rank(papers, corpus, "date=2020", TODAY, 3)
    assert [hit.asset for hit in newest] == [300, 299, 298]
    with pytest.raises(QueryError):
        rank(papers, corpus, "(", TODAY, 7)


def test_a_handful_of_documents(empty: Database, add: Callable[..., None]) -> None:
    """Okapi's weights are zero or less there; the order is still one."""
    assert rank(empty, ranker.measure(empty), "letter", TODAY, 5) == []
    add(1, "letter", "warranty of a machine")
    assert [hit.asset for hit in rank(empty, ranker.measure(empty), "letter", TODAY, 5)] == [1]
    add(2, "other", "a letter about something else that is quite long and of no interest")
    assert [hit.asset for hit in rank(empty, ranker.measure(empty), "letter", TODAY, 5)] == [1, 2]


def test_more_documents_than_were_counted(papers: Database) -> None:
    """The counts may be old by a moment: no logarithm of something negative."""
    old = ranker.Corpus(10, 15.0, 4.0)
    assert rank(papers, old, "w0 w1", TODAY, 5)


def test_the_watch_notices_what_changed(papers: Database, add: Callable[..., None]) -> None:
    watch = ranker.CorpusWatch(papers.path)
    try:
        assert watch.current().documents == 300
        unchanged = watch.current()
        assert watch.current() is unchanged
        add(301, "something new")
        assert watch.current().documents == 301
        counted = watch.current()
        Pulse("indexer").beat(papers, "idle")
        with papers.write(durable=True) as tx:
            queries_of_store.keep(tx, "dog", "dog", [], 500)
        assert watch.current() is counted, "what says nothing about words is no reason to count them again"
    finally:
        watch.close()


def test_a_slow_count_happens_behind(
    papers: Database, add: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[Any] = []

    class Thread:
        """Runs when the test says so."""

        def __init__(self, target: Callable[..., None], args: tuple[int], **_: object) -> None:
            self.run = lambda: target(*args)
            threads.append(self)

        def start(self) -> None:
            pass

    watch = ranker.CorpusWatch(papers.path)
    try:
        watch.current()
        monkeypatch.setattr(ranker.threading, "Thread", Thread)
        monkeypatch.setattr(ranker, "QUICK_S", 0.0)
        monkeypatch.setattr(ranker, "REST", 0)
        add(301, "something new")
        assert watch.current().documents == 300
        assert watch.current().documents == 300
        assert len(threads) == 1
        threads[0].run()
        assert watch.current().documents == 301
        assert len(threads) == 1
        monkeypatch.setattr(ranker, "REST", 1e12)
        add(302, "newer")
        assert watch.current().documents == 301  # it has rested too little
        assert len(threads) == 1
    finally:
        watch.close()
