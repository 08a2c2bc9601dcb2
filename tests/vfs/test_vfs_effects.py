"""What the kernel is told when rows change: every name that no longer means what it did, and every new one."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.made import MTIME, Library, Made, Spec

from albumsd.core.facts import CaptureTime, Facts
from albumsd.store import assets, changes, files
from albumsd.vfs.effects import Arrival, Effects
from albumsd.vfs.node import Folder

Maker = Callable[..., Made]
Names = dict[tuple[tuple[str, ...], bytes], int]


def everything(made: Made) -> Names:
    """Every name in the views (not what texts say of themselves), with the inode that it leads to."""
    skip = {"search", "filter", "sources", "status", "README.txt"}
    found: Names = {}
    for folder, entry in made.walk(made.tree.root):
        path = (*folder.path, entry.name.decode())
        if not skip & set(path[:2]):
            found[folder.path, entry.name] = entry.node.inode
    return found


def effects(made: Made, gen: int, held: Callable[[tuple[str, ...]], bool] = lambda path: True) -> Effects:
    rows = changes.since(made.reader, gen)
    assert rows is not None
    return made.tree.apply(made.reader, rows, held)


def act(made: Made, number: int, what: str) -> None:
    """Something that a scan or a stage does to the ``number``-th file."""
    row = made.database.one(
        "SELECT id, asset, folder, name, size, mtime_ns, inode, missing_ns FROM file LIMIT 1 OFFSET ?", (number,)
    )
    if row is None:
        return
    file, asset, folder, name, size, mtime_ns, inode, missing = row
    path = made.database.value("SELECT path FROM folder WHERE id=?", (folder,))
    with made.database.write() as tx:
        if what == "date":
            facts = Facts(kind="photo", mime="image/jpeg", captured=CaptureTime("2011-02-03T04:05:06", None, "exif"))
            assets.store_facts(tx, asset, facts)
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
    preview=st.just(False),
)
acts = st.lists(
    st.tuples(st.integers(0, 4), st.sampled_from(["date", "place", "identify", "vanish", "change", "move"])), max_size=6
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(specs, max_size=5, unique_by=lambda spec: (spec.source, spec.path)), acts)
def test_every_name_that_lost_its_meaning_is_told(found: list[Spec], done: list[tuple[int, str]]) -> None:
    with Library(found) as made:
        before, gen = everything(made), changes.latest(made.reader)
        for number, what in done:
            act(made, number, what)
        told, after = effects(made, gen), everything(made)
        gone = set(told.gone)
        for (path, name), inode in before.items():
            if after.get((path, name)) != inode:
                above = {(path[:end], path[end].encode()) for end in range(len(path))}
                by_clock = {"recent", "on-this-day"} & set(path[:2])
                assert (path, name) in gone or above & gone or inode in told.inodes or by_clock, (path, name)


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
            inside_copies = path[-2:-1] == ("duplicates",)
            by_clock = {"recent", "on-this-day"} & set(path[:2])
            assert (path, name) in announced or above & announced or inside_copies or by_clock, (path, name)


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


def test_folders_that_nobody_holds_are_not_told(make: Maker) -> None:
    made = make([Spec(b"a.jpg", 1)])
    gen = changes.latest(made.reader)
    act(made, 0, "date")
    assert not effects(made, gen, lambda path: False).gone
    held = effects(made, gen, lambda path: path == ("by-date", "2020", "2020-09"))
    assert held.gone == [(("by-date", "2020", "2020-09"), b"a.jpg")]


def test_a_filter_in_use_is_told_too(make: Maker) -> None:
    made = make([Spec(b"a.jpg", 1)])
    assert isinstance(made.at("filter", "type=photos", "by-date", "2020", "2020-09"), Folder)
    gen = changes.latest(made.reader)
    act(made, 0, "vanish")
    assert (("filter", "type=photos", "by-date", "2020", "2020-09"), b"a.jpg") in effects(made, gen).gone


def test_the_folder_times_follow(make: Maker, monkeypatch) -> None:
    made = make([Spec(b"a.jpg", 1), Spec(b"b.jpg", 2, captured="2024-04-13T10:00:00")])
    gen = changes.latest(made.reader)
    touched, other = made.folder("by-date", "2020", "2020-09"), made.folder("by-date", "2024", "2024-04")
    before = made.tree.folder_mtime_ns(other)
    act(made, 0, "date")
    monkeypatch.setenv("ALBUMSD_NOW", "2036-01-01T00:00:00")
    effects(made, gen)
    assert made.tree.folder_mtime_ns(other) == before < made.tree.folder_mtime_ns(touched)
