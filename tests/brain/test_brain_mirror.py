"""brain.mirror: the index is like the rows, whatever came and went."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from support import bag_of_words

from albumsd.brain import mirror as module
from albumsd.brain.mirror import Mirror
from albumsd.ml.folders import Model
from albumsd.store import embeddings
from albumsd.store.database import Database

Add = Callable[..., None]


@pytest.fixture
def tiny(tmp_path: Path) -> Model:
    return bag_of_words.model(tmp_path / "models", "tiny")


def put(library: Database, model: Model, asset: int, *texts: str) -> None:
    with library.write() as tx:
        bag_of_words.embed(tx, asset, model, *texts)


def made(library: Database, model: Model, folder: Path) -> Mirror:
    number = embeddings.model_id(library, model.key)
    assert number is not None
    return Mirror(folder, model, number, 1000)


def same(mirror: Mirror, library: Database) -> bool:
    rows = embeddings.since(library, mirror.number, 0, 10_000)
    held = np.sort(mirror.index.ids()).tolist()
    return held == [row.id for row in rows] and all(
        np.allclose(mirror.index.get(np.array([row.id]))[0], np.frombuffer(row.vector, "<f2"), atol=1e-3)
        for row in rows
    )


def test_it_follows_what_comes_and_goes(
    empty: Database, add: Add, tiny: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "COMPARE_S", 0.0)
    for asset in range(1, 8):
        add(asset, "x")
        put(empty, tiny, asset, f"picture {asset}", f"frame {asset}")
    mirror = made(empty, tiny, tmp_path / "cache")
    assert mirror.catch_up(empty)
    assert same(mirror, empty)

    put(empty, tiny, 3, "picture anew")
    put(empty, tiny, 7)
    assert mirror.follow(empty), "what is gone is nobody's hurry"
    assert mirror.catch_up(empty)
    assert same(mirror, empty)
    with empty.write() as tx:
        tx.run("DELETE FROM asset WHERE id IN (1, 2)")
    assert mirror.catch_up(empty)
    assert same(mirror, empty)
    assert len(mirror.index) == 7
    mirror.close()


def test_a_search_takes_in_a_little_and_leaves_a_lot(
    empty: Database, add: Add, tiny: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "QUICK", 3)
    monkeypatch.setattr(module, "PAGE", 2)
    for asset in range(1, 10):
        add(asset, "x")
        put(empty, tiny, asset, f"picture {asset}")
    mirror = made(empty, tiny, tmp_path / "cache")
    assert not mirror.follow(empty)
    assert len(mirror.index) == 0
    assert not mirror.catch_up(empty, lambda: len(mirror.index) >= 4), "it was told to stop"
    assert len(mirror.index) == 4
    assert mirror.catch_up(empty)
    assert same(mirror, empty)
    add(10, "x")
    put(empty, tiny, 10, "picture 10")
    assert mirror.follow(empty)
    assert same(mirror, empty)
    mirror.close()


def test_an_index_that_lost_rows_is_filled_again(empty: Database, add: Add, tiny: Model, tmp_path: Path) -> None:
    for asset in range(1, 8):
        add(asset, "x")
        put(empty, tiny, asset, f"picture {asset}")
    mirror = made(empty, tiny, tmp_path / "cache")
    assert mirror.catch_up(empty)
    mirror.index.remove(mirror.index.ids()[2:4])
    add(8, "x")
    put(empty, tiny, 8, "picture 8")
    assert mirror.catch_up(empty)
    assert same(mirror, empty)
    mirror.close()


def test_while_rows_are_replaced_all_ids_are_compared_seldom(
    empty: Database, add: Add, tiny: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[int] = []
    ids = embeddings.ids
    monkeypatch.setattr(embeddings, "ids", lambda tx, model: compared.append(model) or ids(tx, model))
    for asset in range(1, 8):
        add(asset, "x")
        put(empty, tiny, asset, f"picture {asset}")
    mirror = made(empty, tiny, tmp_path / "cache")
    assert mirror.catch_up(empty)
    for turn in range(5):
        put(empty, tiny, turn + 1, f"picture anew {turn}")
        assert mirror.catch_up(empty)
    assert len(compared) == 1
    assert set(np.array(ids(empty, mirror.number)).tolist()) <= set(mirror.index.ids().tolist()), (
        "nothing new is missed"
    )
    monkeypatch.setattr(module.time, "monotonic", lambda: mirror._compare_from)
    assert mirror.catch_up(empty)
    assert same(mirror, empty)
    mirror.close()
