"""search.run and search.candidates: what a search finds, in which order, and that it answers whatever brain does."""

from __future__ import annotations

import json
import math
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from albumsd.core.errors import QueryError
from albumsd.core.facts import Camera, CaptureTime, Facts
from albumsd.ipc import calls
from albumsd.query import tree
from albumsd.query.parser import parse
from albumsd.search import candidates, fulltext, run
from albumsd.search.fulltext import terms
from albumsd.search.patience import AGAIN_S, REST_S, WAIT_S, Patience, wait_s
from albumsd.store import assets, files, suggestions
from albumsd.store.database import Database

TODAY = "2024-05-01"
WORDS = ["warranty", "letter", "dog", "beach", "lisbon", "lodz", "invoice", "2024", "washing", "machine"]

DOCUMENTS = {
    "scan_0007.pdf": "Warranty letter. Your washing machine is under warranty for two years from the date of purchase.",
    "notes.txt": "Remember the letter to the landlord, a long one, about the dripping tap and the broken window.",
    "manual.pdf": "The warranty is void when the seal is broken. " + "Turn the screw to the left. " * 50,
    "recipe.md": "Flour, eggs, milk.",
}


@pytest.fixture
def shelf(empty: Database) -> Database:
    """Four documents and thirty photos, written as the indexer does."""
    with empty.write() as tx:
        source = tx.insert("INSERT INTO source(name, path, added_ns) VALUES ('Papers', x'2f70', 1)")
        tx.run("INSERT INTO source_state(source, state) VALUES (?, 'online')", (source,))
        folder = files.ensure_folder(tx, source, b"Post/2023")
        names = [*DOCUMENTS, *(f"IMG_{n:04}.jpg" for n in range(30))]
        files.arrive(tx, folder, b"Post/2023", [files.Entry(n.encode(), 10, 10**18, 0) for n in names], 1)
        for asset, name in tx.all("SELECT id, name FROM asset ORDER BY id"):
            if name in DOCUMENTS:
                assets.store_facts(tx, asset, Facts(kind="document", mime="text/plain"))
                assets.set_text(tx, asset, DOCUMENTS[name])
            else:
                captured = CaptureTime(f"2023-04-{asset % 28 + 1:02}T12:00:00", None, "exif")
                assets.store_facts(
                    tx, asset, Facts(kind="photo", captured=captured, camera=Camera("Google", "Pixel 7"))
                )
    return empty


def found(database: Any, text: str, limit: int = 100) -> list[str]:
    hits = run.search(database, text, today=TODAY, limit=limit).hits
    names = dict(database.all("SELECT id, name FROM asset"))
    return [names[hit.asset] for hit in hits]


def test_the_warranty_letter_comes_first(shelf: Database) -> None:
    assert found(shelf, "warranty letter") == ["scan_0007.pdf", *sorted(found(shelf, "warranty letter")[1:], key=len)]
    assert set(found(shelf, "warranty letter")) == {"scan_0007.pdf", "notes.txt", "manual.pdf"}
    assert found(shelf, "letter warranty")[0] == "scan_0007.pdf"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("'warranty letter'", ["scan_0007.pdf"]),
        ("'letter warranty'", []),
        ("warr* machine", ["scan_0007.pdf"]),
        ("warr* machine void", ["scan_0007.pdf", "manual.pdf"]),
        ("wash*", ["scan_0007.pdf"]),
        ("'under warr*'", ["scan_0007.pdf"]),
        ("text=letter -landlord", ["scan_0007.pdf"]),
        ("title=notes", ["notes.txt"]),
        ("path=recipe", ["recipe.md"]),
        ("title=flour", []),
        ("path='post 2023' flour", ["recipe.md"]),
        ("SCAN_0007.PDF", ["scan_0007.pdf"]),
        ("flour or dripping type=document", ["recipe.md", "notes.txt"]),
        ("flour type=photo", []),
        ("xyzzy", []),
        ("xyzzy plugh", []),
        ("xyzzy warranty", []),  # an unknown word beside a known one
        ("xyzzy warranty letter", ["scan_0007.pdf"]),  # most of it is known
        ("milk xyzzy plugh quux", []),
        ("milk in the washing machine", ["scan_0007.pdf"]),
        ("pixel xyzzy", []),  # a word that nearly everything holds is no find
    ],
)
def test_words_phrases_beginnings_scopes_and_terms(shelf: Database, text: str, names: list[str]) -> None:
    assert sorted(found(shelf, text)) == sorted(names)


