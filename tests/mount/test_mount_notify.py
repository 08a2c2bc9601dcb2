"""What the kernel and watchers are told after a change: exactly what they hold, and nothing that they do not."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pyfuse3
import pytest
import trio
import trio.testing

from albumsd.core import mountinfo
from albumsd.core.ids import computed_inode
from albumsd.mount import announcer as announcing
from albumsd.mount import mountpoint, process
from albumsd.mount.announcer import Announcer, News, Pending
from albumsd.mount.notify import Follower
from albumsd.store import changes

if TYPE_CHECKING:
    from mount_tools import Rig

ALL = computed_inode(("all",))


class Kernel:
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.entries: list[tuple[int, bytes]] = []
        self.inodes: list[tuple[int, bool]] = []

    def drop_entry(self, folder: int, name: bytes) -> None:
        self.entries.append((folder, name))

    def drop_inode(self, inode: int, attributes_only: bool) -> None:
        self.inodes.append((inode, attributes_only))


class Told(NamedTuple):
    news: list[News]
    touched: set[tuple[str, ...]]


class Listener:
    def __init__(self) -> None:
        self.told: list[Told] = []

    def tell(self, news: list[News], touched: set[tuple[str, ...]]) -> None:
        self.told.append(Told(list(news), touched))


class Following(NamedTuple):
    rig: Rig
    follower: Follower
    kernel: Kernel
    listener: Listener


@pytest.fixture
def following(rig: Rig) -> Iterator[Following]:
    kernel, listener = Kernel(), Listener()
    ours, theirs = socket.socketpair()
    follower = Follower(
        rig.tree, rig.reader, rig.ops.inodes, kernel, listener, ours, rig.ops.volumes.renew,  # type: ignore[arg-type]
    )  # fmt: skip
    yield Following(rig, follower, kernel, listener)
    ours.close()
    theirs.close()


def test_names_that_came_and_went_in_a_folder_the_kernel_holds(following: Following) -> None:
    rig, follower, kernel, listener = following
    rig.find("all")
    asset = rig.library.index(rig.library.top / "photos" / "a.jpg", b"1")
    follower.follow()
    assert kernel.entries == []
    assert (ALL, True) in kernel.inodes
    assert listener.told[-1].news == [News(("all",), b"a.jpg", False, False)]
    rig.library.vanish(asset)
    follower.follow()
    assert kernel.entries == [(ALL, b"a.jpg")]
    assert (asset * 8, False) in kernel.inodes
    assert listener.told[-1].news == [News(("all",), b"a.jpg", False, True)]
    assert follower.applied_gen == changes.latest(rig.reader)


def test_nothing_is_said_of_folders_that_the_kernel_does_not_hold(following: Following) -> None:
    rig, follower, kernel, _ = following
    asset = rig.library.index(rig.library.top / "photos" / "a.jpg", b"1")
    rig.library.vanish(asset)
    follower.follow()
    assert kernel.entries == []
    assert not any(inode == ALL for inode, _ in kernel.inodes)


def test_trimmed_changes_drop_all_that_is_held_deepest_first(following: Following) -> None:
    rig, follower, kernel, _ = following
    rig.library.index(rig.library.top / "photos" / "a.jpg", b"1")
    follower.follow()
    rig.find("many/3")
    rig.library.index(rig.library.top / "photos" / "b.jpg", b"2")
    rig.library.index(rig.library.top / "photos" / "c.jpg", b"3")
    with rig.library.database.write() as tx:
        tx.run("DELETE FROM changes WHERE gen < (SELECT max(gen) FROM changes)")
    follower.follow()
    assert kernel.entries[-2:] == [(computed_inode(("many",)), b"3"), (1, b"many")]
    assert follower.applied_gen == changes.latest(rig.reader)


def test_a_change_of_sources_is_heard(following: Following) -> None:
    rig, follower, _, _ = following
    first = rig.ops.volumes.of(rig.reader, 1)[0]
    with rig.library.database.write() as tx:
        tx.run("UPDATE source_state SET volume='another drive'")
    assert rig.ops.volumes.of(rig.reader, 1)[0] is first
    rig.library.state("photos", "offline")
    follower.follow()
    assert rig.ops.volumes.of(rig.reader, 1)[0] is not first


# -------------------------------------------------------------------------------------- announcing


def announcer(rig: Rig, kernel: Kernel) -> Announcer:
    return Announcer("/nonexistent", rig.ops.pending, rig.ops.opened, rig.ops.held, kernel.drop_entry)


def test_only_folders_opened_lately_are_announced(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    made = announcer(rig, Kernel())
    item = News(("all",), b"a.jpg", False, False)
    made.tell([item], set())
    assert made._queue.empty()
    rig.list("all")
    made.tell([item], {("slow",)})
    assert made._queue.get_nowait() == ([item], set())
    monkeypatch.setattr(announcing, "OPENED_S", 0.0)
    made.tell([item], set())
    assert made._queue.empty()
    made._prune()
    assert rig.ops.opened == {}


def test_too_many_names_of_one_folder_are_one_touch(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    made = announcer(rig, Kernel())
    many = [News(("all",), b"%d.jpg" % n, False, False) for n in range(announcing.PER_FOLDER + 1)]
    few = [News(("slow",), b"a.jpg", False, False)]
    named: list[News] = []
    touched: list[tuple[str, ...]] = []
    monkeypatch.setattr(made, "_make", lambda item: named.append(item) or True)
    monkeypatch.setattr(made, "_touch", touched.append)
    made._announce(many + few, {("info",)})
    assert named == few
    assert sorted(touched) == [("all",), ("info",)]


def test_a_name_that_cannot_be_announced_is_a_touch(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = Kernel()
    made = announcer(rig, kernel)
    touched: list[tuple[str, ...]] = []
    monkeypatch.setattr(made, "_touch", touched.append)
    made._announce([News(("all",), b"a.jpg", False, False)], set())  # the mountpoint does not exist: mknod fails
    assert touched == [("all",)]
    assert kernel.entries == [(ALL, b"a.jpg")]


class Place:
    """A plain folder that stands for the mount: what is done to it can be seen. ``made`` takes it for its own."""

    def __init__(self, rig: Rig, top: Path) -> None:
        self.top = top
        (top / "all" / "folder").mkdir(parents=True)
        (top / "all" / "file").touch()
        self.before: list[tuple[str, bool]] = []
        """At each drop of a name from the kernel's cache: the name, and whether it is in the folder."""
        drop = lambda folder, name: self.before.append(  # noqa: E731
            (name.decode(), (top / "all" / name.decode()).exists())
        )
        self.made = Announcer(str(top), rig.ops.pending, rig.ops.opened, rig.ops.held, drop)
        self.made._device = top.stat().st_dev
        os.utime(top / "all", ns=(1, 1))

    def announce(self) -> None:
        """One of each, and a touch."""
        names = [(b"new", False, False), (b"newer", True, False), (b"file", False, True), (b"folder", True, True)]
        self.made._announce([News(("all",), *name) for name in names], {()})

    def holds(self) -> tuple[list[str], bool]:
        """The names, and whether a time has changed."""
        return sorted(os.listdir(self.top / "all")), (self.top / "all").stat().st_mtime_ns != 1


