"""The adapter under the kernel: a real mount in a process of its own, used as programs use it."""

from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from mount_tools import unmount

from albumsd.core import config as settings
from albumsd.core.errors import LibraryBusy, MountRefused
from albumsd.ipc import pings
from albumsd.mount import mountpoint

if TYPE_CHECKING:
    from mount_tools import Library, Mounted, Mounter

pytestmark = [pytest.mark.mount, pytest.mark.slow]

HERE = Path(__file__).resolve().parent
CONTENT = bytes(range(256)) * 3000


@pytest.fixture
def photos(library: Library) -> Path:
    return library.source()


@pytest.fixture
def mounted(library: Library, photos: Path, mount: Mounter) -> Mounted:
    library.index(photos / "a.jpg", CONTENT)
    library.index(photos / "b.txt", b"b\n")
    return mount(library.config)


def ping(mounted: Mounted) -> None:
    assert pings.send(mounted.config.run / "mount.ping")


def test_programs_walk_and_read_it(mounted: Mounted, photos: Path, tmp_path: Path) -> None:
    assert mounted.shell("ls").stdout.split() == [
        "README.txt", "all", "broken", "info", "links", "many", "previews", "slow", "stuck", "volatile"
    ]  # fmt: skip
    assert mounted.shell("cat all/b.txt README.txt").stdout == "b\nThis is a fake.\n"
    for view in ("all", "slow", "volatile", "links"):
        assert mounted.shell(f"cmp {view}/a.jpg {photos}/a.jpg").returncode == 0
    # find must descend although every folder has two links, and tar and rsync must take whole trees
    assert len(mounted.shell("find all slow many/7 -type f").stdout.split()) == 10_004
    assert mounted.shell("tar cf - all slow links info | tar tf - | wc -l").stdout.strip() == "12"
    assert mounted.shell(f"cp -a all {tmp_path}/copy && diff -r all {tmp_path}/copy").returncode == 0
    assert mounted.shell("stat -f -c %l . && df .").stdout.startswith("255")
    assert mounted.shell("test -e .hidden || test -e all/._a.jpg || test -e all/nothing").returncode == 1


def test_a_listing_asks_nothing_per_file(mounted: Mounted) -> None:
    """``ls -l`` of ten thousand files: no GETXATTR for each of them."""
    began = time.monotonic()
    assert len(mounted.shell("ls -l many/0").stdout.splitlines()) == 10_001
    assert time.monotonic() - began < 5


def test_errnos_reach_programs(mounted: Mounted, library: Library) -> None:
    for command, said in [
        ("mkdir all/new", "Read-only file system"),
        ("echo x > all/new", "Read-only file system"),
        ("echo x >> all/b.txt", "Read-only file system"),
        ("rm -f all/b.txt", "Read-only file system"),
        ("mv all/b.txt all/c.txt", "Read-only file system"),
        ("ln all/b.txt all/c.txt", "Read-only file system"),
        ("touch all/b.txt", "Read-only file system"),
        ("chmod 644 all/b.txt", "Read-only file system"),
        ("touch all/.DS_Store", "Operation not permitted"),
        ("ls broken", "Input/output error"),
        ("stat broken/x", "Input/output error"),
    ]:
        assert said in mounted.shell(command).stderr, command
    library.state("photos", "offline")
    assert "No medium found" in mounted.shell("cat all/b.txt").stderr
    assert mounted.shell("ls all").stdout.split() == ["a.jpg", "b.txt"]
    assert mounted.status()["ready"]


def test_attributes_are_read_and_written_by_programs(mounted: Mounted) -> None:
    assert os.getxattr(mounted.path / "all" / "a.jpg", "user.xdg.tags") == b"beach,dog"
    assert os.listxattr(mounted.path / "all" / "a.jpg") == ["user.albumsd.id", "user.xdg.tags"]
    for name, flags, answer in [
        ("user.xdg.tags", 0, errno.EROFS), ("user.xdg.tags", os.XATTR_CREATE, errno.EEXIST),
        ("user.xdg.tags", os.XATTR_REPLACE, errno.EROFS), ("user.new", os.XATTR_REPLACE, errno.ENODATA),
        ("user.new", os.XATTR_CREATE | os.XATTR_REPLACE, errno.EROFS),
    ]:  # fmt: skip
        with pytest.raises(OSError) as caught:
            os.setxattr(mounted.path / "all" / "a.jpg", name, b"x", flags)
        assert caught.value.errno == answer, (name, flags)


