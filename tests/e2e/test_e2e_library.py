"""The main job: albumsd has read a folder, and programs walk, read and search what it shows. Nothing here disturbs the daemon."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from support.daemon import Daemon
from support.trees import digests, files

APART = ("previews", "info", "links", "search", "filter", "sources", "status")


def test_the_bytes_in_every_view_are_those_of_the_originals(shared: Daemon, shared_pictures: Path) -> None:
    originals = digests(shared_pictures)
    seen: set[str] = set()
    for view in shared.names():
        top = shared.mount / view
        if view not in APART and top.is_dir():
            seen |= digests(top)
    assert seen == originals
    assert digests(shared.mount / "links" / "by-date") == originals


def test_find_ends_with_few_names_for_each_asset(shared: Daemon) -> None:
    found = shared.look("find", str(shared.mount), "-type", "f", timeout=60)
    assert found.returncode == 0, found.stderr
    assert len(found.stdout.splitlines()) <= 40 * shared.status()["assets"]


def test_search_and_filter_agree_with_the_command_line(shared: Daemon, shared_pictures: Path) -> None:
    shown = shared.names("search", "warranty letter")
    ranked = json.loads(shared.run("search", "warranty letter", "--json").stdout)
    assert [Path(row["mount_path"]).name for row in ranked] == shown
    assert "warranty" in ranked[0]["path"].casefold()
    facts = json.loads(
        subprocess.run(
            [sys.executable, "-m", "albumsd", "facts", "--json", *map(str, files(shared_pictures))],
            capture_output=True, text=True, check=False, timeout=120,
        ).stdout
    )  # fmt: skip
    wanted = {
        row["sha256"]
        for row in facts
        if "pixel" in f"{(row['camera'] or {}).get('make')} {(row['camera'] or {}).get('model')}".casefold()
        and row["position"]
    }
    assert digests(shared.mount / "filter" / "camera=pixel" / "by-place") == wanted
    assert wanted


def test_writing_is_refused_and_the_reason_is_read_only(shared: Daemon) -> None:
    name = files(shared.mount / "by-date")[0]
    for act in (
        lambda: name.open("ab"),
        name.unlink,
        lambda: name.rename(name.with_name("x")),
        (name.parent / "new").mkdir,
        lambda: (name.parent / "new").write_bytes(b""),
        lambda: os.truncate(name, 0),
        lambda: os.setxattr(name, "user.xdg.tags", b"x"),
        lambda: os.utime(name),
        lambda: name.chmod(0o644),
        lambda: os.link(name, name.with_name("l")),
        lambda: os.symlink("x", name.with_name("l")),
    ):
        with pytest.raises(OSError, match="Read-only file system"):
            act()


def test_nothing_of_the_library_or_the_mount_is_for_others(shared: Daemon) -> None:
    """Folders 0700, files and sockets 0600, all of the person's own; a link has no mode of its own."""
    shared.names("search", "warranty letter")
    wrong = {}
    for top in (shared.library, shared.mount):
        assert stat.S_IMODE(top.stat().st_mode) == 0o700
        for folder, folders, names in os.walk(top):
            for path in (Path(folder, name) for name in (*folders, *names)):
                found = path.lstat()
                wanted = 0o700 if stat.S_ISDIR(found.st_mode) else 0o600
                if not stat.S_ISLNK(found.st_mode) and (stat.S_IMODE(found.st_mode), found.st_uid) != (
                    wanted,
                    os.geteuid(),
                ):
                    wrong[str(path)] = oct(found.st_mode)
    assert wrong == {}


@pytest.mark.user
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become another user")
def test_another_user_sees_nothing(shared: Daemon) -> None:
    """The kernel itself refuses: without ``allow_other`` no request of another user reaches albumsd."""
    name = files(shared.mount / "by-date")[0]
    nobody = ("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups")
    for words in (["ls", shared.mount], ["cat", name], ["ls", shared.library], ["cat", shared.library / "config.toml"]):
        done = shared.look(*nobody, *map(str, words))
        assert done.returncode != 0
        assert b"Permission denied" in done.stderr
        assert done.stdout == b""


def test_a_backup_is_whole_and_the_second_one_copies_nothing(
    shared: Daemon, shared_pictures: Path, tmp_path: Path
) -> None:
    rsync = ("rsync", "-a", "--itemize-changes", f"{shared.mount}/by-date/", f"{tmp_path}/")
    first = shared.look(*rsync, timeout=120)
    assert first.returncode == 0, first.stderr
    assert digests(tmp_path) == digests(shared_pictures)
    assert shared.look(*rsync, timeout=120).stdout == b""
