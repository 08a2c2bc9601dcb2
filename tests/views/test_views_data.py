"""Laws of views as data: what a folder selects, and what every registered view says of itself."""

from __future__ import annotations

import re
from dataclasses import FrozenInstanceError

import pytest

from albumsd.query.tree import Equals, Everything, Node, OneOf, SameDay
from albumsd.views import BY_NAME, MODULES, VIEWS, Level, View
from albumsd.views.view import DAY, MONTH, MULTI, TODAY, WEEK, YEAR

GROUPED = [view for view in VIEWS if view.layout == "assets"]


def values_of(view: View) -> tuple[str, ...]:
    """A made-up value for every level of a view."""
    return tuple(f"value {number}" for number in range(len(view.group)))


def attribute(node: Node) -> str:
    assert isinstance(node, Equals | OneOf)
    return node.attribute


# --------------------------------------------------------------------------------------- the registry


def test_the_registry_is_in_the_order_of_its_modules() -> None:
    assert [view.name for view in VIEWS] == [module.replace("_", "-") for module in MODULES]


def test_names_are_unique_legal_folder_names() -> None:
    assert list(BY_NAME) == [view.name for view in VIEWS]
    assert [view.name for view in VIEWS if not re.fullmatch(r"[a-z]+(-[a-z]+)*", view.name)] == []


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_help_is_one_line_that_ends_as_a_sentence(view: View) -> None:
    assert view.help[0].isupper()
    assert view.help.endswith(".")
    assert "\n" not in view.help


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_the_example_lies_as_deep_as_the_view(view: View) -> None:
    """A folder per level that must be there, then a file; a disk has as many folders as it likes, a group of copies one."""
    parts = view.example.split("/")
    assert all(parts)
    assert re.search(r"\.\w+\]?$", parts[-1]) or view.layout == "copies"
    folders = len(parts) - 1
    if view.layout == "disk":
        assert folders >= 1
    elif view.layout == "copies":
        assert folders == 1
    else:
        assert sum(not level.optional for level in view.group) <= folders <= len(view.group)


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_levels_say_which_come_last(view: View) -> None:
    attributes = [level.attribute for level in view.group]
    assert len(set(attributes)) == len(attributes)
    optional = [level.optional for level in view.group]
    assert optional == sorted(optional), "nothing that must be there lies below what may be missing"
    assert not view.group or view.layout == "assets", "a disk and its copies have the levels of the disk"


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_a_view_cannot_be_changed_and_compares_by_value(view: View) -> None:
    with pytest.raises(FrozenInstanceError):
        view.name = "other"  # type: ignore[misc]
    same = View(view.name, view.help, view.example, view.selection, view.group, view.layout)
    assert (same, hash(same)) == (view, hash(view))


# ---------------------------------------------------------------------------------------- selections


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_the_top_of_a_view_narrows_nothing(view: View) -> None:
    assert view.nodes(()) == []


@pytest.mark.parametrize("view", GROUPED, ids=lambda view: view.name)
def test_every_level_narrows_by_its_own_value(view: View) -> None:
    values = values_of(view)
    for depth in range(1, len(values) + 1):
        assert view.nodes(values[:depth])[-1] == view.group[depth - 1].node(values[depth - 1])


@pytest.mark.parametrize("view", GROUPED, ids=lambda view: view.name)
def test_a_level_drops_only_the_dates_that_it_implies(view: View) -> None:
    """Below a month its year is no condition any more; a camera, a type, a tag always stays one."""
    values = values_of(view)
    kept = [attribute(node) for node in view.nodes(values)]
    last = max((number for number, level in enumerate(view.group) if level.refines), default=0)
    wanted = [
        level.attribute
        for number, level in enumerate(view.group)
        if number >= last or level.attribute not in {"year", "week_year", "month", "week"}
    ]
    assert [name for name in kept if name != "week_year"] == [name for name in wanted if name != "week_year"]


def test_the_walk_down_a_date() -> None:
    view = View("x", "X.", "x", group=(YEAR, MONTH, DAY))
    assert view.nodes(("2024",)) == [Equals("year", "2024")]
    assert view.nodes(("2024", "2024-04")) == [Equals("month", "2024-04")]
    assert view.nodes(("2024", "2024-04", "2024-04-13")) == [Equals("day", "2024-04-13")]


def test_the_walk_down_a_type_keeps_the_type() -> None:
    view = View("x", "X.", "x", group=(Level("type"), YEAR, MONTH))
    assert view.nodes(("videos", "2024")) == [OneOf("type", "videos"), Equals("year", "2024")]
    assert view.nodes(("videos", "2024", "2024-04")) == [OneOf("type", "videos"), Equals("month", "2024-04")]


def test_a_year_that_does_not_stand_above_its_month_is_kept() -> None:
    view = View("x", "X.", "x", group=(MONTH, YEAR))
    assert view.nodes(("2024-04", "2024")) == [Equals("month", "2024-04"), Equals("year", "2024")]


@pytest.mark.parametrize("level", [YEAR, MONTH, DAY, WEEK, Level("camera"), *(Level(name) for name in sorted(MULTI))])
def test_what_an_asset_has_several_of_is_asked_as_one_of_them(level: Level) -> None:
    node = level.node("v")
    assert isinstance(node, OneOf) == (level.attribute in MULTI)
    assert node == (OneOf if level.attribute in MULTI else Equals)(level.attribute, "v")


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_only_on_this_day_depends_on_the_day(view: View) -> None:
    two = view.selected("2024-04-13"), view.selected("2024-12-31")
    assert (two[0] != two[1]) == (view.selection == TODAY) == (view.name == "on-this-day")
    if view.selection != TODAY:
        assert two[0] == view.selection


def test_today_is_a_day_of_any_year() -> None:
    view = View("x", "X.", "x", selection=TODAY)
    assert view.selected("2024-02-29") == SameDay("02-29")
    assert View("x", "X.", "x").selected("2024-02-29") == Everything()
