"""brain takes another model at the worst moment: nothing of what was made is lost, nothing half is taken for final."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from indexer_brain import FakeBrain, vector

from albumsd.core.errors import NotReady
from albumsd.indexer import brain_lane, meaning
from albumsd.indexer.announced import Announced
from albumsd.indexer.runner import Runner
from albumsd.indexer.stages import all_stages
from albumsd.media.shelf import frame_path, thumbnail_path
from albumsd.store import embeddings, jobs, model_jobs, scanning, suggestions
from albumsd.store.database import Database

Library = Any  # conftest.Library, which the tests get as a fixture


def seen(library: Library) -> dict[str, int]:
    """How many assets have vectors, by the model's key."""
    return {model.key: model.assets for model in embeddings.models(library.database)}


def frames(library: Library, count: int = 2) -> list[Any]:
    """The files of the frames of the only asset."""
    name = library.database.value("SELECT lower(hex(sha256)) FROM asset")
    return [frame_path(library.config.previews, name, number) for number in range(1, count + 1)]


# --------------------------------------------------------------------------------------------- old vectors


def test_back_to_a_model_whose_vectors_are_being_dropped(
    library: Library, brain: FakeBrain, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(12):
        library.put(f"{number}.jpg")
    library.index()
    first, real, while_dropping = brain.key, embeddings.drop_model, list[int]()

    def drop(database: Database, model: int, stopped: Callable[[], bool]) -> int:
        if not while_dropping:
            rows = iter(range(5))
            real(database, model, lambda: next(rows, None) is None)
            brain.choose("model")
            brain.announce(database)
            while_dropping.append(len(brain.items("embed")))
            for _ in range(1000):
                if stopped():
                    break
                threading.Event().wait(0.01)
            assert stopped()
            while_dropping.append(len(brain.items("embed")))
        return real(database, model, stopped)

    monkeypatch.setattr(embeddings, "drop_model", drop)
    brain.choose("other")
    brain.announce(library.database)
    library.index()
    assert while_dropping == [24, 24], "what is embedded while vectors go might go with them"
    assert brain.key == first
    assert seen(library) == {first: 12}
    assert jobs.counts(library.database)["embed"] == {"open": 0, "done": 12, "failed": 0, "parked": 0}
    library.index()
    assert seen(library) == {first: 12}


class Blocked:
    """Stands for ``drop_model``: deletes nothing, and comes back when it is told to stop."""

    def __init__(self) -> None:
        self.begun, self.times, self.ended = threading.Event(), 0, threading.Event()

    def __call__(self, database: Database, model: int, stopped: Callable[[], bool]) -> int:
        self.times += 1
        self.begun.set()
        for _ in range(1000):
            if stopped():
                self.ended.set()
                break
            threading.Event().wait(0.01)
        return 0


@pytest.fixture
def dropping(library: Library, brain: FakeBrain, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Runner, Blocked]]:
    """A runner that is dropping the vectors of the model before this one."""
    library.put("a.jpg")
    library.index()
    brain.choose("other")
    brain.announce(library.database)
    blocked = Blocked()
    monkeypatch.setattr(embeddings, "drop_model", blocked)
    runner = Runner(library.database, library.config, library.decoders)
    for _ in range(1000):
        runner.step(0.01)
        if blocked.begun.is_set():
            break
    assert blocked.begun.is_set()
    yield runner, blocked
    runner.stop()


def test_while_vectors_go_nothing_is_embedded(dropping: tuple[Runner, Blocked]) -> None:
    runner, _ = dropping
    assert (runner.meaning.ready("embed"), runner.meaning.ready("tags")) == (False, True)
    assert runner.meaning.waiting()


def test_a_runner_that_stops_drops_nothing_more(dropping: tuple[Runner, Blocked]) -> None:
    runner, blocked = dropping
    runner.stop()
    assert blocked.ended.is_set()
    assert runner.meaning.ready("embed")


def test_another_model_ends_the_dropping_and_is_heard_before_it_goes_on(
    library: Library,
    brain: FakeBrain,
    dropping: tuple[Runner, Blocked],
    monkeypatch: pytest.MonkeyPatch,
    wait_until: Any,
) -> None:
    runner, blocked = dropping
    brain.choose("model")
    brain.announce(library.database)
    wait_until(lambda: runner.step(0.01) and blocked.ended.is_set())
    monkeypatch.setattr(meaning, "LOOK_S", 3600.0)
    wait_until(lambda: runner.meaning.ready("embed"))
    for _ in range(3):
        assert runner.step(0.01), "there is a word of brain to be heard"
    assert blocked.times == 1
    monkeypatch.setattr(meaning, "LOOK_S", 0.0)
    wait_until(lambda: runner.step(0.01) and blocked.times == 2)
    assert seen(library)[brain.key] == 1


