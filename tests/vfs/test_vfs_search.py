"""search/ and filter/: a look saves nothing, a listing keeps its names."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from support.made import Made, Spec, fill

from albumsd.core.errors import LibraryFull, NotFound, StoreBusy
from albumsd.ipc import calls
from albumsd.ipc.addresses import short
from albumsd.query import terms
from albumsd.query.help import term_text
from albumsd.search import patience, run
from albumsd.store.processes import Pulse
from albumsd.store.queries import DAY_NS
from albumsd.vfs.info import why_text
from albumsd.vfs.node import Content, Folder, Leaf

Maker = Callable[..., Made]

LETTERS = [
    Spec(b"warranty letter.pdf", 1, kind="document", text="Warranty letter for the washing machine"),
    Spec(b"holiday.jpg", 2, place=("Portugal", "Lisboa", "Lisbon", ""), camera="Pixel 7"),
    Spec(b"notes.md", 3, kind="document", text="buy milk"),
]


def remembered(made: Made) -> int:
    return int(made.database.value("SELECT count(*) FROM remembered"))


def test_typing_a_query_letter_by_letter_saves_nothing(make: Maker) -> None:
    made = make(LETTERS)
    for end in range(1, len("warranty letter") + 1):
        assert isinstance(made.at("search", "warranty letter"[:end]), Folder)
    assert remembered(made) == 0
    assert made.names("search") == ["README.txt"]


def test_listing_ranks_and_remembers(make: Maker) -> None:
    made = make(LETTERS)
    assert made.names("search", "warranty letter") == ["001 warranty letter.pdf"]
    assert made.names("search") == ["README.txt", "warranty letter"]


def test_a_result_is_the_asset_itself(make: Maker) -> None:
    made = make(LETTERS)
    made.names("search", "warranty")
    assert made.at("search", "warranty", "001 warranty letter.pdf") == made.at(
        "by-folder", "Source 0", "warranty letter.pdf"
    )


def test_a_result_resolves_without_a_listing_and_runs_nothing(make: Maker) -> None:
    made = make(LETTERS)
    assert isinstance(made.at("search", "warranty", "001 warranty letter.pdf"), Leaf)
    assert remembered(made) == 0


def test_a_shown_name_keeps_its_meaning_and_later_finds_come_after(make: Maker) -> None:
    made = make(LETTERS)
    assert made.names("search", "letter") == ["001 warranty letter.pdf"]
    better = Spec(b"letter letter letter.md", 9, kind="document", text="letter " * 50)
    fill(made.database, [better])
    assert made.names("search", "letter") == ["001 warranty letter.pdf", "002 letter letter letter.md"]
    with pytest.raises(NotFound):
        made.at("search", "letter", "001 letter letter letter.md")


def test_nonsense_finds_nothing(make: Maker) -> None:
    assert make(LETTERS).names("search", "xyzzy") == []


@pytest.mark.parametrize(
    "name",
    [
        "folder.jpg",
        "Cover.PNG",
        "trip.part",
        "x.crdownload",
        "~$letter",
        "desktop.ini",
        ".hidden",
        "foo=bar",
        "a" * 201,
        "(",
        "x\x01y",
        '"',
    ],
)
def test_implausible_queries_do_not_exist(make: Maker, name: str) -> None:
    made = make(LETTERS)
    for door in ("search", "filter"):
        with pytest.raises(NotFound):
            made.at(door, name)


def test_info_says_why(make: Maker) -> None:
    made = make(LETTERS)
    made.names("search", "warranty")
    leaf = made.at("info", "search", "warranty", "001 warranty letter.pdf.txt")
    assert isinstance(leaf, Leaf)
    assert leaf.content is Content.TEXT
    assert b"warranty" in leaf.text.split(b"Found by:")[1]
    assert leaf.size == len(leaf.text)


def test_a_set_cannot_be_drawn_around_what_is_alike(make: Maker) -> None:
    made = make(LETTERS)
    assert isinstance(made.at("search", "like=holiday.jpg"), Folder)
    for name in ("like=holiday.jpg", "beach like=holiday.jpg", "-like=holiday.jpg", "similar=holiday.jpg"):
        with pytest.raises(NotFound):
            made.at("filter", name)
    readme = made.at("filter", "README.txt")
    assert isinstance(readme, Leaf)
    assert b"What ranks (like=) is no filter" in readme.text, "and who wonders reads why"
    assert "In search/ only" in term_text(terms.by_name()["like"])


def test_a_filter_holds_all_views_narrowed(make: Maker) -> None:
    made = make(LETTERS)
    assert made.names("filter", "camera=pixel", "by-place", "Portugal", "Lisboa", "Lisbon") == ["holiday.jpg"]
    assert made.names("filter", "camera=pixel", "by-folder") == ["Source 0"]
    assert made.names("filter", "camera=pixel", "by-type") == ["photos"]
    assert made.names("previews", "filter", "camera=pixel", "by-folder", "Source 0") == ["holiday.jpg.webp"]


def test_a_filter_lists_no_query(make: Maker) -> None:
    made = make(LETTERS)
    made.names("search", "warranty")
    assert made.names("filter") == ["README.txt"]


@pytest.mark.parametrize("error", [LibraryFull(path="x", what="full"), StoreBusy(seconds=5)])
def test_a_search_answers_even_when_it_cannot_be_remembered(
    make: Maker, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    made = make(LETTERS)

    def refuse(*_: object) -> None:
        raise error

    monkeypatch.setattr(made.tree.context, "remember", refuse)
    assert made.names("search", "warranty letter") == ["001 warranty letter.pdf"]
    assert remembered(made) == 0


# ------------------------------------------------------------------------------- with a brain, of sorts

TEXT = {"words": {"letter": 4.2}, "score": 4.2, "by": "bm25", "rank": 1}
MEANT = {"text": {}, "meaning": 0.3121, "model": {"name": "ViT-B-32", "rank": 2, "floor": 0.25}}


@contextmanager
def brain(made: Made, answer: Callable[[dict[str, Any]], dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """A brain that says what it is told to, for a library with a model; gives the questions it was asked."""
    made.config.values["model"] = "model"
    asked: list[dict[str, Any]] = []

    def answered(question: dict[str, Any]) -> dict[str, Any]:
        asked.append(question)
        return answer(question)

    server = calls.Server(made.config.run / run.SOCKET, answered)
    try:
        yield asked
    finally:
        server.close()


def asset(made: Made, name: str) -> int:
    return int(made.database.value("SELECT id FROM asset WHERE name=?", (name,)))


def test_late_results_come_after_the_shown_ones(make: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "AGAIN_S", 0.0)
    made = make(LETTERS)
    by_words = [asset(made, "warranty letter.pdf"), 4.2, json.dumps({"text": TEXT, "meaning": None})]
    by_both = [by_words[0], 0.03, json.dumps(MEANT | {"text": TEXT})]
    by_meaning = [asset(made, "holiday.jpg"), 0.04, json.dumps(MEANT)]
    answers = [{"hits": [by_words], "late": True}, {"hits": [by_meaning, by_both], "late": False}]
    with brain(made, lambda _: answers[min(len(asked), 2) - 1]) as asked:
        assert made.names("search", "letter") == ["001 warranty letter.pdf"]
        assert made.names("search", "letter") == ["001 warranty letter.pdf", "002 holiday.jpg"]
        assert made.names("info", "search", "letter") == ["001 warranty letter.pdf.txt", "002 holiday.jpg.txt"]
    assert made.names("search", "letter") == ["001 warranty letter.pdf", "002 holiday.jpg"], "also when brain is gone"
    assert {question["ask"] for question in asked} == {"rank"}
    leaf = made.at("info", "search", "letter", "002 holiday.jpg.txt")
    assert isinstance(leaf, Leaf)
    assert b"Found by:    meaning 0.312 (2nd, floor 0.25, by ViT-B-32)\n" in leaf.text


def test_a_look_asks_no_brain(make: Maker) -> None:
    made = make(LETTERS)
    with brain(made, lambda _: {"hits": [], "late": True}) as asked:
        for path in (("search", "letter"), ("search", "letter", "001 warranty letter.pdf"), ("filter", "letter"),
                     ("info", "search", "letter", "001 warranty letter.pdf.txt"), ("search", "like=holiday.jpg")):  # fmt: skip
            made.at(*path)
        assert asked == []
        made.names("search", "letter")
        assert len(asked) == 1


def test_a_model_chosen_while_the_mount_runs_counts_at_once(make: Maker) -> None:
    """What holds some of the words is nonsense to a model that is to come, and fine without one."""
    made = make(LETTERS)
    assert made.config["model"] == ""
    assert made.names("search", "warranty letter washing machine xyzzy") == ["001 warranty letter.pdf"]
    pulse = Pulse("brain")
    assert pulse.beat(made.database, "ready", model="m", stages={"embed": "m@1"})
    assert made.names("search", "warranty letter washing xyzzy machine") == []
    assert pulse.beat(made.database, "ready", model=None, stages={"embed": None})
    assert made.names("search", "xyzzy warranty letter washing machine") == ["001 warranty letter.pdf"]


def test_what_was_listed_without_a_model_goes_on_with_what_meaning_finds(make: Maker) -> None:
    """The query has been remembered for six days, with a partly hit in it, when the first model comes."""
    made = make(LETTERS)
    shown = ["001 warranty letter.pdf"]
    assert made.names("search", "warranty letter washing machine xyzzy") == shown
    with made.database.write() as tx:
        tx.run("UPDATE remembered SET first_ns=first_ns - ?, last_ns=last_ns - ?", (6 * DAY_NS, 6 * DAY_NS))
    assert Pulse("brain").beat(made.database, "ready", model="m", stages={"embed": "m@1"})
    seen = [asset(made, "holiday.jpg"), 0.04, json.dumps(MEANT)]
    with brain(made, lambda _: {"hits": [seen], "late": False}):
        assert made.names("search", "warranty letter washing machine xyzzy") == [*shown, "002 holiday.jpg"]
    first = made.at("info", "search", "warranty letter washing machine xyzzy", "001 warranty letter.pdf.txt")
    second = made.at("info", "search", "warranty letter washing machine xyzzy", "002 holiday.jpg.txt")
    assert isinstance(first, Leaf)
    assert isinstance(second, Leaf)
    assert b"meaning" not in first.text.split(b"Found by:")[1]
    assert b"meaning 0.312" in second.text


def test_whole_hits_shown_while_meaning_was_late_keep_rank_and_reason(
    make: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """First brain does not answer at all, then only by words, then by meaning, which would put them the other way."""
    monkeypatch.setattr(patience, "AGAIN_S", 0.0)
    made = make([*LETTERS, Spec(b"letter.md", 4, kind="document", text="a letter"), Spec(b"pigeon.jpg", 5)])
    assert Pulse("brain").beat(made.database, "ready", model="m", stages={"embed": "m@1"})
    by_words = made.names("search", "letter")
    assert sorted(name[4:] for name in by_words) == ["letter.md", "warranty letter.pdf"]
    reasons = [made.at("info", "search", "letter", f"{name}.txt") for name in by_words]
    hits = [[asset(made, name[4:]), 4.2, json.dumps({"text": TEXT, "meaning": None})] for name in by_words]
    better = [[asset(made, name), 0.05, json.dumps(MEANT)] for name in ("pigeon.jpg", "holiday.jpg")]
    answers = [{"hits": hits, "late": True}, {"hits": [*better, *reversed(hits)], "late": False}]
    with brain(made, lambda _: answers[min(len(asked), 2) - 1]) as asked:
        assert made.names("search", "letter") == by_words
        assert made.names("search", "letter") == [*by_words, "003 pigeon.jpg", "004 holiday.jpg"]
        assert made.names("search", "letter") == [*by_words, "003 pigeon.jpg", "004 holiday.jpg"]
    assert [made.at("info", "search", "letter", f"{name}.txt") for name in by_words] == reasons


@pytest.mark.parametrize("said", [None, b"", b'{"hits": [[1, 0.4, "{'], ids=["hangs", "dies", "dies while it answers"])
def test_a_brain_that_goes_in_the_middle_is_not_noticed(make: Maker, said: bytes | None) -> None:
    made = make(LETTERS)
    made.config.values["model"] = "model"
    if said is None:
        made.config.values["search_deadline_s"] = 0.1
    made.config.run.mkdir(exist_ok=True)
    over = threading.Event()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        with short(made.config.run / run.SOCKET) as address:
            listening.bind(address)
        listening.listen()

        def serve() -> None:
            peer, _ = listening.accept()
            with peer:
                peer.recv(65536)
                if said is None:
                    over.wait(30)
                else:
                    peer.sendall(said)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            assert made.names("search", "warranty letter") == ["001 warranty letter.pdf"]
        finally:
            over.set()
            thread.join()
    assert made.names("search", "warranty letter") == ["001 warranty letter.pdf"]
    assert made.names("search", "warranty milk") == [], "a model would have a say in what holds some of the words"


@pytest.mark.parametrize(
    ("why", "want"),
    [
        ({"text": TEXT, "meaning": None}, "text 4.20 (letter 4.20; by bm25; 1st)"),
        (
            MEANT | {"text": TEXT | {"rank": 12}},
            "text 4.20 (letter 4.20; by bm25; 12th) + meaning 0.312 (2nd, floor 0.25, by ViT-B-32)",
        ),
        (MEANT, "meaning 0.312 (2nd, floor 0.25, by ViT-B-32)"),
        ({"meaning": 0.5}, "meaning 0.500"),
        ({"text": {"score": 1.5}, "meaning": None}, "text 1.50"),
        ({"text": {"words": {}, "score": 0.0, "by": "date"}, "meaning": None}, "its facts, newest first"),
        ({"text": {"words": {}, "score": 0.0, "by": "name"}, "meaning": None}, "its name"),
        ({"text": {"by": "name"}} | {"meaning": 1.0, "model": {"rank": 1}}, "its name + meaning 1.000 (1st)"),
        ({}, "its facts, newest first"),
    ],
)
def test_the_reason_names_both_parts(why: dict[str, Any], want: str) -> None:
    assert why_text(why) == want


def test_ordinals() -> None:
    for wanted in ["1st", "2nd", "3rd", "4th", "10th", "11th", "13th", "21st", "22nd", "103rd", "111th", "112th"]:
        assert why_text({"text": {"score": 1, "rank": int(wanted[:-2])}}) == f"text 1.00 ({wanted})"
