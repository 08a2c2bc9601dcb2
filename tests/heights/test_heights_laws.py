"""Laws of the tree, held by the tree itself, by the handlers on it, and by the mount as programs see it."""

from __future__ import annotations

import errno

import pytest
from heights.drivers import HEIGHTS, Driver, Gestures, Seen, TreeDriver, walk
from heights.indexed import Indexed

from albumsd.core.ids import split_asset_inode

RENDITIONS = ("previews", "info", "links")
VIEW_OF_TEXTS = ("search", "filter", "sources", "status")
"""Not made of assets, or of the words that someone asked for."""


def shown(driver: Driver, *top: str) -> dict[tuple[str, ...], Seen]:
    """All files below ``top`` that stand for an asset."""
    return {path: seen for path, seen in walk(driver, top) if seen.kind != "folder" and split_asset_inode(seen.inode)}


def month(driver: Driver, *top: str) -> tuple[str, ...]:
    folder = (*top, "by-date", "2024", "2024-04")
    assert len(driver.list(folder)) == 2
    return folder


def fails(number: int, call: object, *args: object) -> None:
    with pytest.raises(OSError) as caught:
        call(*args)  # type: ignore[operator]
    assert caught.value.errno == number, args


def test_what_is_listed_is_what_is_looked_up(driver: Driver) -> None:
    count = 0
    for path, seen in walk(driver):
        again = driver.stat(path)
        assert again[:2] == seen[:2], path
        if split_asset_inode(seen.inode):
            assert again == seen, path
        count += 1
    assert count > 200


def test_an_original_is_read_bit_for_bit_in_every_view(driver: Driver, indexed: Indexed) -> None:
    originals = indexed.originals()
    assert len(originals) == 5
    views = [
        name
        for name, seen in driver.list(()).items()
        if seen.kind == "folder" and name not in RENDITIONS + VIEW_OF_TEXTS
    ]
    assert len(views) > 5
    read: set[bytes] = set()
    for view in views:
        for path, seen in shown(driver, view).items():
            data = driver.read(path)
            assert data in originals, path
            assert len(data) == seen.size, path
            read.add(data)
    assert read == originals


@pytest.mark.parametrize("rendition", ["previews", "info"])
def test_a_rendition_is_exactly_as_long_as_it_says(driver: Driver, rendition: str) -> None:
    found = shown(driver, rendition)
    for path, seen in found.items():
        data = driver.read(path)
        assert len(data) == seen.size > 0, path
        assert (data[8:12] == b"WEBP") is (rendition == "previews"), path
    kinds = {seen.inode for seen in found.values()}
    assert len(kinds) == {"previews": 3, "info": 5}[rendition]


def test_a_link_is_as_long_as_its_target_which_is_the_original(driver: Driver, indexed: Indexed) -> None:
    found = shown(driver, "links")
    assert len(found) > 10
    originals = indexed.originals()
    for path, seen in found.items():
        assert seen.kind == "link"
        target = driver.target(path)
        assert len(target.encode("utf-8", "surrogateescape")) == seen.size
        assert target.startswith(str(indexed.photos))
        with open(target, "rb") as file:
            assert file.read() in originals


def test_a_text_is_exactly_as_long_as_it_says(driver: Driver) -> None:
    for path in [("README.txt",), ("search", "README.txt"), ("filter", "README.txt")]:
        data = driver.read(path)
        assert len(data) == driver.stat(path).size > 0, path


def test_what_is_not_there_is_enoent(driver: Driver) -> None:
    folders = [(), ("by-date",), month(driver), month(driver, "previews"), month(driver, "info"), month(driver, "links"),
               ("filter", "type=photos"), ("search", "beach"), ("by-folder", "photos")]  # fmt: skip
    for folder in folders:
        for name in ("nothing here.jpg", ".DS_Store", ".hidden", "desktop.ini", "new"):
            fails(errno.ENOENT, driver.stat, (*folder, name))
    for path in [("search", ".hidden"), ("search", "x" * 201), ("filter", "date=nonsense"), ("no-view", "x")]:
        fails(errno.ENOENT, driver.stat, path)
    name = next(iter(driver.list(month(driver))))
    fails(errno.ENOENT, driver.stat, (*month(driver, "previews"), name))  # without its ending


def test_a_search_is_remembered_when_it_was_listed_and_not_before(driver: Driver) -> None:
    query = {"tree": "beach", "operations": "harbour", "mount": "tower", "mount, ordinary user": "garden"}[
        driver.height
    ]
    folder = ("search", query)
    assert driver.stat(folder).kind == "folder"
    fails(errno.ENOENT, driver.stat, (*folder, "001 nothing"))
    assert query not in driver.list(("search",))
    results = driver.list(folder)
    assert results
    assert all(name.startswith("00") and query in name for name in results)
    assert query in driver.list(("search",))
    for name, seen in results.items():
        assert driver.stat((*folder, name)) == seen
        assert len(driver.read((*folder, name))) == seen.size


def test_a_filter_holds_less_and_nothing_else(driver: Driver) -> None:
    everything = {path[1:]: seen for path, seen in shown(driver, "by-date").items()}
    narrow = {path[3:]: seen for path, seen in shown(driver, "filter", "camera=pixel", "by-date").items()}
    assert 0 < len(narrow) < len(everything)
    assert narrow.items() <= everything.items()
    assert not shown(driver, "filter", "camera=nobody-has-it", "by-date")
    assert set(driver.list(("filter", "camera=pixel"))) < set(driver.list(()))


def test_all_heights_see_the_same(driver: Driver, tree: TreeDriver) -> None:
    def all_of(one: Driver) -> dict[tuple[str, ...], object]:
        return {
            path: seen if split_asset_inode(seen.inode) else seen[:2]
            for path, seen in walk(one, skip=lambda path: path[-1] == "search")
        }

    assert all_of(driver) == all_of(tree)


@pytest.mark.parametrize("driver", HEIGHTS[1:], indirect=True)
def test_nothing_can_be_changed(driver: Gestures) -> None:
    before = dict(walk(driver, skip=lambda path: path[-1] == "search"))
    for top in ((), ("previews",), ("info",), ("filter", "type=photos")):
        folder = month(driver, *top)
        file = (*folder, next(iter(driver.list(folder))))
        tried = driver.gestures(folder, file)
        assert tried.pop("litter") == errno.EPERM
        assert tried == dict.fromkeys(tried, errno.EROFS), folder
        assert len(tried) == 13
    after = dict(walk(driver, skip=lambda path: path[-1] == "search"))
    assert {path: seen[:2] for path, seen in after.items()} == {path: seen[:2] for path, seen in before.items()}