@pytest.mark.parametrize("lost", ["all", "some"])
def test_vectors_that_are_lost_are_made_again_at_a_start(library: Library, brain: FakeBrain, lost: str) -> None:
    for name in ("a.jpg", "b.jpg", "letter.txt", "empty.txt"):
        library.put(name, " " if name == "empty.txt" else None)
    library.index()
    assert seen(library) == {brain.key: 3}
    with library.database.write() as tx:
        if lost == "all":
            tx.run("DELETE FROM embedding WHERE asset <> ?", (library.asset("letter.txt"),))
        else:
            tx.run("DELETE FROM embedding WHERE asset=?", (library.asset("a.jpg"),))
    before = len(brain.items("embed"))
    library.index()
    assert seen(library) == {brain.key: 3}
    assert len(brain.items("embed")) == before + (2 if lost == "all" else 1)
    library.index()
    assert len(brain.items("embed")) == before + (2 if lost == "all" else 1), "what has nothing to see is not lost"


def test_old_vectors_wait_for_new_ones_that_are_lost(library: Library, brain: FakeBrain) -> None:
    """Also those of documents, of which there is no picture: another model has seen them."""
    for name in ("a.jpg", "letter.txt"):
        library.put(name)
    library.index()
    old = brain.key
    brain.choose("other")
    brain.bad["letter.txt"] = ("model", "no memory")
    brain.announce(library.database)
    library.index()
    assert seen(library) == {old: 2, brain.key: 1}, "what failed keeps the old ones"
    brain.bad.clear()
    with library.database.write() as tx:  # as if all had been embedded, and lost again
        tx.run("DELETE FROM embedding WHERE model=(SELECT id FROM model WHERE key=?)", (brain.key,))
        tx.run("DELETE FROM job WHERE stage='embed' AND state='done' AND asset=?", (library.asset("letter.txt"),))
        tx.run("UPDATE job SET state='done' WHERE stage='embed' AND state='failed'")
    library.index()
    assert seen(library) == {brain.key: 2}


def test_what_is_announced_again_is_asked_for_everywhere(library: Library) -> None:
    """Also when brain goes back before the library was gone through: what came meanwhile was done otherwise."""
    known = Announced(library.database, library.config, [stage for stage in all_stages() if stage.name == "embed"])
    with library.database.write() as tx:
        known.announce(tx, "embed", "a@1")
        scanning.remember_stage(tx, "embed", known.version("embed"))
        first = known.version("embed")
        known.announce(tx, "embed", "b@2")
        known.announce(tx, "embed", "a@1")
    assert known.version("embed") == first
    assert scanning.stage_version(library.database, "embed") is None
    assert (known.is_news("embed", "a@1"), known.is_news("embed", None), known.key()) == (False, True, "a@1")


# ------------------------------------------------------------------------------- not what was announced


