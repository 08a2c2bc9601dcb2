"""What may be a source and what may not."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from albumsd.core import config, mountinfo
from albumsd.core.errors import MountRefused, NoSuchSource, SourceRefused
from albumsd.store import scanning, sources, status


@pytest.fixture
def ground(tmp_path: Path) -> Path:
    for name in ("photos/2024", "papers", "world"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "file.txt").write_text("no folder")
    (tmp_path / "link").symlink_to("photos", target_is_directory=True)
    return tmp_path


@pytest.fixture
def settings(lib: Any, ground: Path) -> config.Config:
    return config.load(lib.folder, overrides={"mount": os.fspath(ground / "world" / "Albums")})


def test_added_once_by_its_real_path_and_under_its_own_name(lib: Any, ground: Path, settings: config.Config) -> None:
    added = sources.add(lib.db, settings, ground / "papers")
    assert (added.name, added.path, added.state, added.scan_due) == (
        "papers",
        os.fsencode(ground / "papers"),
        "new",
        True,
    )
    assert sources.add(lib.db, settings, ground / "papers") == added, "pointing twice is no error"
    through = sources.add(lib.db, settings, ground / "link", "Pictures")
    assert (through.name, through.path) == ("Pictures", os.fsencode(ground / "photos"))
    assert [source.name for source in sources.all_sources(lib.db)] == ["photos", "papers", "Pictures"]
    assert sources.by_name(lib.db, "Pictures") == through


REFUSED = [
    ("{g}/photos/2024", None, "lies in the source pics"),
    ("{g}", None, "the mount .* lies in it"),
    ("{g}/photos", "other", "is the source pics already"),
    ("{g}/link", "other", "is the source pics already"),
    ("{g}/link/2024", None, "lies in the source pics"),
    ("{g}/world", None, "the mount .* lies in it"),
    ("{g}/world/Albums", None, "lies in the mount"),
    ("{g}/world/Albums/by-date", None, "lies in the mount"),
    ("{g}/gone", None, "no such folder; plug its drive in first"),
    ("{g}/file.txt", None, "is not a folder"),
    ("{g}/papers", "PICS", "the name PICS is taken; give another"),
    ("{l}", None, "lies in it|lies in the library"),
    ("{l}/previews", None, "lies in the library"),
]


@pytest.mark.parametrize(("path", "name", "why"), REFUSED, ids=[case[0] for case in REFUSED])
def test_refused_with_the_reason(
    lib: Any, ground: Path, settings: config.Config, path: str, name: str | None, why: str
) -> None:
    sources.add(lib.db, settings, ground / "photos", "pics")
    (lib.folder / "previews").mkdir()
    before = lib.db.all("SELECT * FROM source")
    with pytest.raises(SourceRefused, match=why):
        sources.add(lib.db, settings, path.format(g=ground, l=lib.folder), name)
    assert lib.db.all("SELECT * FROM source") == before


def test_a_folder_around_a_source_and_around_the_library(lib: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    apart = tmp_path_factory.mktemp("apart")
    settings = config.load(lib.folder, overrides={"mount": os.fspath(apart / "Albums")})
    inner = lib.folder.parent / "inner" / "deep"
    inner.mkdir(parents=True)
    with pytest.raises(SourceRefused, match=r"the library .* lies in it; move one of them"):
        sources.add(lib.db, settings, lib.folder.parent)
    sources.add(lib.db, settings, inner)
    with pytest.raises(SourceRefused, match=r"the source deep .* lies in it"):
        sources.add(lib.db, settings, inner.parent)
    sibling = inner.with_name("deeper")
    sibling.mkdir()
    assert sources.add(lib.db, settings, sibling).name == "deeper", "a name that begins alike is another folder"


def test_a_mount_that_only_the_system_knows_of_is_no_source(
    lib: Any, ground: Path, settings: config.Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`run --mount DIR` mounts elsewhere than the settings say."""
    for name in ("shown/by-date", "shown/usb", "shown.not"):
        (ground / name).mkdir(parents=True)
    lines = ground / "mountinfo"
    lines.write_text(
        "20 1 0:1 / / rw - ext4 /dev/sda1 rw\n"
        f"30 20 0:40 / {ground}/shown rw - fuse.albumsd albumsd rw\n"
        f"31 30 0:41 / {ground}/shown/usb rw - vfat /dev/sdb1 rw\n"
    )
    monkeypatch.setattr(mountinfo, "PATH", os.fspath(lines))
    for inside in ("shown", "shown/by-date"):
        with pytest.raises(SourceRefused, match=f"it lies in the mount {ground}/shown"):
            sources.add(lib.db, settings, ground / inside)
    assert sources.add(lib.db, settings, ground / "shown" / "usb").name == "usb"
    assert sources.add(lib.db, settings, ground / "shown.not").name == "shown.not"


