"""Which volume a path lies on, and whether a source is there."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from albumsd.core import mountinfo
from albumsd.core.filetimes import HOUR_NS
from albumsd.core.mountinfo import parse
from albumsd.indexer import roots, volumes
from albumsd.indexer.once import scan_of
from albumsd.indexer.roots import Prober, Seen, judge
from albumsd.indexer.volumes import Mounts, Volume
from albumsd.store import files, jobs, scanning, sources

Library = Any  # conftest.Library, which the tests get as a fixture

MOUNTINFO = rb"""27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,discard
40 27 8:17 / /media/My\040Disk rw - vfat /dev/sdb1 rw
41 27 0:50 / /home/me/Albums rw - fuse.albumsd albumsd rw
42 27 0:50 /by-date /home/me/Pictures/dates rw - fuse.albumsd albumsd rw
43 27 0:51 / /home/me/Pictures/nas rw - nfs4 nas:/export/photos rw
44 27 0:52 / /home/me/other ro - fuse custom rw
45 40 8:33 / /media/My\040Disk/inner rw - ext4 /dev/sdc1 rw
46 27 8:49 / /home/me/Pictures/nas rw - btrfs /dev/sdd1 rw
a line that is none
"""


@pytest.fixture
def mounts() -> Mounts:
    return Mounts(parse(MOUNTINFO), {"/dev/vda": "aaaa-1", "/dev/sdb1": "1234-ABCD"})


def test_a_path_lies_on_the_nearest_mount_above_it(mounts: Mounts) -> None:
    assert mounts.volume(b"/home/me/Pictures") == Volume("uuid:aaaa-1", "ext4", 1, True)
    assert mounts.volume(b"/media/My Disk/DCIM") == Volume("uuid:1234-ABCD", "vfat", 2_000_000_000, False)
    assert mounts.volume(b"/media/My Disk/inner/x").identity == "ext4:/dev/sdc1"
    assert mounts.volume(b"/media/My Diskette").identity == "uuid:aaaa-1"
    assert mounts.volume(b"/home/me/Pictures/nas").identity == "btrfs:/dev/sdd1"  # the later mount hides the earlier
    assert Mounts([], {}).volume(b"/x").identity == "unknown:"


def test_what_lies_below_and_what_is_ours(mounts: Mounts) -> None:
    assert [m.point for m in mounts.below(b"/home/me/Pictures")] == [
        b"/home/me/Pictures/dates",
        b"/home/me/Pictures/nas",
    ]
    ours = {b"/home/me/Albums", b"/home/me/Pictures/dates"}
    assert mounts.ours(b"/home/me/Albums") == ours
    assert mounts.ours(b"/home/me/other") == ours | {b"/home/me/other"}
    assert mounts.ours(b"/nowhere") == ours | {b"/nowhere"}


def test_without_udev_two_drives_under_one_device_name_are_two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a container there is no /dev/disk/by-uuid; what is asked for must be local, and really be what is mounted."""
    device = os.makedev(8, 17)
    asked: list[bytes] = []

    def names(number: int, *, seen: int = device) -> str:
        table = tmp_path / "mountinfo"
        table.write_bytes(
            b"27 1 254:0 / / rw - overlay overlay rw\n40 27 8:17 / /mnt/usb rw - ext4 /dev/sdb1 rw\n"
            b"41 27 8:33 / /mnt/stick rw - vfat /dev/sdc1 rw\n42 27 0:52 / /mnt/net rw - fuse.sshfs box: rw\n"
            b"43 42 8:49 / /mnt/net/inner rw - ext4 /dev/sdd1 rw\n"
        )
        with monkeypatch.context() as patch:
            patch.setattr(mountinfo, "PATH", str(table))
            patch.setattr(volumes, "_uuids", dict)
            patch.setattr(os, "stat", lambda path: asked.append(path) or SimpleNamespace(st_dev=seen))
            patch.setattr(os, "statvfs", lambda path: SimpleNamespace(f_fsid=number))
            mounts = Mounts.now()
        assert mounts.volume(b"/mnt/stick").identity == "vfat:/dev/sdc1"
        assert mounts.volume(b"/mnt/net/inner").identity == "ext4:/dev/sdd1"
        return mounts.volume(b"/mnt/usb/DCIM").identity

    assert names(0xABC) == "uuid:fsid-0000000000000abc"
    assert names(0xDEF) != names(0xABC)
    assert names(0xABC, seen=7) == "ext4:/dev/sdb1", "something else covers it"
    assert set(asked) == {b"/mnt/usb"}


def test_the_mounts_of_this_machine_can_be_read(tmp_path: Path) -> None:
    assert Mounts.now().volume(str(tmp_path).encode()).fstype != "unknown"


def test_a_fat_drive_after_summer_time_opens_no_file(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Mounts, "volume", lambda self, path: Volume("uuid:FAT", "vfat", 2_000_000_000, False))
    library.put("2024-05-01.jpg")
    library.put("b.jpg")
    library.index()
    before, asked = library.rows(), len(library.decoders.asked)
    local = library.database.all("SELECT local FROM asset ORDER BY id")
    for name in ("2024-05-01.jpg", "b.jpg"):
        library.put(name, mtime_ns=1_500_000_000_000_000_000 + HOUR_NS)
    outcome = library.index().scans[-1][1]
    assert outcome.changed == 0
    assert library.rows() == before
    assert len(library.decoders.asked) == asked
    assert library.database.all("SELECT local FROM asset ORDER BY id") == local
    assert library.database.all("SELECT DISTINCT inode FROM file") == [(0,)]


