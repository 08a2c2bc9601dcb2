"""What a scan makes of a disk that changed. Every test ends with a rescan that finds nothing: rows and disk agree."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import stat
import time
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from albumsd.indexer import directory, scan
from albumsd.indexer.once import scan_of
from albumsd.indexer.roots import Prober
from albumsd.indexer.volumes import Mounts
from albumsd.store import files, jobs, sources

Library = Any  # conftest.Library, which the tests get as a fixture
OLD_NS = 1_500_000_000_000_000_000


def agree(library: Library) -> None:
    """Nothing is left to see or to do, and no file is opened for it."""
    asked = len(library.decoders.asked)
    report = library.index()
    for _, outcome in report.scans:
        counts = (outcome.arrived, outcome.moved, outcome.changed, outcome.gone, outcome.held, outcome.back)
        assert counts == (0,) * 6
        assert not outcome.again
    assert len(library.decoders.asked) == asked
    assert jobs.open_count(library.database) == 0


def last(library: Library, **options: object) -> scan.Outcome:
    return library.index(**options).scans[-1][1]


def test_everything_there_is_found_and_hashed(library: Library) -> None:
    library.put("a.jpg")
    library.put("2024/b.jpg")
    library.put("2024/deep/er/c.txt")
    (library.root / "empty").mkdir()
    assert last(library).arrived == 3
    assert library.paths() == {b"a.jpg", b"2024/b.jpg", b"2024/deep/er/c.txt"}
    assert all(row[2] for row in library.rows().values())
    assert files.folder_id(library.database, library.source.id, b"empty") is not None
    agree(library)


def test_litter_is_left_out_at_every_depth(library: Library) -> None:
    for name in (
        "._a.jpg", ".DS_Store", "x/.Trash-1000/files/b.jpg", "x/@eaDir/c.jpg", "#recycle/d.jpg", "x/.thumbnails/e.jpg",
        "x/.sh_thumbnails/f.jpg", "$RECYCLE.BIN/g.jpg", "System Volume Information/h", "x/Thumbs.db", "x/desktop.ini",
        "lost+found/i.jpg", "x/j.jpg.part", "x/k.crdownload", "x/~$l.docx", "x/.~lock.m.odt#", "x/n.jpg.TMP",
    ):  # fmt: skip
        library.put(name)
    library.put("x/kept.jpg")
    library.index()
    assert library.paths() == {b"x/kept.jpg"}
    agree(library)


def test_symlinks_sockets_and_fifos_are_left_out_and_loops_end(library: Library) -> None:
    library.put("real/a.jpg")
    (library.root / "real" / "loop").symlink_to(library.root)
    (library.root / "link.jpg").symlink_to(library.root / "real" / "a.jpg")
    (library.root / "dead.jpg").symlink_to("nowhere")
    os.mkfifo(library.root / "pipe.jpg")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(library.root / "s.jpg"))
    library.index()
    assert library.paths() == {b"real/a.jpg"}
    agree(library)


def test_hard_links_are_files_of_their_own_and_one_copy(library: Library) -> None:
    path = library.put("a.jpg")
    library.index()
    os.link(path, library.root / "b.jpg")
    assert last(library).arrived == 1
    assert library.asset("a.jpg") == library.asset("b.jpg")
    assert library.database.value("SELECT copies FROM asset") == (1 if library.rows() and _inodes(library) else 2)
    agree(library)
    os.unlink(path)
    library.index()
    assert library.paths() == {b"b.jpg"}
    agree(library)


def _inodes(library: Library) -> bool:
    return sources.by_name(library.database, "photos").inodes


def test_names_that_are_not_utf8_and_two_forms_of_one_name(library: Library) -> None:
    composed, decomposed = (unicodedata.normalize(form, "Café.jpg") for form in ("NFC", "NFD"))
    for name in (b"caf\xe9.jpg", composed.encode(), decomposed.encode(), b"IMG.jpg", b"img.JPG", b"\xff\xfe/\x80.jpg"):
        library.put(name)
    library.index()
    assert library.paths() == {
        b"caf\xe9.jpg", composed.encode(), decomposed.encode(), b"IMG.jpg", b"img.JPG", b"\xff\xfe/\x80.jpg",
    }  # fmt: skip
    keys = [row[0] for row in library.database.all("SELECT name_key FROM asset")]
    assert len(keys) == len(set(keys)) == 6
    agree(library)


def test_a_rename_keeps_the_asset_and_opens_no_file(library: Library) -> None:
    library.put("a.jpg")
    library.put("keep.jpg")
    library.index()
    asset, asked = library.asset("a.jpg"), len(library.decoders.asked)
    library.move("a.jpg", "2024/holiday.jpg")
    assert last(library).moved == 1
    assert library.paths() == {b"2024/holiday.jpg", b"keep.jpg"}
    assert library.asset("2024/holiday.jpg") == asset
    assert len(library.decoders.asked) == asked
    agree(library)


def test_a_rename_of_a_file_whose_hash_is_not_known_keeps_it_too(library: Library) -> None:
    library.put("a.jpg")
    scan_alone(library)
    asset = library.asset("a.jpg")
    library.move("a.jpg", "b.jpg")
    scan_alone(library)
    assert library.rows()[b"b.jpg"][0] == asset
    library.index()
    agree(library)


def scan_alone(library: Library, folders: list[bytes] | None = None, rest_s: float = 0.0) -> scan.Outcome:
    """Phase one only."""
    prober = Prober()
    prober.check(library.database, sources.by_name(library.database, "photos"))
    source = sources.by_name(library.database, "photos")
    made = scan_of(library.database, library.config, source, prober, Mounts.now(), rest_s)
    return made.whole() if folders is None else made.some(folders)


def test_a_case_only_rename(library: Library) -> None:
    library.put("IMG_1.JPG")
    library.put("other.jpg")
    library.index()
    asset = library.asset("IMG_1.JPG")
    library.move("IMG_1.JPG", "img_1.jpg")
    library.index()
    assert library.paths() == {b"img_1.jpg", b"other.jpg"}
    assert library.asset("img_1.jpg") == asset
    assert library.database.value("SELECT name FROM asset WHERE id=?", (asset,)) == "IMG_1.JPG"
    agree(library)


def test_a_renamed_folder_takes_its_files_along(library: Library) -> None:
    for number in range(30):
        library.put(f"trip/day/{number}.jpg")
    library.put("rest.jpg")
    library.index()
    before = {path: row[0] for path, row in library.rows().items()}
    library.move("trip", "Lisbon")
    outcome = last(library)
    assert (outcome.moved, outcome.gone, outcome.held) == (30, 0, 0)
    assert {path.replace(b"trip", b"Lisbon"): asset for path, asset in before.items()} == {
        path: row[0] for path, row in library.rows().items()
    }
    assert b"trip" not in {row[0] for row in library.database.all("SELECT path FROM folder")}
    agree(library)


def test_two_files_that_swap_names_are_no_change(library: Library) -> None:
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        library.put(name)
    library.index()
    a, b, c = (library.asset(name) for name in ("a.jpg", "b.jpg", "c.jpg"))
    library.move("a.jpg", "x")
    library.move("b.jpg", "a.jpg")
    library.move("c.jpg", "b.jpg")
    library.move("x", "c.jpg")
    outcome = last(library)
    assert (outcome.moved, outcome.changed, outcome.gone) == (3, 0, 0)
    assert [library.asset(name) for name in ("a.jpg", "b.jpg", "c.jpg")] == [b, c, a]
    assert not library.database.all("SELECT * FROM succession")
    agree(library)


def test_an_old_version_moved_aside_is_not_succeeded(library: Library) -> None:
    library.put("a.jpg", "old content")
    library.index()
    asset = library.asset("a.jpg")
    library.move("a.jpg", "a.orig.jpg")
    library.put("a.jpg", "new content!")
    outcome = last(library)
    assert (outcome.moved, outcome.arrived, outcome.changed) == (1, 1, 0)
    assert library.asset("a.orig.jpg") == asset
    assert library.asset("a.jpg") != asset
    assert not library.database.all("SELECT * FROM succession")
    agree(library)


@pytest.mark.parametrize("by_rename", [False, True])
def test_content_changed_in_place_is_a_successor_that_keeps_the_name(library: Library, by_rename: bool) -> None:
    library.put("a.jpg", "old content")
    library.put("b.jpg")
    library.index()
    old = library.asset("a.jpg")
    if by_rename:
        library.put(".a.jpg.tmp", "new content!", mtime_ns=OLD_NS + 5 * 10**9)
        library.move(".a.jpg.tmp", "a.jpg")
    else:
        library.put("a.jpg", "new content!", mtime_ns=OLD_NS + 5 * 10**9)
    assert last(library).changed == 1
    new = library.asset("a.jpg")
    assert new != old
    assert library.database.value("SELECT name FROM asset WHERE id=?", (new,)) == "a.jpg"
    assert library.database.value("SELECT live FROM asset WHERE id=?", (old,)) == 0
    shas = [library.database.value("SELECT sha256 FROM asset WHERE id=?", (asset,)) for asset in (old, new)]
    assert library.database.all("SELECT old, new, source, path FROM succession") == [(*shas, "photos", b"a.jpg")]
    agree(library)


def test_content_changed_while_a_copy_remains_is_no_successor(library: Library) -> None:
    library.put("a.jpg", "same")
    library.put("copy/a.jpg", "same")
    library.index()
    old = library.asset("a.jpg")
    assert library.asset("copy/a.jpg") == old
    library.put("a.jpg", "other content", mtime_ns=OLD_NS + 10**10)
    library.index()
    assert library.asset("copy/a.jpg") == old
    assert library.asset("a.jpg") != old
    assert not library.database.all("SELECT * FROM succession")
    assert library.database.value("SELECT copies FROM asset WHERE id=?", (old,)) == 1
    agree(library)


def test_a_file_only_touched_stays_what_it_is(library: Library) -> None:
    path = library.put("a.jpg", "content")
    library.index()
    asset = library.rows()[b"a.jpg"]
    os.utime(path, ns=(OLD_NS + 10**12, OLD_NS + 10**12))
    assert last(library).changed == 1
    assert library.rows()[b"a.jpg"] == asset
    assert not library.database.all("SELECT * FROM succession")
    agree(library)


def test_duplicates_are_one_asset(library: Library) -> None:
    for name in ("a.jpg", "x/b.jpg", "y/c.jpg"):
        library.put(name, "the same bytes")
    library.index()
    assert len({row[0] for row in library.rows().values()}) == 1
    assert library.database.value("SELECT count(*) FROM asset") == 1
    agree(library)


def test_a_file_that_is_gone_is_shown_no_more_and_known_when_it_returns(library: Library) -> None:
    for number in range(5):
        library.put(f"{number}.jpg")
    library.index()
    asset = library.asset("3.jpg")
    kept = (library.root / "3.jpg").read_bytes()
    (library.root / "3.jpg").unlink()
    assert last(library).gone == 1
    assert b"3.jpg" not in library.paths()
    assert library.database.value("SELECT live FROM asset WHERE id=?", (asset,)) == 0
    agree(library)
    library.put("elsewhere/again.jpg", kept)
    library.index()
    assert library.asset("elsewhere/again.jpg") == asset
    assert library.database.value("SELECT name FROM asset WHERE id=?", (asset,)) == "3.jpg"
    agree(library)


# ----------------------------------------------------------------------------------------- the brake


def many(library: Library, total: int) -> None:
    for number in range(total):
        library.put(f"all/{number:03}.jpg")
    library.put("keep/other.jpg")
    library.index()


@pytest.mark.parametrize(
    ("total", "lost", "held"),
    [(99, 20, 0), (99, 21, 21), (299, 29, 0), (299, 30, 0), (299, 31, 31)],
    ids=["20 of 100", "21 of 100", "29 of 300", "30 of 300", "31 of 300"],
)
def test_the_brake_needs_more_than_20_files_and_more_than_a_tenth(
    library: Library, total: int, lost: int, held: int
) -> None:
    many(library, total)
    for number in range(lost):
        (library.root / f"all/{number:03}.jpg").unlink()
    outcome = last(library)
    assert (outcome.held, outcome.gone) == (held, lost - held)
    assert len(library.held()) == held
    assert len(library.paths()) == total + 1 - (lost - held)


def test_a_whole_top_level_folder_is_held_and_comes_back(library: Library) -> None:
    many(library, 60)
    library.put("trip/a.jpg")
    library.put("trip/sub/b.jpg")
    library.index()
    before = library.rows()
    library.move("trip", "../away")
    outcome = last(library)
    assert (outcome.held, outcome.gone) == (2, 0)
    assert library.held() == {b"trip/a.jpg", b"trip/sub/b.jpg"}
    assert last(library).held == 0  # held already
    library.move("../away", "trip")
    assert last(library).back == 2
    assert library.rows() == before
    agree(library)


def test_held_files_go_when_the_person_says_so(library: Library) -> None:
    library.put("keep/a.jpg")
    library.put("trip/a.jpg")
    library.index()
    shutil.rmtree(library.root / "trip")
    library.index()
    assert library.held() == {b"trip/a.jpg"}
    assert sources.confirm_missing(library.database, "photos") == 1
    library.index()
    assert library.paths() == {b"keep/a.jpg"}
    assert files.folder_id(library.database, library.source.id, b"trip") is None
    agree(library)


def test_held_content_that_turns_up_elsewhere_has_moved(library: Library, tmp_path: Path) -> None:
    library.put("keep/a.jpg")
    library.put("trip/b.jpg", "content of b")
    library.index()
    asset = library.asset("trip/b.jpg")
    shutil.rmtree(library.root / "trip")
    library.index()
    library.put("new/place.jpg", "content of b")  # another inode: only the hash can tell
    library.index()
    assert library.paths() == {b"keep/a.jpg", b"new/place.jpg"}
    assert library.asset("new/place.jpg") == asset
    agree(library)


def test_a_held_file_that_turns_up_under_another_name(library: Library) -> None:
    library.put("keep/a.jpg")
    library.put("trip/b.jpg")
    library.index()
    asset = library.asset("trip/b.jpg")
    library.move("trip", "../away")
    library.index()
    library.move("../away", "Lisbon")
    library.index()
    assert {path: row[3] for path, row in library.rows().items()} == {b"keep/a.jpg": False, b"Lisbon/b.jpg": False}
    assert library.asset("Lisbon/b.jpg") == asset
    agree(library)


# ------------------------------------------------------------------------------------------- offline


def test_an_empty_mount_point_is_offline_and_changes_nothing(library: Library) -> None:
    many(library, 30)
    before = library.rows()
    os.rename(library.root, library.folder / "drive")
    library.root.mkdir()
    (library.root / "lost+found").mkdir()
    report = library.index()
    assert report.states == {"photos": "offline"}
    assert not report.scans
    assert library.rows() == before
    library.root.joinpath("lost+found").rmdir()
    library.root.rmdir()
    report = library.index()
    assert report.states == {"photos": "offline"}
    assert library.rows() == before
    os.rename(library.folder / "drive", library.root)
    assert library.index().states == {"photos": "online"}
    assert library.rows() == before
    agree(library)


def test_a_source_that_leaves_during_the_scan_loses_nothing(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    many(library, 10)
    before = library.rows()
    real = directory.read
    left: list[bytes] = []

    def leave(path: bytes, **options: object) -> directory.Directory:
        if path.endswith(b"/all") and not left:
            left.append(path)
            os.rename(library.root, library.folder / "drive")
            library.root.mkdir()
        return real(path, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(directory, "read", leave)
    library.index()
    assert left
    assert library.state() == "offline"
    assert library.rows() == before
    assert not library.held()


def test_a_folder_that_cannot_be_read_keeps_its_files(
    library: Library, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    many(library, 5)
    library.put("keep/deep/x.jpg")
    library.index()
    before = library.rows()
    real = directory.read

    def refuse(path: bytes, **options: object) -> directory.Directory:
        if path.endswith(b"/keep"):
            raise PermissionError(13, "Permission denied")
        return real(path, **options)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(directory, "read", refuse)
        assert last(library).unreadable == [b"keep"]
        assert "cannot read 'keep' in " in caplog.text, "the log says which folder"
    assert library.rows() == before
    agree(library)


@pytest.mark.parametrize("number", [errno.EIO, errno.EACCES])
def test_a_hard_link_whose_twin_the_disk_does_not_show_takes_nothing_from_it(
    library: Library, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    path = library.put("one/a.jpg")
    library.put("two/b.jpg")
    library.index()
    os.link(path, library.root / "two" / "link.jpg")
    real = os.lstat

    def refuse(asked: Any, **options: Any) -> os.stat_result:
        if asked == path:
            raise OSError(number, os.strerror(number))
        return real(asked, **options)

    with monkeypatch.context() as patch:
        patch.setattr(os, "lstat", refuse)
        outcome = scan_alone(library, [b"two"])
    assert (outcome.arrived, outcome.moved) == (1, 0)
    assert library.paths() == {b"one/a.jpg", b"two/b.jpg", b"two/link.jpg"}
    library.index()
    agree(library)


def test_what_stands_at_a_path(library: Library) -> None:
    path = library.put("a.jpg", "content")
    status = os.lstat(path)
    entry = files.Entry(b"a.jpg", status.st_size, status.st_mtime_ns, status.st_ino)
    assert directory.stands(path, entry)
    assert directory.stands(path, entry._replace(inode=0)), "where inodes mean nothing"
    assert not directory.stands(path, entry._replace(inode=entry.inode + 1)), "another file of that size"
    assert not directory.stands(path, entry._replace(size=1))
    assert not directory.stands(path + b"/x", entry)
    assert not directory.stands(path + b"x", entry)
    with pytest.raises(OSError, match="File name too long"):
        directory.stands(path + b"x" * 300, entry)


# ---------------------------------------------------------------------------------------------- rest


def test_a_file_that_is_being_written_waits_and_is_not_lost(library: Library) -> None:
    library.put("done.jpg")
    library.put("2024/growing.jpg", mtime_ns=time.time_ns())
    outcome = scan_alone(library, rest_s=3600)
    assert library.paths() == set()  # their ctime is now
    assert outcome.again == {b"", b"2024"}
    outcome = scan_alone(library, [b"2024"])
    assert library.paths() == {b"2024/growing.jpg"}
    library.index()
    agree(library)


def test_a_file_that_may_be_written_anew_under_another_name_is_not_gone_yet(library: Library) -> None:
    path = library.put("a.jpg", "content")
    library.put("keep.jpg", "of another size")
    library.index()
    os.unlink(path)
    library.put("sub/b.jpg", "CONTENT", mtime_ns=time.time_ns())
    for name in ("keep.jpg", "sub"):
        os.utime(library.root / name, ns=(OLD_NS, OLD_NS))
    outcome = scan_alone(library, rest_s=3600)
    assert (outcome.gone, outcome.again) == (0, {b"", b"sub"})
    assert b"a.jpg" in library.paths()
    outcome = scan_alone(library)
    assert outcome.gone == 1
    assert library.paths() == {b"keep.jpg", b"sub/b.jpg"}
    library.index()
    agree(library)


def test_a_known_file_that_is_being_rewritten_keeps_its_row_until_it_rests(library: Library) -> None:
    path = library.put("a.jpg", "old content")
    library.index()
    before = library.rows()
    library.put("a.jpg", "new content!!", mtime_ns=time.time_ns())
    assert scan_alone(library, rest_s=3600).again == {b""}
    assert library.rows() == before
    os.unlink(path)
    library.put("b.jpg", "new content!!", mtime_ns=time.time_ns())
    scan_alone(library, rest_s=3600)
    library.index()
    assert library.paths() == {b"b.jpg"}
    agree(library)


def test_a_renamed_file_is_no_file_being_written(library: Library) -> None:
    library.put("a.jpg")
    library.put("b.jpg")
    library.index()
    asset = library.asset("a.jpg")
    library.move("a.jpg", "c.jpg")  # a rename makes the ctime new
    outcome = scan_alone(library, rest_s=3600)
    assert (outcome.moved, outcome.gone) == (1, 0)
    assert library.asset("c.jpg") == asset
    agree(library)


def test_a_time_in_the_far_future_is_no_reason_to_wait(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"x")
    os.utime(tmp_path / "a.jpg", ns=(4 * OLD_NS, 4 * OLD_NS))
    found = directory.read(os.fsencode(tmp_path), inodes=True, rest_ns=0)
    assert [entry.name for entry in found.files] == [b"a.jpg"]
    assert not found.fresh


# ---------------------------------------------------------------------------------------- some folders


def test_a_look_at_some_folders_sees_arrivals_losses_and_new_trees(library: Library) -> None:
    many(library, 40)
    library.put("all/new.jpg")
    library.put("keep/tree/deep/x.jpg")
    (library.root / "all/000.jpg").unlink()
    library.put("unseen.jpg")
    outcome = scan_alone(library, [b"all", b"keep"])
    assert (outcome.arrived, outcome.gone) == (2, 1)
    assert b"unseen.jpg" not in library.paths()
    library.index()
    agree(library)


def test_a_move_between_a_folder_that_was_reported_and_one_that_was_not(library: Library) -> None:
    library.put("one/a.jpg")
    library.put("one/b.jpg")
    library.put("two/c.jpg")
    library.index()
    asset = library.asset("one/a.jpg")
    library.move("one/a.jpg", "two/a.jpg")
    outcome = scan_alone(library, [b"two"])
    assert outcome.moved == 1
    assert library.asset("two/a.jpg") == asset
    assert library.paths() == {b"one/b.jpg", b"two/a.jpg", b"two/c.jpg"}
    agree(library)


def test_a_reported_folder_that_is_gone(library: Library) -> None:
    many(library, 30)
    library.put("all/sub/x.jpg")
    library.index()
    shutil.rmtree(library.root / "all/sub")
    outcome = scan_alone(library, [b"all/sub", b"all"])
    assert (outcome.gone, outcome.held) == (1, 0)
    assert files.folder_id(library.database, library.source.id, b"all/sub") is None
    agree(library)


# ------------------------------------------------------------------------------------ the rule of rules


def test_a_scan_and_all_jobs_leave_the_source_as_it_was(library: Library) -> None:
    many(library, 10)
    (library.root / "keep/other.jpg").chmod(0o400)

    def look() -> dict[str, tuple[int, ...]]:
        found = {}
        for folder, _, names in os.walk(library.root):
            for name in (".", *names):
                status = os.lstat(os.path.join(folder, name))
                found[os.path.join(folder, name)] = (
                    status.st_mtime_ns, status.st_ctime_ns, status.st_size, stat.S_IMODE(status.st_mode), status.st_ino,
                )  # fmt: skip
        return found

    before = look()
    library.index()
    assert look() == before
