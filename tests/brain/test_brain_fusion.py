"""brain.fusion: reciprocal rank, and what may enter its lists."""

from __future__ import annotations

import json

import pytest

from albumsd.brain.fusion import COVERAGE, K, Sense, Sensed, fuse
from albumsd.brain.ranker import Ranking, TextHit


def text(*hits: tuple[int, float]) -> Ranking:
    """Assets with their coverage, best first."""
    return Ranking([TextHit(a, 9.0 - n, {"dog": 9.0 - n}, c == 1, c) for n, (a, c) in enumerate(hits)], "bm25")


def sense(*assets: int, late: bool = False) -> Sense:
    return Sense("tiny", [Sensed(asset, 0.5 - n / 100, 0.2) for n, asset in enumerate(assets)], late)


def order(ranking: Ranking, meaning: Sense | None, limit: int = 10, seen: tuple[int, ...] = ()) -> list[int]:
    return [hit.asset for hit in fuse(ranking, meaning, limit, seen.__contains__)]


def test_the_score_is_the_sum_of_reciprocal_ranks() -> None:
    hits = {hit.asset: hit.score for hit in fuse(text((1, 1), (2, 1)), sense(2, 3), 10, lambda _: True)}
    assert hits == pytest.approx({2: 1 / (K + 2) + 1 / (K + 1), 1: 1 / (K + 1), 3: 1 / (K + 2)})


def test_what_both_found_goes_first_and_nothing_is_lost() -> None:
    assert order(text((1, 1), (2, 1), (3, 1)), sense(3, 4, 5)) == [3, 1, 2, 4, 5]
    assert order(text((1, 1), (2, 1), (3, 1)), sense(3, 4, 5), limit=2) == [3, 1]


def test_between_equal_scores_the_text_goes_first_then_the_newer() -> None:
    assert order(text((7, 1)), sense(9)) == [7, 9]
    assert order(text((9, 1)), sense(7)) == [9, 7]


def test_the_order_of_time_is_no_relevance() -> None:
    """What stands in such a list is raised by it, wherever it stands in it."""
    dated = text((1, 1), (2, 1), (3, 1), (4, 1))._replace(by="date")
    assert order(dated, sense(9, 3)) == [3, 9, 1, 2, 4]


def test_without_a_model_the_order_is_that_of_the_text() -> None:
    ranking = text((1, 1), (2, 0.9), (3, 0.5))
    hits = fuse(ranking, None, 10, lambda _: True)
    assert [hit.asset for hit in hits] == [1, 2, 3]
    assert [hit.score for hit in hits] == [9.0, 8.0, 7.0]


def test_who_holds_only_some_words_needs_a_reason() -> None:
    ranking = text((1, 1), (2, 0.9), (3, 0.9), (4, COVERAGE - 0.01), (5, 0.5))
    assert set(order(ranking, sense(5), seen=(2,))) == {1, 3, 5}, "2 was seen and not meant, 4 holds too little"


def test_nonsense_finds_nothing() -> None:
    assert order(text((2, 0.9)), sense(), seen=(2,)) == []


def test_while_meaning_is_waited_for_only_who_holds_all_words_is_shown() -> None:
    ranking = text((1, 1), (2, 0.9))
    assert order(ranking, sense(late=True)) == [1]
    assert order(ranking, sense(3, late=True)) == [1, 3, 2], "it has spoken, only not to the end"


def test_why_names_both_parts() -> None:
    hits = {hit.asset: json.loads(hit.why) for hit in fuse(text((1, 1), (2, 1)), sense(2, 3), 10, lambda _: True)}
    assert hits[1] == {"text": {"words": {"dog": 9.0}, "score": 9.0, "by": "bm25", "rank": 1}, "meaning": None}
    assert hits[2] == {
        "text": {"words": {"dog": 8.0}, "score": 8.0, "by": "bm25", "rank": 2},
        "meaning": 0.5,
        "model": {"name": "tiny", "rank": 1, "floor": 0.2},
    }
    assert hits[3] == {"text": {}, "meaning": 0.49, "model": {"name": "tiny", "rank": 2, "floor": 0.2}}


def voices(*hits: tuple[int, float]) -> Ranking:
    """Assets that hold all words, with the part of them that is their own."""
    return Ranking([TextHit(a, 9.0 - n, {"dog": 9.0 - n}, True, 1.0, own) for n, (a, own) in enumerate(hits)], "bm25")


def test_what_a_model_suggested_is_not_heard_beside_its_meaning() -> None:
    """1 has no word of its own; 2 has half of them, and half a voice."""
    assert order(voices((1, 0.0), (2, 0.5)), sense(3), seen=(1, 2, 3)) == [3, 2]
    found = {hit.asset: hit.score for hit in fuse(voices((2, 0.5)), sense(2), 10, lambda _: True)}
    assert found == pytest.approx({2: 0.5 / (K + 1) + 1 / (K + 1)})


def test_what_a_model_suggested_counts_where_it_did_not_look_or_has_not_spoken() -> None:
    assert order(voices((1, 0.0)), sense(3), seen=(3,)) == [1, 3]
    assert order(voices((1, 0.0)), sense(late=True), seen=(1,)) == [1]
    assert [hit.asset for hit in fuse(voices((1, 0.0)), sense(3), 10, lambda _: True, True)] == [1, 3]