@pytest.fixture
def place(rig: Rig, tmp_path: Path) -> Place:
    return Place(rig, tmp_path / "place")


UNTOUCHED = (["file", "folder"], False)


def test_a_name_leaves_the_kernels_cache_before_it_is_told_and_what_went_also_after(place: Place) -> None:
    place.announce()
    assert place.holds() == (["new", "newer"], True)
    assert place.before == [
        ("new", False), ("newer", False), ("file", True), ("file", False), ("folder", True), ("folder", False)
    ]  # fmt: skip


def test_nothing_is_done_to_what_lies_below_a_mount_that_vanished(place: Place) -> None:
    """The path is there, with the same names: a real folder, or a drive that was mounted there since."""
    place.made._device += 1
    os.utime(place.top, ns=(1, 1))
    place.announce()
    assert place.holds() == UNTOUCHED
    assert place.top.stat().st_mtime_ns == 1


def test_a_folder_that_is_a_link_is_not_followed(place: Place) -> None:
    (place.top / "all").rename(place.top / "elsewhere")
    (place.top / "all").symlink_to("elsewhere")
    place.announce()
    assert sorted(os.listdir(place.top / "elsewhere")) == ["file", "folder"]


def test_nothing_is_announced_once_the_shutdown_has_begun(place: Place) -> None:
    place.made.stop()
    place.announce()
    assert place.holds() == UNTOUCHED


def test_a_signal_ends_the_announcing_before_it_unmounts(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(pyfuse3, "terminate", lambda: told.append("unmounting"))

    async def go() -> None:
        with trio.fail_after(10), trio.CancelScope() as serving:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(process._signals, serving, lambda: told.append("no more announcing"))
                await trio.testing.wait_all_tasks_blocked()
                os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(process, "GRACE_S", 0.0)
    trio.run(go)
    assert told == ["no more announcing", "unmounting"]


@pytest.mark.parametrize(("on_top", "want"), [("fuse.albumsd", os.makedev(0, 300)), ("ext4", -1)])
def test_the_device_of_the_mount_is_read_without_asking_the_mount(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, on_top: str, want: int
) -> None:
    table = tmp_path / "mountinfo"
    table.write_text(f"30 1 0:42 / /m rw - fuse.albumsd albumsd rw\n31 1 0:300 / /m rw - {on_top} x rw\n")
    monkeypatch.setattr(mountinfo, "PATH", str(table))
    assert mountpoint.st_dev(Path("/m")) == want
    assert mountpoint.st_dev(Path("/elsewhere")) == -1


def test_no_descriptor_stays_open(place: Place) -> None:
    before = len(os.listdir("/proc/self/fd"))
    place.announce()
    place.made._device += 1
    place.announce()
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_pending_name_is_the_announcers_alone() -> None:
    pending = Pending()
    pending.begin()
    mine = pending._thread
    pending.expect(5, News(("all",), b"a.jpg", False, True))
    assert pending.asked_by(mine, 5, b"a.jpg") is True
    assert pending.asked_by(mine, 5, b"b.jpg") is None
    assert pending.asked_by(mine + 1, 5, b"a.jpg") is None
    pending.expect(5, News(("all",), b"a.jpg", False, False))
    assert pending.asked_by(mine, 5, b"a.jpg") is False
    pending.clear()
    assert pending.asked_by(mine, 5, b"a.jpg") is None
