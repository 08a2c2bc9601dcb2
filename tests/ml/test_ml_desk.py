"""What the child does next, without a child: order, decoding ahead, taking back."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

import numpy as np
import pytest

from albumsd.core.facts import Problem
from albumsd.ml.desk import AHEAD, TEXTS, Call, Desk, Unit


class Loaded:
    info: dict[str, Any] = {}
    geometry: Sequence[Any] = ()

    def __init__(self, batch: int) -> None:
        self.batches = {"pictures": batch, "captions": 1}

    def use_threads(self, threads: int) -> None:
        raise AssertionError("the desk runs nothing")


class Models:
    def __init__(self, **batches: int) -> None:
        self.there = {key: Loaded(batch) for key, batch in batches.items()}
        self.wanted: list[str] = []

    def get(self, key: str, kind: str) -> Loaded | None:
        return self.there.get(key)

    def want(self, key: str) -> None:
        self.wanted.append(key)


class Decoders:
    """Decodes nothing by itself."""

    def __init__(self) -> None:
        self.begun: dict[str, Future[Any]] = {}

    def __call__(self, model: Any, path: str) -> Future[Any]:
        assert path not in self.begun, "decoded twice"
        self.begun[path] = Future()
        return self.begun[path]

    def finish(self, *paths: str) -> None:
        for path in paths:
            self.begun[path].set_result(np.full((1, 1, 3), len(path), np.uint8))


@pytest.fixture
def decoders() -> Decoders:
    return Decoders()


def names(letter: str, many: int) -> list[str]:
    return [f"{letter}{number}" for number in range(many)]


def taken(desk: Desk) -> tuple[int, int, int]:
    """Question, first item and number of items of the next unit, which is done at once."""
    unit = desk.next()
    desk.done(unit)
    return unit.call.id, unit.first, len(unit.items)


def peek(desk: Desk) -> Unit | None:
    with desk._changed:
        return desk._next_texts() or desk._next_pictures()


def test_texts_go_in_units_and_the_least_left_first(decoders: Decoders) -> None:
    desk = Desk(Models(m=2), decoders)
    desk.add(Call(1, "texts", "m", names("v", 2 * TEXTS + 1)))
    assert taken(desk) == (1, 0, TEXTS)
    desk.add(Call(2, "texts", "m", ["a query"]))
    assert [taken(desk) for _ in range(3)] == [(2, 0, 1), (1, TEXTS, TEXTS), (1, 2 * TEXTS, 1)]
    assert peek(desk) is None


def test_pictures_wait_for_all_of_a_batch_and_keep_their_order(decoders: Decoders) -> None:
    desk = Desk(Models(m=2), decoders)
    desk.add(Call(1, "pictures", "m", names("a", 3)))
    assert peek(desk) is None
    decoders.finish("a1", "a2")
    assert peek(desk) is None
    decoders.finish("a0")
    assert [taken(desk), taken(desk)] == [(1, 0, 2), (1, 2, 1)]


def test_decoding_runs_ahead_across_questions_but_not_too_far(decoders: Decoders) -> None:
    desk = Desk(Models(m=2), decoders)
    for number, letter in enumerate("ab", 1):
        desk.add(Call(number, "pictures", "m", names(letter, 3 * AHEAD)))
    assert peek(desk) is None
    assert list(decoders.begun) == names("a", 2 * AHEAD)
    decoders.finish(*names("a", 2 * AHEAD))
    assert taken(desk) == (1, 0, 2)
    assert taken(desk) == (1, 2, 2)
    assert list(decoders.begun) == names("a", 2 * AHEAD + 2)
    decoders.finish("a6", "a7")
    assert taken(desk) == (1, 4, 2)
    assert taken(desk) == (1, 6, 2)
    assert list(decoders.begun) == [*names("a", 9), *names("b", 3)]


def test_texts_go_before_pictures_that_are_decoded(decoders: Decoders) -> None:
    desk = Desk(Models(m=2), decoders)
    desk.add(Call(1, "pictures", "m", ["p0", "p1"]))
    assert peek(desk) is None
    decoders.finish("p0", "p1")
    desk.add(Call(2, "texts", "m", ["a"]))
    assert [taken(desk)[0], taken(desk)[0]] == [2, 1]


def test_captions_have_batches_of_their_own(decoders: Decoders) -> None:
    desk = Desk(Models(m=2), decoders)
    desk.add(Call(1, "captions", "m", names("a", 2 * AHEAD)))
    assert peek(desk) is None
    assert list(decoders.begun) == names("a", AHEAD)
    decoders.finish("a0", "a1")
    assert [taken(desk), taken(desk)] == [(1, 0, 1), (1, 1, 1)]


def test_texts_can_be_taken_while_captions_are_written(decoders: Decoders) -> None:
    desk = Desk(Models(m=2), decoders)
    desk.add(Call(1, "captions", "m", ["p0"]))
    assert (peek(desk), desk.texts()) == (None, None)
    decoders.finish("p0")
    captions = desk.next()
    assert desk.texts() is None
    desk.add(Call(2, "texts", "m", ["a"]))
    desk.add(Call(3, "texts", "later", ["a"]))
    texts = desk.texts()
    assert texts is not None
    desk.done(texts)
    assert (captions.call.id, texts.call.id, desk.texts()) == (1, 2, None)


def test_a_problem_is_an_item_like_another(decoders: Decoders) -> None:
    desk = Desk(Models(m=2), decoders)
    desk.add(Call(1, "pictures", "m", ["p0", "p1"]))
    assert peek(desk) is None
    decoders.begun["p0"].set_result(Problem("corrupt"))
    decoders.finish("p1")
    assert desk.next().items[0] == Problem("corrupt")


def test_a_model_that_is_not_there_is_wanted_and_holds_nobody_up(decoders: Decoders) -> None:
    models = Models(m=2)
    desk = Desk(models, decoders)
    desk.add(Call(1, "texts", "later", ["a"]))
    desk.add(Call(2, "pictures", "later", ["p0"]))
    desk.add(Call(3, "pictures", "m", ["p1"]))
    assert peek(desk) is None
    decoders.finish("p1")
    assert taken(desk) == (3, 0, 1)
    assert set(models.wanted) == {"later"}
    assert "p0" not in decoders.begun
    models.there["later"] = Loaded(1)
    assert taken(desk) == (1, 0, 1)
    assert peek(desk) is None
    decoders.finish("p0")
    assert taken(desk) == (2, 0, 1)


def test_what_is_taken_back_is_decoded_no_further(decoders: Decoders) -> None:
    desk = Desk(Models(m=2), decoders)
    desk.add(Call(1, "pictures", "m", names("a", 4)))
    desk.add(Call(2, "pictures", "m", names("b", 2)))
    assert peek(desk) is None
    desk.cancel(1)
    assert all(decoders.begun[name].cancelled() for name in names("a", 4))
    decoders.finish("b0", "b1")
    assert taken(desk) == (2, 0, 2)
    desk.cancel(7)  # nobody knows it


def test_what_is_taken_back_while_it_runs_does_not_go_on(decoders: Decoders) -> None:
    desk = Desk(Models(m=2), decoders)
    desk.add(Call(1, "texts", "m", names("v", TEXTS + 1)))
    unit = desk.next()
    desk.cancel(1)
    desk.done(unit)
    assert peek(desk) is None


def test_a_model_that_cannot_be_loaded_takes_its_calls_along(decoders: Decoders) -> None:
    desk = Desk(Models(m=2), decoders)
    desk.add(Call(1, "texts", "bad", ["a"]))
    desk.add(Call(2, "pictures", "bad", ["p"]))
    desk.add(Call(3, "texts", "m", ["a"]))
    desk.drop("bad")
    assert taken(desk) == (3, 0, 1)
    assert peek(desk) is None