def test_tags_of_a_model_that_is_not_announced_yet_are_not_final(
    library: Library, brain: FakeBrain, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has no vectors yet, so it finds no tags: only when it has been announced and has looked its word counts."""
    monkeypatch.setattr(meaning, "PAUSE_S", 0.1)
    asked: list[str] = []

    def change(stage: str, items: list[Any]) -> None:
        if stage == "tags":
            asked.append(str(brain.name))
            if len(asked) == 1:
                brain.choose("other")
            elif len(asked) == 2:
                with Database(library.config.database) as other:
                    brain.announce(other)

    brain.before = change
    library.put("a.jpg")
    library.index()
    said = suggestions.of_asset(library.database, library.asset("a.jpg"))
    assert (said.tags, said.tags_by) == ((("seen", 0.5), ("by other", 0.25)), "other")
    assert said.caption == "what other sees"
    assert asked[:2] == ["model", "other"]
    assert len(asked) <= 4, "it rests until brain has announced its change"
    assert seen(library) == {brain.key: 1}
    assert jobs.open_count(library.database) == 0


def test_tags_that_were_asked_for_under_the_model_before_wait_for_the_vectors(
    library: Library, brain: FakeBrain
) -> None:
    """An open job from before the change must not be done before its asset is embedded anew."""
    brain.choose("model", vocabulary="")
    brain.announce(library.database)
    library.put("a.jpg")
    library.index()
    brain.choose("other")
    brain.announce(library.database)
    with library.database.write() as tx:
        model_jobs.ask(tx, "tags", 0, library.asset("a.jpg"), jobs.LOOKED_AT)
    library.index()
    assert [stage for stage, _, _ in brain.calls[-3:]] == ["embed", "tags", "caption"]
    said = suggestions.of_asset(library.database, library.asset("a.jpg"))
    assert said.tags == (("seen", 0.5), ("by other", 0.25))


def test_tags_that_are_under_way_when_another_model_is_announced_are_not_final(
    library: Library, brain: FakeBrain, wait_until: Callable[..., Any]
) -> None:
    """Asked under one model, answered by the next, which has no vectors yet but is announced when the answer comes."""

    def change(stage: str, items: list[Any]) -> None:
        if stage == "tags" and brain.name == "model":
            brain.choose("other")
            with Database(library.config.database) as other:
                brain.announce(other)
                wait_until(lambda: len(model_jobs.fingerprints(other, "tags").numbers) == 2)

    brain.before = change
    library.put("a.jpg")
    library.index()
    said = suggestions.of_asset(library.database, library.asset("a.jpg"))
    assert (said.tags, said.caption) == ((("seen", 0.5), ("by other", 0.25)), "what other sees")
    assert jobs.open_count(library.database) == 0


def test_vectors_of_a_model_that_was_never_announced_do_not_stand_for_those_of_now(
    library: Library, brain: FakeBrain
) -> None:
    brain.choose("late")
    library.put("a.jpg")
    library.index()
    late = brain.key
    assert seen(library) == {late: 1}
    brain.choose("model")
    library.index()
    assert seen(library) == {brain.key: 1}
    assert suggestions.of_asset(library.database, library.asset("a.jpg")).tags[-1][0] == "by model"


# -------------------------------------------------------------------------------------------- bad luck


def test_what_brain_failed_at_is_tried_again_at_a_start(library: Library, brain: FakeBrain) -> None:
    def fail(stage: str, items: list[Any]) -> None:
        raise RuntimeError("CUDA error: out of memory")

    brain.before = fail
    for name in "ab":
        library.put(f"{name}.jpg")
    library.index()
    assert jobs.counts(library.database)["embed"]["failed"] == 2
    asked = len(brain.items("embed"))
    library.index()
    assert jobs.counts(library.database)["embed"]["failed"] == 2
    assert len(brain.items("embed")) == asked + 2, "once for each start"
    brain.before = lambda *_: None
    library.index()
    assert seen(library) == {brain.key: 2}
    assert jobs.counts(library.database)["caption"]["done"] == 2


def test_a_model_that_does_not_answer_in_time_is_no_items_fault(
    library: Library, brain: FakeBrain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(brain_lane, "HELD_S", 0.05)
    late: list[int] = []

    def hang(stage: str, items: list[Any]) -> None:
        if len(late) < 3:
            late.append(len(items))
            raise NotReady(what="the model", seconds=840)

    brain.before = hang
    for name in "ab":
        library.put(f"{name}.jpg")
    library.index()
    assert len(late) == 3
    assert jobs.counts(library.database)["embed"] == {"open": 0, "done": 2, "failed": 0, "parked": 0}
    assert library.database.value("SELECT max(attempts) FROM job") == 0


# ---------------------------------------------------------------------------------------- frames of a video


@pytest.mark.parametrize("lost", [1, 2])
def test_a_frame_that_is_lost_is_made_again(library: Library, brain: FakeBrain, lost: int) -> None:
    library.put("a.mp4")
    library.index()
    frames(library)[lost - 1].unlink()
    brain.choose("other")
    brain.announce(library.database)
    library.index()
    number = embeddings.model_id(library.database, brain.key) or 0
    found = [row.vector for row in embeddings.of_asset(library.database, library.asset("a.mp4"), number)]
    assert found == [vector(brain.key, path.read_bytes().hex()) for path in frames(library)]
    assert [task for task, _ in library.decoders.asked].count("frames") == 2


def test_a_gap_between_frames_shows_before_anybody_has_seen_them(library: Library, brain: FakeBrain) -> None:
    brain.choose(None)
    brain.announce(library.database)
    library.put("a.mp4")
    library.index()
    frames(library)[0].unlink()
    brain.choose("model")
    brain.announce(library.database)
    library.index()
    number = embeddings.model_id(library.database, brain.key) or 0
    assert len(embeddings.of_asset(library.database, library.asset("a.mp4"), number)) == 2
    assert all(path.exists() for path in frames(library))


def test_a_frame_that_cannot_be_made_again_is_done_without(library: Library, brain: FakeBrain) -> None:
    library.put("a.mp4")
    library.index()
    first, second = frames(library)
    first.unlink()
    library.decoders.problems[b"a.mp4"] = [("frames", "crash")]
    brain.choose("other")
    brain.announce(library.database)
    library.index()
    number = embeddings.model_id(library.database, brain.key) or 0
    picture = thumbnail_path(library.config.previews, os.path.basename(second).partition(".")[0])
    found = [row.vector for row in embeddings.of_asset(library.database, library.asset("a.mp4"), number)]
    assert found == [vector(brain.key, picture.read_bytes().hex())]
    assert library.decoders.problems[b"a.mp4"] == []
    assert jobs.open_count(library.database) == 0
