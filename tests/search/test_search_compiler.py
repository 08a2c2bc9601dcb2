"""search.compiler: the SQL of a tree finds what a naive loop finds, in every mode; and it uses the indexes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from albumsd.core.errors import QueryError
from albumsd.core.words import words
from albumsd.query import tree
from albumsd.query.attributes import ATTRIBUTES, FLAGS, SCOPES
from albumsd.query.fold import fold
from albumsd.query.parser import parse
from albumsd.search.compiler import compile
from albumsd.search.likeness import resolve

_WORDS = [
    "warranty",
    "letter",
    "dog",
    "beach",
    "lisbon",
    "lodz",
    "2024",
    "new",
    "york",
    "pixel",
    "google",
    "summer",
    "nothing",
]
_words = st.lists(st.sampled_from(_WORDS), min_size=1, max_size=2).map(tuple)
_NUMBERS = {"lat": 38.72, "lon": -9.14, "aperture": 1.8, "shutter_s": 0.01, "iso": 100, "focal_mm": 50.0, "width": 640,
            "height": 480, "duration_s": 1.5, "size": 1000, "rating": 3}  # fmt: skip
_TEXTS = {
    "day": ["2019-01-02", "2020-01-01"], "week": ["2019-W01", "2020-W01"], "week_year": ["2019", "2021"], "month": ["2019-01", "2020-01"],
    "year": ["2019", "2020", "2024"], "origin": ["exif", "mtime"], "country": ["Portugal", "Fiji"],
    "region": ["Lisboa", "New York"], "city": ["Lisbon", "Monaco"], "hood": ["Alfama"], "place": ["Lisbon", "New York"],
    "camera": ["Google Pixel 7", "Canon EOS R5"], "lens": ["EF 24-70mm"], "name": ["IMG_1.jpg"], "kind": ["photo"],
    "mime": ["image/jpeg"], "extension": ["jpg", "gz"], "type": ["photos", "raw"], "problem": ["truncated"],
    "source": ["phone", "Old Drive"], "folder": ["2024/summer", "Old Stuff/Łódź"], "tag": ["beach", "Łódź trip"],
    "person": ["dog"], "album": ["Summer Beach"], "cluster": ["dog"], "title": ["Dog on the beach"], "description": ["Dog"],
    "caption": ["a warranty letter"], "text": ["x"],
}  # fmt: skip
_ALL = sorted(_TEXTS) + sorted(_NUMBERS)
_text_attribute = st.sampled_from(sorted(_TEXTS))
_value = _text_attribute.flatmap(lambda name: st.tuples(st.just(name), st.sampled_from([*_TEXTS[name], "no such"])))


def _ranges(name: str) -> st.SearchStrategy[tree.Node]:
    values: list[Any] = [_NUMBERS[name], _NUMBERS[name] * 2] if name in _NUMBERS else [*_TEXTS[name], "m"]
    ends = st.sampled_from([None, *values])
    return st.tuples(ends, ends).filter(lambda e: e != (None, None)).map(lambda e: tree.Range(name, *e))


_DAY_RANGES = [
    tree.Range("day", "2019-01-01", "2019-12-31"), tree.Range("day", "2019-04-01", "2019-04-30"),
    tree.Range("day", "2019-04-01", "2019-04-29"), tree.Range("day", "2019-01-02", "2019-01-31"),
    tree.Range("day", "2019-01-02", "2019-12-31"), tree.Range("day", "2019-04-12", "2019-04-30"), tree.Range("day", None, "2019-06-01"), tree.Range("day", "2020-01-01", None),
]  # fmt: skip
LEAVES: st.SearchStrategy[tree.Node] = st.one_of(
    st.builds(
        lambda found, phrase, prefix, scope: tree.Text(found, phrase and len(found) > 1, prefix, scope),
        _words, st.booleans(), st.booleans(), st.sampled_from([None, None, *SCOPES]),
    ),
    _value.map(lambda pair: tree.Equals(*pair)),
    _value.map(lambda pair: tree.OneOf(*pair)),
    st.sampled_from(sorted(_NUMBERS)).map(lambda name: tree.Equals(name, _NUMBERS[name])),
    st.builds(tree.Match, _text_attribute, _words),
    st.sampled_from(_ALL).flatmap(_ranges),
    st.sampled_from(_DAY_RANGES),
    st.sampled_from([attribute.name for attribute in ATTRIBUTES]).map(tree.Has),
    st.sampled_from(sorted(FLAGS)).map(tree.Flag),
    st.builds(tree.Within, st.sampled_from([38.7, -16.4, 90.0, 89.5]), st.sampled_from([-9.1, 180.0, -180.0, 0.0]),
              st.sampled_from([0.5, 25.0, 400.0, 20_040.0])),
    st.builds(tree.NearPlace, _words, st.sampled_from([10.0, 500.0])),
    st.sampled_from(["img_3.jpg", "no such.jpg", "0" * 62 + "21", "0" * 6, "lodz_9", "img", "łódź_12.pdf", "-"]).map(tree.Like),
    st.integers(0, 200).map(tree.Newest),
    st.sampled_from(["01-01", "01-02", "04-11", "02-29"]).map(tree.SameDay),
    st.integers(0, 4).map(tree.Copies),
    st.sampled_from([tree.Everything(), tree.Nothing()]),
)  # fmt: skip
TREES = st.recursive(
    LEAVES,
    lambda below: st.one_of(
        st.lists(below, min_size=2, max_size=4).map(lambda parts: tree.conjoin(*parts)),
        st.lists(below, min_size=2, max_size=3).map(lambda parts: tree.disjoin(*parts)),
        below.map(tree.negate),
    ),
    max_leaves=8,
)
Selected = Callable[[tree.Node], list[int]]


def run(reader: Any, node: tree.Node, mode: Any = "set") -> list[int]:
    condition = compile(node, mode)
    rows = reader.all(f"SELECT a.id FROM asset a WHERE a.live AND {condition.sql} ORDER BY a.id", condition.bindings)
    return [row[0] for row in rows]


@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(node=TREES)
def test_sql_agrees_with_the_naive_loop(library: Any, selected: Selected, node: tree.Node) -> None:
    wanted = selected(node)
    for mode in ("set", "driven", "point"):
        assert run(library.reader, node, mode) == wanted, mode


@pytest.mark.parametrize("attribute", [attribute.name for attribute in ATTRIBUTES])
def test_every_attribute_can_be_asked_for(library: Any, selected: Selected, attribute: str) -> None:
    nodes: list[tree.Node] = [tree.Has(attribute), tree.Not(tree.Has(attribute))]
    if attribute != "position":
        value = _NUMBERS.get(attribute) or _TEXTS[attribute][0]
        nodes += [tree.Equals(attribute, value), tree.Range(attribute, value, None), tree.Range(attribute, None, value)]
    found = []
    for node in nodes:
        for mode in ("set", "driven", "point"):
            assert run(library.reader, node, mode) == selected(node), (node, mode)
        found.append(bool(selected(node)))
    assert found[0] or found[1]


@pytest.mark.parametrize(
    "node",
    [tree.Has("colour"), tree.Equals("colour", "red"), tree.Range("position", 1, 2), tree.Match("colour", ("red",)),
     tree.Flag("pretty"), tree.Text(("a",), scope="smell")],
)  # fmt: skip
def test_what_does_not_exist_is_a_bug_of_ours(node: tree.Node) -> None:
    with pytest.raises(LookupError):
        compile(node)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.sampled_from("abdeglorst2041 -()\"'*=:.<>+_Łé東/|"), max_size=30) | st.text(max_size=20))
def test_every_query_that_parses_compiles_and_runs(library: Any, selected: Selected, text: str) -> None:
    try:
        node = parse(text, "2024-05-01")
    except QueryError:
        return
    assert run(library.reader, node) == selected(node)


QUERIES = ["warranty letter", "'warranty letter'", "warr*", "title=lodz", "path='dog beach'", "text=inv*", "camera=pixel",
           "place='new york'", "near=lisbon", "near=sintra", "near=labasa,60", "near=-16.43,-179.9,120", "near=90,0,100", "date=2019",
           "date=2019-04", "rating=3+", "rating<3", "is=duplicate", "is=offline", "-is=undated", "has=caption",
           "tag='summer beach'", "source=drive", "person=dog or dog -beach", "size=1kb+", "duration<5", "type=raw"]  # fmt: skip


@pytest.mark.parametrize("text", QUERIES)
def test_typed_queries_find_something_and_the_right_thing(library: Any, selected: Selected, text: str) -> None:
    node = parse(text, "2024-05-01")
    found = run(library.reader, node)
    assert found == selected(node)
    assert found


@pytest.mark.parametrize(
    ("text", "index"),
    [("date=2019", "asset_year"), ("date=2019-04", "asset_month"), ("date=2019-04-03", "asset_day"),
     ("date=2019-04-03..2019-05-01", "asset_day"), ("camera=pixel", "asset_camera"), ("near=38.7,-9.1", "asset_position"),
     ("rating=4+", "asset_rating"), ("is=duplicate", "asset_copies"), ("has=camera", "asset_camera"),
     ("place=lisbon", "asset_place"), ("near=lisbon", "asset_position"), ("is=problem", "asset_problem")],
)  # fmt: skip
def test_indexes_are_used(library: Any, text: str, index: str) -> None:
    condition = compile(parse(text, "2024-05-01"))
    plan = library.reader.all(
        f"EXPLAIN QUERY PLAN SELECT a.id FROM asset a WHERE a.live AND {condition.sql}", condition.bindings
    )
    lines = [row[3] for row in plan]
    assert any(index in line for line in lines), lines
    assert not [line for line in lines if line == "SCAN a" or "SCAN asset" in line or line == "SCAN b"], lines


def test_like_is_one_asset(library: Any) -> None:
    """By its name, its hash or the beginning of its name; never by a guess; its other conditions make no list."""
    whole = {asset.columns["name"]: asset for asset in library.live}
    named = 0
    for name, asset in whole.items():
        assert resolve(library.reader, fold(name)) == asset.id
        if asset.columns["sha256"]:
            assert resolve(library.reader, asset.columns["sha256"].hex()) == asset.id
        stem = " ".join(words(name)[:2])
        named += resolve(library.reader, stem) == asset.id
    assert named > 5
    assert resolve(library.reader, "000000") is None, "all begin so"
    gone = next(asset for asset in library.assets if not asset.live)
    assert resolve(library.reader, fold(gone.columns["name"])) is None
    condition = compile(parse("like=img_1.jpg type=photo tag=beach", "2024-05-01"))
    assert "a.id IN" not in condition.sql
