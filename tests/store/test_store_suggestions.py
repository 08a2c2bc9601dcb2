"""What models say stands beside what a person said, and never in its place."""

from __future__ import annotations

import json
from typing import Any

import pytest

from albumsd.core.facts import Facts
from albumsd.store import assets, changes, readings, suggestions
from albumsd.store.readings import Suggestion


def tags(lib: Any, asset: int, *found: tuple[str, float], by: str = "a model") -> bool:
    with lib.db.write() as tx:
        return suggestions.set_tags(tx, asset, found, by)


def caption(lib: Any, asset: int, text: str | None, by: str = "a model") -> bool:
    with lib.db.write() as tx:
        return suggestions.set_caption(tx, asset, text, by)


def facet(lib: Any, asset: int) -> list[str]:
    rows = lib.db.all("SELECT value FROM asset_facet WHERE asset=? AND facet='tag' ORDER BY 1", (asset,))
    return [row[0] for row in rows]


def words(lib: Any, asset: int) -> tuple[str, str]:
    """The words of a person, and those of a model."""
    found = lib.db.one("SELECT title, suggested FROM document WHERE asset=?", (asset,))
    assert found
    return found


def found_by(lib: Any, expression: str) -> list[int]:
    return [row[0] for row in lib.db.all("SELECT rowid FROM fts WHERE fts MATCH ? ORDER BY rowid", (expression,))]


@pytest.fixture
def dog(lib: Any) -> int:
    (asset,) = lib.arrive("IMG_1.jpg")
    lib.facts(asset, Facts(kind="photo", tags=("Rex", "Beach")))
    return int(lib.identify(asset, "dog"))


def test_tags_are_shown_with_those_of_a_person(lib: Any, dog: int) -> None:
    assert tags(lib, dog, ("dog", 0.9), ("sea", 0.31234567))
    assert facet(lib, dog) == ["Beach", "Rex", "dog", "sea"]
    assert suggestions.of_asset(lib.db, dog) == Suggestion((("dog", 0.9), ("sea", 0.3123)), "a model", None, "")
    assert tags(lib, dog, ("cat", 0.5))
    assert facet(lib, dog) == ["Beach", "Rex", "cat"]
    assert tags(lib, dog)
    assert facet(lib, dog) == ["Beach", "Rex"]
    assert suggestions.of_asset(lib.db, dog).tags_by == "a model", "it has looked, and found nothing"


def test_a_persons_spelling_of_a_tag_is_the_one_that_is_shown(lib: Any, dog: int) -> None:
    tags(lib, dog, ("beach", 0.9), ("sand", 0.5))
    assert facet(lib, dog) == ["Beach", "Rex", "sand"]
    assert words(lib, dog)[1] == "sand"
    lib.facts(dog, Facts(kind="photo", tags=("Sand",)))
    assert facet(lib, dog) == ["Sand", "beach"], "the person's came, and theirs that went is the model's again"


def test_tags_come_back_when_the_person_takes_theirs_away(lib: Any, dog: int) -> None:
    tags(lib, dog, ("beach", 0.9))
    with lib.db.write() as tx:
        readings.put_sidecar(tx, lib.file("IMG_1.jpg"), Facts(tags=("BEACH",)))
        assets.refresh(tx, dog)
    lib.facts(dog, Facts(kind="photo"))
    assert facet(lib, dog) == ["BEACH"]
    with lib.db.write() as tx:
        readings.put_sidecar(tx, lib.file("IMG_1.jpg"), None)
        assets.refresh(tx, dog)
    assert facet(lib, dog) == ["beach"]


def test_tags_become_legal_and_each_is_there_once(lib: Any, dog: int) -> None:
    tags(lib, dog, ("a/b", 0.2), ("Sea", 0.3), ("sea", 0.4), ("  ", 1.0))
    assert suggestions.of_asset(lib.db, dog).tags == (("sea", 0.4), ("a_b", 0.2))
    many = [(f"tag {n}", n / 1000) for n in range(suggestions.MAX_TAGS + 10)]
    tags(lib, dog, *many)
    kept = suggestions.of_asset(lib.db, dog).tags
    assert len(kept) == suggestions.MAX_TAGS
    assert kept[0][0] == f"tag {len(many) - 1}"