def test_no_mount_in_a_source_or_over_one(lib: Any, ground: Path, settings: config.Config) -> None:
    sources.add(lib.db, settings, ground / "papers")
    known = sources.all_sources(lib.db)
    for place in ("papers", "papers/Albums"):
        with pytest.raises(MountRefused, match=rf"it lies in the source papers \({ground}/papers\)"):
            sources.refuse_mount(known, ground / place)
    with pytest.raises(MountRefused, match=r"the source papers .* lies in it"):
        sources.refuse_mount(known, ground)
    sources.refuse_mount(known, ground / "papers Albums")


@pytest.mark.parametrize("inner", ["papers", "papers/2019", ""])
def test_a_bind_mount_of_a_source_is_refused(
    lib: Any, ground: Path, settings: config.Config, monkeypatch: pytest.MonkeyPatch, inner: str
) -> None:
    lines = ground / "mountinfo"
    lines.write_text(
        "20 1 0:1 / / rw - ext4 /dev/sda1 rw\n"
        f"30 20 0:1 {(ground / inner).as_posix()} {ground}/bound rw - ext4 /dev/sda1 rw\n"
        f"31 20 0:9 {(ground / inner).as_posix()} {ground}/other rw - ext4 /dev/sdb1 rw\n"
    )
    monkeypatch.setattr(mountinfo, "PATH", os.fspath(lines))
    for name in ("bound", "other"):
        (ground / name).mkdir()
    sources.add(lib.db, settings, ground / "papers")
    with pytest.raises(SourceRefused, match="by another road"):
        sources.add(lib.db, settings, ground / "bound")
    assert sources.add(lib.db, settings, ground / "other").name == "other"


def test_a_mount_behind_a_link_is_recognised(lib: Any, ground: Path) -> None:
    (ground / "real").mkdir()
    (ground / "home").symlink_to(ground / "real")
    (ground / "real" / "Albums").mkdir()
    (ground / "real" / "Shortcut").symlink_to("Albums")
    for mount in ("home/Albums", "home/Shortcut"):
        settings = config.load(lib.folder, overrides={"mount": os.fspath(ground / mount)})
        with pytest.raises(SourceRefused, match="lies in the mount"):
            sources.add(lib.db, settings, ground / "real" / "Albums")
        with pytest.raises(SourceRefused, match=r"the mount .* lies in it"):
            sources.add(lib.db, settings, ground / "real")


def test_the_managed_folder_may_lie_in_the_library(lib: Any, settings: config.Config) -> None:
    settings.originals.mkdir()
    assert sources.add(lib.db, settings, settings.originals).name == "originals"


def test_a_second_folder_of_one_name_gets_a_number(lib: Any, ground: Path, settings: config.Config) -> None:
    for outer in ("a", "b"):
        (ground / outer / "Photos").mkdir(parents=True)
        sources.add(lib.db, settings, ground / outer / "Photos")
    (ground / "c" / "x:y").mkdir(parents=True)
    sources.add(lib.db, settings, ground / "c" / "x:y")
    assert [source.name for source in sources.all_sources(lib.db)] == ["photos", "Photos 2", "Photos 3", "x_y"]


def test_scans_are_asked_for_and_done(lib: Any, ground: Path, settings: config.Config) -> None:
    source = sources.add(lib.db, settings, ground / "papers")
    assert sources.scans_due(lib.db) == ["photos", "papers"]
    with lib.db.write() as tx:
        ticket = sources.scan_ticket(tx, source.id)
        sources.want_scan(tx, "papers")  # asked for while the scan runs
        sources.scan_done(tx, source.id, ticket)
        assert sources.by_name(tx, "papers").scan_due
        sources.scan_done(tx, source.id, sources.scan_ticket(tx, source.id))
        assert not sources.by_name(tx, "papers").scan_due
        assert sources.want_scan(tx) == 2
        with pytest.raises(NoSuchSource, match="no source named nobody"):
            sources.want_scan(tx, "nobody")
        assert sources.set_state(tx, source.id, "offline", "away")
        assert not sources.set_state(tx, source.id, "offline", "away"), "no news"
        assert sources.scans_due(tx) == ["photos"]


def test_on_another_volume_the_inode_numbers_mean_nothing(lib: Any) -> None:
    lib.arrive("x.jpg", inode=5)
    with lib.db.write() as tx:
        scanning.remember_volume(tx, sources.by_name(tx, "photos"), "uuid-1", 1, True)
        assert tx.value("SELECT inode FROM file") == 5
        scanning.remember_volume(tx, sources.by_name(tx, "photos"), "uuid-2", 1, True)
        assert tx.value("SELECT inode FROM file") == 0


def test_the_report_counts_what_is_there(lib: Any) -> None:
    one, _ = lib.arrive("x.jpg", "y.jpg")
    lib.identify(one, "one")
    report = status.report(lib.db, "/mnt")
    assert (report["mount"], report["assets"], report["provisional"]) == ("/mnt", 2, 1)
    assert report["sources"][0]["files"] == 2
    assert report["jobs"]["facts"]["open"] == 2
    assert "2 items" in status.report_text(report)
