"""What is asked of brain and what becomes of its answers: a brain that is there, away, changes its mind, or fails."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from indexer_brain import FakeBrain, vector

from albumsd.core import config as settings
from albumsd.indexer import meaning, previews, results, runner
from albumsd.indexer.once import index_once
from albumsd.indexer.stages.embed import PIECE_CHARS, PIECE_WORDS, PIECES, pieces
from albumsd.media.shelf import frame_path, preview_path, thumbnail_path
from albumsd.store import assets, embeddings, jobs, model_jobs, suggestions
from albumsd.store import database as store_database
from albumsd.store.database import Database, Tx

Library = Any  # conftest.Library, which the tests get as a fixture


def states(library: Library, stage: str) -> dict[str, str]:
    """``{shown name: state}`` of the jobs of a stage; what is still to be done hides what was."""
    return dict(
        library.database.all(
            "SELECT a.name, j.state FROM job j JOIN asset a ON a.id=j.asset WHERE j.stage=? ORDER BY j.state='done' DESC",
            (stage,),
        )
    )


def errors(library: Library, stage: str) -> set[str]:
    return {row[0] for row in library.database.all("SELECT error FROM job WHERE stage=? AND state<>'done'", (stage,))}


def vectors(library: Library, key: str, path: str) -> list[tuple[str, bytes]]:
    """``(tower, vector)`` of a file under a model."""
    number = embeddings.model_id(library.database, key)
    rows = embeddings.of_asset(library.database, library.asset(path), number) if number else []
    return [(row.tower, row.vector) for row in rows]


def digest(library: Library, path: str) -> str:
    found: str = library.database.value("SELECT lower(hex(sha256)) FROM asset WHERE id=?", (library.asset(path),))
    return found


def seen(key: str, path: Path) -> tuple[str, bytes]:
    """The vector of a small picture."""
    return "image", vector(key, path.read_bytes().hex())


def choose(library: Library, model: str) -> None:
    values = {**library.config.values, "model": model}
    library.config = settings.load(library.config.library, overrides=values)


# ------------------------------------------------------------------------------------------- what comes of it


def test_pictures_become_vectors_tags_and_captions(library: Library, brain: FakeBrain) -> None:
    library.put("2020-05-01.jpg")
    library.put("2021-05-01.jpg")
    library.put("c.bin")
    library.index()
    for path in ("2020-05-01.jpg", "2021-05-01.jpg"):
        picture = thumbnail_path(library.config.previews, digest(library, path))
        assert vectors(library, brain.key, path) == [seen(brain.key, picture)]
        said = suggestions.of_asset(library.database, library.asset(path))
        assert said.tags == (("seen", 0.5), ("by model", 0.25))
        assert (said.tags_by, said.caption, said.caption_by) == ("model", "what model sees", "model")
    counts = jobs.counts(library.database)
    assert all(counts[stage] == {"open": 0, "done": 2, "failed": 0, "parked": 0} for stage in brain.stages)
    asked = len(brain.calls)
    library.index()
    assert len(brain.calls) == asked


def test_without_a_model_nobody_is_asked_for_anything(library: Library, brain: FakeBrain) -> None:
    brain.choose(None)
    brain.announce(library.database)
    library.put("a.jpg")
    library.index()
    assert not set(brain.stages) & set(jobs.counts(library.database))
    assert brain.calls == []


def test_without_a_brain_that_ever_was_nobody_is_asked_either(library: Library) -> None:
    library.decoders.pictures = True
    library.put("a.jpg")
    library.index()
    assert set(jobs.counts(library.database)) == {"facts", "hash", "preview"}


def test_of_a_video_all_frames_are_looked_at(library: Library, brain: FakeBrain) -> None:
    library.put("a.mp4")
    library.index()
    name = digest(library, "a.mp4")
    frames = [frame_path(library.config.previews, name, number) for number in (1, 2)]
    assert vectors(library, brain.key, "a.mp4") == [seen(brain.key, path) for path in frames]
    assert [path.exists() for path in (*frames, thumbnail_path(library.config.previews, name))] == [True] * 3


def test_a_video_whose_frames_kill_the_decoder_is_known_by_its_thumbnail(library: Library, brain: FakeBrain) -> None:
    library.put("a.mp4")
    library.decoders.problems[b"a.mp4"] = [("frames", "crash")]
    library.index()
    picture = thumbnail_path(library.config.previews, digest(library, "a.mp4"))
    assert vectors(library, brain.key, "a.mp4") == [seen(brain.key, picture)]
    assert library.database.value("SELECT problem FROM asset") is None


def test_of_a_document_the_words_are_read(library: Library, brain: FakeBrain) -> None:
    library.put("letter.txt", " ".join(f"w{number}" for number in range(70)))
    library.put("empty.txt", " ")
    library.put("scan.pdf", "  ")
    library.decoders.facts[b"letter.txt"] = {"title": "Warranty"}
    library.index()
    first, second = (" ".join(f"w{number}" for number in part) for part in (range(60), range(60, 70)))
    wanted = [("text", vector(brain.key, text)) for text in (f"Warranty {first}", second)]
    assert vectors(library, brain.key, "letter.txt") == wanted
    assert vectors(library, brain.key, "empty.txt") == []
    picture = thumbnail_path(library.config.previews, digest(library, "scan.pdf"))
    assert vectors(library, brain.key, "scan.pdf") == [seen(brain.key, picture)]
    assert "tags" not in jobs.counts(library.database)


def test_pieces_of_a_text() -> None:
    assert pieces(None, "") == []
    assert pieces("  ", "a b") == ["a b"]
    many = pieces("Title", " ".join(["word"] * 1000))
    assert [len(piece.split()) for piece in many] == [PIECE_WORDS + 1] + [PIECE_WORDS] * (PIECES - 1)
    assert [len(piece) for piece in pieces(None, "\u4e2d" * (2 * PIECE_CHARS + 7))] == [PIECE_CHARS, PIECE_CHARS, 7]


def test_wide_pictures_and_large_models_are_shown_the_preview(library: Library, brain: FakeBrain) -> None:
    library.put("a.jpg")
    brain.announce(library.database, input_px=336)
    library.index()
    assert vectors(library, brain.key, "a.jpg") == [
        seen(brain.key, preview_path(library.config.previews, digest(library, "a.jpg")))
    ]


# ------------------------------------------------------------------------------------------------- order


def test_the_newest_come_first_and_what_is_looked_at_before_them(library: Library, brain: FakeBrain) -> None:
    brain.choose(None)
    brain.announce(library.database)
    for year in (2011, 2019, 2015):
        library.put(f"{year}-05-01.jpg")
    library.index()
    by_year = {year: thumbnail_path(Path(), digest(library, f"{year}-05-01.jpg")).name for year in (2011, 2015, 2019)}
    brain.choose("model")
    brain.announce(library.database)
    library.index()
    assert list(brain.asked("embed")) == [by_year[year] for year in (2019, 2015, 2011)]
    brain.calls.clear()
    brain.choose("other")
    brain.announce(library.database)
    with library.database.write() as tx:
        model_jobs.ask(tx, "embed", 0, library.asset("2011-05-01.jpg"), 0)
        jobs.raise_priority(tx, [library.asset("2011-05-01.jpg")])
    library.index()
    assert next(iter(brain.asked("embed"))) == by_year[2011]


def test_brain_is_told_whether_the_decoders_are_busy(library: Library, brain: FakeBrain) -> None:
    library.put("a.jpg")
    library.index()
    assert {busy for _, _, busy in brain.calls} == {False}


# --------------------------------------------------------------------------------------- it is not there


def test_an_absent_brain_is_waited_for_and_then_the_jobs_are_parked(library: Library, brain: FakeBrain) -> None:
    brain.away(library.database)
    choose(library, "some model")
    library.put("a.jpg")
    library.index()
    assert states(library, "embed") == {"a.jpg": "parked"}
    assert errors(library, "embed") == {jobs.AWAY}
    assert states(library, "preview") == {"a.jpg": "done"}
    assert jobs.open_count(library.database) == 0
    brain.start()
    brain.announce(library.database)
    library.index()
    assert set(states(library, "caption").values()) == {"done"}


def test_a_brain_that_comes_back_finds_its_jobs_open(library: Library, brain: FakeBrain, wait_until: Any) -> None:
    """In one run of the runner: it goes in the middle, is parked, and comes back."""
    for number in range(3):
        library.put(f"{number}.jpg")
    library.index()
    brain.choose("other")
    brain.away(library.database)
    stop = threading.Event()
    again = runner.Runner(library.database, library.config, library.decoders)
    with library.database.write() as tx:
        jobs.open_jobs(tx, "embed", 0, [(library.asset("1.jpg"), 0)])
    for _ in range(1000):
        again.step(0.01)
        if states(library, "embed")["1.jpg"] == "parked":
            break
    assert errors(library, "embed") == {jobs.AWAY}
    assert not again.step(0.01)
    brain.announce(library.database)
    brain.start()
    for _ in range(1000):
        again.step(0.01)
        if len(vectors(library, brain.key, "0.jpg")) and set(states(library, "caption").values()) == {"done"}:
            break
    again.run(stop.is_set)
    again.stop()
    assert set(states(library, "embed").values()) == {"done"}
    assert brain.asked("embed").total() == 6


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_brain_that_dies_at_work_is_not_the_fault_of_any_file(library: Library, brain: FakeBrain) -> None:
    died: list[int] = []

    def die(stage: str, items: list[Any]) -> None:
        if len(died) < 2:
            died.append(len(items))
            raise SystemExit  # the connection is closed without an answer

    brain.before = die
    library.put("a.jpg")
    library.index()
    assert states(library, "embed") == {"a.jpg": "done"}
    assert died == [1, 1]
    assert library.database.value("SELECT max(attempts) FROM job") == 0


def test_what_there_is_no_model_for_is_parked_until_there_is_one(
    library: Library, brain: FakeBrain, monkeypatch: pytest.MonkeyPatch
) -> None:
    brain.none = "the weights are gone"
    library.put("a.jpg")
    library.index()
    assert (states(library, "embed"), errors(library, "embed")) == ({"a.jpg": "parked"}, {jobs.NO_MODEL})
    assert "tags" not in jobs.counts(library.database)
    brain.none = None
    monkeypatch.setattr(meaning, "RETRY_S", 0.0)
    library.index()
    assert set(states(library, "caption").values()) == {"done"}


def test_a_model_that_goes_takes_its_jobs_and_leaves_its_results(library: Library, brain: FakeBrain) -> None:
    library.put("a.jpg")
    library.index()
    brain.none = "not now"
    library.put("b.jpg")
    library.index()
    assert states(library, "embed") == {"a.jpg": "done", "b.jpg": "parked"}
    brain.choose(None)
    brain.announce(library.database)
    library.index()
    assert states(library, "embed") == {"a.jpg": "done"}
    assert len(vectors(library, "model@" + FakeBrain(library.config).key[6:], "a.jpg")) == 1
    brain.none = None
    brain.choose("model")
    brain.announce(library.database)
    brain.calls.clear()
    library.index()
    assert states(library, "caption") == {"a.jpg": "done", "b.jpg": "done"}
    assert brain.asked("embed").total() == 1


# -------------------------------------------------------------------------------------------- other models


def test_another_model_looks_at_everything_while_the_old_vectors_stay(library: Library, brain: FakeBrain) -> None:
    for year in (2011, 2012, 2013):
        library.put(f"{year}-05-01.jpg")
    library.index()
    old, there = brain.key, []
    brain.choose("other")
    brain.announce(library.database)

    def look(stage: str, items: list[Any]) -> None:
        if stage == "embed":
            with Database(library.config.database) as other:
                there.append([model.assets for model in embeddings.models(other) if model.key == old])

    brain.before = look
    library.index()
    assert there
    assert all(found == [3] for found in there)
    assert [model.key for model in embeddings.models(library.database)] == [brain.key]
    assert len(vectors(library, brain.key, "2011-05-01.jpg")) == 1
    said = suggestions.of_asset(library.database, library.asset("2011-05-01.jpg"))
    assert (said.tags[-1][0], said.caption) == ("by other", "what other sees")


def test_old_vectors_stay_as_long_as_something_is_not_embedded_anew(library: Library, brain: FakeBrain) -> None:
    library.put("a.jpg")
    library.put("b.jpg")
    library.index()
    old = brain.key
    brain.choose("other")
    brain.bad[thumbnail_path(Path(), digest(library, "b.jpg")).name] = ("model", "no memory")
    brain.announce(library.database)
    library.index()
    assert states(library, "embed") == {"a.jpg": "done", "b.jpg": "failed"}
    assert [model.key for model in embeddings.models(library.database)] == [old, brain.key]
    brain.calls.clear()
    brain.choose("model")  # back: what it made is still there
    brain.announce(library.database)
    library.index()
    assert set(states(library, "embed").values()) == {"done"}
    assert brain.calls == [] or brain.asked("embed").total() <= 1
    assert len(vectors(library, old, "b.jpg")) == 1


def test_another_vocabulary_tags_again_and_embeds_nothing(library: Library, brain: FakeBrain) -> None:
    library.put("a.jpg")
    library.index()
    brain.calls.clear()
    brain.choose("model", vocabulary="others")
    brain.announce(library.database)
    library.index()
    assert [stage for stage, _, _ in brain.calls] == ["tags", "caption"]


def test_without_a_vocabulary_a_captioner_goes_on(library: Library, brain: FakeBrain) -> None:
    brain.choose("model", vocabulary="")
    brain.announce(library.database)
    library.put("a.jpg")
    library.index()
    assert [stage for stage, _, _ in brain.calls] == ["embed", "caption"]


def test_a_stage_that_is_switched_off_and_on_again(library: Library, brain: FakeBrain) -> None:
    values = dict(library.config.values)
    library.config = settings.load(library.config.library, overrides={**values, "stages_off": "tags"})
    library.put("a.jpg")
    library.index()
    assert set(jobs.counts(library.database)) == {"facts", "hash", "preview", "embed", "caption"}
    library.config = settings.load(library.config.library, overrides=values)
    library.index()
    assert states(library, "tags") == {"a.jpg": "done"}


# ------------------------------------------------------------------------------------- drives and previews


def test_a_drive_that_is_away_is_not_needed(library: Library, brain: FakeBrain) -> None:
    brain.choose(None)
    brain.announce(library.database)
    library.put("a.jpg")
    library.index()
    os.rename(library.root, library.folder / "drive")
    brain.choose("model")
    brain.announce(library.database)
    library.index()
    assert library.state() == "offline"
    assert states(library, "caption") == {"a.jpg": "done"}
    row = library.database.one("SELECT count(*), max(length(vector)) FROM embedding")
    assert row == (1, 8)


@pytest.mark.parametrize("harm", ["gone", "cut"])
def test_a_thumbnail_that_is_lost_is_made_again_first(library: Library, brain: FakeBrain, harm: str) -> None:
    library.put("a.jpg")
    library.index()
    picture = thumbnail_path(library.config.previews, digest(library, "a.jpg"))
    if harm == "gone":
        picture.unlink()
    else:
        picture.write_bytes(picture.read_bytes()[:14])
    brain.choose("other")
    brain.announce(library.database)
    library.index()
    assert vectors(library, brain.key, "a.jpg") == [seen(brain.key, picture)]
    assert [task for task, _ in library.decoders.asked].count("preview") == 2
    assert library.database.value("SELECT max(attempts) FROM job") == 0


def test_a_lost_thumbnail_waits_for_its_drive(library: Library, brain: FakeBrain) -> None:
    library.put("a.jpg")
    library.index()
    thumbnail_path(library.config.previews, digest(library, "a.jpg")).unlink()
    os.rename(library.root, library.folder / "drive")
    brain.choose("other")
    brain.announce(library.database)
    library.index()
    assert states(library, "embed") == {"a.jpg": "parked"}
    assert jobs.PREVIEW in errors(library, "embed")
    os.rename(library.folder / "drive", library.root)
    library.index()
    assert len(vectors(library, brain.key, "a.jpg")) == 1


def test_a_picture_of_ours_that_the_model_cannot_read_is_no_problem_of_the_file(
    library: Library, brain: FakeBrain
) -> None:
    library.put("a.jpg")
    library.put("b.jpg")
    library.index()
    name = thumbnail_path(Path(), digest(library, "a.jpg")).name
    brain.choose("other")
    brain.announce(library.database)
    brain.bad[name] = ("corrupt", "cannot decode")
    library.index()
    assert states(library, "embed") == {"a.jpg": "failed", "b.jpg": "done"}
    assert errors(library, "embed") == {"corrupt: cannot decode"}
    assert [task for task, _ in library.decoders.asked].count("preview") == 3
    assert brain.asked("embed")[name] == 3
    assert library.database.value("SELECT count(*) FROM asset WHERE problem IS NOT NULL") == 0


def test_a_call_that_fails_costs_only_what_it_failed_at(library: Library, brain: FakeBrain) -> None:
    for name in "abc":
        library.put(f"{name}.jpg")
    library.index()
    bad = thumbnail_path(Path(), digest(library, "b.jpg")).name
    brain.choose("other")
    brain.announce(library.database)

    def crash(stage: str, items: list[Any]) -> None:
        if stage == "embed" and any(bad in path for item in items for path in item["pictures"]):
            raise RuntimeError("the model died")

    brain.before = crash
    library.index()
    assert states(library, "embed") == {"a.jpg": "done", "b.jpg": "failed", "c.jpg": "done"}
    assert errors(library, "embed") == {"brain: RuntimeError: the model died"}


def test_a_preview_that_comes_late_is_looked_at(library: Library, brain: FakeBrain) -> None:
    """It failed, so there was nothing to see; the next start has better luck."""
    library.put("a.jpg")
    library.decoders.problems[b"a.jpg"] = [("preview", "timeout")] * 2
    library.index()
    assert states(library, "embed") == {"a.jpg": "done"}
    assert vectors(library, brain.key, "a.jpg") == []
    library.index()
    assert len(vectors(library, brain.key, "a.jpg")) == 1


def test_previews_that_are_restored_lose_no_vector(library: Library, brain: FakeBrain) -> None:
    library.put("a.jpg")
    library.index()
    before = vectors(library, brain.key, "a.jpg")
    preview_path(library.config.previews, digest(library, "a.jpg")).unlink()
    assert previews.restore(library.database, library.config, [library.asset("a.jpg")]) == 1
    library.index()
    assert vectors(library, brain.key, "a.jpg") == before
    assert brain.asked("embed").total() == 1


def test_a_new_version_of_previews_does_again_only_what_it_concerns(library: Library, brain: FakeBrain) -> None:
    for name in ("a.jpg", "b.mp4"):
        library.put(name)
    library.index()
    for path in library.config.previews.rglob("*.f?.webp"):
        path.unlink()
    with library.database.write() as tx:
        tx.run("UPDATE job SET version=1 WHERE stage='preview'")
        tx.run("UPDATE meta SET value=1 WHERE key='stage:preview'")
    library.decoders.asked.clear()
    library.index()
    assert {os.path.basename(path) for _, path in library.decoders.asked} == {b"b.mp4"}
    assert {row[0] for row in library.database.all("SELECT version FROM job WHERE stage='preview'")} == {2}


# ------------------------------------------------------------------------------------------------ kill -9


class Killed(BaseException):
    pass


class Mortal(Database):
    """Dies after so many commits."""

    left = -1

    @contextmanager
    def write(self, **options: Any) -> Iterator[Tx]:
        with super().write(**options) as tx:
            yield tx
        self.left -= 1
        if self.left == 0:
            raise Killed


@pytest.mark.slow
def test_killed_at_every_commit(library: Library, brain: FakeBrain, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two assets, embedded, then embedded under another model: whenever it stops, the next run has the same end."""
    monkeypatch.setattr(store_database, "BATCH_S", 0.0)
    monkeypatch.setattr(results, "BATCH_S", 0.0)
    library.put("a.jpg")
    library.put("b.txt", "some words")
    library.index()
    stops, name = 0, "model"
    while True:
        before, name = brain.key, "other" if name == "model" else "model"
        brain.choose(name)
        brain.announce(library.database)
        mortal = Mortal(library.config.database)
        mortal.left = stops + 1
        try:
            index_once(mortal, library.config, decode=library.decoders)
        except Killed:
            stops += 1
        else:
            break
        finally:
            mortal.close()
        for path in ("a.jpg", "b.txt"):
            assert vectors(library, before, path) or vectors(library, brain.key, path)
        library.index()
        assert jobs.open_count(library.database) == 0
        assert [model.key for model in embeddings.models(library.database)] == [brain.key]
        assert len(vectors(library, brain.key, "a.jpg")) == len(vectors(library, brain.key, "b.txt")) == 1
        assert suggestions.of_asset(library.database, library.asset("a.jpg")).caption == f"what {name} sees"
    assert stops > 10


