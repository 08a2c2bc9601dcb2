"""Handlers called directly, without a mount: names, listings, errnos, lookup counts."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import pyfuse3
import pytest
import trio
from mount_fakes import MANY, README

from albumsd.mount.attributes import Attributes
from albumsd.mount.inodes import FIRST_COMPUTED
from albumsd.vfs.node import Content, Leaf

if TYPE_CHECKING:
    from mount_tools import Rig

ROOT = pyfuse3.ROOT_INODE


class Caller:
    pid, uid, gid, umask = 1, 0, 0, 0


CTX = Caller()


@pytest.fixture
def file(rig: Rig) -> int:
    return rig.library.index(rig.library.top / "photos" / "a.jpg", b"0123456789")


def test_a_file_has_its_assets_inode_exact_size_and_two_links(rig: Rig, file: int) -> None:
    attr = rig.call(rig.ops.lookup, rig.find("all"), b"a.jpg", CTX)
    assert (attr.st_ino, attr.st_size, attr.st_nlink) == (file * 8, 10, 2)
    assert stat.S_IMODE(attr.st_mode) == 0o600
    assert attr.entry_timeout == attr.attr_timeout == 300
    again = rig.call(rig.ops.getattr, attr.st_ino, CTX)
    assert (again.st_ino, again.st_size, again.st_mtime_ns) == (attr.st_ino, attr.st_size, attr.st_mtime_ns)


def test_a_folder_is_0700_and_has_two_links(rig: Rig) -> None:
    attr = rig.call(rig.ops.getattr, rig.find("all"), CTX)
    assert stat.S_ISDIR(attr.st_mode)
    assert (stat.S_IMODE(attr.st_mode), attr.st_nlink, attr.st_size) == (0o700, 2, 4096)


def test_what_is_not_there_is_not_remembered_but_a_probe_is(rig: Rig) -> None:
    assert rig.errno(rig.ops.lookup, rig.find("all"), b"nothing.jpg", CTX) == errno.ENOENT
    probe = rig.call(rig.ops.lookup, rig.find("broken"), b".DS_Store", CTX)
    assert (probe.st_ino, probe.entry_timeout) == (0, 300)


def test_a_name_that_no_filesystem_could_hold(rig: Rig) -> None:
    assert rig.errno(rig.ops.lookup, rig.find("all"), b"x" * 256, CTX) == errno.ENAMETOOLONG


def test_folders_opened_lately_are_remembered_within_bounds(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    from albumsd.mount import operations

    monkeypatch.setattr(operations, "MOST_OPENED", 2)
    for path in ("all", "slow", "many", "all", "info"):
        rig.list(path)
    assert list(rig.ops.opened) == [rig.find("all"), rig.find("info")]


def test_a_request_that_is_cancelled_is_answered(rig: Rig) -> None:
    stuck = rig.find("stuck")

    async def go() -> int:
        with trio.CancelScope() as scope:
            scope.deadline = trio.current_time() + 0.1
            try:
                await rig.ops.lookup(stuck, b"a.jpg", CTX)  # type: ignore[arg-type]
            except pyfuse3.FUSEError as error:
                return error.errno
        return 0

    assert trio.run(go) == errno.EIO


def test_in_a_volatile_folder_names_and_texts_are_good_for_a_second(rig: Rig, file: int) -> None:
    parent = rig.find("volatile")
    now = rig.call(rig.ops.lookup, parent, b"now.txt", CTX)
    photo = rig.call(rig.ops.lookup, parent, b"a.jpg", CTX)
    assert (now.entry_timeout, now.attr_timeout) == (1, 1)
    assert (photo.entry_timeout, photo.attr_timeout) == (1, 300)
    assert rig.call(rig.ops.getattr, parent, CTX).attr_timeout == 1


def test_a_computed_text_is_good_for_a_second_wherever_it_stands(rig: Rig, file: int) -> None:
    """README.txt says what is missing just now. What belongs to an asset changes with its row, and the kernel is told."""
    readme = rig.call(rig.ops.lookup, ROOT, b"README.txt", CTX)
    assert (readme.entry_timeout, readme.attr_timeout) == (1, 1)
    assert rig.call(rig.ops.getattr, readme.st_ino, CTX).attr_timeout == 1
    info = rig.call(rig.ops.lookup, rig.find("info"), b"a.jpg.txt", CTX)
    assert (info.entry_timeout, info.attr_timeout) == (300, 300)
    explained = Attributes(0, 0).leaf(Leaf(FIRST_COMPUTED, 1, 0, Content.TEXT, file, b"x"))
    assert (explained.entry_timeout, explained.attr_timeout) == (300, 300)


def test_a_computed_text_reads_as_it_was_last_looked_up(rig: Rig) -> None:
    assert rig.read("README.txt") == README
    assert rig.read("volatile/now.txt") == b"look 1\n"
    assert rig.read("volatile/now.txt") == b"look 2\n"


@pytest.mark.parametrize("folder", ["all", "slow"])
def test_slow_and_fast_folders_answer_alike(rig: Rig, file: int, folder: str) -> None:
    assert rig.find(f"{folder}/a.jpg") == file * 8
    assert [row[:2] for row in rig.list(folder)][2:] == [(b"a.jpg", file * 8)]


@pytest.mark.parametrize("room", [1, 2, 3, 178, 200, 201, 1 << 30])
def test_a_listing_is_whole_whatever_the_kernel_has_room_for(rig: Rig, room: int) -> None:
    photos = rig.library.top / "photos"
    paths = [photos / f"{n:03d}.jpg" for n in range(450 if room > 100 else 7)]
    for path in paths:
        path.touch()
    rig.library.index_many(paths)
    rig.room = room
    rows = rig.list("all")
    assert [row[0] for row in rows] == [b".", b"..", *(os.fsencode(path.name) for path in paths)]
    cookies = [row[2] for row in rows]
    assert cookies == sorted(set(cookies))


def test_a_listing_can_go_on_from_any_cookie(rig: Rig) -> None:
    fh = rig.call(rig.ops.opendir, rig.find("many/3"), CTX)
    rig.room = 300
    first = rig.readdir(fh, 0)
    second = rig.readdir(fh, first[-1][2])
    assert rig.readdir(fh, first[-1][2]) == second
    assert rig.readdir(fh, first[100][2])[0] == first[101]
    assert rig.readdir(fh, 0) == first


def test_ten_thousand_files_leave_nothing_behind(rig: Rig) -> None:
    assert len(rig.list("many/0")) == MANY + 2
    assert len(rig.ops.inodes) == 2  # many/ and many/0/, which were looked up
    assert (len(rig.ops.directories), len(rig.ops.files)) == (0, 0)


def test_lookups_are_counted_exactly_and_forgotten(rig: Rig) -> None:
    rows = rig.list("")
    told = {inode: 1 for name, inode, _ in rows if name not in (b".", b"..")}
    inode = rig.find("many")
    told[inode] += 1
    assert {inode: rig.ops.inodes.count(inode) for inode in told} == told
    rig.call(rig.ops.forget, list(told.items()))
    assert len(rig.ops.inodes) == 0
    assert rig.errno(rig.ops.getattr, inode, CTX) == errno.ESTALE


def test_a_row_that_the_kernel_did_not_take_is_not_counted(rig: Rig) -> None:
    rig.room = 4
    fh = rig.call(rig.ops.opendir, ROOT, CTX)
    rows = rig.readdir(fh, 0)
    assert len(rig.ops.inodes) == len(rows) - 2 == 2


def test_dot_lookups_of_an_nfs_server(rig: Rig, file: int) -> None:
    inner = rig.find("many/1")
    assert rig.call(rig.ops.lookup, inner, b".", CTX).st_ino == inner
    assert rig.call(rig.ops.lookup, inner, b"..", CTX).st_ino == rig.find("many")
    assert rig.call(rig.ops.lookup, file * 8, b".", CTX).st_ino == file * 8


def test_an_asset_that_went_is_stale(rig: Rig, file: int) -> None:
    inode = rig.find("all/a.jpg")
    rig.library.vanish(file)
    for handler, args in [
        (rig.ops.getattr, (inode, CTX)),
        (rig.ops.open, (inode, os.O_RDONLY, CTX)),
        (rig.ops.listxattr, (inode, CTX)),
    ]:
        assert rig.errno(handler, *args) == errno.ESTALE


def test_links_and_texts_of_assets(rig: Rig, file: int) -> None:
    path = rig.library.top / "photos" / "a.jpg"
    assert rig.call(rig.ops.readlink, rig.find("links/a.jpg"), CTX) == os.fsencode(path)
    assert rig.errno(rig.ops.readlink, rig.find("all/a.jpg"), CTX) == errno.EINVAL
    assert rig.read("info/a.jpg.txt") == b"asset %d\n" % file


def test_a_preview_is_read_from_the_library_and_must_have_its_size(rig: Rig, file: int) -> None:
    preview = rig.library.config.previews / f"{file}.webp"
    preview.parent.mkdir()
    preview.write_bytes(b"RIFF....WEBP")
    rig.library.state("photos", "offline")
    assert rig.read("previews/a.jpg.webp") == b"RIFF....WEBP"
    inode = rig.find("previews/a.jpg.webp")
    preview.unlink()
    assert rig.errno(rig.ops.open, inode, os.O_RDONLY, CTX) == errno.ESTALE


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        (b"user.albumsd.id", 0), (b"user.xdg.tags", 0), (b"user.albumsd.nothing", errno.ENODATA),
        (b"user.test", errno.ENODATA), (b"user.DOSATTRIB", errno.ENODATA), (b"security.selinux", errno.EOPNOTSUPP),
        (b"security.capability", errno.EOPNOTSUPP), (b"system.posix_acl_access", errno.EOPNOTSUPP),
    ],
)  # fmt: skip
def test_attributes(rig: Rig, file: int, name: bytes, answer: int) -> None:
    assert rig.errno(rig.ops.getxattr, rig.find("all/a.jpg"), name, CTX) == answer
    assert rig.errno(rig.ops.getxattr, rig.find("all"), name, CTX) == (answer or errno.ENODATA)


def test_attributes_are_listed(rig: Rig, file: int) -> None:
    assert list(rig.call(rig.ops.listxattr, rig.find("all/a.jpg"), CTX)) == [b"user.albumsd.id", b"user.xdg.tags"]
    assert list(rig.call(rig.ops.listxattr, rig.find("all"), CTX)) == []


def test_every_gesture_on_a_computed_place_is_refused_as_read_only(rig: Rig, file: int) -> None:
    folder, photo, ops = rig.find("all"), rig.find("all/a.jpg"), rig.ops
    gestures = [
        (ops.open, photo, os.O_WRONLY, CTX), (ops.open, photo, os.O_RDWR, CTX),
        (ops.open, photo, os.O_RDONLY | os.O_TRUNC, CTX),
        (ops.setattr, photo, None, None, None, CTX), (ops.setattr, folder, None, None, None, CTX),
        (ops.setxattr, photo, b"user.xdg.tags", b"x", CTX), (ops.removexattr, photo, b"user.xdg.tags", CTX),
        (ops.mknod, folder, b"new", stat.S_IFREG | 0o600, 0, CTX), (ops.mkdir, folder, b"new", 0o700, CTX),
        (ops.create, folder, b"new", 0o600, os.O_WRONLY, CTX), (ops.symlink, folder, b"new", b"target", CTX),
        (ops.link, photo, folder, b"new", CTX), (ops.unlink, folder, b"a.jpg", CTX), (ops.rmdir, ROOT, b"all", CTX),
        (ops.rename, folder, b"a.jpg", ROOT, b"b.jpg", 0, CTX),
    ]  # fmt: skip
    answers = {f"{gesture[0].__name__}{gesture[2:-1]}": rig.errno(*gesture) for gesture in gestures}
    assert answers == dict.fromkeys(answers, errno.EROFS)
    assert (rig.library.top / "photos" / "a.jpg").read_bytes() == b"0123456789"


@pytest.mark.parametrize("name", [b".DS_Store", b"._a.jpg", b"Thumbs.db", b".Trash-1000"])
def test_the_litter_of_systems_is_not_permitted(rig: Rig, name: bytes) -> None:
    folder = rig.find("all")
    assert rig.errno(rig.ops.create, folder, name, 0o600, os.O_WRONLY, CTX) == errno.EPERM
    assert rig.errno(rig.ops.mkdir, folder, name, 0o700, CTX) == errno.EPERM


def test_an_exception_is_eio_and_a_line_with_the_stack(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    broken = rig.find("broken")
    assert rig.errno(rig.ops.lookup, broken, b"a.jpg", CTX) == errno.EIO
    assert rig.errno(rig.ops.opendir, broken, CTX) == errno.EIO
    assert "KeyError" in caplog.text


def test_a_query_without_end_is_cut_at_the_deadline(rig: Rig) -> None:
    rig.ops._query_s = 0.1
    stuck = rig.find("stuck")
    assert rig.errno(rig.ops.lookup, stuck, b"a.jpg", CTX) == errno.ETIMEDOUT
    assert rig.errno(rig.ops.opendir, stuck, CTX) == errno.ETIMEDOUT


@pytest.mark.parametrize("handler", ["read", "readdir"])
def test_a_handle_that_is_not_open(rig: Rig, handler: str) -> None:
    assert rig.errno(getattr(rig.ops, handler), 99, 0, 10) == errno.EBADF


def test_handles_that_write_nothing_have_nothing_to_wait_for(rig: Rig, file: int) -> None:
    info = rig.call(rig.ops.open, rig.find("all/a.jpg"), os.O_RDONLY, CTX)
    for handler in (rig.ops.flush, rig.ops.release):
        assert rig.errno(handler, info.fh) == 0
    assert rig.errno(rig.ops.fsync, info.fh, False) == rig.errno(rig.ops.fsyncdir, info.fh, False) == 0


def test_statfs_tells_the_room_for_originals(rig: Rig) -> None:
    there = os.statvfs(rig.library.folder)
    said = rig.call(rig.ops.statfs, CTX)
    assert (said.f_blocks, said.f_frsize, said.f_namemax) == (there.f_blocks, there.f_frsize, 255)


def test_statfs_of_a_volume_that_does_not_answer(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    from albumsd.mount import space

    release = threading.Event()
    monkeypatch.setattr(space, "DEADLINE_S", 0.05)
    monkeypatch.setattr(os, "statvfs", lambda path: release.wait(10))
    assert rig.call(rig.ops.statfs, CTX).f_namemax == 255
    release.set()


def test_every_request_has_a_handler_that_lets_no_exception_out() -> None:
    """A handler without the guard could end the mount. ``forget`` cannot fail; the rest is answered by the base class."""
    from albumsd.mount.operations import Operations

    base = {"access", "poll", "forget"}
    requests = {name for name, value in vars(pyfuse3.Operations).items() if callable(value) and name[0] != "_"}
    requests -= {"init", "stacktrace"} | base
    unguarded = {name for name in requests if not hasattr(vars(Operations).get(name), "__wrapped__")}
    assert unguarded == set()


def test_the_tree_is_never_asked_for_a_probe(rig: Rig, tmp_path: Path) -> None:
    slow = rig.find("slow")
    rig.ops._queries = None  # type: ignore[assignment]
    assert rig.call(rig.ops.lookup, slow, b"._a.jpg", CTX).st_ino == 0
