"""The bytes of originals: the right ones, from whichever file is there, or an errno, and never a long wait."""

from __future__ import annotations

import errno
import gc
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import trio
import trio.testing

from albumsd.ipc import pings
from albumsd.mount import cached, opening, reading, volumes

if TYPE_CHECKING:
    from mount_tools import Rig


class Caller:
    pid, uid, gid, umask = 1, 0, 0, 0


CTX = Caller()
CONTENT = bytes(range(256)) * 2000


@pytest.fixture
def photo(rig: Rig) -> Path:
    path = rig.library.top / "photos" / "a.jpg"
    rig.library.index(path, CONTENT)
    return path


def open_errno(rig: Rig, path: str = "all/a.jpg") -> int:
    return rig.errno(rig.ops.open, rig.find(path), os.O_RDONLY, CTX)


@pytest.mark.parametrize("size", [1000, 4096, 1 << 17, 1 << 20, 1 << 21])
def test_an_original_is_read_bit_for_bit(rig: Rig, photo: Path, size: int) -> None:
    assert rig.read("all/a.jpg", size) == CONTENT


def test_an_original_on_a_disk_that_cannot_say_what_is_cached(
    rig: Rig, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Network and FUSE filesystems know no RWF_NOWAIT: asked once per filesystem, then everything goes to the threads."""
    asked = []

    def preadv(*args: object) -> int:
        asked.append(args)
        raise OSError(errno.EOPNOTSUPP, "not supported")

    monkeypatch.setattr(os, "preadv", preadv)
    assert rig.read("all/a.jpg", 1 << 16) == CONTENT
    assert len(asked) == 1


@pytest.mark.parametrize("cached", [0, 1, 4095, 60_000])
def test_what_the_page_cache_lacks_is_read_in_a_thread(
    rig: Rig, photo: Path, monkeypatch: pytest.MonkeyPatch, cached: int
) -> None:
    def preadv(fd: int, buffers: list[memoryview], offset: int, flags: int) -> int:
        assert flags == os.RWF_NOWAIT
        if not cached:
            raise BlockingIOError
        part = os.pread(fd, min(cached, len(buffers[0])), offset)
        buffers[0][: len(part)] = part
        return len(part)

    monkeypatch.setattr(os, "preadv", preadv)
    assert rig.read("all/a.jpg", 1 << 16) == CONTENT


def test_reading_at_and_after_the_end(rig: Rig, photo: Path) -> None:
    info = rig.call(rig.ops.open, rig.find("all/a.jpg"), os.O_RDONLY, CTX)
    assert info.keep_cache
    assert bytes(rig.call(rig.ops.read, info.fh, len(CONTENT) - 3, 4096)) == CONTENT[-3:]
    assert bytes(rig.call(rig.ops.read, info.fh, len(CONTENT) + 5, 4096)) == b""


def test_a_drive_that_is_away_fails_at_once_and_its_names_stay(rig: Rig, photo: Path) -> None:
    rig.library.state("photos", "offline")
    assert open_errno(rig) == errno.ENOMEDIUM
    assert [row[0] for row in rig.list("all")][2:] == [b"a.jpg"]


def test_an_unmounted_drive_that_nobody_noticed_yet(rig: Rig, photo: Path) -> None:
    photo.unlink()
    assert open_errno(rig) == errno.ENOMEDIUM


def test_a_source_known_to_be_stalled_fails_at_once(rig: Rig, photo: Path) -> None:
    rig.library.state("photos", "stalled")
    assert open_errno(rig) == errno.EIO


def test_a_changed_file_is_stale_and_the_indexer_hears_of_it(rig: Rig, photo: Path) -> None:
    bell = pings.listen(rig.library.config.run / "indexer.ping")
    photo.write_bytes(b"other bytes")
    assert open_errno(rig) == errno.ESTALE
    assert pings.drain(bell) == [f"changed:{photo}"]
    bell.close()


@pytest.mark.parametrize("how", ["gone", "other size", "other time", "offline"])
def test_another_file_of_the_same_asset_is_read_instead(rig: Rig, photo: Path, how: str) -> None:
    second = rig.library.source("backup") / "copy.jpg"
    second.write_bytes(CONTENT)
    copy = rig.library.index(second)
    asset = rig.find("all/a.jpg") // 8
    with rig.library.database.write() as tx:
        tx.run("UPDATE file SET asset=? WHERE asset=?", (asset, copy))
    {
        "gone": photo.unlink,
        "other size": lambda: photo.write_bytes(b"x"),
        "other time": lambda: os.utime(photo, ns=(1, 1)),
        "offline": lambda: rig.library.state("photos", "offline"),
    }[how]()
    assert rig.read("all/a.jpg") == CONTENT


def test_bytes_changed_after_open_are_eio_and_never_returned(rig: Rig, photo: Path) -> None:
    info = rig.call(rig.ops.open, rig.find("all/a.jpg"), os.O_RDONLY, CTX)
    photo.write_bytes(b"X" * len(CONTENT))
    os.utime(photo, ns=(1, 1))
    assert rig.errno(rig.ops.read, info.fh, 0, 100) == errno.EIO
    os.truncate(photo, 10)
    assert rig.errno(rig.ops.read, info.fh, 0, 100) == errno.EIO


def test_a_file_that_may_not_be_read_says_so(rig: Rig, photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> opening.OpenFile:
        raise PermissionError(errno.EACCES, "no")

    monkeypatch.setattr(reading, "open_location", refuse)
    assert open_errno(rig) == errno.EACCES


def test_a_bad_sector_is_eio(rig: Rig, photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def preadv(*_: object) -> int:
        raise BlockingIOError

    def pread(*_: object) -> bytes:
        raise OSError(errno.EIO, "bad")

    info = rig.call(rig.ops.open, rig.find("all/a.jpg"), os.O_RDONLY, CTX)
    monkeypatch.setattr(os, "preadv", preadv)
    monkeypatch.setattr(os, "pread", pread)
    assert rig.errno(rig.ops.read, info.fh, 0, 100) == errno.EIO


# --------------------------------------------------------------------------------- a disk that hangs


class Disk:
    """Stands between the mount and the disk of one source: while ``hangs`` is set, nothing on it returns."""

    def __init__(self, root: Path) -> None:
        self.root = os.fsencode(root)
        self.free = threading.Event()
        self.free.set()
        self._lock = threading.Lock()
        self.waiting = 0

    def wait(self, path: bytes) -> None:
        if path.startswith(self.root):
            with self._lock:
                self.waiting += 1
            self.free.wait(20)
            with self._lock:
                self.waiting -= 1


@pytest.fixture
def disk(rig: Rig, photo: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    made = Disk(photo.parent)
    rig.ops.volumes._deadline_s = 0.15
    open_location, read_at, touch = reading.open_location, reading.read_at, reading.touch

    def slow_open(location: opening.Location, root: bytes) -> opening.OpenFile:
        made.wait(location.path)
        return open_location(location, root)

    def slow_read(file: opening.OpenFile, size: int, offset: int) -> bytes:
        made.wait(file.path)
        return read_at(file, size, offset)

    def slow_touch(root: bytes, path: bytes, offset: int) -> None:
        made.wait(path)
        touch(root, path, offset)

    monkeypatch.setattr(reading, "open_location", slow_open)
    monkeypatch.setattr(reading, "read_at", slow_read)
    monkeypatch.setattr(reading, "touch", slow_touch)
    monkeypatch.setattr(volumes, "PROBE_EVERY_S", 0.02)
    monkeypatch.setattr(os, "preadv", lambda *_: (_ for _ in ()).throw(BlockingIOError()))
    yield made
    made.free.set()


@contextmanager
def nobody_waits(rig: Rig) -> Iterator[None]:
    """What is asked in here is answered at once: whoever waits now waits for a deadline of 15 s."""
    for volume in rig.ops.volumes._volumes.values():
        volume._deadline_s = 15
    began = time.monotonic()
    yield
    assert time.monotonic() - began < 5


def test_one_missed_deadline_stalls_the_volume_and_a_probe_brings_it_back(rig: Rig, disk: Disk) -> None:
    disk.free.clear()
    began = time.monotonic()
    assert open_errno(rig) == errno.EIO
    assert 0.1 < time.monotonic() - began < 5
    assert rig.ops.volumes.stalled() == ["photos"]
    with nobody_waits(rig):
        assert [open_errno(rig) for _ in range(3)] == [errno.EIO] * 3
    assert disk.waiting == 2  # the first open and the one probe
    disk.free.set()
    end = time.monotonic() + 10
    while rig.ops.volumes.stalled():
        assert time.monotonic() < end
    assert rig.read("all/a.jpg") == CONTENT


def test_readers_of_a_hung_disk_delay_nobody_else(rig: Rig, disk: Disk) -> None:
    fast = rig.library.source("fast") / "b.jpg"
    rig.library.index(fast, b"fast")
    hung, quick = rig.find("all/a.jpg"), rig.find("all/b.jpg")
    rig.ops.volumes._deadline_s = 15
    disk.free.clear()
    answers: list[int] = []

    async def read_hung() -> None:
        try:
            await rig.ops.open(hung, os.O_RDONLY, CTX)  # type: ignore[arg-type]
        except Exception as error:
            answers.append(getattr(error, "errno", -1))
        else:
            answers.append(0)

    async def go() -> float:
        async with trio.open_nursery() as nursery:
            for _ in range(60):
                nursery.start_soon(read_hung)
            await trio.testing.wait_all_tasks_blocked()
            began = time.monotonic()
            info = await rig.ops.open(quick, os.O_RDONLY, CTX)  # type: ignore[arg-type]
            assert bytes(await rig.ops.read(info.fh, 0, 100)) == b"fast"
            took = time.monotonic() - began
            assert disk.waiting <= volumes.THREADS
            disk.free.set()
        return took

    assert trio.run(go) < 5, "a reader of the hung disk in the way would be 15 s"
    assert answers == [0] * 60


def test_a_late_open_closes_what_it_opened(rig: Rig, disk: Disk, photo: Path) -> None:
    disk.free.clear()
    assert open_errno(rig) == errno.EIO
    disk.free.set()
    end = time.monotonic() + 10
    while rig.ops.volumes.stalled() or disk.waiting or str(photo) in _open_files():
        assert time.monotonic() < end


def _open_files() -> set[str]:
    found = set()
    for fd in os.listdir("/proc/self/fd"):
        with suppress(OSError):
            found.add(os.readlink(f"/proc/self/fd/{fd}"))
    return found


def test_a_handle_on_a_stalled_volume_fails_at_once(rig: Rig, disk: Disk) -> None:
    info = rig.call(rig.ops.open, rig.find("all/a.jpg"), os.O_RDONLY, CTX)
    disk.free.clear()
    assert rig.errno(rig.ops.read, info.fh, 0, 100) == errno.EIO
    with nobody_waits(rig):
        assert rig.errno(rig.ops.read, info.fh, 0, 100) == errno.EIO


def test_two_sources_on_one_volume_share_its_gate(rig: Rig, disk: Disk) -> None:
    other = rig.library.source("other") / "c.jpg"
    rig.library.index(other, b"c")
    with rig.library.database.write() as tx:
        tx.run("UPDATE source_state SET volume='the same'")
    rig.ops.volumes.renew()
    disk.free.clear()
    assert open_errno(rig) == errno.EIO
    assert open_errno(rig, "all/c.jpg") == errno.EIO


@pytest.mark.parametrize("how", ["changed before open", "changed after open"])
def test_a_refused_file_is_closed_at_once(rig: Rig, photo: Path, how: str) -> None:
    """The loop collects cycles seldom: no error may keep a descriptor until then."""
    gc.disable()
    try:
        if how == "changed before open":
            os.utime(photo, ns=(1, 1))
            assert [open_errno(rig) for _ in range(5)] == [errno.ESTALE] * 5
        else:
            info = rig.call(rig.ops.open, rig.find("all/a.jpg"), os.O_RDONLY, CTX)
            os.truncate(photo, 10)
            assert [rig.errno(rig.ops.read, info.fh, 0, 100_000) for _ in range(5)] == [errno.EIO] * 5
            rig.call(rig.ops.release, info.fh)
        assert str(photo) not in _open_files()
    finally:
        gc.enable()


# ---------------------------------------------------------------------------- opening without a thread


@pytest.fixture
def threads_opened(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Paths that were opened in a thread."""
    opened: list[bytes] = []
    open_location = reading.open_location

    def noted(location: opening.Location, root: bytes) -> opening.OpenFile:
        opened.append(location.path)
        return open_location(location, root)

    monkeypatch.setattr(reading, "open_location", noted)
    return opened


def on_a_local_disk(rig: Rig, photo: Path) -> None:
    """Whatever the tests run on (a tmpfs does not know RWF_NOWAIT): its filesystem is known to answer from memory."""
    rig.ops._reading._nonblocking.add(photo.stat().st_dev)


def test_the_second_file_of_a_local_folder_is_opened_at_once(
    rig: Rig, photo: Path, threads_opened: list[bytes]
) -> None:
    on_a_local_disk(rig, photo)
    rig.library.index(photo.with_name("b.jpg"), b"second")
    assert rig.read("all/a.jpg") == CONTENT
    assert rig.read("all/b.jpg") == b"second"
    assert threads_opened == [os.fsencode(photo)]


def test_what_is_opened_at_once_is_checked_like_anything_else(
    rig: Rig, photo: Path, threads_opened: list[bytes]
) -> None:
    assert rig.read("all/a.jpg") == CONTENT
    os.utime(photo, ns=(1, 1))
    assert open_errno(rig) == errno.ESTALE
    photo.unlink()
    os.mkfifo(photo)
    assert open_errno(rig) == errno.ESTALE
    assert len(threads_opened) == 3


def test_a_folder_must_prove_itself_again_after_a_while(
    rig: Rig, photo: Path, threads_opened: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cached, "KNOWN_S", -1.0)
    rig.read("all/a.jpg")
    rig.read("all/a.jpg")
    assert len(threads_opened) == 2


def test_a_disk_that_cannot_say_what_is_cached_is_never_opened_without_a_thread(
    rig: Rig, photo: Path, threads_opened: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """There opening asks a server or another daemon: the loop would wait for it."""

    def preadv(*_: object) -> int:
        raise OSError(errno.EOPNOTSUPP, "not supported")

    monkeypatch.setattr(os, "preadv", preadv)
    for _ in range(3):
        assert rig.read("all/a.jpg") == CONTENT
    assert len(threads_opened) == 3


def test_a_kernel_without_openat2(
    rig: Rig, photo: Path, threads_opened: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    on_a_local_disk(rig, photo)
    monkeypatch.setattr(cached, "_OPENAT2", 100_000)
    monkeypatch.setattr(cached, "_supported", True)
    assert rig.read("all/a.jpg") == CONTENT
    assert rig.read("all/a.jpg") == CONTENT
    assert len(threads_opened) == 2
    assert cached._supported is False


def test_what_is_not_in_memory_is_left_to_the_threads(tmp_path: Path) -> None:
    assert cached.open_cached(os.fsencode(tmp_path / "absent")) is None
    (tmp_path / "link").symlink_to("absent")
    assert cached.open_cached(os.fsencode(tmp_path / "link")) is None
    folders = cached.LocalFolders()
    for number in range(cached.MOST_FOLDERS + 5):
        folders.add(b"%d" % number)
    assert b"4" not in folders
    assert b"5" in folders
