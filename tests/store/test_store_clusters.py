"""Clusters are replaced as a whole, and only what differs is written and told."""

from __future__ import annotations

from typing import Any

import pytest

from albumsd.store import changes, clusters, database, embeddings
from albumsd.store.clusters import Spot

Rows = list[tuple[int, str | None, float, float]]


def model(lib: Any, key: str = "m@1") -> int:
    with lib.db.write() as tx:
        embeddings.put(tx, 1, embeddings.Identity(key, "m", 1), [embeddings.Part("image", b"ab")])
    found = embeddings.model_id(lib.db, key)
    assert found
    return found


def facets(lib: Any) -> dict[int, str]:
    rows = lib.db.all("SELECT asset, value FROM asset_facet WHERE facet='cluster'")
    assert len(dict(rows)) == len(rows), "an asset is in one cluster"
    labels = {spot.asset: spot.label for spot in clusters.spots(lib.db) if spot.label}
    assert dict(rows) == labels
    return labels


@pytest.fixture
def five(lib: Any) -> list[int]:
    found: list[int] = lib.arrive(*(f"{n}.jpg" for n in range(5)))
    return found


def test_there_are_none_before_the_first(lib: Any) -> None:
    assert clusters.current(lib.db) is None
    assert clusters.spots(lib.db) == []


def test_what_is_replaced_is_all_there_is(lib: Any, five: list[int]) -> None:
    number = model(lib)
    rows: Rows = [
        (five[0], "dogs", 0.5, 1.0),
        (five[1], "dogs", 0.25, 1.0),
        (five[2], "cats", -1.0, 0.0),
        (five[3], None, 3.0, 3.0),
    ]
    assert clusters.replace(lib.db, number, rows, {"dogs": b"D", "cats": b"C"}, b"state") == 4
    assert facets(lib) == {five[0]: "dogs", five[1]: "dogs", five[2]: "cats"}
    assert clusters.spots(lib.db) == [Spot(*row) for row in rows]
    assert clusters.spots(lib.db, five[0], 2) == [Spot(*row) for row in rows[1:3]]
    now = clusters.current(lib.db)
    assert now
    assert (now.model, now.state) == (number, b"state")
    assert {found[:] for found in now.clusters} == {("dogs", b"D", number, 2), ("cats", b"C", number, 1)}
    moved: Rows = [(five[0], "dogs", 0.5, 1.0), (five[2], "dogs", -1.0, 0.0), (five[4], "birds", 9.0, 9.0)]
    assert clusters.replace(lib.db, number, moved, {"dogs": b"E"}) == 4
    assert facets(lib) == {five[0]: "dogs", five[2]: "dogs", five[4]: "birds"}
    now = clusters.current(lib.db)
    assert now
    assert {found[:2] for found in now.clusters} == {("dogs", b"E"), ("birds", b"")}
    assert clusters.replace(lib.db, None, []) == 3
    assert (clusters.current(lib.db), clusters.spots(lib.db), facets(lib)) == (None, [], {})


def test_the_same_again_changes_nothing_and_is_not_told(lib: Any, five: list[int]) -> None:
    number = model(lib)
    rows: Rows = [(asset, "all", 0.1, asset / 3) for asset in five]
    clusters.replace(lib.db, number, rows)
    gen = changes.latest(lib.db)
    assert clusters.replace(lib.db, number, rows[::-1]) == 0
    assert clusters.replace(lib.db, number, [(asset, "all", 0.2, 0.2) for asset in five]) == 5
    assert changes.latest(lib.db) == gen, "where it lies on the map is shown nowhere"


def test_who_changes_clusters_is_told(lib: Any, five: list[int]) -> None:
    number = model(lib)
    clusters.replace(lib.db, number, [(asset, "all", 0.0, 0.0) for asset in five])
    gen = changes.latest(lib.db)
    clusters.replace(lib.db, number, [(asset, "all" if asset != five[2] else "one", 0.0, 0.0) for asset in five])
    rows = changes.since(lib.db, gen)
    assert rows
    (row,) = rows
    assert (row.what, row.first) == ("changed", five[2])
    assert row.old
    assert row.new
    assert ["cluster", "all"] in row.old.facets
    assert ["cluster", "one"] in row.new.facets
    assert row.new == changes.snapshot(lib.db, five[2])


