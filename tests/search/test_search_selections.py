"""search.selections: what views list is what a naive loop finds, by every strategy, without scanning the assets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from albumsd.query import tree
from albumsd.query.parser import parse
from albumsd.query.writing import describe
from albumsd.search import selections
from albumsd.store.database import Reader
from albumsd.views import VIEWS
from albumsd.views.view import View

Selected = Callable[[tree.Node], list[int]]
Values = Callable[[tree.Node, str], list[str]]

TODAY = "2020-01-02"
FACETS = ["year", "month", "week", "week_year", "day", "country", "region", "city", "hood", "camera", "problem", "type", "tag",
          "cluster", "person", "album", "source"]  # fmt: skip
CITY = tree.conjoin(tree.Equals("country", "Portugal"), tree.Equals("region", "Lisboa"), tree.Equals("city", "Lisbon"))
SELECTIONS: list[tree.Node] = [
    tree.Everything(),
    tree.Nothing(),
    tree.Equals("year", "2019"),
    tree.Equals("month", "2019-01"),
    tree.Equals("week_year", "2019"),
    tree.Equals("year", "1066"),
    tree.Equals("country", "Portugal"),
    tree.conjoin(tree.Equals("country", "Portugal"), tree.Equals("region", "Lisboa")),
    CITY,
    tree.conjoin(CITY, tree.Equals("hood", "Alfama")),
    tree.conjoin(CITY, tree.Not(tree.Has("hood"))),
    tree.Equals("camera", "Google Pixel 7"),
    tree.conjoin(tree.Equals("camera", "Google Pixel 7"), tree.Equals("year", "2019")),
    tree.OneOf("type", "photos"),
    tree.conjoin(tree.OneOf("type", "photos"), tree.Equals("year", "2019")),
    tree.conjoin(tree.OneOf("type", "photos"), tree.OneOf("tag", "beach")),
    tree.conjoin(tree.OneOf("tag", "beach"), tree.Equals("year", "2019"), tree.Equals("month", "2019-01")),
    tree.OneOf("source", "phone"),
    tree.Newest(20),
    tree.conjoin(tree.Newest(50), tree.Equals("year", "2019")),
    tree.SameDay("01-02"),
    tree.conjoin(tree.SameDay("01-02"), tree.Equals("year", "2020")),
    tree.Copies(2),
    tree.conjoin(tree.Equals("year", "2019"), tree.Not(tree.Equals("month", "2019-01"))),
    *(
        parse(text, TODAY)
        for text in ("dog", "-dog", "camera=pixel", "place=lisbon", "near=lisbon dog", "tag=beach rating=1+")
    ),
]


@pytest.fixture(params=["few", "many"])
def strategy(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """``many``: as in a library so large that nothing can be gone through."""
    if request.param == "many":
        monkeypatch.setattr(selections, "FEW", 1)
        monkeypatch.setattr(selections, "_RARE", 1)
    return str(request.param)


def _pages(reader: Reader, selection: tree.Node, limit: int) -> Iterator[selections.Selected]:
    after = 0
    while rows := selections.page(reader, selection, after, limit):
        assert len(rows) <= limit
        yield from rows
        after = rows[-1].id


@pytest.mark.parametrize("selection", SELECTIONS, ids=describe)
def test_pages_count_and_points(library: Any, selected: Selected, strategy: str, selection: tree.Node) -> None:
    wanted = selected(selection)
    rows = list(_pages(library.reader, selection, 7))
    assert [row.id for row in rows] == wanted
    assert selections.count(library.reader, selection) == len(wanted)
    for asset in library.assets:
        inside = asset.id in wanted
        assert selections.contains(library.reader, selection, asset.id) == inside
        found = selections.by_name(library.reader, selection, asset.columns["name"])
        assert (found is not None) == inside
        if found:
            assert found == (asset.id, asset.columns["name"], asset.columns["size"], asset.columns["mtime_ns"])


@pytest.mark.parametrize("selection", SELECTIONS, ids=describe)
def test_values(library: Any, shown_values: Values, strategy: str, selection: tree.Node) -> None:
    for attribute in FACETS:
        wanted = shown_values(selection, attribute)
        assert selections.values(library.reader, selection, attribute) == wanted, attribute
        assert selections.values(library.reader, selection, attribute, True) == wanted[::-1], attribute
        for value in [*shown_values(tree.Everything(), attribute)[:12], "no such"]:
            assert selections.has_value(library.reader, selection, attribute, value) == (value in wanted), value


def test_names_are_exact_but_for_their_normal_form(library: Any) -> None:
    asset = next(asset for asset in library.live if asset.columns["name"].startswith("Ł"))
    name = asset.columns["name"]
    decomposed = name.replace("ó", "o\N{COMBINING ACUTE ACCENT}")
    assert decomposed != name
    found = selections.by_name(library.reader, tree.Everything(), decomposed)
    assert found is not None
    assert found.id == asset.id
    assert selections.by_name(library.reader, tree.Everything(), name.upper()) is None
    assert selections.by_name(library.reader, tree.Everything(), "no such") is None


class _Watched:
    """A reader that remembers its statements."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self.asked: list[tuple[str, Any]] = []

    def all(self, sql: str, bindings: Any = ()) -> Any:
        self.asked.append((sql, bindings))
        return self._reader.all(sql, bindings)

    def one(self, sql: str, bindings: Any = ()) -> Any:
        self.asked.append((sql, bindings))
        return self._reader.one(sql, bindings)

    def value(self, sql: str, bindings: Any = ()) -> Any:
        self.asked.append((sql, bindings))
        return self._reader.value(sql, bindings)


