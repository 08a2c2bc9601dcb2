"""What becomes of an asset when its content becomes known, changes in place, moves or goes."""

from __future__ import annotations

from typing import Any

import pytest

from albumsd.core.facts import Facts, Problem
from albumsd.store import assets, changes, files, readings, sources


def test_a_new_file_is_shown_at_once_by_folder_and_provisional_date(lib: Any) -> None:
    (asset,) = lib.arrive("2019/trip/IMG_20190704_101112.jpg")
    row = lib.db.one(
        "SELECT live, copies, kind, local, origin, year, month, week, day, mime, sha256 FROM asset WHERE id=?", (asset,)
    )
    assert row == (
        1,
        1,
        "photo",
        "2019-07-04T10:11:12",
        "name",
        "2019",
        "2019-07",
        "2019-W27",
        "2019-07-04",
        "image/jpeg",
        None,
    )
    assert lib.db.all("SELECT facet, value FROM asset_facet WHERE asset=?", (asset,)) == [("type", "photos")]
    assert lib.db.all("SELECT stage, version, state, priority FROM job WHERE asset=?", (asset,)) == [
        ("facts", 1, "open", 2019 * 372 + 7 * 31 + 4)
    ]


@pytest.mark.parametrize(
    ("path", "origin", "day"),
    [
        ("x.jpg", "mtime", "2024-04-13"),
        ("2001-02-03 Rome/x.jpg", "folder", "2001-02-03"),
        ("2001-02-03 Rome/2002-03-04.jpg", "name", "2002-03-04"),
    ],
)
def test_what_arrives_is_what_refresh_would_say(lib: Any, path: str, origin: str, day: str) -> None:
    (asset,) = lib.arrive(path)
    before = lib.db.one("SELECT * FROM asset WHERE id=?", (asset,))
    assert lib.db.one("SELECT origin, day FROM asset WHERE id=?", (asset,)) == (origin, day)
    with lib.db.write() as tx:
        assets.refresh(tx, asset)
    assert lib.db.one("SELECT * FROM asset WHERE id=?", (asset,)) == before


@pytest.mark.parametrize("mtime_ns", [-(10**18), -1, 0, 10**9, 4_000_000_000 * 10**9, 2**62, -(2**62)])
def test_any_mtime_has_a_place_in_the_calendar(lib: Any, mtime_ns: int) -> None:
    (asset,) = lib.arrive("x.jpg", mtime_ns=mtime_ns)
    before = lib.db.one("SELECT * FROM asset WHERE id=?", (asset,))
    with lib.db.write() as tx:
        assets.refresh(tx, asset)
    assert lib.db.one("SELECT * FROM asset WHERE id=?", (asset,)) == before


def test_a_copy_becomes_the_second_file_and_the_provisional_id_is_never_given_again(lib: Any) -> None:
    one, two = lib.arrive("a/x.jpg", "b/y.jpg")
    assert lib.identify(one, "same") == one
    assert lib.identify(two, "same") == one
    assert lib.asset("b/y.jpg") == one
    assert lib.name(two) is None
    assert lib.db.all("SELECT 1 FROM job WHERE asset=?", (two,)) == []
    assert lib.db.value("SELECT copies FROM asset WHERE id=?", (one,)) == 2
    (three,) = lib.arrive("c/z.jpg")
    assert three > two


@pytest.mark.parametrize("first", [0, 1])
def test_which_of_two_copies_is_read_first_does_not_decide_the_name(lib: Any, first: int) -> None:
    pair = lib.arrive("a/x.jpg", "b/x.jpg")
    for asset in (pair[first], pair[1 - first]):
        lib.identify(asset, "same")
    assert lib.names() == ["x.jpg"]


def test_a_later_copy_does_not_rename_what_is_shown(lib: Any) -> None:
    one, two = lib.arrive("a/x.jpg", "b/x.jpg")
    lib.identify(two, "two")
    settled = lib.name(two)
    lib.vanish("a/x.jpg")  # one never had an identity: its plain name is free again
    (three,) = lib.arrive("c/x.jpg")
    assert lib.name(three) == "x.jpg"
    assert lib.identify(three, "two") == two
    assert lib.name(two) == settled
    assert one != three


def test_hard_links_count_once_also_across_sources_of_one_volume(lib: Any) -> None:
    other = lib.add_source("other")
    with lib.db.write() as tx:
        tx.run("UPDATE source_state SET volume='uuid'")
    one, two = lib.arrive("a/x.jpg", "b/x.jpg", inode=77)
    (three,) = lib.arrive("c/x.jpg", inode=77, source=other)
    (four,) = lib.arrive("d/x.jpg", inode=78)
    for asset in (one, two, three, four):
        lib.identify(asset, "same")
    assert lib.db.value("SELECT copies FROM asset WHERE id=?", (one,)) == 2