def test_terms_alone_come_newest_first(shelf: Database) -> None:
    results = run.search(shelf, "camera=pixel", today=TODAY, limit=10)
    days = [shelf.value("SELECT day FROM asset WHERE id=?", (hit.asset,)) for hit in results.hits]
    assert len(days) == 10
    assert days == sorted(days, reverse=True)
    assert days[0] == "2023-04-28"
    scores = [hit.score for hit in results.hits]
    assert scores == sorted(scores, reverse=True)
    assert json.loads(results.hits[0].why) == {"text": {"words": {}, "score": 0.0, "by": "date"}, "meaning": None}


def test_the_walk_in_time_and_the_sorted_list_agree(shelf: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    queries = ["camera=pixel", "date=2023", "date=2023-04", "date=2023-04-03..2023-04-10", "date>=2023-04-20 type=photo",
               "date<=2023-04-05 camera=pixel", "-pixel", "date=2020"]  # fmt: skip
    small = [found(shelf, text, 12) for text in queries]
    assert [len(names) for names in small] == [12, 12, 12, 10, 9, 5, 4, 0]
    monkeypatch.setattr(candidates, "is_small", lambda *_: False)
    assert [found(shelf, text, 12) for text in queries] == small


def test_a_very_common_word_is_ordered_by_time(shelf: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(candidates, "MOST_SCORED", 20)
    for text in ("pixel", "google pixel", "pixel -camera=canon"):
        hits = run.search(shelf, text, today=TODAY, limit=30).hits
        days = [shelf.value("SELECT day FROM asset WHERE id=?", (hit.asset,)) for hit in hits]
        assert len(days) == 30
        assert days == sorted(days, reverse=True)
    assert set(found(shelf, "letter pixel")) == {"scan_0007.pdf", "notes.txt"}  # together they are nowhere; one is rare
    assert set(found(shelf, "warranty letter pixel")) == {"scan_0007.pdf", "manual.pdf", "notes.txt"}


def weight(every: int, holding: int) -> float:
    return 0.0 if holding > every / 2 else math.log(1 + (every - holding + 0.5) / (holding + 0.5))


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from([*WORDS, "xyzzy", "warr*", "in*"]), min_size=2, max_size=5, unique=True), st.booleans())
def test_partly_is_who_holds_most_of_the_query(library: Any, pieces: list[str], camera: bool) -> None:
    """Counted anew from the documents: each word weighs by its rarity, and half of the weight is enough."""
    node = parse(" ".join([*pieces, *(["camera=pixel"] if camera else [])]), TODAY)
    documents = {asset.id: [word for column in asset.document.values() for word in column] for asset in library.assets}
    every = max(asset.id for asset in library.assets if asset.document)

    def holds(asset: int, piece: str) -> bool:
        return any(w.startswith(piece[:-1]) if piece.endswith("*") else w == piece for w in documents[asset])

    weights = {piece: weight(every, sum(holds(asset, piece) for asset in documents)) for piece in pieces}
    wanted = {}
    for asset in library.live:
        share = sum(value for piece, value in weights.items() if holds(asset.id, piece)) / (sum(weights.values()) or 1)
        whole = all(holds(asset.id, piece) for piece in pieces)
        if share > 0.5 - 1e-9 and not whole and (not camera or "Pixel" in (asset.columns["camera"] or "")):
            wanted[asset.id] = share
    partly = candidates.find(library.reader, node, 500).partly
    assert {hit.asset: pytest.approx(hit.coverage) for hit in partly} == wanted


def test_a_word_that_a_model_said_makes_no_partly(shelf: Database) -> None:
    with shelf.write() as tx:
        for name, tag in (("notes.txt", "dripping boat"), ("recipe.md", "boat")):
            asset = tx.value("SELECT id FROM asset WHERE name=?", (name,))
            suggestions.set_tags(tx, asset, [(tag, 0.9)], "a model")
    assert found(shelf, "boat") == ["recipe.md", "notes.txt"], "alone it is all that was asked for"
    assert found(shelf, "boat flour") == ["recipe.md"]
    assert found(shelf, "boat xyzzy") == found(shelf, "boat flour unknown words") == []
    assert found(shelf, "landlord window dripping boat xyzzy") == ["notes.txt"], "three words of its own out of five"
    assert found(shelf, "landlord dripping boat xyzzy") == []
    assert "boat" in json.loads(run.search(shelf, "boat", today=TODAY, limit=1).hits[0].why)["text"]["words"]