def _paths(reader: Reader, view: View) -> Iterator[tuple[tuple[str, ...], tree.Node]]:
    """Every prefix of one path through a view, and its selection."""
    values: tuple[str, ...] = ()
    while True:
        selection = tree.conjoin(view.selected(TODAY), *view.nodes(values))
        yield values, selection
        if len(values) == len(view.group):
            return
        found = selections.values(reader, selection, view.group[len(values)].attribute)
        if not found:
            return
        values = (*values, found[-1])


@pytest.mark.parametrize("view", [view for view in VIEWS if view.layout != "disk"], ids=lambda view: view.name)
def test_no_view_scans_the_assets(library: Any, strategy: str, view: View) -> None:
    watched: Any = _Watched(library.reader)
    for values, selection in _paths(library.reader, view):
        if len(values) < len(view.group):
            level = view.group[len(values)]
            selections.values(watched, selection, level.attribute)
            selections.has_value(watched, selection, level.attribute, "2019-01-01")
        else:
            selections.page(watched, selection, 3, 100)
        selections.contains(watched, selection, 3)
        selections.by_name(watched, selection, "IMG_1.jpg")
    assert watched.asked
    for sql, bindings in watched.asked:
        plan = [row[3] for row in library.reader.all(f"EXPLAIN QUERY PLAN {sql}", bindings)]
        # `n` is the walk backwards from the newest asset, which ends after as many rows as were asked for.
        scans = [
            line for line in plan if line.split()[:2] in (["SCAN", "a"], ["SCAN", "b"], ["SCAN", "c"], ["SCAN", "d"])
        ]
        assert not scans, (sql, plan)


def test_a_tag_alone_is_listed_as_its_rows_come(library: Any) -> None:
    """Nothing is gathered or sorted before the first page: the rows of the facet are in ascending order of assets."""
    watched: Any = _Watched(library.reader)
    assert selections.page(watched, tree.OneOf("tag", "beach"), 0, 5)
    sql, bindings = watched.asked[-1]
    plan = [row[3] for row in library.reader.all(f"EXPLAIN QUERY PLAN {sql}", bindings)]
    assert [line.split()[:2] for line in plan] == [["SEARCH", "t"], ["SEARCH", "a"]], plan


def test_listing_goes_on_where_it_was_when_assets_come_and_go(empty: Any) -> None:
    row = "INSERT INTO asset(id, size, name, name_key, live, arrived_ns, kind, local, origin, mtime_ns, year, month, week, day)"
    with empty.write() as tx:
        for number in range(1, 7):
            tx.run(
                f"{row} VALUES (?, 1, ?, ?, 1, 1, 'photo', '2020-01-01T00:00:00', 'exif', 1, '2020', '2020-01', '2020-W01',"
                " '2020-01-01')",
                (number * 10, f"{number}.jpg", f"{number}.jpg"),
            )
    month = tree.Equals("month", "2020-01")
    assert [found.id for found in selections.page(empty, month, 0, 3)] == [10, 20, 30]
    with empty.write() as tx:
        tx.run("UPDATE asset SET live=0 WHERE id=30")
        tx.run("UPDATE asset SET month='2020-02' WHERE id=40")
    assert [found.id for found in selections.page(empty, month, 30, 3)] == [50, 60]
