"""The lane to brain: how items become calls."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from albumsd.indexer import brain_lane
from albumsd.indexer.brain_lane import BATCH, CALLS, HELD_S, BrainAway, BrainLane, NoModel, made_by, speaker
from albumsd.ipc import calls
from albumsd.media.pool import TaskFailed

Handler = Callable[[dict[str, Any]], dict[str, Any]]


def echo(asked: dict[str, Any]) -> dict[str, Any]:
    return {"of": "m@1", "items": [{"said": item} for item in asked.get("items", ())]}


@pytest.fixture
def lane(tmp_path: Path) -> Iterator[tuple[BrainLane, list[dict[str, Any]], Callable[[Handler], None]]]:
    """A lane, the calls that it made, and what sets the one who answers them."""
    asked: list[dict[str, Any]] = []
    handler: list[Handler] = [echo]

    def answer(request: dict[str, Any]) -> dict[str, Any]:
        asked.append(request)
        return handler[0](request)

    server = calls.Server(tmp_path / "brain.sock", answer)
    made = BrainLane(tmp_path / "brain.sock")
    yield made, asked, lambda new: handler.__setitem__(0, new)
    made.close()
    server.close()


def test_each_item_gets_its_part_and_what_stands_beside(lane: Any) -> None:
    door, asked, _ = lane
    futures = [door.submit("tags", {"asset": number}) for number in range(3)]
    assert asked == []
    door.flush(busy=True)
    assert [future.result(10) for future in futures] == [{"of": "m@1", "said": {"asset": n}} for n in range(3)]
    assert asked == [{"ask": "tags", "items": [{"asset": 0}, {"asset": 1}, {"asset": 2}], "busy": True}]


def test_calls_are_whole_batches_of_one_stage_and_few_at_a_time(lane: Any) -> None:
    door, asked, handle = lane
    go, inside, most = threading.Event(), [0], [0]
    lock = threading.Lock()

    def slow(request: dict[str, Any]) -> dict[str, Any]:
        with lock:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
        assert go.wait(10)
        with lock:
            inside[0] -= 1
        return echo(request)

    handle(slow)
    futures = [door.submit("embed", number) for number in range(2 * BATCH + 3)]
    futures += [door.submit("tags", number) for number in range(2)]
    door.flush(busy=False)
    go.set()
    for future in futures:
        while not future.done():
            door.flush(busy=False)
    assert most[0] <= CALLS
    sizes = [(request["ask"], len(request["items"])) for request in asked]
    assert sorted(sizes) == [("embed", 3), ("embed", BATCH), ("embed", BATCH), ("tags", 2)]


def test_a_batch_counts_pictures_not_items(lane: Any) -> None:
    door, asked, _ = lane
    futures = [door.submit("embed", number, weight=5) for number in range(7)]
    while not all(future.done() for future in futures):
        door.flush(busy=False)
    assert sorted(len(request["items"]) for request in asked) == [3, 4]


def test_what_failed_before_is_asked_alone(lane: Any) -> None:
    door, asked, _ = lane
    futures = [door.submit("embed", number, alone=number == 1) for number in range(4)]
    while not all(future.done() for future in futures):
        door.flush(busy=False)
    assert sorted(request["items"] for request in asked) == [[0], [1], [2, 3]]


@pytest.mark.parametrize(
    ("answer", "error", "text"),
    [
        ({"none": "no weights"}, NoModel, "no weights"),
        ({"of": "m@1", "items": []}, TaskFailed, "brain: 0 answers to 1 items"),
        ({"of": "m@1", "items": [{"problem": ["corrupt", "no picture"]}]}, TaskFailed, "corrupt: no picture"),
        ({"of": "m@1"}, TaskFailed, "brain: 'items'"),
        ({"error": "ModelFailed: it died"}, TaskFailed, "brain: ModelFailed: it died"),
    ],
)
def test_answers_that_are_none(lane: Any, answer: dict[str, Any], error: type[Exception], text: str) -> None:
    door, _, handle = lane
    handle(lambda request: dict(answer))
    future = door.submit("embed", {"pictures": ["x"]})
    door.flush(busy=False)
    with pytest.raises(error, match=text):
        future.result(10)
    assert door.away_s() is None


def test_a_model_that_was_too_slow_is_away_for_a_while(lane: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """brain is there and says so, but its model did not answer in time: no item is to blame, and none is sent at once."""
    door, asked, handle = lane
    now = [1000.0]
    monkeypatch.setattr(brain_lane, "time", SimpleNamespace(monotonic=lambda: now[0]))
    handle(lambda request: {"error": "NotReady: the model did not answer within 840 s."})
    future = door.submit("embed", {"pictures": ["x"]})
    door.flush(busy=False)
    with pytest.raises(BrainAway):
        future.result(10)
    assert door.away_s() is not None
    handle(echo)
    door.probe()
    assert [request["ask"] for request in asked] == ["embed"]
    now[0] += HELD_S
    door.probe()
    door._probe.result(10)
    assert [request["ask"] for request in asked] == ["embed", "status"]
    assert door.away_s() is None


def test_nobody_there_and_then_somebody(tmp_path: Path, wait_until: Any) -> None:
    door = BrainLane(tmp_path / "brain.sock")
    future = door.submit("embed", {"pictures": ["x"]})
    door.flush(busy=False)
    with pytest.raises(BrainAway):
        future.result(10)
    first = door.away_s()
    assert first is not None
    door.probe()
    server = calls.Server(tmp_path / "brain.sock", echo)

    def back() -> bool:
        door.probe()
        return door.away_s() is None

    wait_until(back)
    door.close()
    server.close()


def test_what_was_not_sent_is_cancelled_at_the_end(tmp_path: Path) -> None:
    door = BrainLane(tmp_path / "brain.sock")
    future = door.submit("embed", {"pictures": ["x"]})
    door.close()
    assert future.cancelled()


def test_who_says_so() -> None:
    assert (made_by({"key": "a@1"}), made_by({"of": "a@1+b"})) == ("a@1", "a@1+b")
    assert (speaker({"of": "a@1+b"}), speaker({"of": "a@1+b", "name": "A"})) == ("a", "A")
