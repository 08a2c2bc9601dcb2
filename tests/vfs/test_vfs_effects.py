"""What the kernel is told when rows change: every name that no longer means what it did, and every new one."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.made import MTIME, Library, Made, Spec, cluster

from albumsd.core.facts import CaptureTime, Facts
from albumsd.store import assets, changes, files, sources, suggestions
from albumsd.vfs.effects import Arrival, Effects
from albumsd.vfs.node import Folder, Leaf

Maker = Callable[..., Made]
Names = dict[tuple[tuple[str, ...], bytes], tuple[int, int]]


FILTERS = [
    ("filter", "rating=1+"), ("filter", "place=chile"), ("info", "filter", "tag=beach"), ("filter", "cluster=sea"),
    ("filter", "dog"),
]  # fmt: skip


def everything(made: Made) -> Names:
    """Every name in the views and in some filters, with what it leads to: inode, and size of a file."""
    skip = {"search", "filter", "sources", "status", "README.txt"}
    found: Names = {}
    tops = [made.tree.root, *(made.folder(*path) for path in FILTERS)]
    for top in tops:
        for folder, entry in made.walk(top):
            path = (*folder.path, entry.name.decode())
            if top is not made.tree.root or not skip & set(path[:2]):
                size = entry.node.size if isinstance(entry.node, Leaf) else 0
                found[folder.path, entry.name] = (entry.node.inode, size)
    return found


def effects(made: Made, gen: int, held: Callable[[tuple[str, ...]], bool] = lambda path: True) -> Effects:
    rows = changes.since(made.reader, gen)
    assert rows is not None
    return made.tree.apply(made.reader, rows, held)


def act(made: Made, number: int, what: str) -> None:
    """Something that a scan, a stage or brain does to the ``number``-th file."""
    row = made.database.one(
        "SELECT id, asset, folder, name, size, mtime_ns, inode, missing_ns FROM file LIMIT 1 OFFSET ?", (number,)
    )
    if row is None:
        return
    file, asset, folder, name, size, mtime_ns, inode, missing = row
    path = made.database.value("SELECT path FROM folder WHERE id=?", (folder,))
    if what == "cluster":
        cluster(made.database, {asset: ("dogs", "Sea", None)[number % 3]})
        return
    with made.database.write() as tx:
        if what == "date":
            facts = Facts(kind="photo", mime="image/jpeg", captured=CaptureTime("2011-02-03T04:05:06", None, "exif"))
            assets.store_facts(tx, asset, facts)
        elif what == "stars":
            facts = Facts(kind="photo", mime="image/jpeg", rating=number % 3, description="stars " * number)
            assets.store_facts(tx, asset, facts)
        elif what == "preview":
            assets.set_preview(tx, asset, 40 + number, 4, 1, 1, None)
        elif what == "folder goes" and path:
            for (gone,) in tx.all("SELECT id FROM file WHERE folder=?", (folder,)):
                files.vanish(tx, gone)
            files.remove_folder(tx, folder)
        elif what == "suggest":
            suggestions.set_tags(tx, asset, [[("Sea", 0.5)], [("Beach", 0.4)], []][number % 3], "Toy")
        elif what == "caption":
            suggestions.set_caption(tx, asset, "a dog" if number % 2 else None, "Toy")
        elif what == "place":
            assets.set_place(tx, asset, ("Chile", "Valparaíso", "Valparaíso", "", -33.0, -71.6))
        elif what == "identify":
            if tx.value("SELECT sha256 IS NULL FROM asset WHERE id=?", (asset,)):
                assets.identify(tx, asset, hashlib.sha256(b"0").digest())
        elif what == "vanish":
            files.vanish(tx, file)
        elif what == "change":
            known = files.Known(file, name, size, mtime_ns, inode, asset, missing)
            files.change(tx, known, path, files.Entry(name, size + 7, mtime_ns + 10**9, inode), 1)
        elif what == "move":
            target = files.ensure_folder(tx, 1, b"Moved here")
            if not tx.value("SELECT 1 FROM file WHERE folder=? AND name=?", (target, name)):
                files.move(tx, file, target, files.Entry(name, size, mtime_ns, inode))


specs = st.builds(
    Spec,
    path=st.sampled_from([b"a.jpg", b"2019/a.jpg", b"2019/b.jpg", b"x\n.png"]),
    content=st.integers(0, 2),
    source=st.integers(0, 1),
    captured=st.sampled_from([None, "2024-12-30T23:59:59"]),
    tags=st.sampled_from([(), ("Beach",)]),
    hashed=st.booleans(),
    preview=st.booleans(),
    cluster=st.sampled_from([None, "dogs"]),
)
ACTS = [
    "date", "stars", "place", "identify", "preview", "vanish", "change", "move", "folder goes", "suggest", "caption",
    "cluster",
]  # fmt: skip
acts = st.lists(st.tuples(st.integers(0, 4), st.sampled_from(ACTS)), max_size=6)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(specs, max_size=5, unique_by=lambda spec: (spec.source, spec.path)), acts)
def test_every_name_that_lost_its_meaning_is_told(found: list[Spec], done: list[tuple[int, str]]) -> None:
    with Library(found) as made:
        before, gen = everything(made), changes.latest(made.reader)
        for number, what in done:
            act(made, number, what)
        told, after = effects(made, gen), everything(made)
        gone = set(told.gone) | told.doubtful
        for (path, name), (inode, size) in before.items():
            there = after.get((path, name))
            if there != (inode, size):
                above = {(path[:end], path[end].encode()) for end in range(len(path))}
                known = (path, name) in gone or bool(above & gone)
                # A folder of a filter that is empty now stays for a while, empty: nobody is misled.
                empty = "filter" in path and (path, name) not in after and inode & (1 << 62)
                same = there is not None and there[0] == inode and inode in told.inodes
                assert known or empty or same or (inode in told.inodes and there is None), (path, name, there)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(specs, max_size=5, unique_by=lambda spec: (spec.source, spec.path)), acts)
def test_every_new_name_is_announced(found: list[Spec], done: list[tuple[int, str]]) -> None:
    with Library(found) as made:
        before, gen = everything(made), changes.latest(made.reader)
        for number, what in done:
            act(made, number, what)
        told, after = effects(made, gen), everything(made)
        announced = {(arrival.path, arrival.name) for arrival in told.arrived}
        for path, name in set(after) - set(before):
            above = {(path[:end], path[end].encode()) for end in range(len(path))}
            narrow = {"recent", "on-this-day", "filter"} & set(path[:3])
            assert (path, name) in announced or above & announced or narrow, (path, name)


def test_a_folder_is_announced_with_its_first_asset_and_only_then(make: Maker) -> None:
    made = make([Spec(b"a.jpg", 1, captured="2024-04-13T10:00:00")])
    gen = changes.latest(made.reader)
    with made.database.write() as tx:
        root = files.ensure_folder(tx, 1, b"")
        files.arrive(tx, root, b"", [files.Entry(b"IMG_20240414_101010.jpg", 1, MTIME, 0)], 1)
        files.arrive(tx, root, b"", [files.Entry(b"IMG_20240501_101010.jpg", 1, MTIME, 0)], 1)
    told = effects(made, gen)
    assert Arrival(("by-date", "2024"), b"2024-05", True) in told.arrived
    assert Arrival(("by-date", "2024"), b"2024-04", True) not in told.arrived


def test_an_asset_that_leaves_a_filter_is_asked_for_again(make: Maker) -> None:
    made = make([Spec(b"a.jpg", 1), Spec(b"b.jpg", 2)])
    act(made, 1, "stars")
    folder = made.folder("filter", "rating=1", "by-date", "2020", "2020-09")
    assert made.names(*folder.path) == ["b.jpg"]
    gen = changes.latest(made.reader)
    facts = Facts(kind="photo", mime="image/jpeg", rating=5)
    with made.database.write() as tx:
        assets.store_facts(tx, tx.value("SELECT id FROM asset WHERE name='b.jpg'"), facts)
    told = effects(made, gen)
    assert (folder.path, b"b.jpg") in told.doubtful
    assert (folder.path, b"b.jpg") not in told.gone


def test_what_is_only_told_of_an_asset_renews_its_info(make: Maker) -> None:
    made = make([Spec(b"a.jpg", 1)])
    leaf, gen = made.at("info", "by-date", "2020", "2020-09", "a.jpg.txt"), changes.latest(made.reader)
    with made.database.write() as tx:
        assets.store_facts(tx, 1, Facts(kind="photo", mime="image/jpeg", description="a description"))
    assert made.at("info", "by-date", "2020", "2020-09", "a.jpg.txt").size != leaf.size
    assert effects(made, gen).inodes == {leaf.inode}


def test_the_readme_is_renewed_when_a_source_comes(make: Maker) -> None:
    made = make()
    gen, leaf = changes.latest(made.reader), made.at("README.txt")
    with made.database.write() as tx:
        changes.record(tx, "source", 1)
    told = effects(made, gen)
    assert ((), b"README.txt") in told.doubtful
    assert leaf.inode in told.inodes


def test_a_drive_that_goes_changes_no_time_and_no_name(make: Maker) -> None:
    made = make([Spec(b"2019/a.jpg", 1)])
    gen = changes.latest(made.reader)
    made.names("by-folder", "Source 0")
    with made.database.write() as tx:
        sources.set_state(tx, 1, "offline", "it is away")
    told = effects(made, gen)
    assert told.gone == []
    assert told.touched == {("sources",), ("status",)}


def test_a_source_that_is_forgotten_leaves_by_folder(make: Maker) -> None:
    made = make([Spec(b"2019/a.jpg", 1)])
    made.names("by-folder")
    gen = changes.latest(made.reader)
    sources.forget(made.database, "Source 0")
    assert (("by-folder",), b"Source 0") in effects(made, gen).gone


def test_of_many_arrivals_only_the_folders_are_told(make: Maker) -> None:
    made = make([Spec(b"a.jpg", 1)])
    gen = changes.latest(made.reader)
    with made.database.write() as tx:
        root = files.ensure_folder(tx, 1, b"")
        for start in (0, 150):
            entries = [files.Entry(b"%03d.jpg" % n, 1, MTIME, 0) for n in range(start, start + 150)]
            files.arrive(tx, root, b"", entries, 1)
    told = effects(made, gen)
    assert told.arrived == []
    assert {("by-date", "2020", "2020-09"), ("by-folder", "Source 0"), ("recent",)} <= told.touched


def test_folders_that_nobody_holds_are_not_told(make: Maker) -> None:
    made = make([Spec(b"a.jpg", 1)])
    gen = changes.latest(made.reader)
    act(made, 0, "date")
    assert not effects(made, gen, lambda path: False).gone
    held = effects(made, gen, lambda path: path == ("by-date", "2020", "2020-09"))
    assert held.gone == []  # its view is not held, so the kernel cannot hold what is below
    path = ("by-date", "2020", "2020-09")
    held = effects(made, gen, lambda asked: asked == path[: len(asked)])
    assert held.gone[0] == (path, b"a.jpg")


def test_a_filter_in_use_is_told_too(make: Maker) -> None:
    made = make([Spec(b"a.jpg", 1)])
    assert isinstance(made.at("filter", "type=photos", "by-date", "2020", "2020-09"), Folder)
    gen = changes.latest(made.reader)
    act(made, 0, "vanish")
    assert (("filter", "type=photos", "by-date", "2020", "2020-09"), b"a.jpg") in effects(made, gen).gone


def test_a_folder_is_never_older_than_its_last_change(make: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    made = make([Spec(b"a.jpg", 1), Spec(b"b.jpg", 2, captured="2024-04-13T10:00:00")])
    touched, other = made.folder("by-date", "2020", "2020-09"), made.folder("by-date", "2024", "2024-04")
    before = made.tree.folder_mtime_ns(other)
    made.tree.folder_mtime_ns(touched)
    gen = changes.latest(made.reader)
    act(made, 0, "date")
    monkeypatch.setenv("ALBUMSD_NOW", "2036-01-01T00:00:00")
    effects(made, gen)
    assert made.tree.folder_mtime_ns(other) == before < made.tree.folder_mtime_ns(touched)
    never_seen = made.folder("by-date", "2011")
    assert made.tree.folder_mtime_ns(never_seen) == made.tree.folder_mtime_ns(touched)