def test_an_identity_is_never_replaced(lib: Any) -> None:
    (one,) = lib.arrive("a/x.jpg")
    lib.identify(one, "one")
    assert lib.identify(one, "other bytes, same stat") == one
    assert lib.db.value("SELECT sha256 FROM asset WHERE id=?", (one,)) == lib.sha("one")
    assert lib.identify(999, "nothing there") == 999


def test_changed_in_place_is_a_succession_and_the_heir_bears_the_name(lib: Any) -> None:
    (old,) = lib.arrive("a/x.jpg")
    lib.identify(old, "old")
    new = lib.change("a/x.jpg")
    assert new != old
    assert lib.names() == ["x.jpg"]
    assert lib.name(old) == f"x~{lib.sha('old').hex()[:4]}.jpg"
    assert lib.identify(new, "new") == new
    assert lib.db.all("SELECT old, new, source, path, undone_ns FROM succession") == [
        (lib.sha("old"), lib.sha("new"), "photos", b"a/x.jpg", None)
    ]
    assert lib.name(new) == "x.jpg"
    assert lib.db.value("SELECT previous FROM file") is None


def test_a_file_that_was_only_touched_is_the_old_asset_under_its_old_name(lib: Any) -> None:
    (old,) = lib.arrive("a/x.jpg")
    lib.identify(old, "old")
    standin = lib.change("a/x.jpg", size=1000)
    assert lib.identify(standin, "old") == old
    assert lib.name(old) == "x.jpg"
    assert lib.name(standin) is None
    assert lib.db.value("SELECT count(*) FROM succession") == 0
    assert lib.names() == ["x.jpg"]


def test_a_touched_copy_does_not_take_the_name_of_the_stand_in(lib: Any) -> None:
    one, two = lib.arrive("a/x.jpg", "b/y.jpg")
    lib.identify(one, "same")
    lib.identify(two, "same")
    standin = lib.change("b/y.jpg", size=1000)
    assert lib.name(one) == "x.jpg"
    assert lib.identify(standin, "same") == one
    assert lib.name(one) == "x.jpg"


def test_no_succession_while_another_file_holds_the_old_content(lib: Any) -> None:
    one, two = lib.arrive("a/x.jpg", "b/x.jpg")
    lib.identify(one, "same")
    lib.identify(two, "same")
    new = lib.change("b/x.jpg")
    lib.identify(new, "new")
    assert lib.db.value("SELECT count(*) FROM succession") == 0
    assert lib.name(one) == "x.jpg"
    assert lib.name(new) == f"x~{lib.sha('new').hex()[:4]}.jpg", "settled, not left with a provisional suffix"


def test_changed_into_content_that_is_known_elsewhere(lib: Any) -> None:
    old, other = lib.arrive("a/x.jpg", "b/y.jpg")
    lib.identify(old, "old")
    lib.identify(other, "other")
    standin = lib.change("a/x.jpg")
    assert lib.identify(standin, "other") == other
    assert lib.db.all("SELECT old, new FROM succession") == [(lib.sha("old"), lib.sha("other"))]
    assert lib.name(old) == "x.jpg", "it keeps its name while it is away"
    assert lib.name(other) == "y.jpg"


def test_changed_twice_before_the_hash(lib: Any) -> None:
    (old,) = lib.arrive("a/x.jpg")
    lib.identify(old, "old")
    first = lib.change("a/x.jpg")
    second = lib.change("a/x.jpg", size=3000)
    assert lib.name(first) is None
    assert lib.names() == ["x.jpg"]
    lib.identify(second, "new")
    assert lib.db.all("SELECT old, new FROM succession") == [(lib.sha("old"), lib.sha("new"))]
    assert lib.name(second) == "x.jpg"


def test_a_provisional_file_that_changes_keeps_its_name_and_settles(lib: Any) -> None:
    _, two = lib.arrive("a/x.jpg", "b/x.jpg")
    before = lib.name(two)
    new = lib.change("b/x.jpg")
    assert lib.name(new) == before
    lib.identify(new, "new")
    assert lib.name(new) == f"x~{lib.sha('new').hex()[:4]}.jpg"
    assert lib.db.value("SELECT count(*) FROM succession") == 0


def test_a_change_that_vanishes_before_its_hash_gives_the_name_back(lib: Any) -> None:
    (old,) = lib.arrive("a/x.jpg")
    lib.identify(old, "old")
    lib.change("a/x.jpg")
    lib.vanish("a/x.jpg")
    assert lib.names() == []
    assert lib.name(old) == "x.jpg"
    (again,) = lib.arrive("c/x.jpg")
    assert lib.identify(again, "old") == old
    assert lib.names() == ["x.jpg"]


def test_what_vanished_comes_back_as_itself(lib: Any) -> None:
    (old,) = lib.arrive("a/x.jpg")
    lib.facts(old, Facts(kind="photo", tags=("dog",)))
    lib.identify(old, "old")
    lib.vanish("a/x.jpg")
    assert changes.snapshot(lib.db, old) is None
    (again,) = lib.arrive("elsewhere/y.jpg")
    assert lib.identify(again, "old") == old
    assert lib.names() == ["x.jpg"]
    assert ["tag", "dog"] in changes.snapshot(lib.db, old).facets