def test_with_a_model_and_without_brain_only_who_holds_all_words(shelf: Database, tmp_path: Path) -> None:
    path = tmp_path / "no.sock"
    results = run.search(shelf, "warranty letter", today=TODAY, limit=10, brain=path, model=True)
    assert [hit.asset for hit in results.hits] == [shelf.value("SELECT id FROM asset WHERE name='scan_0007.pdf'")]
    assert results.late
    filtered = run.search(shelf, "camera=pixel", today=TODAY, limit=10, brain=path, model=True)
    assert (len(filtered.hits), filtered.late) == (10, False)
    assert not run.search(shelf, "warranty letter", today=TODAY, limit=10, brain=path).late


def test_like_without_brain_is_the_file_itself(shelf: Database) -> None:
    for text in ("like=scan_0007.pdf", "like=SCAN", "like=scan_0007.pdf type=document", "like=scan_0007.pdf letter"):
        assert found(shelf, text) == ["scan_0007.pdf"], text
    for text in ("like=nothing.pdf", "like=img", "like=scan_0007.pdf type=photo", "like=scan_0007.pdf flour"):
        assert found(shelf, text) == [], text
    assert found(shelf, "like=recipe.md or landlord") == ["recipe.md", "notes.txt"]
    results = run.search(shelf, "like=notes.txt", today=TODAY, limit=5, model=True)
    assert json.loads(results.hits[0].why)["text"]["by"] == "name"
    assert results.late
    with pytest.raises(QueryError):
        run.filter_selection("camera=pixel -(flour like=notes.txt)", TODAY)


def test_why_says_which_words_and_the_shares_add_up(shelf: Database) -> None:
    for hit in run.search(shelf, "warranty wash* landlord", today=TODAY, limit=10).hits:
        text = json.loads(hit.why)["text"]
        assert text["by"] == "fts5"
        assert text["words"]
        assert set(text["words"]) <= {"warranty", "wash*", "landlord"}
        assert sum(text["words"].values()) == pytest.approx(text["score"], abs=1e-5)
        assert text["score"] == pytest.approx(hit.score, abs=1e-5)


@pytest.mark.parametrize("text", ["", "   ", "camera=", "(dog", "nosuchterm=1", "x" * 2000])
def test_bad_queries_raise_and_ask_nobody(shelf: Database, text: str) -> None:
    with pytest.raises(QueryError):
        run.search(shelf, text, today=TODAY, limit=5)
    with pytest.raises(QueryError):
        run.filter_selection(text, TODAY)


def test_a_filter_needs_all_words() -> None:
    assert run.filter_selection("warranty letter", TODAY) == tree.And(
        (tree.Text(("warranty",)), tree.Text(("letter",)))
    )


_PIECES = ["dog", "beach", "warranty", "letter", "lisbon", "inv*", "'dog beach'", "-dog", "text=letter", "title=dog", "place=lisbon",
           "camera=pixel", "or", "(dog or beach)", "-place=lisbon", "date=2019", "near=lisbon", "rating=1+", "the", "tag=beach"]  # fmt: skip


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pieces=st.lists(st.sampled_from(_PIECES), min_size=1, max_size=5), scored=st.sampled_from([20_000, 30]))
def test_a_search_holds_the_filter_first(
    library: Any, selected: Callable[[tree.Node], list[int]], pieces: list[str], scored: int
) -> None:
    """What the filter selects is found, ahead of everything else; what is merely loose holds a word and the terms."""
    text = " ".join(pieces)
    try:
        node = parse(text, TODAY)
    except QueryError:
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(candidates, "MOST_SCORED", scored)
        hits = [hit.asset for hit in run.search(library.reader, text, today=TODAY, limit=500).hits]
    wanted = selected(node)
    assert len(set(hits)) == len(hits)
    assert sorted(hits[: len(wanted)]) == wanted
    parts = node.parts if isinstance(node, tree.And) else (node,)
    loose = [part for part in parts if isinstance(part, tree.Text) and not part.phrase and not part.scope]
    strict = [part for part in parts if part not in loose]
    assert set(hits) <= set(selected(tree.conjoin(*strict, *([tree.disjoin(*loose)] if loose else []))))


