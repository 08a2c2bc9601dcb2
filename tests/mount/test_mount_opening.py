"""Is it still what was indexed? A table of files that are, and that are not."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from albumsd.core.errors import Changed, Offline
from albumsd.mount.opening import OpenFile, open_location, open_path, read_at
from albumsd.store.files import Location


@pytest.fixture
def place(tmp_path: Path) -> Callable[..., Location]:
    path = tmp_path / "photos" / "a.jpg"
    path.parent.mkdir()
    path.write_bytes(b"0123456789")
    stat = path.stat()

    def make(**different: object) -> Location:
        known = Location(1, 1, os.fsencode(path), stat.st_size, stat.st_mtime_ns, stat.st_ino, 1, "online")
        return known._replace(**different)

    return make


def root_of(location: Location) -> bytes:
    return os.path.dirname(location.path)


def test_what_was_indexed_is_opened(place: Callable[..., Location]) -> None:
    location = place()
    file = open_location(location, root_of(location))
    assert read_at(file, 4, 3) == b"3456"
    assert place(inode=0).size == open_location(place(inode=0), root_of(location)).size


@pytest.mark.parametrize("different", [{"size": 9}, {"mtime_ns": 5}, {"inode": 7}])
def test_what_differs_from_the_row_is_not(place: Callable[..., Location], different: dict[str, int]) -> None:
    location = place(**different)
    with pytest.raises(Changed):
        open_location(location, root_of(location))


def _replace_by(kind: str, path: Path) -> None:
    kept = path.rename(path.with_name("kept"))
    if kind == "symlink":
        path.symlink_to(kept)  # what it leads to is in all the file of the row
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()


@pytest.mark.parametrize("kind", ["symlink", "fifo", "folder"])
def test_a_path_that_became_something_else_is_never_followed_or_waited_for(
    place: Callable[..., Location], kind: str
) -> None:
    location = place()
    _replace_by(kind, Path(os.fsdecode(location.path)))
    with pytest.raises(Changed):
        open_location(location, root_of(location))


def test_a_file_that_went_is_changed_while_its_source_is_there(place: Callable[..., Location]) -> None:
    location = place()
    path = Path(os.fsdecode(location.path))
    path.with_name("other.jpg").write_bytes(b"x")
    path.unlink()
    with pytest.raises(Changed):
        open_location(location, root_of(location))


@pytest.mark.parametrize("root_stays", [True, False])
def test_an_empty_mount_point_is_a_drive_that_is_away(place: Callable[..., Location], root_stays: bool) -> None:
    location = place()
    path = Path(os.fsdecode(location.path))
    path.unlink()
    if not root_stays:
        path.parent.rmdir()
    with pytest.raises(Offline):
        open_location(location, root_of(location))


def test_bytes_that_change_under_an_open_file_are_never_returned(place: Callable[..., Location]) -> None:
    location = place()
    path = Path(os.fsdecode(location.path))
    file = open_location(location, root_of(location))
    path.write_bytes(b"9876543210")
    os.utime(path, ns=(1, 1))
    with pytest.raises(Changed):
        read_at(file, 4, 0)
    os.truncate(path, 2)
    with pytest.raises(Changed):
        read_at(file, 4, 0)


def test_a_file_is_closed_when_nobody_refers_to_it(place: Callable[..., Location]) -> None:
    location = place()
    file = open_path(location.path, b"")
    held: list[OpenFile] = [file]
    number = file.fd
    del file
    os.fstat(number)
    held.clear()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(number)


def test_opening_does_not_change_the_access_time(place: Callable[..., Location]) -> None:
    location = place()
    path = Path(os.fsdecode(location.path))
    mtime = path.stat().st_mtime_ns
    os.utime(path, ns=(5, mtime))
    read_at(open_location(location, root_of(location)), 4, 0)
    assert path.stat().st_atime_ns == 5
