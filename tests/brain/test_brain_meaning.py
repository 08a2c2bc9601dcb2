"""brain.meaning: what a query finds by vectors, what negatives, likes and conditions do to it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support import bag_of_words
from support.bag_of_words import Floor, Host

from albumsd.brain import meaning
from albumsd.brain.fusion import Sense
from albumsd.brain.meaning import sense
from albumsd.brain.mirror import Mirror
from albumsd.brain.phrases import Phrases
from albumsd.ml.folders import Model
from albumsd.query.meant import meant
from albumsd.store import embeddings
from albumsd.store.database import Database

TODAY = "2024-05-01"
PICTURES = {
    1: ("red dog beach",),
    2: ("red dog snow",),
    3: ("blue boat beach",),
    4: ("blue boat harbour",),
    5: ("red dog", "blue cat beach", "white cloud"),  # a video
    6: ("green tree",),
}
Add = Callable[..., None]


class Seer:
    def __init__(self, library: Database, model: Model, folder: Path) -> None:
        self.library, self.model, self.host = library, model, Host()
        self.floors = Floor(self.host, folder)
        self.phrases = Phrases(self.host)
        number = embeddings.model_id(library, model.key)
        assert number is not None
        self.mirror = Mirror(folder, model, number, 1000)
        self.mirror.catch_up(library)

    def sense(self, query: str, limit: int = 10, wait_s: float = 20) -> Sense:
        asked, deadline = meant(query, TODAY), time.monotonic() + wait_s
        vectors = self.phrases.get(self.model, meaning.texts(asked), deadline)
        return sense(self.library, self.mirror, self.floors, asked, vectors, limit, deadline)

    def found(self, query: str, limit: int = 10) -> list[int]:
        return [hit.asset for hit in self.sense(query, limit).hits]


@pytest.fixture
def seer(empty: Database, add: Add, tmp_path: Path) -> Iterator[Seer]:
    model = bag_of_words.model(tmp_path / "models", "tiny")
    for asset, texts in PICTURES.items():
        add(asset, f"photo{asset}")
        with empty.write() as tx:
            bag_of_words.embed(tx, asset, model, *texts)
    made = Seer(empty, model, tmp_path / "cache")
    yield made
    made.phrases.close()
    made.mirror.close()


def test_the_nearest_first_and_nothing_below_the_floor(seer: Seer) -> None:
    answer = seer.sense("a red dog on the beach")
    assert [hit.asset for hit in answer.hits] == [1, 5, 2] or [hit.asset for hit in answer.hits] == [1, 2, 5]
    assert answer.hits[0].score == pytest.approx(1, abs=0.01)
    assert all(hit.score > hit.floor == pytest.approx(0.45) for hit in answer.hits)
    assert (answer.model, answer.late) == ("tiny", False)
    assert seer.found("xyzzy plugh") == []
    assert seer.floors.kinds[0] == "text"


def test_an_asset_counts_once_by_its_best_part(seer: Seer) -> None:
    assert seer.found("blue cat beach").count(5) == 1
    assert seer.found("blue cat beach")[0] == 5
    assert seer.found("white cloud") == [5]


def test_what_is_not_shown_is_not_found(seer: Seer) -> None:
    with seer.library.write() as tx:
        tx.run("UPDATE asset SET live=0 WHERE id=1")
    assert 1 not in seer.found("red dog beach")


def test_an_asset_that_is_gone_is_no_error(seer: Seer) -> None:
    with seer.library.write() as tx:
        tx.run("DELETE FROM asset WHERE id=6")
    assert seer.found("green tree") == []


def test_a_negative_takes_away_what_is_above_its_own_floor(seer: Seer) -> None:
    assert set(seer.found("red dog")) == {1, 2, 5}
    assert set(seer.found("red dog -beach")) == {2}, "a beach stands in one frame of the video too"
    assert set(seer.found("red dog -cloud")) == {1, 2}
    assert set(seer.found("red dog -'green tree'")) == {1, 2, 5}


def test_what_a_negative_leaves_goes_down_by_its_likeness(seer: Seer) -> None:
    seer.floors.floor = 0.3
    before = [hit for hit in seer.sense("blue boat").hits if hit.asset in (3, 4)]
    assert {hit.asset for hit in before} == {3, 4}
    with seer.library.write() as tx:
        bag_of_words.embed(tx, 3, seer.model, "blue boat one two three four beach")
        bag_of_words.embed(tx, 4, seer.model, "blue boat one two three four five")
    after = [asset for asset in seer.found("blue boat -beach") if asset in (3, 4)]
    assert after[0] == 4


def test_a_negative_is_held_against_no_more_than_is_asked_for(
    seer: Seer, add: Add, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[int] = []
    read = meaning._read

    def counted(tx: Any, mirror: Any, assets: Any, vector: Any) -> Any:
        looked.append(len(assets))
        return read(tx, mirror, assets, vector)

    monkeypatch.setattr(meaning, "_read", counted)
    for asset in range(10, 40):
        add(asset, "x")
        with seer.library.write() as tx:
            bag_of_words.embed(tx, asset, seer.model, "red dog" if asset % 2 else "red dog cat")
    assert len(seer.found("red dog -tree", 5)) == 5
    assert looked == [10]
    looked.clear()
    assert set(seer.found("red dog -tree -cat", 40)) == {1, 2, *range(11, 40, 2)}
    looked.clear()
    assert len(seer.found("red dog -dog", 5)) == 0
    assert sum(looked) > 10, "it goes on as long as too few are left"


def test_whether_the_model_has_seen_an_asset(seer: Seer, add: Add) -> None:
    add(7, "letter")
    with seer.library.write() as tx:
        bag_of_words.embed(tx, 7, seer.model, "green letter", tower="text")
    assert [meaning.has_seen(seer.library, seer.mirror, asset) for asset in (1, 5, 7, 99)] == [True, True, False, False]


def test_alternatives(seer: Seer) -> None:
    assert set(seer.found("green tree or boat harbour")) == {4, 6}
    assert set(seer.found("(tree or cloud)")) == {5, 6}


def test_like(seer: Seer) -> None:
    assert seer.found("like=1.txt")[:1] == [1]
    assert set(seer.found("like=1.txt")) == {1, 2, 5}
    assert seer.host.asked == [], "that needs no text tower, so no model"
    assert "image" in seer.floors.kinds
    assert seer.found("like=nothing.jpg") == []
    assert seer.found("like=nothing.jpg or like=6.txt") == [6]
    assert seer.found("like=1.txt -beach") == [2]
    assert set(seer.found("snow like=1.txt")) == {1, 2}, "the mean of both; the video is like one of them only"


@pytest.mark.parametrize("small", [True, False])
def test_conditions(seer: Seer, monkeypatch: pytest.MonkeyPatch, small: bool) -> None:
    """Whether the list is made first or the nearest are tested: the same is found."""
    monkeypatch.setattr(meaning.selections, "is_small", lambda *_: small)
    monkeypatch.setattr(meaning, "ASIDE", 0)
    with seer.library.write() as tx:
        tx.run("UPDATE asset SET year='2021', day='2021-02-03', month='2021-02' WHERE id IN (1, 3, 4)")
    assert seer.found("red dog date=2021") == [1]
    assert seer.found("red dog date=2020", 1)[0] in (2, 5)
    assert set(seer.found("red dog date=2020")) == {2, 5}
    assert seer.found("red dog date=1999") == []
    assert set(seer.found("boat beach date=2021 -harbour")) == {3}


def test_the_floor_is_that_of_what_a_row_is_of(seer: Seer, add: Add) -> None:
    add(7, "letter")
    with seer.library.write() as tx:
        bag_of_words.embed(tx, 7, seer.model, "green letter", tower="text")
    assert seer.found("green") == [6, 7] or seer.found("green") == [7, 6]
    seer.floors.floor = 0.6
    assert seer.found("green") == [6], "a text needs more"


def test_a_text_that_is_not_encoded_in_time_is_late_and_there_the_next_time(seer: Seer) -> None:
    seer.host.gate.clear()
    assert seer.sense("red dog", wait_s=0) == Sense("tiny", [], True)
    assert seer.sense("red dog", wait_s=0).late
    seer.host.gate.set()
    assert seer.found("red dog")
    assert seer.host.asked.count("red dog") == 1


def test_what_is_not_in_the_index_yet_is_late(seer: Seer, add: Add, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("albumsd.brain.mirror.QUICK", 1)
    for asset in (8, 9):
        add(asset, "x")
        with seer.library.write() as tx:
            bag_of_words.embed(tx, asset, seer.model, "red dog")
    answer = seer.sense("red dog")
    assert answer.late
    assert {hit.asset for hit in answer.hits} == {1, 2, 5}


def test_an_encoder_that_fails_is_asked_again(seer: Seer) -> None:
    seer.host.late = True
    assert seer.sense("red dog").late
    seer.host.late = False
    assert seer.found("red dog")