def test_results_of_a_model_that_is_no_longer_asked_are_not_taken_for_those_of_the_new_one(
    library: Library, brain: FakeBrain
) -> None:
    """brain changes its mind between what it announced and what it does: the vectors are kept under the name of who made
    them, and nothing follows from them before it has announced that."""
    library.put("a.jpg")
    brain.choose("late")
    library.index()
    late = brain.key
    assert len(vectors(library, late, "a.jpg")) == 1
    assert [stage for stage, _, _ in brain.calls] == ["embed"]
    brain.announce(library.database)
    brain.calls.clear()
    library.index()
    assert brain.asked("embed").total() == 0
    assert states(library, "caption") == {"a.jpg": "done"}
    assert suggestions.of_asset(library.database, library.asset("a.jpg")).tags == (("seen", 0.5), ("by late", 0.25))


def test_an_asset_that_is_gone_is_no_error(library: Library, brain: FakeBrain) -> None:
    library.put("a.jpg")
    library.index()
    library.put("b.jpg")

    def forget(stage: str, items: list[Any]) -> None:
        with Database(library.config.database) as other, other.write() as tx:
            tx.run("DELETE FROM job WHERE stage='embed' AND state='leased'")

    brain.before = forget
    library.index()
    assert vectors(library, brain.key, "b.jpg") == []
    with library.database.write() as tx:
        assets.set_text(tx, library.asset("b.jpg"), "")
