"""brain.clusters and brain.clustering: when alike pictures are put together, and that it is done in a child."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from support import bag_of_words
from support.bag_of_words import Floor, Host

from albumsd.brain.choice import Choice, Watch
from albumsd.brain.clustering import Order, pictures
from albumsd.brain.clusters import DAY_NS, Clusters, is_due
from albumsd.brain.mind import Mind
from albumsd.core import clock
from albumsd.core.config import load
from albumsd.store import clusters, embeddings
from albumsd.store.database import Database

Add = Callable[..., None]
KINDS = ("dog beach", "boat sea", "tree forest")


class Vocabulary:
    hash = "words-1"

    def naming(self, choice: Choice) -> str | None:
        return self.hash

    def names(self, choice: Choice) -> tuple[Sequence[str], NDArray[np.float32]]:
        said = ["dog", "boat", "tree"]
        return said, np.array([bag_of_words.vector(word, "tiny") for word in said])


class Desk:
    def __init__(self, library: Database, add: Add) -> None:
        self.library, self.add = library, add
        folder = library.path.parent
        self.model = bag_of_words.model(folder / "models", "tiny")
        (folder / "config.toml").write_text("model = 'tiny'\n")
        config = load(folder)
        self.words = Vocabulary()
        host = Host()
        floors = Floor(host, folder / "cache")
        self.mind = Mind(config, host, Watch(config, installed=True), floors)  # type: ignore[arg-type]
        self.clusters = Clusters(config, self.mind, self.words)
        self.count = 0

    def more(self, count: int) -> None:
        for _ in range(count):
            self.count += 1
            self.add(self.count, "x")
            with self.library.write() as tx:
                kind = KINDS[self.count % 3]
                bag_of_words.embed(tx, self.count, self.model, f"{kind} {kind} n{self.count}")

    def due(self) -> bool:
        number = embeddings.model_id(self.library, self.model.key)
        return number is not None and is_due(self.library, number, self.words.hash)

    def step(self) -> None:
        self.mind.attend(self.library)
        self.clusters.step(lambda: False)


@pytest.fixture
def desk(empty: Database, add: Add) -> Iterator[Desk]:
    made = Desk(empty, add)
    yield made
    made.mind.close()


@pytest.mark.slow
def test_the_first_time_is_when_all_is_embedded(desk: Desk) -> None:
    desk.more(12)
    assert not desk.due(), "so few need none"
    desk.more(48)
    assert desk.due()
    with desk.library.write() as tx:
        bag_of_words.passed(tx, desk.model)
        tx.run("INSERT INTO tally VALUES ('job', 'embed', 'open', 1)")
    desk.step()
    assert clusters.current(desk.library) is None
    with desk.library.write() as tx:
        tx.run("DELETE FROM tally")
    desk.step()
    found = clusters.current(desk.library)
    assert found is not None
    assert {cluster.label for cluster in found.clusters} == {"dog", "boat", "tree"}
    label = dict(desk.library.all("SELECT asset, value FROM asset_facet WHERE facet='cluster'"))
    together = {frozenset(label[a] for a in label if a % 3 == kind) for kind in range(3)}
    assert len(together) == 3
    assert all(len(labels) == 1 for labels in together)
    assert not desk.due()

    desk.more(1)
    assert not desk.due(), "one in sixty is not worth it today"
    with desk.library.write() as tx:
        tx.run("UPDATE clustering SET at_ns=?", (clock.now_ns() - DAY_NS - 1,))
    assert desk.due()
    desk.step()
    assert not desk.due()
    assert label.items() <= dict(desk.library.all("SELECT asset, value FROM asset_facet WHERE facet='cluster'")).items()

    desk.more(2)
    assert desk.due(), "that is more than a fiftieth"
    desk.words.hash = "words-2"
    assert desk.due()


def test_what_fails_is_not_tried_at_once_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.more(30)
    with desk.library.write() as tx:
        bag_of_words.passed(tx, desk.model)
    tried: list[Any] = []

    class Popen:
        stdin = io.BytesIO()

        def __init__(self, command: list[str], **_: object) -> None:
            tried.append(command)

        def __enter__(self) -> Popen:
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def poll(self) -> int:
            return -9

        wait = poll

    monkeypatch.setattr("albumsd.brain.clusters.subprocess.Popen", Popen)
    desk.step()
    desk.step()
    assert len(tried) == 1
    assert desk.due()


def test_a_video_is_the_mean_of_its_frames_and_documents_are_left_out(
    empty: Database, add: Add, tmp_path: Path
) -> None:
    model = bag_of_words.model(tmp_path / "models", "tiny")
    for asset in (1, 2, 3):
        add(asset, "x")
    with empty.write() as tx:
        bag_of_words.embed(tx, 3, model, "dog", "boat")
        bag_of_words.embed(tx, 2, model, "a letter", tower="text")
        bag_of_words.embed(tx, 1, model, "tree")
    number = embeddings.model_id(empty, model.key)
    assert number is not None
    assets, vectors = pictures(empty, number, model.dimensions)
    assert assets.tolist() == [1, 3]
    wanted = bag_of_words.vector("dog", "tiny") + bag_of_words.vector("boat", "tiny")
    np.testing.assert_allclose(vectors[1], wanted, atol=2e-3)


def test_an_order_is_told_whole() -> None:
    order = Order("/l/albumsd.db", 3, "fp", ("dog", "ünï"), np.eye(2, 4, dtype=np.float32))
    again = Order.from_bytes(order.to_bytes())
    assert again[:4] == order[:4]
    np.testing.assert_array_equal(again.vectors, order.vectors)