def test_without_inodes_a_rename_is_known_by_its_content(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Mounts, "volume", lambda self, path: Volume("uuid:FAT", "vfat", 2_000_000_000, False))
    library.put("IMG_1.JPG")
    library.put("b.jpg")
    library.index()
    asset = library.asset("IMG_1.JPG")
    library.move("IMG_1.JPG", "img_1.jpg")
    library.index()
    assert library.paths() == {b"img_1.jpg", b"b.jpg"}
    assert library.asset("img_1.jpg") == asset


# ------------------------------------------------------------------------------------------- verdicts

HOME = Volume("uuid:home", "ext4", 1, True)


def source(volume: str | None) -> sources.Source:
    return sources.Source(1, "photos", b"/photos", "online", "", volume, 1, True, "", False, None, "", 0)


@pytest.mark.parametrize(
    ("volume", "seen", "known", "state"),
    [
        (None, Seen(True, True, "", 0, 0), False, "online"),
        ("uuid:home", Seen(True, False, "", 0, 0), True, "online"),
        ("uuid:home", Seen(True, True, "", 0, 0), True, "offline"),
        ("uuid:home", Seen(False, True, "No such file", 0, 0), True, "offline"),
        ("uuid:home", Seen(True, False, "Input/output error", 0, 0), True, "offline"),
        ("uuid:home", None, True, "stalled"),
        ("uuid:usb", Seen(True, False, "", 16, 3), True, "offline"),
        ("uuid:usb", Seen(True, False, "", 16, 16), True, "online"),
        ("uuid:usb", Seen(True, False, "", 0, 0), False, "online"),
    ],
    ids=["new", "there", "empty", "missing", "broken", "hung", "another drive", "copied drive", "nothing known"],
)
def test_the_state_of_a_source(volume: str | None, seen: Seen | None, known: bool, state: str) -> None:
    verdict = judge(source(volume), HOME, seen, known)
    assert verdict.state == state
    assert bool(verdict.why) == (state != "online")
    assert (verdict.volume == HOME) == (state == "online")


def test_a_root_that_hangs_is_asked_once_and_noticed_when_it_answers(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.put("a.jpg")
    library.index()
    answer, asked = threading.Event(), list[bytes]()
    real = roots.look

    def hang(root: bytes, sample: Any) -> Seen:
        asked.append(root)
        answer.wait(20)
        return real(root, sample)

    monkeypatch.setattr(roots, "look", hang)
    prober = Prober(deadline_s=0.05)

    def state() -> str:
        return prober.check(library.database, sources.by_name(library.database, "photos")).state

    assert [state(), state(), state()] == ["stalled"] * 3
    assert len(asked) == 1
    assert library.state() == "stalled"
    assert files.locations(library.database, library.asset("a.jpg"))[0].state == "stalled"
    monkeypatch.setattr(roots, "look", real)
    answer.set()
    prober._hung[library.source.path].join()
    assert state() == "online"
    assert sources.scans_due(library.database) == ["photos"]


def test_another_drive_at_the_same_path_changes_nothing(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(30):
        library.put(f"{number}.jpg")
    library.index()
    before = library.rows()
    monkeypatch.setattr(Mounts, "volume", lambda self, path: Volume("uuid:other", "ext4", 1, True))
    library.move("", "../away")
    library.root.mkdir()
    library.put("stranger.jpg")
    assert library.index().states == {"photos": "offline"}
    assert library.rows() == before
    library.move("", "../stranger")
    (library.folder / "away").rename(library.root)
    assert library.index().states == {"photos": "online"}  # the same files on a new drive
    assert library.rows() == before
    assert jobs.open_count(library.database) == 0
    assert sources.by_name(library.database, "photos").volume == "uuid:other"


def test_a_drive_mounted_inside_a_source_keeps_its_files_when_it_leaves(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.put("a.jpg")
    library.put("drives/usb/b.jpg")
    library.put("drives/c.jpg")
    inner = str(library.root / "drives" / "usb").encode()
    here = [parse(b"99 1 8:99 / %s rw - ext4 /dev/sdz1 rw" % inner)[0]]
    monkeypatch.setattr(Mounts, "below", lambda self, path: here)
    library.index()
    assert scanning.inner_mounts(library.database, library.source.id) == {b"drives/usb"}
    before = library.rows()
    here.clear()
    library.move("drives/usb", "../usb")
    library.index()  # udisks removes the mount point
    assert library.rows() == before
    known = sources.by_name(library.database, "photos")
    outcome = scan_of(library.database, library.config, known, Prober(), Mounts.now(), 0.0).some([b"drives"])
    assert (outcome.gone, outcome.held) == (0, 0)
    assert library.rows() == before
    (library.root / "drives" / "usb").mkdir()
    library.index()
    assert library.rows() == before
    assert not library.held()
    library.put("drives/usb/other.jpg")  # not a mount point any more, but a folder
    library.index()
    assert library.paths() == {b"a.jpg", b"drives/c.jpg", b"drives/usb/other.jpg"}
    assert scanning.inner_mounts(library.database, library.source.id) == set()