def test_one_inode_in_every_view_and_after_a_remount(mounted: Mounted, mount: Mounter, library: Library) -> None:
    def inodes() -> list[int]:
        return [(mounted.path / view / "a.jpg").stat().st_ino for view in ("all", "slow", "volatile")]

    first = inodes()
    assert len(set(first)) == 1
    assert mounted.stop() == 0
    assert not os.path.ismount(library.config.mount)
    mount(library.config)
    assert inodes() == first


def test_cat_just_works_after_the_content_changed(mounted: Mounted, library: Library, photos: Path) -> None:
    """The kernel holds the old inode; OPEN answers ESTALE, it looks the name up again and opens the new one."""
    assert mounted.shell("cat all/b.txt").stdout == "b\n"
    with library.database.write() as tx:
        tx.run("DELETE FROM file WHERE name=?", (b"b.txt",))
        tx.run("UPDATE asset SET live=0, name='was b', name_key='was b' WHERE name='b.txt'")
    library.index(photos / "b.txt", b"new\n")
    assert mounted.shell("cat all/b.txt").stdout == "new\n"


def test_bytes_changed_in_place_are_never_returned_as_the_original(mounted: Mounted, photos: Path) -> None:
    assert mounted.shell("cat all/b.txt").stdout == "b\n"
    (photos / "b.txt").write_bytes(b"longer than before\n")
    done = mounted.shell("cat all/b.txt")
    assert (done.stdout, "Stale file handle" in done.stderr) == ("", True)


