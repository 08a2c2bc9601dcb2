"""Sources that come, change and go under a running albumsd. Each test has a daemon and a source of its own."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from support.daemon import Daemon
from support.trees import digest, digests, files

Start = Callable[..., Daemon]


def test_a_backup_deletes_nothing_while_the_source_is_away(daemon: Start, pictures: Path, tmp_path: Path) -> None:
    running = daemon({"Photos": pictures})
    running.wait()
    copy = tmp_path / "copy"
    rsync = ["rsync", "-a", "--itemize-changes"]
    first = running.look(*rsync, f"{running.mount}/by-date/", f"{copy}/", timeout=120)
    assert first.returncode == 0, first.stderr
    assert digests(copy) == digests(pictures)
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
    assert running.names("search", "warranty letter")[0].startswith("001 ")
    (tmp_path / "unplugged").rename(pictures)
    running.until(lambda: running.status()["sources"][0]["state"] == "online", "online")
    running.wait()
    assert digest(name)


def test_changes_in_a_source_show_without_remounting(daemon: Start, pictures: Path) -> None:
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


def test_a_library_without_a_source_says_what_to_type(daemon: Start) -> None:
    running = daemon({})
    said = running.until(lambda: len(running.said) >= 4 and running.said, "advice")
    assert any("albumsd add" in line for line in said)
    assert "albumsd add" in (running.mount / "README.txt").read_text()
