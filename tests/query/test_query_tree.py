"""query.tree: normal form, walking; query.writing: describe is the inverse of parse."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from albumsd.core.words import words
from albumsd.query.attributes import BY_NAME, FLAGS, SCOPES, TYPES
from albumsd.query.fold import fold
from albumsd.query.parser import parse
from albumsd.query.tree import (
    And,
    Copies,
    Equals,
    Everything,
    Flag,
    Has,
    Like,
    Match,
    NearPlace,
    Newest,
    Node,
    Not,
    Nothing,
    OneOf,
    Or,
    Range,
    SameDay,
    Text,
    Within,
    conjoin,
    disjoin,
    is_pure_filter,
    likes,
    negate,
    texts,
    walk,
)
from albumsd.query.writing import describe, written

TODAY = "2024-05-01"
CAT, DOG, LISBON = Text(("cat",)), Text(("dog",)), Match("place", ("lisbon",))

_SAMPLES = ["cat", "warranty", "the", "or", "2024", "東", "lodz", "place", "x" * 64]
_word = st.sampled_from(_SAMPLES) | st.text(min_size=1, max_size=8).map(words).filter(bool).map(lambda found: found[0])
_words = st.lists(_word, min_size=1, max_size=3).map(tuple)
_days = st.dates(date(1000, 1, 1), date(9998, 12, 31))


def _day_ranges() -> st.SearchStrategy[Node]:
    spans = st.tuples(_days, st.integers(0, 400)).map(
        lambda drawn: (drawn[0], min(drawn[0] + timedelta(days=drawn[1]), date(9998, 12, 31)))
    )
    return spans.map(lambda span: Range("day", str(span[0]), str(span[1]))) | _days.map(
        lambda day: Range("day", str(day), None)
    )


def _ranges(attribute: str, numbers: st.SearchStrategy[int] | st.SearchStrategy[float]) -> st.SearchStrategy[Node]:
    def made(ends: tuple[float, float], open_end: int) -> Node:
        low, high = sorted(ends)
        return Range(attribute, None if open_end == 0 else low, None if open_end == 1 else high)

    return st.builds(made, st.tuples(numbers, numbers), st.integers(0, 3))


def _rounded(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(low, high).map(lambda value: round(value, 6) + 0.0)


LEAVES: st.SearchStrategy[Node] = st.one_of(
    st.builds(
        lambda found, prefix, scope: Text(found, len(found) > 1, prefix, scope),
        _words,
        st.booleans(),
        st.sampled_from([None, None, *SCOPES]),
    ),
    st.builds(Match, st.sampled_from(["place", "camera", "lens", "tag", "album", "person", "source"]), _words),
    _day_ranges(),
    _ranges("rating", st.integers(1, 5)),
    _ranges("size", st.integers(0, 10**12 - 1)),
    _ranges("iso", st.integers(0, 10**6)),
    _ranges("duration_s", _rounded(0, 1e6)),
    st.builds(Has, st.sampled_from(["position", "place", "camera", "lens", "tag", "title", "text", "rating"])),
    st.builds(Flag, st.sampled_from(list(FLAGS))),
    st.builds(lambda name: OneOf("type", name), st.sampled_from(list(TYPES))),
    st.builds(Within, _rounded(-90, 90), _rounded(-180, 180), _rounded(0.001, 20_000)),
    st.builds(
        NearPlace, _words.filter(lambda found: not all(word.isdigit() for word in found)), _rounded(0.001, 20_000)
    ),
    st.just(Copies(2)),
    st.text(st.sampled_from("ab1.()'\"_ -=:*‘”é"), min_size=1, max_size=9)
    .map(lambda text: " ".join(fold(text).split()))
    .filter(lambda text: bool(text) and written(text) is not None)
    .map(Like),
)
NODES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=4).map(lambda parts: conjoin(*parts)),
        st.lists(inner, min_size=2, max_size=4).map(lambda parts: disjoin(*parts)),
        inner.map(negate),
    ),
    max_leaves=12,
)


@given(NODES)
def test_describe_is_the_inverse_of_parse(node: Node) -> None:
    text = describe(node)
    if len(text) <= 1000:
        assert parse(text, TODAY) == node
        assert describe(parse(text, "1999-12-31")) == text


@given(NODES)
def test_nodes_are_hashable_and_walk_finds_all(node: Node) -> None:
    assert hash(node) == hash(parse(describe(node), TODAY)) if len(describe(node)) <= 1000 else hash(node)
    met = list(walk(node))
    assert met[0] == node
    for found in met:
        if isinstance(found, And | Or):
            assert len(set(found.parts)) == len(found.parts) >= 2
            assert not any(isinstance(part, type(found) | Everything | Nothing) for part in found.parts)
            assert all(part in met for part in found.parts)
        if isinstance(found, Not):
            assert not isinstance(found.part, Not | Everything | Nothing)
            assert found.part in met
        if isinstance(found, Match | Has | Range | OneOf | Equals):
            assert found.attribute in BY_NAME


@pytest.mark.parametrize(
    ("made", "want"),
    [
        (conjoin(), Everything()),
        (disjoin(), Nothing()),
        (conjoin(CAT), CAT),
        (conjoin(CAT, CAT), CAT),
        (conjoin(CAT, Everything()), CAT),
        (conjoin(CAT, Nothing()), Nothing()),
        (conjoin(conjoin(CAT, DOG), LISBON), And((CAT, DOG, LISBON))),
        (disjoin(CAT, Nothing(), DOG), Or((CAT, DOG))),
        (disjoin(CAT, Everything()), Everything()),
        (disjoin(disjoin(CAT, DOG), CAT), Or((CAT, DOG))),
        (negate(negate(CAT)), CAT),
        (negate(Everything()), Nothing()),
        (negate(Nothing()), Everything()),
    ],
)
def test_normal_form(made: Node, want: Node) -> None:
    assert made == want


@pytest.mark.parametrize(
    ("node", "want"),
    [
        (Range("day", "2024-01-01", "2024-12-31"), "date=2024"),
        (Range("day", "2024-02-01", "2024-02-29"), "date=2024-02"),
        (Range("day", "2024-04-08", "2024-04-14"), "date=2024-W15"),
        (Range("day", "2024-04-13", "2024-04-13"), "date=2024-04-13"),
        (Range("day", "2024-04-13", "2024-05-01"), "date=2024-04-13..2024-05-01"),
        (Range("day", None, "2024-05-01"), "date=..2024-05-01"),
        (Range("rating", 4, 4), "rating=4"),
        (Within(38.7, -9.1, 1.0), "near=38.7,-9.1,1"),
        (negate(disjoin(CAT, DOG)), "-(cat or dog)"),
        (conjoin(disjoin(CAT, DOG), LISBON), "(cat or dog) place=lisbon"),
        (Text(("the",)), '"the"'),
        (Like("img_1(2).jpg"), 'like="img_1(2).jpg"'),
        (Like('a "b" c'), "like='a \"b\" c'"),
        # made by views only
        (Equals("camera", "Google Pixel 7"), 'camera=="Google Pixel 7"'),
        (OneOf("tag", "Sea"), 'tag=="Sea"'),
        (Newest(500), "newest=500"),
        (SameDay("04-13"), "sameday=04-13"),
        (Copies(3), "copies=3.."),
        (Everything(), "*"),
        (Nothing(), "-*"),
    ],
)
def test_describe(node: Node, want: str) -> None:
    assert describe(node) == want


def test_words_for_ranking_are_the_wanted_ones() -> None:
    node = parse("warranty 'two years' -dog path=bills* (letter or warranty) -(-cat bird) place=lisbon", TODAY)
    found = dict.fromkeys(word for text in texts(node) for word in text.words)
    assert tuple(found) == ("warranty", "two", "years", "bills", "letter")
    assert not is_pure_filter(node)
    assert is_pure_filter(parse("place=lisbon -dog", TODAY))


def test_likeness_is_ranked() -> None:
    node = parse("like=a.jpg place=lisbon -like=b.jpg (like=c.jpg or cat)", TODAY)
    assert [like.reference for like in likes(node)] == ["a.jpg", "c.jpg"]
    assert not is_pure_filter(parse("like=a.jpg place=lisbon", TODAY))
    assert is_pure_filter(parse("-like=a.jpg", TODAY))