def test_a_caption_of_a_person_is_never_overwritten(lib: Any, dog: int) -> None:
    assert caption(lib, dog, "a dog\n runs   on sand")
    assert suggestions.of_asset(lib.db, dog).caption == "a dog runs on sand"
    assert found_by(lib, "runs") == [dog]
    lib.facts(dog, Facts(kind="photo", caption="Rex on holiday"))
    assert found_by(lib, "holiday") == [dog]
    assert found_by(lib, "runs") == [], "what is not shown is not found"
    assert caption(lib, dog, "a dog sleeps")
    assert found_by(lib, "title : holiday") == [dog]
    assert readings.of_asset(lib.db, dog) == Facts(kind="photo", caption="Rex on holiday")
    lib.facts(dog, Facts(kind="photo"))
    assert found_by(lib, "sleeps") == [dog]
    assert caption(lib, dog, "  ")
    assert suggestions.of_asset(lib.db, dog).caption is None
    assert found_by(lib, "sleeps") == []


def test_a_models_words_can_be_told_from_a_persons(lib: Any, dog: int) -> None:
    tags(lib, dog, ("palm tree", 0.7))
    caption(lib, dog, "a dog under a palm")
    own, suggested = words(lib, dog)
    assert own == "img 1 jpg rex beach"
    assert suggested == "palm tree a dog under a palm"
    assert found_by(lib, "palm") == found_by(lib, "suggested : palm") == [dog]
    assert found_by(lib, "{title path context body} : palm") == []
    length, *texts = lib.db.one("SELECT length, title, path, context, body, suggested FROM document")
    assert length == sum(len(text.split()) for text in texts)


def test_what_is_not_new_writes_nothing(lib: Any, dog: int) -> None:
    tags(lib, dog, ("dog", 0.9))
    caption(lib, dog, "a dog")
    before = lib.db.value("SELECT total_changes()")
    assert not tags(lib, dog, ("dog", 0.90001))
    assert not caption(lib, dog, " a dog")
    assert lib.db.value("SELECT total_changes()") == before


def test_the_change_is_told(lib: Any, dog: int) -> None:
    gen = changes.latest(lib.db)
    tags(lib, dog, ("dog", 0.9))
    tags(lib, dog, ("dog", 0.4))
    caption(lib, dog, "a dog")
    rows = changes.since(lib.db, gen)
    assert rows
    assert [row.what for row in rows] == ["changed", "told", "told"]
    old, new = rows[0].old, rows[0].new
    assert old
    assert new
    assert [facet for facet in new.facets if facet not in old.facets] == [["tag", "dog"]]


def test_it_follows_the_content(lib: Any, dog: int) -> None:
    tags(lib, dog, ("dog", 0.9))
    lib.vanish("IMG_1.jpg")
    assert tags(lib, dog, ("cat", 0.9)), "a result that comes when the drive is gone"
    (copy,) = lib.arrive("other/IMG_2.jpg")
    lib.facts(copy, Facts(kind="photo", tags=("Rex", "Beach")))
    tags(lib, copy, ("of the copy", 0.9))
    assert lib.identify(copy, "dog") == dog
    assert facet(lib, dog) == ["Beach", "Rex", "cat"]
    assert lib.db.all("SELECT asset FROM suggestion") == [(dog,)]
    assert not tags(lib, copy, ("late", 1.0)), "the asset is gone"
    assert not caption(lib, copy, "late")


def test_before_the_facts_nothing_is_shown_of_it(lib: Any) -> None:
    (asset,) = lib.arrive("x.jpg")
    tags(lib, asset, ("dog", 0.9))
    assert facet(lib, asset) == []
    lib.facts(asset, Facts(kind="photo"))
    assert facet(lib, asset) == ["dog"]
    (text,) = lib.db.one("SELECT tags FROM suggestion")
    assert json.loads(text) == [["dog", 0.9]]


def test_half_a_character_is_a_question_mark(lib: Any, dog: int) -> None:
    assert caption(lib, dog, "half \ud83d", by="model \ud83d\n2")
    assert suggestions.of_asset(lib.db, dog) == Suggestion((), "", "half ?", "model ? 2")
    assert tags(lib, dog, ("half \ud83d", 1.0))
