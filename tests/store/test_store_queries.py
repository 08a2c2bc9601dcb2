"""Remembered queries: a name once shown under a query means the same asset; and what changes say to late readers."""

from __future__ import annotations

from typing import Any

import pytest

from albumsd.store import changes, queries
from albumsd.store.queries import Hit


def test_ranks_never_change_and_late_finds_come_after(lib: Any) -> None:
    lib.arrive("1.jpg", "2.jpg", "3.jpg", "4.jpg")
    with lib.db.write(durable=True) as tx:
        queries.keep(tx, "dog", "Dog", [Hit(2, 9.0, "{}"), Hit(1, 8.0, "{}")], 3)
        queries.keep(tx, "dog", "DOG", [Hit(3, 99.0, "{}"), Hit(1, 98.0, "{}"), Hit(4, 97.0, "{}")], 3)
    assert [(row.rank, row.asset, row.score) for row in queries.ranked(lib.db, "dog")] == [
        (1, 2, 9.0),
        (2, 1, 8.0),
        (3, 3, 99.0),
    ]
    assert queries.recent(lib.db) == [("Dog", lib.db.value("SELECT last_ns FROM remembered"))]
    assert queries.hit(lib.db, "dog", 3) == queries.Ranked(3, 3, 99.0, "{}")
    assert queries.hit(lib.db, "dog", 4) is None
    assert queries.hit(lib.db, "cat", 1) is None
    assert queries.ranked(lib.db, "cat") is None


def test_what_is_gone_is_not_listed_and_its_rank_is_not_given_again(lib: Any) -> None:
    lib.arrive("1.jpg", "2.jpg", "3.jpg")
    with lib.db.write(durable=True) as tx:
        queries.keep(tx, "dog", "dog", [Hit(1, 2.0, "{}"), Hit(2, 1.0, "{}")], 10)
    lib.vanish("2.jpg")
    with lib.db.write(durable=True) as tx:
        queries.keep(tx, "dog", "dog", [Hit(3, 5.0, "{}"), Hit(3, 4.0, "{}")], 10)
    assert [(row.rank, row.asset) for row in queries.ranked(lib.db, "dog")] == [(1, 1), (3, 3)]


def test_forgotten_a_week_after_the_last_listing(lib: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for day, key in ((1, "old"), (1, "again"), (5, "again"), (5, "new")):
        monkeypatch.setenv("ALBUMSD_NOW", f"2024-04-{day:02d}T12:00:00")
        with lib.db.write(durable=True) as tx:
            queries.keep(tx, key, key, [Hit(1, 1.0, "{}")], 10)
    monkeypatch.setenv("ALBUMSD_NOW", "2024-04-08T12:00:01")
    with lib.db.write(durable=True) as tx:
        queries.forget_old(tx, 7)
    assert queries.ranked(lib.db, "old") is None
    assert [text for text, _ in queries.recent(lib.db)] == ["new", "again"]
    assert lib.db.value("SELECT count(*) FROM remembered_hit") == 2


def test_a_reader_of_changes_that_slept_too_long_is_told(lib: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "KEEP", 3)
    lib.arrive(*[f"{number}.jpg" for number in range(10)])
    latest = changes.latest(lib.db)
    with lib.db.write() as tx:
        changes.trim(tx)
    assert [row.gen for row in changes.since(lib.db, latest - 3)] == [latest - 2, latest - 1, latest]
    assert changes.since(lib.db, latest) == []
    assert changes.since(lib.db, latest - 4) is None
    assert changes.since(lib.db, 0) is None, "who has seen nothing has missed something too"
    assert [row.gen for row in changes.since(lib.db, latest - 3, limit=1)] == [latest - 2]


def test_when_the_library_last_changed(lib: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALBUMSD_NOW", "2024-04-13T12:00:00")
    lib.arrive("1.jpg")
    assert changes.latest_ns(lib.db) == 1_713_009_600 * 10**9


def test_a_rank_follows_when_the_content_turns_out_to_be_known(lib: Any) -> None:
    lib.arrive("1.jpg", "2.jpg", "3.jpg", "4.jpg")
    lib.identify(1, "one")
    with lib.db.write(durable=True) as tx:
        queries.keep(tx, "dog", "dog", [queries.Hit(2, 3.0, "{}"), queries.Hit(3, 2.0, "{}")], 10)
        queries.keep(
            tx, "cat", "cat", [queries.Hit(1, 3.0, "{}"), queries.Hit(2, 2.0, "{}"), queries.Hit(4, 1.0, "{}")], 10
        )
    assert lib.identify(2, "one") == 1
    assert [(row.rank, row.asset) for row in queries.ranked(lib.db, "dog")] == [(1, 1), (2, 3)]
    assert [(row.rank, row.asset) for row in queries.ranked(lib.db, "cat")] == [(1, 1), (3, 4)], "shown once"
