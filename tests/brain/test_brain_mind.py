"""brain with a model: what is asked of it at the socket, while the model loads, fails, changes and comes back."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import bag_of_words
from support.bag_of_words import Floor, Host

from albumsd.brain.choice import Watch
from albumsd.brain.process import Brain
from albumsd.brain.readers import READERS, Readers
from albumsd.core.config import load
from albumsd.core.errors import NotReady
from albumsd.ml.errors import ModelFailed
from albumsd.store import embeddings, jobs, model_jobs
from albumsd.store.database import Database

PICTURES = {1: "red dog beach", 2: "red dog snow", 3: "blue boat beach", 4: "blue boat harbour", 5: "green tree"}
TODAY = "2024-05-01"
Add = Callable[..., None]


class Library:
    """Pictures without a word, and three documents."""

    def __init__(self, database: Database, add: Add) -> None:
        self.database, self.host = database, Host()
        self.folder = database.path.parent
        self.old = bag_of_words.model(self.folder / "models", "old")
        self.new = bag_of_words.model(self.folder / "models", "new")
        for asset in PICTURES:
            add(asset, f"photo{asset}")
        add(6, "walking the red dog", "along the beach")
        add(7, "the dog licence of the town")
        add(8, "harbour fees")
        self.embed(self.old, *PICTURES)
        self.choose("old")
        config = load(self.folder)
        self.floors = Floor(self.host, self.folder / "cache")
        self.brain = Brain(config, self.host, Watch(config, installed=True), self.floors)  # type: ignore[arg-type]

    def embed(self, model: Any, *assets: int) -> None:
        with self.database.write() as tx:
            for asset in assets:
                bag_of_words.embed(tx, asset, model, PICTURES[asset])

    def choose(self, name: str, **more: str) -> None:
        beside = self.folder / "new.toml"
        beside.write_text("".join(f"{key} = {value!r}\n" for key, value in {"model": name, **more}.items()))
        beside.replace(self.folder / "config.toml")

    def attend(self) -> None:
        self.brain.mind.attend(self.database)

    def rank(self, query: str) -> dict[str, Any]:
        return self.brain.answer({"ask": "rank", "query": query, "today": TODAY, "limit": 20, "deadline_s": 20})

    def found(self, query: str) -> list[int]:
        return [hit[0] for hit in self.rank(query)["hits"]]


@pytest.fixture
def library(empty: Database, add: Add) -> Iterator[Library]:
    made = Library(empty, add)
    yield made
    made.brain.close()


def test_pictures_and_documents_in_one_ranking(library: Library) -> None:
    library.attend()
    answer = library.rank("red dog beach")
    assert not answer["late"]
    found = {hit[0]: json.loads(hit[2]) for hit in answer["hits"]}
    assert list(found)[:2] in ([6, 1], [1, 6])
    assert set(found) == {1, 2, 6}
    assert found[6]["meaning"] is None
    assert found[1]["text"] == {}
    assert found[1]["model"]["name"] == "old"
    assert library.found("purple zebra violin") == []


def test_words_that_only_some_hold(library: Library) -> None:
    """What was seen and not meant is no find, however many of the words stand in its name."""
    with library.database.write() as tx:
        tx.run("UPDATE document SET title='licence fees harbour 4', length=8 WHERE asset=4")
        tx.run(
            "UPDATE fts SET title='licence fees harbour 4', path='papers', context='', body='', suggested='' WHERE rowid=4"
        )
    library.attend()
    assert library.found("licence fees zzz") == []
    assert 4 in library.found("licence fees harbour")


def test_before_the_first_look_words_answer_and_more_is_to_come(library: Library) -> None:
    answer = library.rank("red dog beach")
    assert [hit[0] for hit in answer["hits"]] == [6]
    assert answer["late"]
    assert library.brain.answer({"ask": "status"})["stages"] is None, "nobody shall take jobs back for it"


def test_a_model_that_is_not_in_memory(library: Library) -> None:
    library.attend()
    library.host.states[library.old.key] = "cold"
    library.host.late = True
    answer = library.rank("red dog beach")
    assert [hit[0] for hit in answer["hits"]] == [6], "who holds all words is shown at once"
    assert answer["late"]
    library.host.states.clear()
    library.rank("red dog beach")  # waits for the failure of what the first one began
    library.host.late = False
    assert set(library.found("red dog beach")) == {1, 2, 6}


def test_a_model_that_failed_is_none(library: Library) -> None:
    library.attend()
    library.host.states[library.old.key] = "failed"
    answer = library.rank("dog licence")
    assert not answer["late"]
    assert [hit[0] for hit in answer["hits"]] == [7]
    status = library.brain.answer({"ask": "status"})
    assert (status["model"], status["model_state"], status["why"]) == ("old", "failed", "it is broken")
    assert library.brain.answer({"ask": "embed", "items": [{"texts": ["x"]}]}) == {
        "none": "The model does not run: it is broken"
    }


def test_no_model_is_chosen(library: Library) -> None:
    library.choose("")
    library.attend()
    assert library.found("red dog beach") == [6]
    status = library.brain.answer({"ask": "status"})
    assert (status["state"], status["model"], status["documents"], status["vectors"]) == ("ready", None, 8, 0)
    assert status["stages"] == {"embed": None, "tags": None, "caption": None}
    for ask in ("embed", "tags", "caption"):
        assert list(library.brain.answer({"ask": ask, "items": []})) == ["none"]


def test_another_model_takes_over_when_it_has_seen_all(library: Library) -> None:
    library.attend()
    library.choose("new")
    with library.database.write() as tx:
        tx.run("INSERT INTO job(asset, stage, version, state) VALUES (1, 'embed', 1, 'open')")
        tx.run("INSERT INTO tally VALUES ('job', 'embed', 'open', 1)")
    library.attend()
    answer = library.rank("green tree")
    assert json.loads(answer["hits"][0][2])["model"]["name"] == "old"
    status = library.brain.answer({"ask": "status"})
    assert (status["model"], status["stages"]["embed"]) == ("new", library.new.key), "that is who embeds from now on"
    assert status["answers"] == "old"
    library.embed(library.new, *PICTURES)
    library.attend()
    answer = library.rank("green tree")
    assert [hit[0] for hit in answer["hits"]] == [5]
    assert json.loads(answer["hits"][0][2])["model"]["name"] == "new"
    assert library.brain.answer({"ask": "status"})["answers"] is None
    with library.database.write() as tx:
        tx.run("UPDATE job SET state='done'")
    embeddings.drop_model(library.database, 1)
    library.attend()
    assert library.found("green tree") == [5]


def ask_for(library: Library, stage: str = "embed", count: int = 3) -> None:
    """So many jobs are open."""
    with library.database.write() as tx:
        jobs.open_jobs(tx, stage, 1, [(asset, 0) for asset in range(3, 3 + count)])


def answers(library: Library) -> str:
    """The name of the model that does."""
    library.attend()
    told = [json.loads(hit[2]) for hit in library.rank("red dog")["hits"]]
    return str(next(why["model"]["name"] for why in told if "model" in why))


def again(library: Library) -> None:
    """brain starts again."""
    library.brain.close()
    library.host.closed = False
    config = load(library.folder)
    library.brain = Brain(config, library.host, Watch(config, installed=True), library.floors)


@pytest.mark.parametrize("why", [jobs.AWAY, jobs.NO_MODEL])
def test_a_start_in_the_middle_of_a_change_of_models(library: Library, why: str) -> None:
    """brain was away for so long that what is to be embedded is parked: the new model has seen two of five."""
    with library.database.write() as tx:
        bag_of_words.passed(tx, library.old)
    assert answers(library) == "old"
    library.choose("new")
    library.embed(library.new, 1, 2)
    assert answers(library) == "old", "the indexer has not heard of the new one"
    ask_for(library)
    with library.database.write() as tx:
        bag_of_words.passed(tx, library.new)
        model_jobs.park_open(tx, "embed", why, 100)
    again(library)
    assert answers(library) == "old"
    assert library.brain.mind.standing.working, "nor is it time for clusters"
    with library.database.write() as tx:
        model_jobs.withdraw(tx, "embed", 100)
    assert answers(library) == "new", "there is nothing more to come"
    assert not library.brain.mind.standing.working


def test_jobs_that_wait_for_something_else_are_not_waited_for(library: Library) -> None:
    with library.database.write() as tx:
        bag_of_words.passed(tx, library.new)
    library.choose("new")
    library.embed(library.new, 1, 2)
    ask_for(library)
    with library.database.write() as tx:
        model_jobs.park_open(tx, "embed", jobs.HUNG, 100)
    assert answers(library) == "new"


def test_there_and_back_and_there_again(library: Library) -> None:
    """A pass that has not ended is one that has not ended, though no job of it is open."""
    library.embed(library.new, 1, 2)
    with library.database.write() as tx:
        bag_of_words.passed(tx, library.new)
        bag_of_words.passed(tx, library.old)
        known = model_jobs.fingerprints(tx, "embed")
        model_jobs.remember_fingerprints(tx, "embed", known._replace(now=f"1/{library.new.key}"))
    library.choose("new")
    assert answers(library) == "old"


def test_a_library_is_settled_when_nothing_is_in_work_that_brings_vectors(library: Library) -> None:
    library.attend()
    with library.database.write() as tx:
        bag_of_words.passed(tx, library.old)
    ask_for(library, "preview", 1)
    library.attend()
    with library.database.write() as tx:
        model_jobs.withdraw(tx, "preview", 9)
    ask_for(library, "tags", 1)
    library.attend()
    assert library.floors.settled == [False, False, True]


def test_who_waits_for_a_model_keeps_nobody_from_the_words(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """More searches than there are connections wait for a text to be encoded; others are answered meanwhile."""
    library.attend()
    library.host.gate.clear()
    come = threading.Semaphore(0)
    get = library.brain.mind.phrases.get

    def waits(*asked: Any) -> Any:
        come.release()
        return get(*asked)

    monkeypatch.setattr(library.brain.mind.phrases, "get", waits)
    with ThreadPoolExecutor(READERS + 2) as pool:
        asked = [pool.submit(library.rank, f"dog number{n}") for n in range(READERS + 2)]
        for _ in asked:
            assert come.acquire(timeout=60)
        library.host.states[library.old.key] = "failed"  # so that the next one has nothing to wait for
        assert library.found("dog licence") == [7]
        library.host.states.clear()
        library.host.gate.set()
        for each in asked:
            assert not each.result(60)["late"]


def test_a_connection_that_nobody_gives_back_is_not_waited_for(library: Library) -> None:
    readers = Readers(library.database.path)
    with ExitStack() as stack:
        for _ in range(READERS):
            assert stack.enter_context(readers.lend(0)).value("SELECT 1") == 1
        with pytest.raises(NotReady), readers.lend(0.01):
            pass
    with readers.lend(0) as reader:
        assert reader.value("SELECT 1") == 1
    readers.close()


def test_what_brain_says_of_itself_does_not_grow_with_the_library(library: Library) -> None:
    """Its row is written when it changes: not with every picture."""
    library.embed(library.old, *PICTURES)
    library.attend()
    before = library.brain.told()
    with library.database.write() as tx:
        bag_of_words.embed(tx, 6, library.old, "one more")
    library.attend()
    assert library.brain.told() == before
    assert library.brain.answer({"ask": "status"})["vectors"] == 6
    assert {"model", "device", "stages", "why", "input_px"} <= before.keys()


def test_caches_of_models_that_are_gone_go(library: Library) -> None:
    cache = library.folder / "cache"
    cache.mkdir(exist_ok=True)
    for key in ("gone@123456789012", library.old.key, library.new.key):
        (cache / f"bank-{key}.npz").write_bytes(b"")
    library.choose("new")
    library.attend()
    assert {file.name for file in cache.glob("*.npz")} == {
        f"bank-{library.old.key}.npz", f"bank-{library.new.key}.npz"
    }, "one has vectors, the other is chosen"  # fmt: skip


@pytest.mark.parametrize(("setting", "nice"), [(2, "2"), (10, "5")])
def test_the_models_process_is_as_nice_as_the_settings_say_but_never_very(
    library: Library, setting: int, nice: str
) -> None:
    (library.folder / "config.toml").write_text(f"nice = {setting}\n")
    brain = Brain(load(library.folder))
    command = brain.mind.host._keeper._command
    brain.close()
    assert command[command.index("--nice") + 1] == nice


def test_many_at_once_while_everything_changes(library: Library) -> None:
    """No question fails while rows come and go, models change and the index is made anew."""
    library.attend()
    stop = threading.Event()
    failures: list[BaseException] = []

    def ask() -> None:
        try:
            while not stop.is_set():
                library.rank("red dog -snow")
                library.rank("boat like=5.txt date=2020")
                library.brain.answer({"ask": "status"})
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for turn in range(6):
        model, name = (library.new, "new") if turn % 2 else (library.old, "old")
        library.choose(name)
        library.embed(model, *PICTURES)
        library.attend()
        with library.database.write() as tx:
            tx.run("DELETE FROM embedding WHERE asset=?", (turn % 5 + 1,))
        library.attend()
    stop.set()
    for thread in threads:
        thread.join()
    assert failures == []


def test_embedding(library: Library, tmp_path: Path) -> None:
    library.attend()
    seen, gone = tmp_path / "1.webp", tmp_path / "gone.webp"
    seen.write_text("red dog")
    items = [
        {"pictures": [str(seen), str(gone)]},
        {"texts": ["a letter", "its end"]},
        {"pictures": [str(gone)]},
        {"pictures": [str(seen)]},
    ]
    answer = library.brain.answer({"ask": "embed", "items": items, "busy": True})
    assert (answer["key"], answer["name"], answer["dimensions"]) == (library.old.key, "old", bag_of_words.DIMENSIONS)
    first, letter, third, fourth = answer["items"]
    assert len(first["vectors"]) == 1, "one frame that cannot be read is no loss"
    assert len(letter["vectors"]) == 2
    assert third == {"problem": ["corrupt", "it is not there"]}
    vector = np.frombuffer(base64.b64decode(fourth["vectors"][0]), "<f2").astype(np.float32)
    assert vector @ bag_of_words.vector("red dog", "old") == pytest.approx(1, abs=1e-3)


def test_a_model_that_knows_no_documents(library: Library) -> None:
    bag_of_words.folder(library.folder / "models", "deaf", {"documents": False})
    library.choose("deaf")
    library.attend()
    answer = library.brain.answer({"ask": "embed", "items": [{"texts": ["a letter"]}]})
    assert answer["items"] == [{"vectors": []}]
    assert library.host.asked == []


WORDS = {"animal": {"dog": ["dog"], "cat": ["cat"]}, "place": {"beach": ["beach"], "snow": ["snow"]}}
NOTES = {
    "vocabulary": WORDS,
    "caption": {"form": "a {animal} in {place}", "needs": ["animal"]},
    "calibration": {"floors": {"text-image": 0.3, "text-text": 0.5}},
}


def test_tags_and_sentences_made_of_them(library: Library) -> None:
    speaking = bag_of_words.model(library.folder / "models", "speaking", NOTES)
    library.choose("speaking")
    library.embed(speaking, 1, 2, 3)
    library.attend()
    items = [{"asset": asset} for asset in (1, 2, 5, 99)]
    answer = library.brain.answer({"ask": "tags", "items": items})
    stages = library.brain.answer({"ask": "status"})["stages"]
    assert (answer["name"], answer["of"]) == ("speaking", stages["tags"])
    named = [[tag for tag, _ in item["tags"]] for item in answer["items"]]
    assert [set(tags) for tags in named] == [{"dog", "beach"}, {"dog", "snow"}, set(), set()]
    spoken = library.brain.answer(
        {"ask": "caption", "items": [{**item, "picture": None} for item in [*items, {"asset": 3}]]}
    )
    assert [item["caption"] for item in spoken["items"]] == ["a dog in beach", "a dog in snow", None, None, None]
    assert spoken["of"] == stages["caption"] != stages["tags"]


def test_a_vocabulary_that_is_wrong_is_said(library: Library) -> None:
    (library.folder / "tags.toml").write_text("animals = [")
    library.attend()
    status = library.brain.answer({"ask": "status"})
    assert (status["stages"]["embed"], status["stages"]["tags"]) == (library.old.key, None)
    assert "vocabulary" in status["why"]
    assert "vocabulary" in library.brain.answer({"ask": "tags", "items": []})["none"]


def test_a_captioner(library: Library, tmp_path: Path) -> None:
    bag_of_words.folder(library.folder / "models", "writer", coca=True)
    library.choose("old", captioner="writer")
    library.attend()
    picture = tmp_path / "1.webp"
    picture.write_text("a red dog on the beach")
    items = [{"asset": 1, "picture": str(picture)}, {"asset": 2, "picture": None}, {"asset": 3, "picture": "/no"}]
    answer = library.brain.answer({"ask": "caption", "items": items})
    key = library.brain.answer({"ask": "status"})["stages"]["caption"]
    assert key.startswith("writer@")
    assert (answer["of"], answer["name"]) == (key, "writer")
    assert answer["items"] == [
        {"caption": "a red dog on the beach"},
        {"caption": None},
        {"problem": ["corrupt", "it is not there"]},
    ]


def test_an_end_in_the_middle_of_work_blames_no_file(library: Library) -> None:
    library.attend()
    library.host.closed = True
    with pytest.raises(ModelFailed):
        library.brain.answer({"ask": "embed", "items": [{"texts": ["x"]}]})
    library.brain.labour.leave()
    with pytest.raises(SystemExit):  # ends the thread of that question, whose socket closes without a word
        library.brain.answer({"ask": "embed", "items": [{"texts": ["x"]}]})
