"""query.meant: the wording that a model reads, and what must hold besides."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from albumsd.core.errors import QueryError
from albumsd.core.words import words
from albumsd.query.fold import canonical, fold
from albumsd.query.meant import MAX_WAYS, Meant, meant
from albumsd.query.parser import parse
from albumsd.query.tree import (
    Everything,
    Like,
    Match,
    Node,
    Not,
    Text,
    conjoin,
    disjoin,
    is_pure_filter,
    likes,
    texts,
    walk,
)

TODAY = "2024-05-01"
ANY, LISBON, CAT = Everything(), Match("place", ("lisbon",)), Text(("cat",))
SUN = Match("tag", ("sun",))

# text, alternatives, negatives, likes, condition
WANTED: list[tuple[str, tuple[str, ...], tuple[str, ...], tuple[str, ...], Node]] = [
    ("A dog on the Beach", ("a dog on the beach",), (), (), ANY),
    ("  what   is it?", ("what is it?",), (), (), ANY),
    ("🐶 dog & cat", ("dog cat",), (), (), ANY),
    ("IMG_12.jpg", ("img_12.jpg",), (), (), ANY),
    ("café Łódź", ("café łódź",), (), (), ANY),
    ("'a red boat' in the “Blue Sea”", ("a red boat in the blue sea",), (), (), ANY),
    ("warr* \"two ye\"*", ("warr two ye",), (), (), ANY),
    ('"the"', ("the",), (), (), ANY),
    # terms go, and the small words before them
    ("a dog in place=lisbon", ("a dog",), (), (), LISBON),
    ("photos from place=lisbon of the beach", ("photos of the beach",), (), (), LISBON),
    ("dog title=sun", ("dog",), (), (), Text(("sun",), scope="title")),
    ("in the place=lisbon", (), (), (), LISBON),
    # negatives
    ("beach -cat", ("beach",), ("cat",), (), Not(CAT)),
    ("beach -'Red  Boat'", ("beach",), ("red boat",), (), Not(Text(("red", "boat"), True))),
    ("beach -boa*", ("beach",), ("boa",), (), Not(Text(("boa",), prefix=True))),
    ("beach -(cat or tag=sun)", ("beach",), ("cat",), (), Not(disjoin(CAT, SUN))),
    ("beach -(red boat)", ("beach",), ("red boat",), (), Not(conjoin(Text(("red",)), Text(("boat",))))),
    ("beach -place=lisbon", ("beach",), (), (), Not(LISBON)),
    ("beach -the", ("beach",), (), (), Not(Text(("the",)))),
    ("beach -…", ("beach",), (), (), ANY),
    ("beach -(-cat)", ("beach cat",), (), (), ANY),
    ("beach -(-(cat tag=sun))", ("beach cat",), (), (), SUN),
    ("-cat", (), (), (), Not(CAT)),
    # like=
    ("like=IMG_1.jpg", (), (), ("img_1.jpg",), ANY),
    ("like='IMG 1.jpg' in the snow place=lisbon -cat", ("in the snow",), ("cat",), ("img 1.jpg",), conjoin(LISBON, Not(CAT))),
    ("-like=x", (), (), (), Not(Like("x"))),
    # or
    ("red boat or blue car beach", ("red boat", "blue car beach"), (), (), ANY),
    ("(cat or a dog) on the beach", ("cat on the beach", "a dog on the beach"), (), (), ANY),
    ("(red or blue) (car or boat)", ("red car", "red boat", "blue car", "blue boat"), (), (), ANY),
    ("dog place=lisbon or cat tag=sun", ("dog", "cat"), (), (), disjoin(LISBON, SUN)),
    ("dog or place=lisbon", ("dog",), (), (), ANY),
    ("place=lisbon or tag=sun", (), (), (), disjoin(LISBON, SUN)),
    ("(dog) (dog or cat) or dog dog", ("dog dog", "dog cat"), (), (), ANY),
    ("like=x or dog -cat", ("dog",), ("cat",), ("x",), ANY),
]  # fmt: skip


@pytest.mark.parametrize(("text", "alternatives", "negatives", "references", "condition"), WANTED)
def test_meant(
    text: str, alternatives: tuple[str, ...], negatives: tuple[str, ...], references: tuple[str, ...], condition: Node
) -> None:
    found = meant(text, TODAY)
    assert found[:4] == (alternatives, negatives, references, condition)
    assert meant(canonical(text), TODAY) == found


def test_each_way_has_its_own_conditions() -> None:
    found = meant("(dog place=lisbon or cat -boat) like=x beach", TODAY)
    assert [tuple(way) for way in found.ways] == [
        ("dog beach", (), ("x",), LISBON),
        ("cat beach", ("boat",), ("x",), Not(Text(("boat",)))),
    ]


def test_alternatives_have_an_end() -> None:
    found = meant(" ".join("(a1 or b1 or c1)" for _ in range(25)), TODAY)
    assert len(found.ways) <= MAX_WAYS
    assert found.alternatives[0] == " ".join(["a1"] * 25)
    assert meant(" or ".join(f"w{n}" for n in range(50)), TODAY).alternatives == tuple(f"w{n}" for n in range(MAX_WAYS))


@pytest.mark.parametrize("text", ["", "the", "(cat", "nosuchterm=1"])
def test_what_is_no_query_is_none_here(text: str) -> None:
    with pytest.raises(QueryError):
        meant(text, TODAY)


_PIECES = st.sampled_from(
    ["cat", "dog", "the", " ", " ", " ", " or ", "-", "(", ")", "'", '"', "*", "place=lisbon", "title=sun", "has=date",
     "type=photo", "like=x", "IMG_1.jpg", "東京", "é", "&", "in"]
)  # fmt: skip
_QUERIES = st.lists(_PIECES, max_size=20).map("".join) | st.text(max_size=60)


@given(_QUERIES)
def test_it_reads_what_the_parser_reads(text: str) -> None:
    try:
        node = parse(text, TODAY)
    except QueryError:
        with pytest.raises(QueryError):
            meant(text, TODAY)
        return
    found = meant(text, TODAY)
    assert isinstance(found, Meant)
    assert meant(canonical(text), TODAY) == found
    positive = {word for part in texts(node) if not part.scope for word in part.words}
    said = {word for wording in found.alternatives for word in words(wording)}
    typed = set(words(fold(text)))
    assert said <= typed, "nothing is made up"
    if " or " not in text and "(" not in text:
        small = {"a", "an", "in", "the", "or"}
        assert said - small == positive - small, "one way: all words that are looked for, and no other"
    assert set(found.likes) <= {like.reference for like in likes(node)}
    assert not any(isinstance(part, Like) for part in texts(found.condition))
    if found.ways:
        assert all(not part.phrase or part.scope for part in texts(found.condition))
        assert all(part.scope for part in texts(found.condition)), "words are wording, not condition"
        assert not list(likes(found.condition))
        assert not is_pure_filter(node)
    else:
        assert found.condition == node
    assert all(wording == " ".join(wording.split()) and words(wording) for wording in found.alternatives)
    hash(found)


@given(_QUERIES)
def test_a_filter_stays_a_filter(text: str) -> None:
    try:
        node = parse(text, TODAY)
    except QueryError:
        return
    if is_pure_filter(node):
        assert meant(text, TODAY) == Meant((), (), (), node)
    elif not any(isinstance(part, Text) and part.scope for part in walk(node)):
        assert meant(text, TODAY).ways
