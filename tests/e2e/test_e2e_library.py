"""The main job, whole: point albumsd at a folder, walk it, copy from it, take the drive away, kill processes."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from support.daemon import Daemon

from albumsd.demo import library as drawn
from albumsd.demo.truth import DemoLibrary

Start = Callable[..., Daemon]


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> DemoLibrary:
    """The smallest demo library, drawn once and never written to by a test (each works on a copy)."""
    return drawn.build(tmp_path_factory.mktemp("drawn") / "Pictures", scenes=24)


@pytest.fixture
def pictures(truth: DemoLibrary, tmp_path: Path) -> Path:
    return Path(shutil.copytree(truth.folder, tmp_path / "Pictures", copy_function=shutil.copy2))


def digest(path: Path) -> str:
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def files(top: Path) -> list[Path]:
    return [Path(folder, name) for folder, _, found in os.walk(top) for name in found]


def test_the_bytes_in_every_view_are_those_of_the_originals(daemon: Start, pictures: Path) -> None:
    running = daemon({"Photos": pictures})
    running.wait()
    originals = {digest(path) for path in files(pictures)}
    seen: set[str] = set()
    for view in running.names():
        top = running.mount / view
        if view not in ("previews", "info", "links", "search", "filter", "sources", "status") and top.is_dir():
            seen |= {digest(path) for path in files(top)}
    assert seen == originals
    assert {digest(path) for path in files(running.mount / "links" / "by-date")} == originals


def test_find_ends_with_few_names_for_each_asset(daemon: Start, pictures: Path) -> None:
    running = daemon({"Photos": pictures})
    running.wait()
    found = running.look("find", str(running.mount), "-type", "f", timeout=60)
    assert found.returncode == 0, found.stderr
    assert len(found.stdout.splitlines()) <= 40 * running.status()["assets"]


def test_rsync_copies_all_once_and_deletes_nothing_while_the_source_is_away(
    daemon: Start, pictures: Path, tmp_path: Path
) -> None:
    running = daemon({"Photos": pictures})
    running.wait()
    copy = tmp_path / "copy"
    rsync = ["rsync", "-a", "--itemize-changes"]
    first = running.look(*rsync, f"{running.mount}/by-date/", f"{copy}/", timeout=120)
    assert first.returncode == 0, first.stderr
    assert {digest(path) for path in files(copy)} == {digest(path) for path in files(pictures)}
    second = running.look(*rsync, f"{running.mount}/by-date/", f"{copy}/", timeout=120)
    assert second.stdout == b""
    pictures.rename(tmp_path / "unplugged")
    running.until(lambda: running.status()["sources"][0]["state"] == "offline", "offline")
    before = len(files(copy))
    away = running.look(*rsync, "--delete", f"{running.mount}/by-date/", f"{copy}/", timeout=120)
    assert (away.returncode, away.stdout) == (0, b"")
    assert len(files(copy)) == before
    name = files(running.mount / "by-date")[0]
    with pytest.raises(OSError, match="No medium found"):
        name.open("rb")
    assert files(running.mount / "previews" / "by-date")[0].read_bytes()[:4] == b"RIFF"
    (tmp_path / "unplugged").rename(pictures)
    running.until(lambda: running.status()["sources"][0]["state"] == "online", "online")
    running.wait()
    assert digest(name)


def test_changes_in_a_source_show_without_remounting(daemon: Start, pictures: Path, truth: DemoLibrary) -> None:
    running = daemon({"Photos": pictures})
    running.wait()
    here = running.mount / "by-folder" / "Photos"
    assert "new.jpg" not in os.listdir(here)
    some = next(path for path in files(pictures) if path.suffix == ".jpg" and path.stat().st_size > 1000)
    shutil.copy2(some, pictures / "new.jpg")
    running.until(lambda: "new.jpg" in os.listdir(here), "a new file")
    (pictures / "new.jpg").rename(pictures / "renamed.jpg")
    running.until(lambda: {"renamed.jpg"} <= set(os.listdir(here)) and "new.jpg" not in os.listdir(here), "a rename")
    (pictures / "renamed.jpg").write_bytes(b"other bytes, longer than before")
    running.until(lambda: (here / "renamed.jpg").read_bytes() == b"other bytes, longer than before", "a change")
    (pictures / "renamed.jpg").unlink()
    running.until(lambda: "renamed.jpg" not in os.listdir(here), "a removal")
    running.until(lambda: not (here / "renamed.jpg").exists(), "its name to be forgotten by the kernel")


@pytest.mark.parametrize("process", ["mount", "indexer", "brain"])
def test_a_killed_process_comes_back_and_the_rest_goes_on(daemon: Start, pictures: Path, process: str) -> None:
    running = daemon({"Photos": pictures})
    running.wait()
    months = running.names("by-date")
    old = running.pid(process)
    os.kill(old, signal.SIGKILL)
    running.until(lambda: running.names("by-date") == months, "an answer of the mount", timeout=5)
    running.until(lambda: running.pid(process) != old and running.status()["processes"][process], f"a new {process}")
    assert running.names("search", "warranty")[0].startswith("001 ")


def test_sigterm_unmounts(daemon: Start, pictures: Path) -> None:
    running = daemon({"Photos": pictures})
    assert running.stop() == 0
    assert os.fspath(running.mount) not in Path("/proc/self/mountinfo").read_text()
    assert not running.mount.exists() or not any(running.mount.iterdir())


def test_a_restart_keeps_names_and_inodes(daemon: Start, pictures: Path) -> None:
    running = daemon({"Photos": pictures})
    running.wait()
    before = {str(path): path.stat().st_ino for path in files(running.mount / "by-date")}
    running.restart()
    assert {str(path): path.stat().st_ino for path in files(running.mount / "by-date")} == before


def test_search_and_filter_agree_with_the_command_line(daemon: Start, pictures: Path) -> None:
    running = daemon({"Photos": pictures})
    running.wait()
    shown = running.names("search", "warranty letter")
    ranked = json.loads(running.run("search", "warranty letter", "--json").stdout)
    assert [Path(row["mount_path"]).name for row in ranked] == shown
    assert "warranty" in ranked[0]["path"].casefold()
    facts = json.loads(
        subprocess.run(
            ["albumsd" if shutil.which("albumsd") else os.sys.executable, *([] if shutil.which("albumsd") else ["-m", "albumsd"]),
             "facts", "--json", *map(str, files(pictures))],
            capture_output=True, text=True, check=False, timeout=120,
        ).stdout
    )  # fmt: skip
    wanted = {
        row["sha256"]
        for row in facts
        if "pixel" in f"{(row['camera'] or {}).get('make')} {(row['camera'] or {}).get('model')}".casefold()
        and row["position"]
    }
    assert {digest(path) for path in files(running.mount / "filter" / "camera=pixel" / "by-place")} == wanted
    assert wanted


def test_a_library_without_a_source_says_what_to_type(daemon: Start) -> None:
    running = daemon({})
    assert any(
        "albumsd add" in line for line in running.until(lambda: len(running.said) >= 4 and running.said, "advice")
    )
    assert "albumsd add" in (running.mount / "README.txt").read_text()


def test_writing_is_refused_and_the_reason_is_read_only(daemon: Start, pictures: Path) -> None:
    running = daemon({"Photos": pictures})
    running.wait()
    name = files(running.mount / "by-date")[0]
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