def test_terms_of_ranking() -> None:
    assert terms(parse("dog 'red bo*' -cat (sea or title=sun) camera=x", TODAY)) == ("dog", "red", "bo*", "sea", "sun")


# ------------------------------------------------------------------------------------ without brain


@contextmanager
def silent_server(path: Path, answer: bytes | None) -> Iterator[None]:
    """Somebody listens: takes the question and answers ``answer``, then hangs up; None: never answers."""
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listening.bind(str(path))
    listening.listen(8)
    over = threading.Event()

    def serve() -> None:
        while True:
            try:
                peer, _ = listening.accept()
            except OSError:
                return
            with peer:
                peer.recv(65536)
                if answer is None:
                    over.wait(30)
                else:
                    peer.sendall(answer)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield
    finally:
        over.set()
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join()


@pytest.mark.parametrize(
    "answer",
    [None, b"", b'{"hits": [[1, 2', b'{"error": "QueryError"}\n', b"[]\n", b'{"hits": [[1]]}\n', b'{"hits": 5}\n', b"{}\n", b"\xff\n"],
    ids=["hung", "killed", "killed while answering", "error", "list", "short", "number", "empty", "no text"],
)  # fmt: skip
def test_whatever_brain_does_a_search_answers(shelf: Database, tmp_path: Path, answer: bytes | None) -> None:
    path = tmp_path / "b.sock"
    alone = run.search(shelf, "warranty letter", today=TODAY, limit=10)
    with silent_server(path, answer):
        results = run.search(
            shelf, "warranty letter", today=TODAY, limit=10, brain=path, deadline_s=0.05 if answer is None else 5
        )
    assert results == alone
    assert results.by == "fts"


class Clock:
    """A clock that only moves when it is told to."""

    def __init__(self) -> None:
        self.value = 100.0

    def __call__(self) -> float:
        return self.value


