"""search/ and filter/: a look saves nothing, a listing keeps its names."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from support.made import Made, Spec, fill

from albumsd.core.errors import LibraryFull, NotFound, StoreBusy
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
