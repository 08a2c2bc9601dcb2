"""Meaning, from the drawn pictures to the folders: a daemon with the demo's model, which nobody else may use."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.daemon import Daemon
from support.trees import digest, files

from albumsd.demo import library as drawn
from albumsd.demo import model
from albumsd.demo.draw import Scene
from albumsd.demo.story import ABSENT
from albumsd.demo.truth import DemoLibrary

SETTINGS = {"rest_s": 0.2, "nice": 0, "model": os.fspath(model.FOLDER), "demo": True}


@pytest.fixture(scope="module", autouse=True)
def _installed() -> None:
    if not all(importlib.util.find_spec(name) for name in ("torch", "open_clip")):
        pytest.skip("the extra `meaning` is not installed")


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> DemoLibrary:
    return drawn.build(tmp_path_factory.mktemp("seen") / "Pictures", scenes=60)


@pytest.fixture(scope="module")
def seeing(fuse: None, library: DemoLibrary, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """Indexed to the end, with its model warm."""
    one = Daemon(tmp_path_factory.mktemp("seeing"), {"Photos": library.folder}, SETTINGS)
    try:
        one.wait(180)
        warm(one)
        yield one
    finally:
        one.close()


@pytest.fixture(scope="module")
def scenes(library: DemoLibrary) -> dict[str, Scene]:
    """By SHA-256, what was drawn."""
    return {
        digest(library.folder / os.fsdecode(file.path)): file.scene
        for file in library.files
        if file.scene and not file.broken and file.role is None
    }


def warm(daemon: Daemon) -> None:
    """A search of which meaning is part."""
    daemon.until(lambda: any(row["why"]["meaning"] for row in found(daemon, "a photo of dogs")), "a warm model", 60)


def found(daemon: Daemon, query: str) -> list[dict[str, Any]]:
    done = daemon.run("search", query, "--json")
    assert done.returncode == 0, done.stderr
    rows: list[dict[str, Any]] = json.loads(done.stdout)
    return rows


def shown(daemon: Daemon, query: str) -> list[str]:
    """SHA-256 of what the folder holds, in its order."""
    return [digest(path) for path in sorted((daemon.mount / "search" / query).iterdir())]


def test_a_search_finds_what_is_in_the_pictures(seeing: Daemon, scenes: dict[str, Scene]) -> None:
    for colour, thing in {(scene.colour, scene.object) for scene in list(scenes.values())[:12]}:
        right = {sha for sha, scene in scenes.items() if (scene.colour, scene.object) == (colour, thing)}
        first = shown(seeing, f"a photo of {colour} {thing}s")[: len(right)]
        assert first, (colour, thing)
        assert len(right.intersection(first)) >= len(right) * 0.75, (colour, thing)


def test_nonsense_is_an_empty_folder(seeing: Daemon) -> None:
    fluent = [f"two {colour} {thing}s on the beach at sunset" for colour, thing in sorted(ABSENT)[:3]]
    for query in ("qwzx vbrrt", "escalator trombone", *fluent):
        assert seeing.names("search", query) == [], query


def test_info_says_what_the_words_and_what_the_picture_gave(seeing: Daemon, scenes: dict[str, Scene]) -> None:
    scene = next(iter(scenes.values()))
    query = f"{scene.colour} {scene.object} picture"
    rows = found(seeing, query)
    assert all(row["why"]["meaning"] is not None for row in rows[:1])
    folder = seeing.mount / "info" / "search" / query
    first = min(folder.iterdir()).read_text()
    assert "meaning" in next(line for line in first.splitlines() if line.startswith("Found by"))
    assert "meaning" in seeing.run("search", query, "--why").stdout


def test_a_minus_takes_away_what_shows_it(seeing: Daemon, scenes: dict[str, Scene]) -> None:
    grounds: dict[str, set[str]] = {}
    for scene in scenes.values():
        grounds.setdefault(scene.object, set()).add(scene.ground)
    thing, there = next((thing, sorted(there)) for thing, there in sorted(grounds.items()) if len(there) > 1)
    ground = there[0]
    left = shown(seeing, f"{thing} -{ground}")
    assert left
    assert not [scenes[sha] for sha in left if sha in scenes and scenes[sha].ground == ground]


def test_like_finds_what_looks_alike(seeing: Daemon, library: DemoLibrary) -> None:
    """A picture sent smaller and its original are each other's first."""
    pair = next(iter(library.near_duplicates().values()))
    shas = {digest(library.folder / os.fsdecode(file.path)) for file in pair}
    one = min(shas)
    assert shas <= set(shown(seeing, f"like={one[:12]}")[:4])