def test_a_hung_brain_keeps_one_search_waiting_and_not_the_next(
    shelf: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, clock, asked = tmp_path / "b.sock", Clock(), []
    patience = Patience(clock)
    real = calls.ask
    hung = True

    def ask(socket: Path, request: dict[str, Any], timeout_s: float) -> dict[str, Any]:
        asked.append(timeout_s)
        try:
            return real(socket, request, 0.03)
        finally:
            clock.value += timeout_s if hung else 0.0

    monkeypatch.setattr(calls, "ask", ask)

    def search() -> str:
        results = run.search(shelf, "warranty", today=TODAY, limit=5, brain=path, deadline_s=5.0, patience=patience)
        assert results.hits
        return results.by

    with silent_server(path, None):
        assert [search() for _ in range(4)] == ["fts"] * 4
        assert asked == [WAIT_S], "one waits, and not the whole search_deadline_s; the rest do not wait"
        clock.value += REST_S - 0.1
        search()
        assert asked == [WAIT_S]
        clock.value += 0.2
        search()
        search()
        assert asked == [WAIT_S, WAIT_S], "then it is tried again, once"
    hung = False
    server = calls.Server(path, lambda question: {"hits": [[1, 1.0, "{}"]]})
    try:
        assert search() == "fts"
        assert len(asked) == 2
        clock.value += REST_S
        assert [search(), search()] == ["brain", "brain"]
    finally:
        server.close()
    assert [search(), search()] == ["fts", "fts"]
    assert len(asked) == 6, "who is not there at all costs nothing, and is asked each time"


def test_while_one_tries_again_nobody_waits_with_it(tmp_path: Path) -> None:
    clock = Clock()
    patience = Patience(clock)
    began = patience.begin(tmp_path)
    assert began is not None
    clock.value += WAIT_S
    patience.missed(tmp_path, began, WAIT_S)
    clock.value += REST_S
    barrier = threading.Barrier(8)
    with ThreadPoolExecutor(8) as pool:
        begun = list(pool.map(lambda _: (barrier.wait(), patience.begin(tmp_path))[1], range(8)))
    assert len([moment for moment in begun if moment is not None]) == 1
    patience.answered(tmp_path)
    assert patience.begin(tmp_path) is not None


def test_meaning_that_is_late_is_asked_for_again_but_not_at_once(shelf: Database, tmp_path: Path) -> None:
    path, clock, asked = tmp_path / "b.sock", Clock(), []
    patience = Patience(clock)
    late = True

    def answer(question: dict[str, Any]) -> dict[str, Any]:
        asked.append(question["query"])
        return {"hits": [[1, 1.0, "{}"]], "late": late}

    def search(text: str = "warranty") -> tuple[str, bool]:
        results = run.search(
            shelf, text, today=TODAY, limit=5, brain=path, model=True, deadline_s=5.0, patience=patience
        )
        assert results.hits
        return results.by, results.late

    server = calls.Server(path, answer)
    try:
        assert [search(), search(), search(" WARRANTY ")] == [("brain", True), ("fts", True), ("fts", True)]
        assert search("letter") == ("brain", True), "another query has its own turn"
        clock.value += AGAIN_S
        assert search() == ("brain", True)
        clock.value += AGAIN_S
        late = False
        assert [search(), search()] == [("brain", False)] * 2
    finally:
        server.close()
    assert asked == ["warranty", "letter", "warranty", "warranty", "warranty"]


def test_late_queries_are_forgotten_in_time(tmp_path: Path) -> None:
    clock = Clock()
    patience = Patience(clock)
    for number in range(1000):
        patience.answered(tmp_path, str(number), late=True)
    assert len(patience._late) <= 256
    assert patience.begin(tmp_path, "999") is None
    assert patience.begin(tmp_path, "0") == clock.value


@pytest.mark.parametrize("deadline_s", [0.1, 5.0, 60.0])
@pytest.mark.parametrize("model", [False, True])
def test_the_wait_leaves_time_for_an_answer(deadline_s: float, model: bool) -> None:
    assert wait_s(deadline_s, model) <= deadline_s
    assert wait_s(deadline_s, True) <= min(0.6 * deadline_s, 3.0)
    assert wait_s(60.0, False) == WAIT_S


def test_without_brain(shelf: Database, tmp_path: Path) -> None:
    alone = run.search(shelf, "warranty", today=TODAY, limit=10)
    for path in (tmp_path / "no.sock", tmp_path / "no folder" / "no.sock"):
        assert run.search(shelf, "warranty", today=TODAY, limit=10, brain=path) == alone


def test_with_brain(shelf: Database, tmp_path: Path) -> None:
    asked: list[Any] = []

    def answer(question: dict[str, Any]) -> dict[str, Any]:
        asked.append(question)
        return {"hits": [[2, 1.5, "{}"], [1, 1, "{}"]]}

    server = calls.Server(tmp_path / "b.sock", answer)
    try:
        results = run.search(shelf, "Warranty LETTER", today=TODAY, limit=7, brain=tmp_path / "b.sock", deadline_s=5)
        assert run.search(shelf, "type=photo", today=TODAY, limit=7, brain=tmp_path / "b.sock").by == "fts"
    finally:
        server.close()
    assert results == run.Results([run.Hit(2, 1.5, "{}"), run.Hit(1, 1.0, "{}")], "brain")
    assert asked == [{"ask": "rank", "query": "Warranty LETTER", "today": TODAY, "limit": 7, "deadline_s": 0.8}]


@given(st.lists(st.sampled_from(["a", "aa", "b", "ab"]), max_size=12), st.sampled_from(["a", "aa", "b", "a*", "b*"]))
def test_words_are_counted_where_they_stand(words: list[str], term: str) -> None:
    plain = sum(word.startswith(term[:-1]) if term.endswith("*") else word == term for word in words)
    assert fulltext.occurrences(f" {' '.join(words)} ", term) == plain


@given(st.dictionaries(st.text(min_size=1), st.floats(-1e6, 1e6)), st.floats(-1e6, 1e6))
def test_the_reason_is_json(words: dict[str, float], score: float) -> None:
    shares = {word: round(share, 6) for word, share in words.items()}
    text = {"words": shares, "score": round(score, 6), "by": "bm25"}
    assert json.loads(run.why(words, score, "bm25")) == {"text": text, "meaning": None}
    assert json.loads(run.why(words, score, "bm25", 3)) == {"text": {**text, "rank": 3}, "meaning": None}
