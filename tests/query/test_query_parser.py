"""The grammar: tables of in, want, error contains; and that nothing but QueryError ever comes out."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from albumsd.core.errors import QueryError
from albumsd.query.fold import canonical, fold, position
from albumsd.query.parser import parse, plausible
from albumsd.query.tree import (
    And,
    Copies,
    Flag,
    Has,
    Like,
    Match,
    NearPlace,
    Node,
    Not,
    OneOf,
    Or,
    Range,
    Text,
    Within,
)

TODAY = "2024-05-01"  # a Wednesday


def T(*tokens: str, prefix: bool = False, scope: str | None = None) -> Text:
    return Text(tokens, len(tokens) > 1, prefix, scope)


CAT, DOG, BEACH = T("cat"), T("dog"), T("beach")


def days(low: str | None, high: str | None) -> Range:
    return Range("day", low, high)


WANTED: list[tuple[str, Node]] = [
    # words
    ("cat", CAT),
    ("CAT", CAT),
    ("warranty letter", And((T("warranty"), T("letter")))),
    ("cat cat", CAT),
    ("IMG_1234.jpg", T("img", "1234", "jpg")),
    ("img(1).jpg", T("img", "1", "jpg")),
    ("東京", T("東", "京")),
    ("don't", T("don", "t")),
    ("a cat on the beach & …", And((CAT, BEACH))),
    ('"the"', T("the")),
    ("Cafe\u0301", T("cafe")),
    ("warr*", T("warr", prefix=True)),
    ("img_12*", T("img", "12", prefix=True)),
    ("re: cat", And((T("re"), CAT))),
    ("https://cat.dog", T("https", "cat", "dog")),
    ("12:30", T("12", "30")),
    ("<3 cat", And((T("3"), CAT))),
    ("a>cat", T("a", "cat")),
    ('27" cat', And((T("27"), CAT))),
    # phrases
    ('"cat dog"', T("cat", "dog")),
    ("'cat dog'", T("cat", "dog")),
    ("“cat dog”", T("cat", "dog")),
    ("‘cat dog’", T("cat", "dog")),
    ("'bob's cat'", T("bob", "s", "cat")),
    ("'cat", CAT),
    ('"cat do"*', T("cat", "do", prefix=True)),
    ("'place=lisbon or'", T("place", "lisbon", "or")),
    # not, or, parentheses
    ("-cat", Not(CAT)),
    ("–cat", Not(CAT)),
    ("--cat", Not(CAT)),
    ("- cat", CAT),
    ("cat - dog -", And((CAT, DOG))),
    ("-the", Not(T("the"))),
    ("-or cat", And((Not(T("or")), CAT))),
    ("-(cat dog)", Not(And((CAT, DOG)))),
    ("-'cat dog'", Not(T("cat", "dog"))),
    ("-place=lisbon", Not(Match("place", ("lisbon",)))),
    ("-(-cat)", CAT),
    ("cat or dog", Or((CAT, DOG))),
    ("cat OR dog beach", Or((CAT, And((DOG, BEACH))))),
    ("(cat or dog) beach", And((Or((CAT, DOG)), BEACH))),
    ("(cat)(dog)", And((CAT, DOG))),
    # terms
    ("place=lisbon", Match("place", ("lisbon",))),
    ("Place:Lisbon", Match("place", ("lisbon",))),
    ("in=lisbon", Match("place", ("lisbon",))),
    ("place='new york'", Match("place", ("new", "york"))),
    ('place="new york" cat', And((Match("place", ("new", "york")), CAT))),
    ("(place=lisbon)", Match("place", ("lisbon",))),
    ("camera=pixel", Match("camera", ("pixel",))),
    ("lens=50mm", Match("lens", ("50mm",))),
    ("tag=beach", Match("tag", ("beach",))),
    ("album=summer", Match("album", ("summer",))),
    ("person=anna", Match("person", ("anna",))),
    ("source=nas", Match("source", ("nas",))),
    ("type=videos", OneOf("type", "videos")),
    ("type=video", OneOf("type", "videos")),
    ("type='live photo'", OneOf("type", "live-photos")),
    ("is=raw", OneOf("type", "raw")),
    ("is=live", OneOf("type", "live-photos")),
    ("is=panorama", OneOf("type", "panoramas")),
    ("is=duplicate", Copies(2)),
    ("is=offline", Flag("offline")),
    ("has=tags", Has("tag")),
    ("has=gps", Has("position")),
    ("has=date", Not(Flag("undated"))),
    ("path=holiday/2024", T("holiday", "2024", scope="path")),
    ("path=holiday∕2024", T("holiday", "2024", scope="path")),
    ("path=holiday%2F2024", T("holiday", "2024", scope="path")),
    ("path=img*", T("img", prefix=True, scope="path")),
    ("text=warranty", T("warranty", scope="text")),
    ("title=birthday", T("birthday", scope="title")),
    ("near=38.7,-9.1", Within(38.7, -9.1, 1.0)),
    ("near=38.7,-9.1,5", Within(38.7, -9.1, 5.0)),
    ("near='38.7, -9.1, 500 m'", Within(38.7, -9.1, 0.5)),
    ("near=lisbon", NearPlace(("lisbon",), 10.0)),
    ("near='new york',25km", NearPlace(("new", "york"), 25.0)),
    ("near:38.7,-9.1,5", Within(38.7, -9.1, 5.0)),
    ("near:lisbon,5", NearPlace(("lisbon",), 5.0)),
    ("near:'new york',25", NearPlace(("new", "york"), 25.0)),
    ("near='lisbon, portugal'", NearPlace(("lisbon", "portugal"), 10.0)),
    ("rating=4", Range("rating", 4, 4)),
    ("rating=4+", Range("rating", 4, None)),
    ("rating>=4", Range("rating", 4, None)),
    ("rating>3", Range("rating", 4, None)),
    ("rating<3", Range("rating", None, 2)),
    ("rating=3..5", Range("rating", 3, 5)),
    ("rating=..2", Range("rating", None, 2)),
    ("size=10mb+", Range("size", 10_000_000, None)),
    ("size<=1mib", Range("size", None, 1 << 20)),
    ("size=1.5kb..2kb", Range("size", 1500, 2000)),
    ("duration=1.5min+", Range("duration_s", 90.0, None)),
    ("iso=100..400", Range("iso", 100, 400)),
    ("like=IMG_1.jpg", Like("img_1.jpg")),
    ("like:IMG_1(2).jpg", Like("img_1(2).jpg")),
    ("like='IMG  2.jpg' cat", And((Like("img 2.jpg"), CAT))),
    ("like='a \"b\" c.jpg'", Like('a "b" c.jpg')),
    ('like="the boys\' day.jpg"', Like("the boys' day.jpg")),
    ("similar=3FA81C", Like("3fa81c")),
    ("like\uf022img_1.jpg", Like("img_1.jpg")),
    ("-like=img_1.jpg", Not(Like("img_1.jpg"))),
    # dates
    ("date=2024", days("2024-01-01", "2024-12-31")),
    ("date=2024-02", days("2024-02-01", "2024-02-29")),
    ("date=2024-4", days("2024-04-01", "2024-04-30")),
    ("date=2024-12", days("2024-12-01", "2024-12-31")),
    ("date=2024-04-13", days("2024-04-13", "2024-04-13")),
    ("date=2024-W15", days("2024-04-08", "2024-04-14")),
    ("date=2021-w01", days("2021-01-04", "2021-01-10")),
    ("date=2024-04-13..2024-05-01", days("2024-04-13", "2024-05-01")),
    ("date=2023..2024-02", days("2023-01-01", "2024-02-29")),
    ("date=2023..", days("2023-01-01", None)),
    ("date=..2023", days(None, "2023-12-31")),
    ("date='april 2024'", days("2024-04-01", "2024-04-30")),
    ("date='2024 Apr'", days("2024-04-01", "2024-04-30")),
    ("date=april-2024", days("2024-04-01", "2024-04-30")),
    ("date='13 april 2024'", days("2024-04-13", "2024-04-13")),
    ("date='April 13, 2024'", days("2024-04-13", "2024-04-13")),
    ("date=today", days("2024-05-01", "2024-05-01")),
    ("date=yesterday", days("2024-04-30", "2024-04-30")),
    ("date='this week'", days("2024-04-29", "2024-05-05")),
    ("date=last-week", days("2024-04-22", "2024-04-28")),
    ("date='last month'", days("2024-04-01", "2024-04-30")),
    ("date='last year'", days("2023-01-01", "2023-12-31")),
    ("date>=2024-04", days("2024-04-01", None)),
    ("date>2024-04", days("2024-05-01", None)),
    ("date<2024-04", days(None, "2024-03-31")),
    ("date<=2024-04", days(None, "2024-04-30")),
    ("before=2024", days(None, "2023-12-31")),
    ("before=2024-04-13", days(None, "2024-04-12")),
    ("after=2024", days("2025-01-01", None)),
    ("after=2024-02", days("2024-03-01", None)),
    # as Samba, macOS and CJK keyboards write it
    ("place\uf022lisbon", Match("place", ("lisbon",))),
    ("place\uf03alisbon", Match("place", ("lisbon",))),
    ("rating\uf024=4", Range("rating", 4, None)),
    ("\uf020cat dog\uf020", T("cat", "dog")),
    ("warr\uf021", T("warr", prefix=True)),
    ("path=holiday\uf0262024", T("holiday", "2024", scope="path")),
    ("cat\uf029jpg\uf028dog", And((T("cat", "jpg"), DOG))),
    ("place＝東京", Match("place", ("東", "京"))),
    ("（cat or dog）　beach", And((Or((CAT, DOG)), BEACH))),
]


@pytest.mark.parametrize(("text", "want"), WANTED)
def test_parse(text: str, want: Node) -> None:
    assert parse(text, TODAY) == want
    assert parse(canonical(text), TODAY) == want


REFUSED: list[tuple[str, int, str]] = [
    ("", 1, "empty query"),
    ("   ", 1, "empty query"),
    ("the", 1, "empty query"),
    ("- -- —", 1, "empty query"),
    ("*", 1, "empty query"),
    ("🐶 & …", 1, "empty query"),
    ("or", 1, "empty query"),
    ("cat or", 5, "both sides"),
    ("or cat", 1, "both sides"),
    ("cat or the", 5, "both sides"),
    ("(cat", 1, "not closed"),
    ("cat )", 5, "closes nothing"),
    ("cat ()", 5, "nothing to look for"),
    ("cat (the)", 5, "nothing to look for"),
    ('cat "dog', 5, 'the quote " is not closed'),
    ('place="new york', 7, "not closed"),
    ("cat flavour=red", 5, "there is no term flavour=; terms are: date, before"),
    ("cat plcae=rome", 5, "did you mean place=?"),
    ("tags2:x", 1, "put them in quotes"),
    ("place=", 1, "place= needs a value, for example place=lisbon"),
    ("place: lisbon", 1, "needs a value"),
    ("place=(a or b)", 7, "write (place=this or place=that)"),
    ("place>3", 1, "place takes = only"),
    ("place=***", 7, "takes whole words"),
    ("place=lis*", 7, "takes whole words"),
    ("place=…", 7, "no letter or digit"),
    ("cat rating=9", 12, "from 1 to 5"),
    ("rating=..", 8, "at least one end"),
    ("rating=5..3", 8, "ends before it begins"),
    ("rating=4.5", 8, "from 1 to 5"),
    ("size=5mb", 6, "from where to where"),
    ("size=5parsec+", 6, "a size such as"),
    ("type=hats", 6, "one of: photos, videos"),
    ("is=happy", 4, "there is no state 'happy'"),
    ("has=hats", 5, "there is no attribute 'hats'"),
    ("like=", 1, "like= needs a value"),
    ("like>img", 1, "like takes = only"),
    ("like=(a or b)", 6, "cannot be a group"),
    ('like="a\' b"c"d', 6, "both kinds of quotes"),
    ("near=38", 6, "latitude,longitude or the name"),
    ("near=91,0", 6, "-90 to 90"),
    ("near=lisbon,0", 6, "not a distance"),
    ("date=soon", 6, "is not a date"),
    ("date=2024-13", 6, "no such date"),
    ("date=2023-02-29", 6, "no such date"),
    ("date=2023-W53", 6, "no such date"),
    ("date=0000", 6, "no such date"),
    ("before=0999", 8, "no such date"),
    ("date='32 april 2024'", 6, "no such date"),
    ("date=2024..2023", 6, "ends before it begins"),
    ("date=..", 6, "at least one end"),
    ("cat\0", 4, "control character"),
    ("cat\x1b[2J", 4, "control character"),
    ("straße cat rating=9", 19, "from 1 to 5"),
    ("cafe\u0301 %2F∕ rating=9", 19, "from 1 to 5"),
    ("ﬃ ŉ x rating=9", 14, "from 1 to 5"),
    ("(" * 21 + "cat" + ")" * 21, 21, "inside each other"),
    (" ".join(f"w{n}" for n in range(101)), 391, "more than 100"),
    ("x" * 1001, 1001, "longer than 1000"),
]


@pytest.mark.parametrize(("text", "where", "what"), REFUSED)
def test_refused_with_a_place_and_a_reason(text: str, where: int, what: str) -> None:
    with pytest.raises(QueryError) as caught:
        parse(text, TODAY)
    assert what in caught.value.message
    assert caught.value.fields["position"] == where
    assert caught.value.fields["query"] == text
    assert not plausible(text, TODAY)


def test_deep_but_allowed() -> None:
    assert parse("(" * 20 + "cat" + ")" * 20, TODAY) == CAT


_PIECES = st.sampled_from(
    ["cat", "the", " ", " ", "or", "-", "(", ")", '"', "'", "*", "=", ":", ">=", "<", "..", ",", "+", "place", "date",
     "before", "near", "rating", "size", "type", "is", "has", "path", "2024", "-04", "w15", "4", "38.7", "mb", "april",
     "\0", "\uf022", "\uf001", "%2F", "∕", "東", "é", "\u0338", "\u0345", "ß", "İ", "\ud800", "9" * 40, "“", "’"]
)  # fmt: skip
_QUERIES = st.lists(_PIECES, max_size=25).map("".join) | st.text(st.characters(), max_size=300)


@given(_QUERIES)
@example("-" * 300)
@example("(" * 300)
@example("-(" * 150)
@example("date=9999-12-31")
@example("date=9998..9999")
@example("after=9998-12-31")
@example("date=\u0661\u0662\u0663\u0664")
@example("rating=\u0664")
@example("size=" + "9" * 300)
@example("near=1,2," + "9" * 300)
def test_nothing_but_a_query_error_comes_out(text: str) -> None:
    try:
        node = parse(text, TODAY)
    except QueryError as error:
        where = error.fields["position"]
    else:
        where = 1
        hash(node)
        assert parse(canonical(text), TODAY) == node
    assert isinstance(where, int)
    assert 1 <= where <= len(text) + 1


@given(_QUERIES)
def test_what_is_plausible_parses(text: str) -> None:
    if plausible(text, TODAY):
        parse(text, TODAY)
        parse(canonical(text), TODAY)
        assert "\0" not in canonical(text)


@given(_QUERIES)
def test_a_folded_text_is_folded(text: str) -> None:
    assert fold(fold(text)) == fold(text)
    key = canonical(text)
    assert canonical(key) == key
    assert "/" not in key
    assert canonical(f"  {text}  ") == key


@given(_QUERIES.filter(bool), st.integers(0, 30))
def test_a_position_lies_in_the_text(text: str, offset: int) -> None:
    offset = min(offset, len(fold(text)) - 1)
    assert 1 <= position(text, offset) <= len(text)


@pytest.mark.parametrize(
    ("name", "want"),
    [
        ("warranty letter", True),
        (b"warranty letter", True),
        ("place=new∕york".encode(), True),
        ("東" * 66, True),
        ("東" * 67, False),
        ("x" * 200, True),
        ("x" * 201, False),
        (".hidden", False),
        ("\uf029hidden", False),
        (b"caf\xe9", False),
        ("caf\udce9", False),
        ("cat\tdog", False),
        ("cat\uf001", False),
        ("cat\u200ddog", True),
        ("place\uf022rome", True),
        ("foo=bar", False),
        ("", False),
    ],
)
def test_plausible(name: str | bytes, want: bool) -> None:
    assert plausible(name, TODAY) is want


def test_plausible_asks_the_clock_for_today(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALBUMSD_NOW", "2024-05-01T12:00:00")
    assert plausible("date=2024-04..today")
    monkeypatch.setenv("ALBUMSD_NOW", "2023-05-01T12:00:00")
    assert not plausible("date=2024-04..today")
