"""vectors.rows: what goes in comes out, whatever the order of arrival; a scan is a matrix product."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from albumsd.vectors import rows
from albumsd.vectors.rows import CHUNK, Rows, Scanner, best


@pytest.fixture
def scanner() -> Any:
    own = Scanner()
    yield own
    own.close()


def test_a_vector_comes_back_as_it_went_in(made: Any) -> None:
    vectors = made.vectors(500, 512)
    kept = Rows(512)
    kept.add(np.arange(500), vectors.astype(np.float16))
    back = kept.view.vectors(np.arange(500))
    assert np.abs(back - vectors).max() < 2e-4
    assert np.abs((back * vectors).sum(axis=1) - 1).max() < 2e-5


def test_lengths_do_not_count(made: Any) -> None:
    vectors = made.vectors(50)
    kept = Rows(24)
    kept.add(np.arange(50), vectors * np.linspace(0.001, 900, 50)[:, None])
    assert np.abs(kept.view.vectors(np.arange(50)) - vectors).max() < 1e-4


@pytest.mark.parametrize("bad", [0.0, np.nan, np.inf, -np.inf])
def test_a_vector_without_direction_is_kept_and_like_nothing(bad: float, scanner: Scanner) -> None:
    kept = Rows(4)
    kept.add(np.array([7, 8]), np.array([[bad] * 4, [1, 0, 0, 0]], np.float32))
    assert len(kept) == 2
    assert scanner.cosines(kept.view, np.array([1, 0, 0, 0], np.float32)).tolist() == [0, pytest.approx(1)]


@pytest.mark.parametrize("threads", [1, 3])
def test_a_scan_is_a_product_over_several_chunks(made: Any, threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows.os, "sched_getaffinity", lambda _: set(range(threads)))
    count = 2 * CHUNK + 777
    vectors = made.vectors(count, 8)
    kept = Rows(8)
    for begin in range(0, count, 5000):
        part = slice(begin, min(begin + 5000, count))
        kept.add(np.arange(part.start, part.stop), vectors[part])
    own = Scanner()
    try:
        query = made.vectors(1, 8, seed=9)[0]
        assert np.abs(own.cosines(kept.view, query) - vectors @ query).max() < 1e-4
        some = np.flatnonzero(np.arange(count) % 3 == 1)
        assert np.array_equal(own.cosines(kept.view, query, some[:100]), own.cosines(kept.view, query, some)[:100])
        assert np.abs(own.cosines(kept.view, query, some) - vectors[some] @ query).max() < 1e-4
    finally:
        own.close()


def test_a_scanner_that_was_closed_still_answers(made: Any) -> None:
    kept = Rows(8)
    kept.add(np.arange(3 * CHUNK), made.vectors(3 * CHUNK, 8))
    query = made.vectors(1, 8, seed=9)[0]
    own = Scanner()
    before = own.cosines(kept.view, query)
    own.close()
    assert np.array_equal(own.cosines(kept.view, query), before)


def test_best_of_many_agrees_with_the_product(made: Any, scanner: Scanner) -> None:
    vectors = made.vectors(1500)
    kept = Rows(24)
    kept.add(np.arange(1500), vectors)
    queries = made.vectors(7, seed=5)
    some = np.flatnonzero(np.arange(1500) % 2 == 0)
    found = np.sort(scanner.best_of_many(kept.view, queries, 10, some, lambda: None), axis=1)
    assert np.abs(found - np.sort(queries @ vectors[some].T, axis=1)[:, -10:]).max() < 1e-4


def test_ids_in_any_order_and_twice(made: Any) -> None:
    vectors = made.vectors(6)
    kept = Rows(24)
    kept.add(np.array([30, 10, 20, 10]), vectors[:4])  # of the two 10s the last counts
    assert kept.view.ascending
    kept.add(np.array([15, 20]), vectors[4:])
    assert len(kept) == 4
    at = kept.view.find(np.array([20, 15, 99, 10, 30, 5]))
    assert at[2] == at[5] == -1
    back = kept.view.vectors(at[[0, 1, 3, 4]])
    assert np.abs(back - vectors[[5, 4, 3, 0]]).max() < 1e-4
    assert kept.remove(np.array([10, 10, 11])) == 1
    assert kept.view.find(np.array([10]))[0] == -1
    kept.compact()
    assert kept.view.ids.tolist() == [15, 20, 30]
    assert kept.view.ascending
    assert np.abs(kept.view.vectors(kept.view.find(np.array([20]))) - vectors[5]).max() < 1e-4


def test_among_gives_live_positions_in_order(made: Any) -> None:
    kept = Rows(24)
    kept.add(np.arange(0, 400, 2), made.vectors(200))
    kept.remove(np.array([10]))
    few, many = np.array([12, 3, 10, 8, 8]), np.arange(399, -1, -1)
    assert kept.view.ids[kept.view.among(few)].tolist() == [8, 12]
    assert kept.view.ids[kept.view.among(many)].tolist() == [n for n in range(0, 400, 2) if n != 10]
    kept.add(np.array([1]), made.vectors(1))  # behind the others now
    assert kept.view.ids[kept.view.among(np.array([1, 8]))].tolist() == [8, 1]


def test_a_view_stays_as_it_was_while_rows_grow(made: Any, scanner: Scanner) -> None:
    vectors = made.vectors(5000)
    kept = Rows(24)
    kept.add(np.arange(10), vectors[:10])
    view = kept.view
    before = scanner.cosines(view, vectors[3])
    for begin in range(10, 5000, 499):
        part = np.arange(begin, min(begin + 499, 5000))
        kept.add(part, vectors[part])
    kept.remove(np.arange(5000))
    kept.compact()
    assert np.array_equal(scanner.cosines(view, vectors[3]), before)
    assert len(kept) == 0


def test_best_breaks_ties_by_id() -> None:
    ids, scores = best(np.array([9, 4, 7, 2, 8]), np.array([0.5, 0.5, 1.0000002, 0.5, 0.1], np.float32), 3)
    assert ids.tolist() == [7, 2, 4]
    assert scores.tolist() == [1.0, 0.5, 0.5]
    assert len(best(ids, scores, 0)[0]) == len(best(ids, scores, -1)[0]) == 0