def test_tags_and_captions_stand_in_folders_info_and_attributes(seeing: Daemon, scenes: dict[str, Scene]) -> None:
    by_sha = {digest(path): path for path in files(seeing.mount / "by-date")}
    right = {"object": 0, "colour": 0, "ground": 0}
    for sha, scene in scenes.items():
        tags = os.getxattr(by_sha[sha], "user.xdg.tags").decode().split(",")
        for part in right:
            right[part] += getattr(scene, part) in tags
    assert all(number >= 0.9 * len(scenes) for number in right.values()), (right, len(scenes))
    sha, scene = next(iter(scenes.items()))
    caption = os.getxattr(by_sha[sha], "user.albumsd.caption").decode()
    assert scene.colour in caption
    info = seeing.mount / "info" / by_sha[sha].relative_to(seeing.mount)
    assert caption in info.with_name(info.name + ".txt").read_text()
    assert scene.object in seeing.names("by-tag")
    assert sha in shown(seeing, f'"{caption}"')


def test_clusters_are_folders_with_names(seeing: Daemon) -> None:
    labels = seeing.until(lambda: seeing.names("clusters"), "the first clusters", 60)
    members = [digest(path) for label in labels for path in files(seeing.mount / "clusters" / label)]
    assert members
    assert all(label.strip() and not label.isdigit() for label in labels)


def test_status_names_the_model(seeing: Daemon) -> None:
    status = seeing.status()
    assert status["brain"]["model"]
    assert status["jobs"]["embed"]["failed"] == 0
    assert status["jobs"]["embed"]["done"] > 60


def test_brain_killed_in_the_middle_of_a_search_leaves_what_the_words_find(seeing: Daemon) -> None:
    """It is stopped, so that the question hangs in it, and killed while `ls` waits: no error, and in time."""
    brain = seeing.pid("brain")
    os.kill(brain, signal.SIGSTOP)
    query = seeing.mount / "search" / "warranty letter washing"
    listing = subprocess.Popen(["ls", query], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    os.kill(brain, signal.SIGKILL)
    said, wrong = listing.communicate(timeout=6)
    assert (listing.returncode, wrong) == (0, "")
    assert "Warranty letter" in said.splitlines()[0]
    seeing.until(lambda: seeing.pid("brain") not in (0, brain), "a new brain")
    warm(seeing)


def test_a_killed_model_comes_back_by_itself(seeing: Daemon) -> None:
    children = Path(f"/proc/{seeing.pid('brain')}/task")
    pids = [int(pid) for task in children.iterdir() for pid in (task / "children").read_text().split()]
    workers = [pid for pid in pids if b"albumsd.ml" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    assert workers
    for pid in workers:
        os.kill(pid, signal.SIGKILL)
    assert seeing.names("search", "warranty letter")[0].startswith("001 ")
    warm(seeing)


def test_another_folder_of_the_same_model_is_no_news_and_none_is(seeing: Daemon) -> None:
    """Without its model the library says so; with it again nothing is embedded anew."""
    done = seeing.status()["jobs"]["embed"]["done"]
    assert seeing.run("models", "use", "none").returncode == 0
    seeing.until(lambda: seeing.status()["brain"]["model"] is None, "no model")
    assert seeing.names("search", "a photo of umbrellas") == []
    seeing.until(lambda: "albumsd models" in (seeing.mount / "search" / "README.txt").read_text(), "a word about it")
    assert seeing.run("models", "use", os.fspath(model.FOLDER)).returncode == 0
    seeing.until(lambda: seeing.status()["brain"]["model"], "the model again")
    seeing.wait()
    assert seeing.status()["jobs"]["embed"]["done"] == done
    warm(seeing)


def test_the_model_of_the_demo_is_for_nobody_else(fuse: None, library: DemoLibrary, tmp_path: Path) -> None:
    one = Daemon(tmp_path, {"Scans": library.folder / "Scans"}, {**SETTINGS, "demo": False})
    try:
        one.wait()
        assert one.status()["brain"]["model"] is None
        assert "demo" in one.run("status").stdout
        assert one.status()["jobs"].get("embed", {}).get("done", 0) == 0
    finally:
        one.close()