def test_a_move_changes_neither_asset_nor_name(lib: Any) -> None:
    (one,) = lib.arrive("2001-02-03/x.jpg")
    lib.identify(one, "one")
    with lib.db.write() as tx:
        files.move(
            tx,
            lib.file("2001-02-03/x.jpg"),
            files.ensure_folder(tx, lib.source, b"2002-03-04"),
            files.Entry(b"z.jpg", 1000, 5, 9),
        )
    assert lib.asset("2002-03-04/z.jpg") == one
    assert lib.names() == ["x.jpg"]
    assert lib.db.value("SELECT day FROM asset") == "2002-03-04"


def test_held_files_stay_listed_until_the_person_confirms(lib: Any) -> None:
    lib.arrive("a/x.jpg", "a/y.jpg")
    before = lib.snapshots()
    with lib.db.write() as tx:
        files.hold(tx, [lib.file("a/x.jpg"), lib.file("a/y.jpg")])
    assert lib.snapshots() == before
    assert len(files.missing(lib.db, lib.source)) == 2
    assert files.files_below(lib.db, lib.source, b"a") == []
    with lib.db.write() as tx:
        back = lib.known("a/x.jpg")
        files.settle_stat(tx, back.id, files.Entry(back.name, back.size, back.mtime_ns, back.inode))
    assert len(files.missing(lib.db, lib.source)) == 1
    assert sources.confirm_missing(lib.db, "photos") == 1
    assert lib.names() == ["x.jpg"]


def test_a_held_file_that_turned_up_elsewhere_has_moved(lib: Any) -> None:
    (one,) = lib.arrive("a/x.jpg")
    lib.identify(one, "one")
    with lib.db.write() as tx:
        files.hold(tx, [lib.file("a/x.jpg")])
        sources.resolve_moved(tx, one)
    assert lib.asset("a/x.jpg") == one, "nobody else has it: it is held still"
    (two,) = lib.arrive("b/x.jpg")
    assert lib.identify(two, "one") == one
    with lib.db.write() as tx:
        sources.resolve_moved(tx, one)
    assert lib.db.value("SELECT count(*) FROM file") == 1
    assert lib.asset("b/x.jpg") == one


def test_forgetting_a_source_keeps_assets_and_what_a_person_made(lib: Any) -> None:
    one, two = lib.arrive("a/x.jpg", "a/y.jpg")
    lib.identify(one, "one")
    lib.change("a/x.jpg")
    lib.identify(lib.asset("a/x.jpg"), "new")
    assert sources.forget(lib.db, "photos") == 2
    assert lib.names() == []
    assert lib.name(two) is None, "nothing is known of it"
    assert lib.db.value("SELECT sha256 FROM asset WHERE id=?", (one,)) == lib.sha("one")
    assert lib.db.value("SELECT count(*) FROM succession") == 1
    assert [row[0] for row in lib.db.all("SELECT count(*) FROM folder UNION ALL SELECT count(*) FROM source")] == [0, 0]
    again = lib.add_source("photos")
    (back,) = lib.arrive("q/z.jpg", source=again)
    assert lib.identify(back, "one") == one


def test_a_problem_is_a_facet_and_facts_stay(lib: Any) -> None:
    (one,) = lib.arrive("a/x.jpg")
    lib.facts(one, Facts(kind="photo", width=10, height=20))
    with lib.db.write() as tx:
        assets.set_problem(tx, one, "undecodable", "no picture in it")
        assets.set_problem(tx, one, "undecodable", "said twice")
    assert lib.db.one("SELECT problem, width FROM asset WHERE id=?", (one,)) == ("undecodable", 10)
    found = readings.of_asset(lib.db, one)
    assert found is not None
    assert found.problems == (Problem("undecodable", "no picture in it"),)
    lib.facts(one, Facts(kind="photo"))
    assert lib.db.value("SELECT problem FROM asset WHERE id=?", (one,)) is None


def test_where_to_read_it_online_first_held_last(lib: Any) -> None:
    other = lib.add_source("other", "/elsewhere")
    one, two, three = *lib.arrive("a/x.jpg", "b/x.jpg"), *lib.arrive("c/x.jpg", source=other)
    for asset in (one, two, three):
        lib.identify(asset, "same")
    with lib.db.write() as tx:
        sources.set_state(tx, lib.source, "offline", "the drive is away")
        files.hold(tx, [lib.file("b/x.jpg")])
    assert [where.path for where in files.locations(lib.db, one)] == [
        b"/elsewhere/c/x.jpg", b"/disk/photos/a/x.jpg", b"/disk/photos/b/x.jpg"
    ]  # fmt: skip
