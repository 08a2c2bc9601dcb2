"""The rows of jobs whose work a model does: counted as all others, and done a page at a time."""

from __future__ import annotations

import random
from typing import Any

from albumsd.store import embeddings, jobs, model_jobs, tally
from albumsd.store.embeddings import Identity, Part
from albumsd.store.model_jobs import Fingerprints

Library = Any  # conftest.Library, which the tests get as a fixture


def counted(library: Library) -> dict[str, dict[str, int]]:
    """The counts that are kept, which must be what counting anew gives."""
    kept = jobs.counts(library.database)
    with library.database.write() as tx:
        tally.recount(tx)
        assert tally.jobs(tx) == kept
    return kept


def test_random_histories_are_counted_right(library: Library) -> None:
    for number in range(6):
        library.put(f"2020-01-0{number + 1}.jpg")
    library.index()
    ids = [library.asset(f"2020-01-0{number + 1}.jpg") for number in range(6)]
    dice = random.Random(7)
    for _ in range(60):
        with library.database.write() as tx:
            match dice.randrange(8):
                case 0 | 1:
                    model_jobs.ask(tx, "embed", dice.randrange(3), dice.choice(ids), dice.randrange(100))
                case 2:
                    model_jobs.park_open(tx, "embed", jobs.AWAY, 2)
                case 3:
                    model_jobs.unpark_some(tx, "embed", (jobs.AWAY,), 2)
                case 4:
                    model_jobs.settle(tx, "embed", dice.randrange(3), ids)
                case 5:
                    model_jobs.withdraw(tx, "embed", 1)
                case _:
                    for job in jobs.claim(tx, "embed", 2, 60):
                        jobs.finish(tx, job)
                        model_jobs.finished_by(tx, job, dice.randrange(3))
        counted(library)


def test_pages_go_through_all_assets_from_the_newest(library: Library) -> None:
    days = ["2020-01-02", "2020-01-01", "2020-01-02", "2019-01-01"]
    for number, day in enumerate(days):
        library.put(f"{day} {number}.jpg")
    library.index()
    with library.database.write() as tx:
        model_jobs.ask(tx, "embed", 3, library.asset("2020-01-01 1.jpg"), 0)
    found: list[tuple[int, str, bool]] = []
    day, asset = "~", 0
    while page := model_jobs.page(library.database, "embed", 3, day, asset, 1):
        found += page
        asset, day = page[0][:2]
    assert [(row[1], row[2]) for row in found] == [
        ("2020-01-02", False), ("2020-01-02", False), ("2020-01-01", True), ("2019-01-01", False),
    ]  # fmt: skip
    assert len({row[0] for row in found}) == 4
    assert not any(row[2] for row in model_jobs.page(library.database, "embed", 2, "~", 0, 9))


def test_the_least_urgent_are_parked_first_and_the_most_urgent_opened_first(library: Library) -> None:
    for number in range(3):
        library.put(f"{number}.jpg")
    library.index()
    ids = [library.asset(f"{number}.jpg") for number in range(3)]
    with library.database.write() as tx:
        for priority, asset in enumerate(ids):
            model_jobs.ask(tx, "embed", 0, asset, priority)
        assert model_jobs.park_open(tx, "embed", jobs.AWAY, 2) == 2
        assert [job.asset for job in jobs.claim(tx, "embed", 9, 60)] == [ids[2]]
        assert model_jobs.unpark_some(tx, "embed", (jobs.NO_MODEL,), 9) == 0
        assert model_jobs.unpark_some(tx, "embed", (jobs.AWAY, jobs.NO_MODEL), 1) == 1
        assert [job.asset for job in jobs.claim(tx, "embed", 9, 60)] == [ids[1]]


def test_what_is_taken_back_was_never_asked(library: Library) -> None:
    library.put("a.jpg")
    library.index()
    asset = library.asset("a.jpg")
    with library.database.write() as tx:
        model_jobs.ask(tx, "tags", 3, asset, 0)
        (job,) = jobs.claim(tx, "tags", 9, 60)
        model_jobs.take_back(tx, job)
        assert "tags" not in jobs.of_asset(tx, asset)
        model_jobs.ask(tx, "tags", 3, asset, 0)
        (job,) = jobs.claim(tx, "tags", 9, 60)
        jobs.finish(tx, job)
        model_jobs.take_back(tx, job)
        assert jobs.of_asset(tx, asset)["tags"] == {"done"}
    counted(library)


def test_lost_is_what_a_job_says_was_embedded_and_has_no_vector(library: Library) -> None:
    library.decoders.pictures = True
    for name in ("a.jpg", "b.jpg", "c.txt", "d.txt", "e.jpg"):
        library.put(name)
    library.index()
    a, b, c, d, e = (library.asset(name) for name in ("a.jpg", "b.jpg", "c.txt", "d.txt", "e.jpg"))
    old, new = Identity("old@1", "old", 1), Identity("new@2", "new", 1)
    with library.database.write() as tx:
        for asset in (a, b, c, d):
            model_jobs.ask(tx, "embed", 7, asset, 0)
        for job in jobs.claim(tx, "embed", 9, 60):
            jobs.finish(tx, job)
        model_jobs.ask(tx, "embed", 7, e, 0)
        embeddings.put(tx, c, old, [Part("text", b"00")])
        embeddings.put(tx, b, new, [Part("image", b"00")])
        number = embeddings.model_id(tx, "new@2") or 0
        last = model_jobs.last_asset(tx)
        assert last == max(a, b, c, d, e)
        assert {row[0] for row in model_jobs.lost(tx, "embed", 7, number, 0, last)} == {a, c}
        assert {row[0] for row in model_jobs.lost(tx, "embed", 7, number, a, last)} == {x for x in (a, c) if x > a}
        assert {row[0] for row in model_jobs.lost(tx, "embed", 7, number, 0, a)} == {x for x in (a, c) if x <= a}
        assert model_jobs.lost(tx, "embed", 6, number, 0, last) == []
        assert {row[0] for row in model_jobs.lost(tx, "embed", 7, 0, 0, last)} == {a, b, c}


def test_fingerprints_are_remembered(library: Library) -> None:
    assert model_jobs.fingerprints(library.database, "embed") == Fingerprints("", {}, 0)
    known = Fingerprints(None, {"1/a@b": 4}, 5)
    with library.database.write() as tx:
        model_jobs.remember_fingerprints(tx, "embed", known)
    assert model_jobs.fingerprints(library.database, "embed") == known
