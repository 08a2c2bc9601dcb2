"""Kept listings: the same rows as fresh ones, and never a stale one."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from mount_tools import Caller

from albumsd.mount import kept

if TYPE_CHECKING:
    from mount_tools import Rig


@pytest.fixture
def photos(rig: Rig) -> Path:
    folder = rig.library.top / "photos"
    paths = [folder / f"{n:03d}.jpg" for n in range(250)]
    for path in paths:
        path.touch()
    rig.library.index_many(paths)
    return folder


@pytest.mark.parametrize("folder", ["all", "slow", "info", "links", "many", "many/4"])
@pytest.mark.parametrize("room", [7, 178, 1 << 30])
def test_the_second_and_third_listing_are_the_first(rig: Rig, photos: Path, folder: str, room: int) -> None:
    first = rig.list(folder)
    rig.room = room if len(first) < 1000 else 1 << 30
    assert rig.list(folder) == first
    assert rig.list(folder) == first


def test_it_is_not_asked_for_again_until_something_is_committed(rig: Rig, photos: Path) -> None:
    rows = [rig.list("slow"), rig.list("slow")]
    assert rows[0] == rows[1]
    assert rig.tree.opens == 1
    rig.library.index(photos / "new.jpg", b"new")
    assert [row[0] for row in rig.list("slow")][-1] == b"new.jpg"
    assert rig.tree.opens == 2


def test_a_change_in_the_middle_of_a_listing_keeps_nothing(rig: Rig, photos: Path) -> None:
    rig.room = 100
    fh = rig.call(rig.ops.opendir, rig.find("all"), None)
    rows = rig.readdir(fh, 0)
    rig.library.index(photos / "new.jpg", b"new")
    while page := rig.readdir(fh, rows[-1][2]):
        rows += page
    assert rows[-1][0] == b"new.jpg"
    assert len(rig.ops._kept) == 0


def test_a_listing_that_was_not_read_in_order_is_not_kept(rig: Rig, photos: Path) -> None:
    rig.room = 100
    fh = rig.call(rig.ops.opendir, rig.find("all"), None)
    rows = rig.readdir(fh, 0)
    rig.readdir(fh, rows[50][2])
    while page := rig.readdir(fh, rows[-1][2]):
        rows += page
    assert len(rig.ops._kept) == 0


def test_volatile_folders_are_asked_every_time(rig: Rig, photos: Path) -> None:
    rig.list("volatile")
    rig.list("volatile")
    assert rig.tree.opens == 2


def test_no_more_rows_are_kept_than_allowed(rig: Rig, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "MOST", 600)
    for folder in ("all", "slow", "info"):
        rig.list(folder)
    assert len(rig.ops._kept) == 500
    rig.list("all")
    assert rig.tree.opens == 4


def test_lookups_of_kept_rows_are_counted(rig: Rig) -> None:
    told: dict[int, int] = {}
    for _ in range(3):
        for name, inode, _ in rig.list(""):
            if name not in (b".", b".."):
                told[inode] = told.get(inode, 0) + 1
    assert {inode: rig.ops.inodes.count(inode) for inode in told} == told
    assert set(told.values()) == {3}


@pytest.mark.parametrize("listings", [1, 2])
def test_lookups_in_a_kept_listing_answer_as_the_folder_would(rig: Rig, photos: Path, listings: int) -> None:
    fresh = {name: rig.find(f"slow/{name}") for name in ("000.jpg", "249.jpg")}
    for _ in range(listings):
        rig.list("slow")
    rig.ops._queries = None  # type: ignore[assignment]  # nobody is asked
    assert {name: rig.find(f"slow/{name}") for name in fresh} == fresh


def test_a_name_that_went_is_not_found_in_a_kept_listing(rig: Rig, photos: Path) -> None:
    rig.list("all")
    inode = rig.find("all/007.jpg")
    rig.library.vanish(inode // 8)
    assert rig.errno(rig.ops.lookup, rig.find("all"), b"007.jpg", Caller()) == errno.ENOENT