def test_changes_show_without_remounting(mounted: Mounted, library: Library, photos: Path) -> None:
    assert mounted.shell("ls all && cat all/b.txt").returncode == 0
    library.vanish((mounted.path / "all" / "b.txt").stat().st_ino // 8)
    library.index(photos / "c.txt", b"c\n")
    ping(mounted)
    mounted.wait(lambda: mounted.shell("cat all/b.txt").returncode != 0)
    assert mounted.shell("ls all").stdout.split() == ["a.jpg", "c.txt"]
    assert mounted.shell("cat all/c.txt").stdout == "c\n"


class Watcher:
    """inotifywait on a folder of the mount."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            ["inotifywait", "-m", "-e", "create,delete,attrib", "--format", "%e %f", str(folder)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.events: list[str] = []
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if "established" in line:
                break
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.events.append(line.strip())


@pytest.fixture
def watch() -> Iterator[type[Watcher]]:
    made: list[Watcher] = []

    class Kept(Watcher):
        def __init__(self, folder: Path) -> None:
            super().__init__(folder)
            made.append(self)

    yield Kept
    for watcher in made:
        watcher.process.kill()
        watcher.process.wait(10)
        for stream in (watcher.process.stdout, watcher.process.stderr):
            assert stream is not None
            stream.close()


def test_watchers_see_names_come_and_go(mounted: Mounted, library: Library, photos: Path, watch: type[Watcher]) -> None:
    folder = mounted.path / "all"
    asset = (folder / "b.txt").stat().st_ino // 8
    watcher = watch(folder)
    mounted.shell("ls all")
    library.index(photos / "c.txt", b"c\n")
    library.vanish(asset)
    ping(mounted)
    mounted.wait(lambda: {"CREATE c.txt", "DELETE b.txt"} <= set(watcher.events))
    # Nothing was made or removed, and the same content under another name keeps its link count.
    assert mounted.shell("ls all; cat all/c.txt").stdout.split() == ["a.jpg", "c.txt", "c"]
    assert (folder / "c.txt").stat().st_nlink == 2
    assert (photos / "b.txt").exists()
    assert mounted.status()["ready"]


def test_many_names_at_once_are_one_event(
    mounted: Mounted, library: Library, photos: Path, watch: type[Watcher]
) -> None:
    watcher = watch(mounted.path / "all")
    mounted.shell("ls all")
    paths = [photos / f"{n:04d}.txt" for n in range(300)]
    for path in paths:
        path.touch()
    library.index_many(paths)
    ping(mounted)
    mounted.wait(lambda: "ATTRIB,ISDIR" in {event.strip() for event in watcher.events})
    assert not any(event.startswith("CREATE") for event in watcher.events)


def test_lookups_are_forgotten_when_the_kernel_drops_its_caches(mounted: Mounted) -> None:
    mounted.shell("find . -maxdepth 2 -path ./stuck -prune -o -path ./broken -prune -o -print")
    assert int(str(mounted.status()["folders_held"])) > 10
    if os.geteuid() != 0:
        pytest.skip("needs root to drop caches")
    subprocess.run(["sync"], check=True, timeout=60)
    mounted.wait(lambda: _drop_caches() and mounted.status()["folders_held"] == 0, 20)
    assert mounted.status()["open_handles"] == 0


def _drop_caches() -> bool:
    Path("/proc/sys/vm/drop_caches").write_text("2")
    return True


def test_a_killed_mount_is_replaced(mounted: Mounted, mount: Mounter, library: Library) -> None:
    reader = subprocess.Popen(["sh", "-c", f"exec sleep 100 < {mounted.path}/all/a.jpg"])
    try:
        mounted.kill()
        assert "not connected" in mounted.shell("ls").stderr + str(_errno_of(mounted.path))
        again = mount(library.config)
        assert again.shell("ls all").stdout.split() == ["a.jpg", "b.txt"]
    finally:
        reader.kill()
        reader.wait(10)


def _errno_of(path: Path) -> str:
    try:
        os.listdir(path)
    except OSError as error:
        return str(error.strerror).lower().replace("transport endpoint is not connected", "not connected")
    return ""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_unmounts_cleanly_even_while_it_is_in_use(mounted: Mounted, number: int) -> None:
    busy = subprocess.Popen(["sleep", "100"], cwd=mounted.path / "all")
    try:
        mounted.process.send_signal(number)
        assert mounted.process.wait(10) == 0
        assert mountpoint.at(mounted.path) is None
        assert not list(mounted.path.iterdir())
    finally:
        busy.kill()
        busy.wait(10)


def test_an_unmount_from_outside_ends_the_process(mounted: Mounted) -> None:
    subprocess.run(["fusermount3", "-u", str(mounted.path)], check=True, timeout=10)
    assert mounted.process.wait(10) == 0


def test_one_mount_process_per_library(mounted: Mounted, tmp_path: Path) -> None:
    from mount_fakes import FakeTree

    from albumsd.mount import process

    with pytest.raises(LibraryBusy) as caught:
        process.main(settings.load(mounted.config.library, overrides={"mount": str(tmp_path / "m2")}), FakeTree)  # type: ignore[arg-type]
    assert str(mounted.process.pid) in str(caught.value)


def test_what_cannot_be_the_mountpoint(mounted: Mounted, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").touch()
    (tmp_path / "file").touch()
    for name, why in [("full", "not empty"), ("file", "Not a directory")]:
        with pytest.raises(MountRefused, match=why):
            mountpoint.prepare(tmp_path / name)
    with pytest.raises(MountRefused, match="another library"):
        mountpoint.prepare(mounted.path)
    mountpoint.prepare(tmp_path / "new" / "deep")
    assert (tmp_path / "new" / "deep").is_dir()


def test_it_starts_fast_and_small(library: Library, photos: Path, mount: Mounter) -> None:
    library.index(photos / "a.jpg", CONTENT)
    began = time.monotonic()
    mounted = mount(library.config)
    took = time.monotonic() - began
    assert took < 3, "0.3 s on an idle machine; make bench measures it"
    for number in range(10):
        mounted.shell(f"ls -l many/{number} > /dev/null")
    assert int(str(mounted.status()["rss"])) < 80 << 20


def test_systemd_hears_that_it_is_ready_and_alive(
    library: Library, photos: Path, mount: Mounter, tmp_path: Path
) -> None:
    with pings.listen(tmp_path / "notify") as bell:
        mount(library.config, env={"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "100000"})
        heard: set[str] = set()
        end = time.monotonic() + 10
        while heard != {"READY=1", "WATCHDOG=1"}:
            heard.update(pings.drain(bell))
            assert time.monotonic() < end, heard


def test_nothing_is_written_to_the_log_while_all_is_well(mounted: Mounted) -> None:
    mounted.shell("find all slow volatile links info many/1 > /dev/null; cat all/* > /dev/null; cat all/nothing")
    mounted.stop()
    assert "Traceback" not in (mounted.config.library / "mount.log").read_text()


# ------------------------------------------------------------------------------ a drive that hangs


class Hanging:
    """A source on a filesystem of the test's own, which stops answering reads while ``stop`` is set."""

    def __init__(self, path: Path, flag: Path) -> None:
        self.path, self._flag = path, flag

    def hang(self) -> None:
        self._flag.touch()

    def go_on(self) -> None:
        self._flag.unlink(missing_ok=True)


@pytest.fixture
def hanging(tmp_path: Path) -> Iterator[Hanging]:
    path, flag = tmp_path / "drive", tmp_path / "stop"
    path.mkdir()
    process = subprocess.Popen([sys.executable, str(HERE / "mount_hang.py"), str(path), str(flag)])
    made = Hanging(path, flag)
    end = time.monotonic() + 20
    while mountpoint.at(path) is None:
        assert process.poll() is None
        assert time.monotonic() < end
        time.sleep(0.02)
    yield made
    made.go_on()
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(10)
    if mountpoint.at(path) is not None:
        unmount(path)


def test_a_hung_source_delays_no_other(library: Library, photos: Path, hanging: Hanging, mount: Mounter) -> None:
    library.source("drive", hanging.path)
    library.index(hanging.path / "a.jpg")
    for number in range(20):
        library.index(photos / f"{number}.txt", b"%d\n" % number)
    mounted = mount(library.config, "read_deadline_s=6")
    hanging.hang()
    readers = [subprocess.Popen(["head", "-c", "100", str(mounted.path / "all" / "a.jpg")], stderr=subprocess.PIPE)
               for _ in range(32)]  # fmt: skip
    try:
        mounted.wait(lambda: mounted.status()["open_handles"] == 32)
        for number in range(20):
            assert (mounted.path / "all" / f"{number}.txt").read_bytes() == b"%d\n" % number
        assert all(reader.poll() is None for reader in readers), "a hung reader in the way takes the whole deadline"
        assert mounted.status()["stalled"] == []
        ends = [reader.communicate(timeout=20)[1] for reader in readers]
        assert all(b"Input/output error" in end for end in ends)
        assert mounted.status()["stalled"] == ["drive"]
        began = time.monotonic()
        assert "Input/output error" in mounted.shell("head -c 10 all/a.jpg").stderr
        assert time.monotonic() - began < 4, "at once; a reader that waits takes the deadline, 6 s"
        hanging.go_on()
        mounted.wait(lambda: mounted.status()["stalled"] == [])
        assert mounted.shell("head -c 10 all/a.jpg").stdout == "x" * 10
    finally:
        hanging.go_on()
        for reader in readers:
            reader.kill()
            reader.wait(10)


def test_sigterm_while_a_source_hangs(library: Library, photos: Path, hanging: Hanging, mount: Mounter) -> None:
    library.source("drive", hanging.path)
    library.index(hanging.path / "a.jpg")
    mounted = mount(library.config, "read_deadline_s=60")
    hanging.hang()
    reader = subprocess.Popen(["head", "-c", "100", str(mounted.path / "all" / "a.jpg")], stderr=subprocess.DEVNULL)
    mounted.wait(lambda: mounted.status()["open_handles"] == 1)
    began = time.monotonic()
    mounted.process.terminate()
    mounted.wait(lambda: mountpoint.at(mounted.path) is None)
    assert time.monotonic() - began < 5
    hanging.go_on()
    assert reader.wait(10) != 0
    assert mounted.process.wait(10) == 0


# -------------------------------------------------------------------------------- an ordinary user


@pytest.mark.user
def test_an_ordinary_user_gets_errnos_from_handlers_and_not_from_mode_bits(
    library: Library, photos: Path, mount: Mounter, tmp_path: Path
) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root to become somebody else")
    nobody = 65534
    library.index(photos / "b.txt", b"b\n")
    for folder in (tmp_path, *tmp_path.parents):
        if not folder.stat().st_mode & stat.S_IXOTH and folder.name.startswith(("pytest-", tmp_path.name)):
            folder.chmod(folder.stat().st_mode | stat.S_IXOTH | stat.S_IXGRP)
    mounted = mount(library.config, f"owner={nobody}", "allow_other=true")
    assert mounted.shell("id -u", user=nobody).stdout.strip() == str(nobody)
    assert mounted.shell("cat all/b.txt && stat -c '%u %a' all/b.txt all", user=nobody).stdout.split() == [
        "b", str(nobody), "600", str(nobody), "700"
    ]  # fmt: skip
    for command in ("mkdir all/new", "echo x >> all/b.txt", "rm -f all/b.txt", "mv all/b.txt all/c", "touch all/b.txt"):
        assert "Read-only file system" in mounted.shell(command, user=nobody).stderr, command
    assert "Permission denied" in mounted.shell("cat all/b.txt", user=12345).stderr
