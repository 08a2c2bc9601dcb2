"""Laws that hold for every registered view, in every rendition, in any library. A new view is found by them."""

from __future__ import annotations

import string
from unicodedata import normalize

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.made import Library, Made, Spec

from albumsd.core import names
from albumsd.core.errors import NotFound
from albumsd.core.ids import asset_inode
from albumsd.store import changes
from albumsd.vfs.node import Content, Folder, Leaf
from albumsd.vfs.renditions import FORMS, Form
from albumsd.vfs.traces import ATTRIBUTES, names_of
from albumsd.views import VIEWS, View

PLACES = [
    ("Portugal", "Lisboa", "Lisbon", ""),
    ("Portugal", "Lisboa", "Lisbon", "Alfama"),
    ("Portugal", "", "Évora", ""),
    ("Japan", "Tokyo", "Tokyo", ""),
]
NAMES = [b"IMG_1.jpg", b"img_1.JPG", b"a\xff.jpg", "Ä.jpg".encode(), "A\u0308.jpg".encode(), b"x\n.png", b"notes.md"]

specs = st.builds(
    Spec,
    path=st.tuples(st.sampled_from([b"", b"2019/", b"2019/Trip/", b"b:c/"]), st.sampled_from(NAMES)).map(b"".join),
    content=st.integers(0, 4),
    source=st.integers(0, 1),
    kind=st.sampled_from(["photo", "video", "document", "other"]),
    captured=st.sampled_from([None, "2024-12-30T23:59:59", "2024-12-30T00:00:00", "2021-01-01T10:00:00", "1969-07-20T20:17:40"]),
    place=st.sampled_from([None, *PLACES]),
    camera=st.sampled_from([None, "Pixel 7", "A/B"]),
    tags=st.lists(st.sampled_from(["Beach", "a:b", "Familie/Oma"]), unique=True, max_size=2).map(tuple),
    flags=st.sampled_from([(), ("raw",), ("screenshots", "animated")]),
    problem=st.sampled_from([None, "truncated"]),
    suggested=st.sampled_from([(), ("Sea", "Beach"), ("a:b",)]),
    caption=st.sampled_from([None, "a dog on sand"]),
    cluster=st.sampled_from([None, "dog/beach", "Sea"]),
    preview=st.booleans(),
    hashed=st.booleans(),
)  # fmt: skip
libraries = st.lists(specs, max_size=12, unique_by=lambda spec: (spec.source, spec.path))

law = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
each_view = pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
each_form = pytest.mark.parametrize("form", FORMS, ids=lambda form: form.folder or "originals")


def alike(asked: bytes, shown: bytes) -> bool:
    """macOS asks for composed names in decomposed form."""
    return normalize("NFC", asked.decode("utf-8", "replace")) == normalize("NFC", shown.decode())


def top(form: Form, view: View) -> tuple[str, ...]:
    return (form.folder, view.name) if form.folder else (view.name,)


@each_view
@each_form
@law
@given(libraries)
def test_what_is_listed_can_be_looked_up(view: View, form: Form, found: list[Spec]) -> None:
    with Library(found) as made:
        for folder, entry in made.walk(made.folder(*top(form, view))):
            again = folder.lookup(made.reader, entry.name)
            if isinstance(entry.node, Leaf):
                assert again == entry.node
            else:
                assert isinstance(again, Folder)
                assert (again.inode, again.path) == (entry.node.inode, entry.node.path)


@each_view
@law
@given(libraries, st.integers(1, 5))
def test_a_listing_is_the_same_in_pages_of_any_size(view: View, found: list[Spec], count: int) -> None:
    with Library(found) as made:
        for form in FORMS:
            folder = made.folder(*top(form, view))
            for below in [folder, *(e.node for _, e in made.walk(folder) if isinstance(e.node, Folder))]:
                assert [e[:2] for e in made.listed(below, count)] == [e[:2] for e in made.listed(below)]


@each_view
@law
@given(libraries)
def test_names_are_legal_and_unique(view: View, found: list[Spec]) -> None:
    with Library(found) as made:
        for form in FORMS:
            seen: dict[tuple[str, ...], set[str]] = {}
            for folder, entry in made.walk(made.folder(*top(form, view))):
                assert len(entry.name) <= 255
                text = entry.name.decode()
                assert names.sanitise(text) == text or form.ending, text
                keys = seen.setdefault(folder.path, set())
                key = text if view.layout == "disk" else names.name_key(text)
                assert key not in keys, text
                keys.add(key)


