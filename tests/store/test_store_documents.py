"""The words under which an asset is found."""

from __future__ import annotations

from typing import Any

import pytest

from albumsd.core.facts import Camera, Facts
from albumsd.core.words import words
from albumsd.store import assets, documents, readings


def _find(lib: Any, scope: str, word: str) -> list[int]:
    return [row[0] for row in lib.db.all(f"SELECT rowid FROM fts WHERE fts MATCH '{scope} : {word}' ORDER BY rowid")]


@pytest.fixture
def letter(lib: Any) -> int:
    (asset,) = lib.arrive("Papers/Łódź 2024/Letter.pdf")
    with lib.db.write() as tx:
        readings.put_sidecar(
            tx, lib.file("Papers/Łódź 2024/Letter.pdf"), Facts(tags=("beside",), description="told by the sidecar")
        )
        assets.store_facts(
            tx,
            asset,
            Facts(
                kind="document",
                title="Warranty",
                tags=("fridge",),
                caption="a caption",
                camera=Camera("Epson", "V600", None),
            ),
        )
        assets.set_place(tx, asset, ("Portugal", "Lisboa", "Lisbon", "", 38.7, -9.1))
        assets.set_text(tx, asset, "Dear customer, thirty months of guarantee")
    return asset  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("scope", "words"),
    [
        ("title", "letter pdf warranty fridge caption beside told sidecar"),
        ("path", "photos papers lodz 2024 letter"),
        ("context", "portugal lisbon epson v600 2024 01"),
        ("body", "dear customer thirty guarantee"),
    ],
)
def test_found_by_each_scope(lib: Any, letter: int, scope: str, words: str) -> None:
    for word in words.split():
        assert _find(lib, scope, word) == [letter], word
    assert _find(lib, "{title path context body} ", "nonsense") == []
    assert _find(lib, "body", "warranty") == []


def test_a_file_is_found_by_name_before_and_without_facts(lib: Any) -> None:
    (asset,) = lib.arrive("holiday/broken thing.jpg")
    with lib.db.write() as tx:
        assets.set_problem(tx, asset, "undecodable", "the decoder died")
    assert _find(lib, "title", "broken") == [asset]
    assert _find(lib, "path", "holiday") == [asset]


def test_nothing_is_written_when_the_words_are_what_they_were(lib: Any, letter: int) -> None:
    before = lib.db.value("SELECT total_changes()")
    with lib.db.write() as tx:
        assets.refresh(tx, letter)
        assets.refresh(tx, letter)
    assert lib.db.value("SELECT total_changes()") == before


def test_the_body_stays_when_something_else_changes(lib: Any, letter: int) -> None:
    lib.facts(letter, Facts(kind="document", title="Another"))
    assert _find(lib, "body", "guarantee") == [letter]
    assert _find(lib, "title", "warranty") == []
    assert _find(lib, "title", "another") == [letter]
    length, *texts = lib.db.one("SELECT length, title, path, context, body FROM document")
    assert length == sum(len(text.split()) for text in texts)


def test_new_text_replaces_the_old(lib: Any, letter: int) -> None:
    with lib.db.write() as tx:
        assets.set_text(tx, letter, "")
    assert _find(lib, "body", "guarantee") == []
    with lib.db.write() as tx:
        assets.set_text(tx, letter, "word " * (documents.MAX_BODY_WORDS + 5))
    assert (
        lib.db.value("SELECT length(body) - length(replace(body, ' ', '')) + 1 FROM document")
        == documents.MAX_BODY_WORDS
    )


def test_a_long_document_is_read_no_further_than_its_words_are_kept(
    lib: Any, letter: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In scripts without spaces each character is a word: the rest would cost the transaction half a second."""
    read = []
    monkeypatch.setattr(documents, "words", lambda text: (read.append(len(text)), words(text))[1])
    with lib.db.write() as tx:
        assets.set_text(tx, letter, "漢字" * documents.MAX_BODY_CHARS)
    assert documents.MAX_BODY_WORDS <= sum(read) < documents.MAX_BODY_WORDS + 110_000
    monkeypatch.setattr(documents, "_PIECE", 7)
    with lib.db.write() as tx:
        assets.set_text(tx, letter, "guarantee of thirty months")
    assert lib.db.value("SELECT body FROM document") == "guarantee of thirty months"


def test_forgotten_words_find_nothing(lib: Any, letter: int) -> None:
    with lib.db.write() as tx:
        documents.forget(tx, letter)
        documents.forget(tx, letter)
    assert _find(lib, "title", "warranty") == []
    with lib.db.write() as tx:
        assets.refresh(tx, letter)
    assert _find(lib, "title", "warranty") == [letter]
    assert _find(lib, "body", "guarantee") == [letter]


def test_a_merged_copy_is_found_under_both_paths(lib: Any, letter: int) -> None:
    lib.identify(letter, "letter")
    (copy,) = lib.arrive("Backup/Old.pdf")
    assert lib.identify(copy, "letter") == letter
    assert _find(lib, "path", "backup") == _find(lib, "path", "papers") == [letter]
