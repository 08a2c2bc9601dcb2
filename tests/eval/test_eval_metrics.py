"""The figures of contrib/eval against values worked out by hand."""

from __future__ import annotations

import math

import pytest


def test_ndcg_of_a_perfect_order_is_one() -> None:
    import metrics

    assert metrics.ndcg(["a", "b", "x"], {"a", "b"}, 10) == 1.0


def test_ndcg_by_hand() -> None:
    import metrics

    found = 1 / math.log2(3) + 1 / math.log2(4)
    best = 1 + 1 / math.log2(3) + 1 / math.log2(4)
    assert metrics.ndcg(["x", "a", "b"], {"a", "b", "c"}, 10) == pytest.approx(found / best)


def test_ndcg_looks_no_deeper_than_k() -> None:
    import metrics

    assert metrics.ndcg(["x", "y", "a"], {"a"}, 2) == 0.0
    assert metrics.ndcg(list("abcdef"), set("abcdef"), 3) == 1.0


def test_what_stands_twice_is_counted_once() -> None:
    import metrics

    assert metrics.ndcg(["a", "a"], {"a", "b"}, 10) < 1.0
    assert metrics.recall(["a", "a"], {"a", "b"}, 10) == 0.5


def test_recall_is_of_what_could_be_there() -> None:
    import metrics

    assert metrics.recall(list("abcx"), set("abc"), 1) == 1.0
    assert metrics.recall(list("axxb"), set("abc"), 10) == pytest.approx(2 / 3)


def test_the_mean_of_nothing_is_nothing() -> None:
    import metrics

    assert metrics.mean([]) is None
    assert metrics.mean([0.0, 1.0]) == 0.5