@each_view
@law
@given(libraries)
def test_an_asset_has_one_inode_per_rendition(view: View, found: list[Spec]) -> None:
    with Library(found) as made:
        for form in FORMS:
            for _, entry in made.walk(made.folder(*top(form, view))):
                if isinstance(entry.node, Leaf) and not (form.content is Content.LINK and entry.node.text):
                    assert entry.node.inode == asset_inode(entry.node.asset, form.rendition)
                    assert made.tree.leaf(made.reader, entry.node.inode) == entry.node


@each_view
@law
@given(libraries)
def test_traces_name_all_that_is_listed(view: View, found: list[Spec]) -> None:
    """What the kernel is told of a change (vfs.traces) covers every name that the folders show."""
    with Library(found) as made:
        told = set()
        disk = {row[0]: lookups_path(made, row[0]) for row in made.reader.all("SELECT id FROM folder")}
        for (asset,) in made.reader.all("SELECT id FROM asset WHERE live"):
            facets = changes.snapshot(made.reader, asset)
            assert facets is not None
            told |= set(names_of(facets, FORMS[0], (), VIEWS, disk))
        for folder, entry in made.walk(made.folder(view.name)):
            if isinstance(entry.node, Leaf):
                assert (folder.path, entry.name) in told


def lookups_path(made: Made, folder: int) -> tuple[str, ...] | None:
    from albumsd.store import lookups

    return lookups.folder_shown_path(made.reader, folder)


def test_every_view_groups_by_what_changes_are_told_of() -> None:
    """A view may use any of these attributes; for another one, ``store.changes.Shown`` needs a field."""
    assert {level.attribute for view in VIEWS for level in view.group} <= ATTRIBUTES


@each_form
@law
@given(libraries)
def test_the_size_of_a_text_is_exact(form: Form, found: list[Spec]) -> None:
    with Library(found) as made:
        for _, entry in made.walk(made.folder(*top(form, VIEWS[0]))):
            if isinstance(entry.node, Leaf) and entry.node.content is Content.INFO:
                assert len(made.tree.content(made.reader, entry.node)) == entry.node.size
            elif isinstance(entry.node, Leaf) and entry.node.content is Content.LINK:
                assert len(made.tree.link_target(made.reader, entry.node)) == entry.node.size


@law
@given(libraries)
def test_the_tree_is_finite(found: list[Spec]) -> None:
    """A walk of the whole mount ends, with at most 40 names for each asset on average over few tags."""
    with Library(found) as made:
        leaves = [
            e for _, e in made.walk(made.tree.root) if isinstance(e.node, Leaf) and e.node.content is not Content.LINK
        ]
        live = made.reader.value("SELECT count(*) FROM asset WHERE live")
        fixed = 30
        assert len(leaves) <= 40 * max(1, live) + fixed


@each_view
@law
@given(libraries, st.text(string.printable + "äあ\udc80", max_size=8))
def test_unknown_names_are_not_found_and_nothing_else(view: View, found: list[Spec], name: str) -> None:
    with Library(found) as made:
        for folder in [
            made.folder(view.name),
            *(e.node for _, e in made.walk(made.folder(view.name)) if isinstance(e.node, Folder)),
        ]:
            listed = {entry.name for entry in made.listed(folder)}
            asked = name.encode("utf-8", "surrogateescape")
            if asked not in listed:
                try:
                    node = folder.lookup(made.reader, asked)
                except NotFound:
                    continue
                shown = node.path[-1] if isinstance(node, Folder) else ""
                assert any(alike(asked, entry.name) for entry in made.listed(folder)), shown


@law
@given(libraries)
def test_a_filter_shows_the_same_names_as_the_view_it_narrows(found: list[Spec]) -> None:
    with Library(found) as made:
        for view in VIEWS:
            whole = {
                (e[0].path[1:], e[1].name) for e in made.walk(made.folder(view.name)) if isinstance(e[1].node, Leaf)
            }
            narrowed = list(made.walk(made.folder("filter", "-nosuchword", view.name)))
            assert {(e[0].path[3:], e[1].name) for e in narrowed if isinstance(e[1].node, Leaf)} == whole
            none = list(made.walk(made.folder("filter", "nosuchword", view.name)))
            assert none == []