def test_labels_become_legal_and_those_that_look_alike_are_one(lib: Any, five: list[int]) -> None:
    rows: Rows = [(five[0], "dog/beach", 0, 0), (five[1], "dog:BEACH", 0, 0), (five[2], "", 0, 0)]
    clusters.replace(lib.db, model(lib), rows, {"dog/beach": b"1"})
    assert facets(lib) == {five[0]: "dog_beach", five[1]: "dog_beach"}
    now = clusters.current(lib.db)
    assert now
    assert [found[:2] for found in now.clusters] == [("dog_beach", b"1")]


@pytest.mark.parametrize("page", [1, 2, 3, 1000])
def test_pages_of_any_size_find_the_same_differences(
    lib: Any, five: list[int], page: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clusters, "_PAGE", page)
    monkeypatch.setattr(database, "BATCH_S", -1.0)
    monkeypatch.setattr(database, "LOOK_S", -1.0)
    number = model(lib)
    sets = ([1, 2, 3], [3, 4, 5], [1, 5], [], [1, 2, 3, 4, 5], [2, 4])
    for turn, chosen in enumerate(sets):
        rows: Rows = [(asset, f"turn {turn % 2}", float(turn), 0.0) for asset in chosen]
        had = {spot.asset for spot in clusters.spots(lib.db)}
        assert clusters.replace(lib.db, number, rows) == len(had | set(chosen))
        assert clusters.spots(lib.db) == [Spot(*row) for row in rows]
        assert set(facets(lib)) == set(chosen)


def test_an_asset_that_is_gone_is_left_out_and_takes_its_spot_along(lib: Any, five: list[int]) -> None:
    number = model(lib)
    clusters.replace(lib.db, number, [(asset, "all", 0.0, 0.0) for asset in five])
    lib.vanish("1.jpg")  # it had no hash yet, so its row goes
    assert len(facets(lib)) == 4
    assert clusters.replace(lib.db, number, [(five[1], "all", 0.0, 0.0), (five[3], "all", 0.0, 0.0)]) == 4
    assert facets(lib) == {five[3]: "all"}


def test_what_is_not_shown_now_is_where_it_was_when_it_comes_back(lib: Any, five: list[int]) -> None:
    lib.identify(five[0], "content")
    number = model(lib)
    clusters.replace(lib.db, number, [(five[0], "all", 0.0, 0.0)])
    lib.vanish("0.jpg")
    clusters.replace(lib.db, number, [(five[0], "other", 0.0, 0.0)])
    (again,) = lib.arrive("back.jpg")
    assert lib.identify(again, "content") == five[0]
    shown = changes.snapshot(lib.db, five[0])
    assert shown
    assert ["cluster", "other"] in shown.facets


def test_clusters_outlive_their_model(lib: Any, five: list[int]) -> None:
    number = model(lib)
    clusters.replace(lib.db, number, [(asset, "all", 0.0, 0.0) for asset in five], {"all": b"A"}, b"state")
    embeddings.drop_model(lib.db, number)
    now = clusters.current(lib.db)
    assert now
    assert (now.model, now.clusters[0].model) == (None, None), "nothing can be compared with its centroids any more"
    assert len(facets(lib)) == 5
    other = model(lib, "m@2")
    clusters.replace(lib.db, other, [(five[0], "all", 0.0, 0.0)], {"all": b"B"})
    now = clusters.current(lib.db)
    assert now
    assert now.clusters == [("all", b"B", other, 1)]


def test_stopped_half_way_every_row_is_true_and_the_next_time_mends_it(
    lib: Any, five: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    number = model(lib)
    clusters.replace(lib.db, number, [(asset, "old", 0.0, 0.0) for asset in five], {"old": b"O"}, b"first")
    put, left = clusters._put, [1, 1, 0]

    def dies(*given: Any) -> None:
        assert 1 / left.pop(0)
        put(*given)

    monkeypatch.setattr(clusters, "_put", dies)
    monkeypatch.setattr(database, "BATCH_S", -1.0)
    monkeypatch.setattr(database, "LOOK_S", -1.0)
    new: Rows = [(asset, "new", 1.0, 0.0) for asset in five]
    with pytest.raises(ZeroDivisionError):
        clusters.replace(lib.db, number, new, {"new": b"N"}, b"second")
    assert sorted(facets(lib).values()) == ["new", "new", "old", "old", "old"]
    now = clusters.current(lib.db)
    assert now
    assert now.state == b"first"
    assert {found[:2] for found in now.clusters} == {("old", b"O"), ("new", b"N")}
    monkeypatch.undo()
    clusters.replace(lib.db, number, new, {"new": b"N"}, b"second")
    assert set(facets(lib).values()) == {"new"}
    now = clusters.current(lib.db)
    assert now
    assert (now.state, [found.label for found in now.clusters]) == (b"second", ["new"])
