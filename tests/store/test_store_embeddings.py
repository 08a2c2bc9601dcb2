"""Vectors as rows: replaced and never updated, kept when files go, told apart by model, followed by two numbers."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from itertools import islice
from typing import Any

import apsw
import pytest

from albumsd.store import database, embeddings
from albumsd.store.embeddings import Identity, Part

SMALL = Identity("small@1", "small", 2)
OTHER = Identity("other@2", "other", 2)


def vector(*numbers: float) -> bytes:
    return struct.pack(f"<{len(numbers)}e", *numbers)


ONE, TWO, THREE = (Part("image", vector(n, 1)) for n in (1, 2, 3))


def put(lib: Any, asset: int, *parts: Part, model: Identity = SMALL) -> bool:
    with lib.db.write() as tx:
        return embeddings.put(tx, asset, model, parts)


def number(lib: Any, model: Identity = SMALL) -> int:
    found = embeddings.model_id(lib.db, model.key)
    assert found is not None
    return found


def counted(lib: Any) -> None:
    """What is kept of each model is what there is."""
    for row in embeddings.models(lib.db):
        want = lib.db.one("SELECT count(*), count(DISTINCT asset) FROM embedding WHERE model=?", (row.id,))
        assert (row.rows, row.assets) == want


def test_what_is_put_is_read_page_by_page(lib: Any) -> None:
    one, two = lib.arrive("x.mp4", "y.pdf")
    assert put(lib, one, ONE, TWO)
    assert put(lib, two, Part("text", THREE.vector))
    rows = embeddings.since(lib.db, number(lib), 0, 2)
    assert [row[1:] for row in rows] == [(one, *ONE), (one, *TWO)]
    rest = embeddings.since(lib.db, number(lib), rows[-1].id, 2)
    assert [row[1:] for row in rest] == [(two, "text", THREE.vector)]
    assert embeddings.since(lib.db, number(lib), rest[-1].id, 2) == []
    every = [*rows, *rest]
    assert embeddings.ids(lib.db, number(lib)) == [row.id for row in every]
    assert embeddings.pairs(lib.db, number(lib)) == [(row.id, row.asset) for row in every]
    assert embeddings.pairs(lib.db, number(lib), every[0].id, 1) == [(every[1].id, one)]
    assert embeddings.of_asset(lib.db, one, number(lib)) == rows
    counted(lib)


def test_new_vectors_take_the_place_of_the_old_under_new_ids(lib: Any) -> None:
    (one,) = lib.arrive("x.jpg")
    put(lib, one, ONE, TWO)
    before = embeddings.ids(lib.db, number(lib))
    assert put(lib, one, THREE)
    (row,) = embeddings.of_asset(lib.db, one, number(lib))
    assert row.vector == THREE.vector
    assert row.id > max(before), "an index outside must not take it for another"
    assert put(lib, one)
    assert embeddings.of_asset(lib.db, one, number(lib)) == []
    assert put(lib, one, ONE)
    assert embeddings.ids(lib.db, number(lib))[0] > row.id
    counted(lib)


def test_the_same_vectors_again_write_nothing(lib: Any) -> None:
    (one,) = lib.arrive("x.jpg")
    put(lib, one, ONE, TWO)
    before = lib.db.value("SELECT total_changes()")
    assert not put(lib, one, ONE, TWO)
    assert lib.db.value("SELECT total_changes()") == before
    assert put(lib, one, TWO, ONE), "the order of frames is part of it"


@pytest.mark.parametrize("step", ["put more", "put again", "put none", "the asset goes"])
def test_the_version_tells_whatever_happens(lib: Any, step: str) -> None:
    one, two = lib.arrive("x.jpg", "y.jpg")
    put(lib, one, ONE)
    before = embeddings.version(lib.db, number(lib))
    assert before == embeddings.version(lib.db, number(lib)) == (embeddings.ids(lib.db, number(lib))[-1], 1)
    if step == "put more":
        put(lib, two, TWO)
    elif step == "put again":
        put(lib, one, TWO)
    elif step == "put none":
        put(lib, one)
    else:
        lib.vanish("x.jpg")
    assert embeddings.version(lib.db, number(lib)) != before
    counted(lib)


def test_one_that_went_and_one_that_came_are_not_the_same_rows(lib: Any) -> None:
    one, two = lib.arrive("x.jpg", "y.jpg")
    put(lib, one, ONE)
    put(lib, two, TWO)
    before = embeddings.version(lib.db, number(lib))
    put(lib, two)
    put(lib, two, TWO)
    after = embeddings.version(lib.db, number(lib))
    assert after.rows == before.rows
    assert after != before
    assert embeddings.version(lib.db, 99) == (0, 0)


def test_models_stand_side_by_side(lib: Any) -> None:
    (one,) = lib.arrive("x.jpg")
    put(lib, one, ONE)
    put(lib, one, TWO, model=OTHER)
    assert [row[1:] for row in embeddings.models(lib.db)] == [
        ("small@1", "small", 2, 1, 1),
        ("other@2", "other", 2, 1, 1),
    ]
    assert embeddings.of_asset(lib.db, one, number(lib))[0].vector == ONE.vector
    assert embeddings.of_asset(lib.db, one, number(lib, OTHER))[0].vector == TWO.vector
    assert embeddings.model_id(lib.db, "never") is None


def test_a_vector_of_another_length_is_a_mistake(lib: Any) -> None:
    (one,) = lib.arrive("x.jpg")
    with pytest.raises(ValueError, match="2 numbers"):
        put(lib, one, Part("image", vector(1)))
    put(lib, one, ONE)
    with pytest.raises(ValueError, match="2 dimensions, not 3"):
        put(lib, one, Part("image", vector(1, 2, 3)), model=SMALL._replace(dimensions=3))
    with pytest.raises(apsw.ConstraintError), lib.db.write() as tx:
        tx.run("INSERT INTO embedding(model, asset, part, tower, vector) VALUES (1, ?, 9, 'sound', x'00')", (one,))


def test_vectors_stay_when_the_file_goes_and_answer_when_it_is_back(lib: Any) -> None:
    (one,) = lib.arrive("x.jpg")
    lib.identify(one, "content")
    put(lib, one, ONE)
    (label,) = embeddings.ids(lib.db, number(lib))
    lib.vanish("x.jpg")
    assert embeddings.pairs(lib.db, number(lib)) == [(label, one)]
    (back,) = lib.arrive("elsewhere/y.jpg")
    assert lib.identify(back, "content") == one
    assert embeddings.pairs(lib.db, number(lib)) == [(label, one)]
    assert embeddings.ids(lib.db, number(lib)) == [label]


def test_a_copy_that_turns_out_to_be_known_leaves_the_known_one_its_own(lib: Any) -> None:
    one, copy = lib.arrive("x.jpg", "y.jpg")
    lib.identify(one, "content")
    put(lib, one, ONE)
    put(lib, copy, TWO, THREE)
    assert lib.identify(copy, "content") == one
    assert [row[1:] for row in embeddings.since(lib.db, number(lib), 0, 9)] == [(one, *ONE)]
    assert not put(lib, copy, TWO), "a result that comes late for an asset that is gone"
    counted(lib)


@pytest.mark.parametrize("seconds", [-1.0, 10.0])
def test_a_model_is_dropped_with_its_vectors(lib: Any, seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BATCH_S", seconds)
    monkeypatch.setattr(database, "LOOK_S", -1.0)
    for asset in lib.arrive(*(f"{n}.jpg" for n in range(5))):
        put(lib, asset, ONE, TWO)
        put(lib, asset, THREE, model=OTHER)
    first = number(lib)
    assert embeddings.drop_model(lib.db, first) == 10
    assert [row.key for row in embeddings.models(lib.db)] == [OTHER.key]
    assert embeddings.version(lib.db, first) == (0, 0)
    assert embeddings.drop_model(lib.db, first) == 0
    put(lib, 1, ONE)
    assert number(lib) > first, "not even the number comes again"
    counted(lib)


def test_dropping_a_model_can_be_stopped_and_begun_again(lib: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BATCH_S", -1.0)
    monkeypatch.setattr(database, "LOOK_S", -1.0)
    for asset in lib.arrive("x.jpg", "y.jpg", "z.jpg"):
        put(lib, asset, ONE)
    first = number(lib)
    row_ids = embeddings._row_ids

    def dies(*given: Any) -> Iterator[int]:
        yield from islice(row_ids(*given), 2)
        raise ZeroDivisionError

    monkeypatch.setattr(embeddings, "_row_ids", dies)
    with pytest.raises(ZeroDivisionError):
        embeddings.drop_model(lib.db, first)
    assert 0 < embeddings.version(lib.db, first).rows < 3
    monkeypatch.undo()
    embeddings.drop_model(lib.db, first)
    assert embeddings.models(lib.db) == []


def test_of_a_model_that_is_dropped_the_rest_stays_when_it_is_stopped(
    lib: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for asset in lib.arrive("x.jpg", "y.jpg", "z.jpg"):
        put(lib, asset, ONE)
    first, rows = number(lib), embeddings.ids(lib.db, number(lib))
    looks = iter([False, False, True])
    assert embeddings.drop_model(lib.db, first, lambda: next(looks)) == 2
    assert embeddings.ids(lib.db, first) == rows[2:]
    assert embeddings.drop_model(lib.db, first, lambda: True) == 0
    counted(lib)


def test_what_comes_while_a_model_is_dropped_stays(lib: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = lib.arrive("x.jpg", "y.jpg")
    put(lib, one, ONE, TWO)
    first = number(lib)
    row_ids = embeddings._row_ids

    def late(*given: Any) -> Iterator[int]:
        put(lib, two, THREE)
        yield from row_ids(*given)

    monkeypatch.setattr(embeddings, "_row_ids", late)
    assert embeddings.drop_model(lib.db, first) == 2
    assert [row[1:] for row in embeddings.since(lib.db, first, 0, 9)] == [(two, *THREE)]
    counted(lib)


def test_how_many_parts_an_asset_has_at_most(lib: Any) -> None:
    one, two = lib.arrive("x.mp4", "y.mp4")
    put(lib, one, ONE)
    put(lib, one, TWO, THREE, model=OTHER)
    assert (embeddings.most_parts(lib.db, one), embeddings.most_parts(lib.db, two)) == (2, 0)


def test_no_question_reads_vectors_or_rows_that_it_need_not(lib: Any) -> None:
    """Each statement is planned: by index from end to end, without sorting, and without the vectors where none is asked for."""
    (one,) = lib.arrive("x.jpg")
    put(lib, one, ONE)
    asked: list[str] = []
    lib.db.connection.set_exec_trace(lambda _, sql, bindings: asked.append(sql) is None)
    try:
        embeddings.version(lib.db, 1)
        embeddings.ids(lib.db, 1)
        embeddings.pairs(lib.db, 1, 0, 10)
        embeddings.most_parts(lib.db, 1)
        light = len(asked)
        embeddings.since(lib.db, 1, 0, 10)
        embeddings.of_asset(lib.db, one, 1)
    finally:
        lib.db.connection.set_exec_trace(None)
    for place, sql in enumerate(asked):
        plan = [row[3] for row in lib.db.all(f"EXPLAIN QUERY PLAN {sql}", (1,) * sql.count("?"))]
        assert not any(step.startswith("SCAN") and "json_each" not in step and " j " not in step for step in plan), plan
        assert not any("TEMP B-TREE" in step for step in plan), plan
        if place < light:
            assert all("COVERING INDEX" in step or "PRIMARY KEY" in step for step in plan), plan
