"""The queries of contrib/eval: right by what was drawn, different from each other, the same for the same seed."""

from __future__ import annotations

import re

import pytest

from albumsd.demo import story
from albumsd.demo.draw import COLOURS, Scene

SHOWN = {f"{number:064x}": shot.scene for number, shot in enumerate(story.shots(3))}


def test_every_judged_query_is_answered_and_has_several_words() -> None:
    import judged

    queries = judged.scenes(SHOWN, 50, 1)
    assert len({query.text for query in queries}) == 50
    assert all(query.relevant and len(query.text.split()) > 1 for query in queries)


def test_the_judgement_is_what_the_words_say() -> None:
    """The colour in the text is that of every relevant scene, and of no other scene with all the rest."""
    import judged

    for query in judged.scenes(SHOWN, 50, 2):
        named = set(COLOURS) & set(query.text.split())
        assert len(named) <= 1
        for colour in named:
            assert {SHOWN[sha].colour for sha in query.relevant} == {colour}


def test_a_phrase_says_the_parts_and_no_more() -> None:
    import random

    import judged

    scene = Scene(2, "red", "boat", "sea", "evening")
    for seed in range(20):
        said = judged.phrase(scene, ("count", "object"), random.Random(seed))
        assert re.fullmatch(r"(two|2) (boats|sailboats)", said)
        assert re.fullmatch(r"red (boat|sailboat)s?", judged.phrase(scene, ("colour", "object"), random.Random(seed)))


def test_nonsense_names_nothing_that_the_story_holds() -> None:
    import judged

    queries = judged.nonsense(20, 1)
    assert len({query.text for query in queries}) == 20
    assert not any(query.relevant for query in queries)
    fluent = [query.text for query in queries if set(query.text.split()) & set(COLOURS)]
    assert len(fluent) == 10
    nouns = {word: thing for thing, pairs in judged.NOUNS.items() for pair in pairs for word in pair}
    for text in fluent:
        colour = next(word for word in text.split() if word in COLOURS)
        thing = next(nouns.get(word, word.removesuffix("s")) for word in text.split() if word in nouns)
        assert (colour, thing) in story.ABSENT


def test_papers_are_found_by_their_own_words() -> None:
    import judged

    queries = judged.documents(20, 1)
    assert len({query.text for query in queries}) == 20
    assert all(query.relevant for query in queries)


@pytest.mark.parametrize("make", ["nonsense", "documents"])
def test_a_seed_gives_the_same_queries_and_another_one_others(make: str) -> None:
    import judged

    function = getattr(judged, make)
    assert function(12, 5) == function(12, 5)
    assert function(12, 5) != function(12, 6)
