"""Meaning, from the drawn pictures to the folders: a daemon with the demo's model, which nobody else may use.

What is asserted of a folder is what stands in it when meaning had its say: ``meant`` asks brain until it is not late, and
by then the query is encoded and kept, so that the mount, which asks the same, is not kept waiting.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from support.daemon import Daemon
from support.trees import digest, files

from albumsd.core import weights
from albumsd.core.errors import NotReady
from albumsd.demo import library as drawn
from albumsd.demo import model
from albumsd.demo.draw import Scene
from albumsd.demo.story import ABSENT
from albumsd.demo.truth import DemoLibrary
from albumsd.ipc import calls

SETTINGS = {"rest_s": 0.2, "nice": 0, "model": os.fspath(model.FOLDER), "demo": True}


@pytest.fixture(scope="module", autouse=True)
def _installed() -> None:
    if not weights.installed():
        pytest.skip("the extra `meaning` is not installed")


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> DemoLibrary:
    return drawn.build(tmp_path_factory.mktemp("seen") / "Pictures", scenes=40)


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


def ask(daemon: Daemon, **question: Any) -> dict[str, Any]:
    """brain's answer; {} while it is not there."""
    with suppress(NotReady, calls.CallFailed):
        return calls.ask(daemon.library / "run" / "brain.sock", question, 5)
    return {}


def meant(daemon: Daemon, query: str) -> list[Any]:
    """brain's hits, once meaning has had its say."""

    def answer() -> dict[str, Any] | None:
        told = ask(daemon, ask="rank", query=query, today="2024-05-01", limit=500)
        return told if told.get("late") is False else None

    hits: list[Any] = daemon.until(answer, f"an answer to {query!r}", 60)["hits"]
    return hits


def warm(daemon: Daemon) -> None:
    """The model is in memory, and searches go by meaning."""
    daemon.until(lambda: any(json.loads(hit[2])["meaning"] for hit in meant(daemon, "a photo of dogs")), "meaning", 60)


def names(daemon: Daemon, query: str) -> list[str]:
    """What the folder holds."""
    meant(daemon, query)
    return daemon.names("search", query)


def shown(daemon: Daemon, query: str) -> list[str]:
    """SHA-256 of what the folder holds, in its order."""
    return [digest(daemon.mount / "search" / query / name) for name in names(daemon, query)]


def workers(daemon: Daemon) -> set[int]:
    """The processes below brain in which a model lives."""
    found = set()
    for task in Path(f"/proc/{daemon.pid('brain')}/task").iterdir():
        for pid in (task / "children").read_text().split():
            if b"albumsd.ml" in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.add(int(pid))
    return found


def test_a_search_finds_what_is_in_the_pictures(seeing: Daemon, scenes: dict[str, Scene]) -> None:
    for colour, thing in {(scene.colour, scene.object) for scene in list(scenes.values())[:12]}:
        right = {sha for sha, scene in scenes.items() if (scene.colour, scene.object) == (colour, thing)}
        first = shown(seeing, f"a photo of {colour} {thing}s")[: len(right)]
        assert first, (colour, thing)
        assert len(right.intersection(first)) >= len(right) * 0.75, (colour, thing)


def test_nonsense_is_an_empty_folder(seeing: Daemon) -> None:
    fluent = [f"two {colour} {thing}s on the beach at sunset" for colour, thing in sorted(ABSENT)[:3]]
    for query in ("qwzx vbrrt", "escalator trombone", *fluent):
        assert names(seeing, query) == [], query


def test_info_says_what_the_words_and_what_the_picture_gave(seeing: Daemon, scenes: dict[str, Scene]) -> None:
    scene = next(iter(scenes.values()))
    query = f"{scene.colour} {scene.object} picture"
    assert names(seeing, query)
    done = seeing.run("search", query, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)[0]["why"]["meaning"] is not None
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
    assert f"{status['brain']['model']} on " in seeing.run("status").stdout


def test_brain_killed_in_the_middle_of_a_search_leaves_what_the_words_find(seeing: Daemon) -> None:
    """It is stopped, so that the question hangs in it, and killed while `ls` waits: no error, and in time."""
    brain = seeing.pid("brain")
    os.kill(brain, signal.SIGSTOP)
    query = seeing.mount / "search" / "warranty letter washing"
    listing = subprocess.Popen(["ls", query], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    with pytest.raises(subprocess.TimeoutExpired):
        listing.wait(0.5)
    os.kill(brain, signal.SIGKILL)
    said, wrong = listing.communicate(timeout=6)
    assert (listing.returncode, wrong) == (0, "")
    assert "Warranty letter" in said.splitlines()[0]
    seeing.until(lambda: seeing.pid("brain") not in (0, brain), "a new brain")
    warm(seeing)


def test_a_killed_model_comes_back_by_itself(seeing: Daemon) -> None:
    before = seeing.until(lambda: workers(seeing), "a worker")
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    assert seeing.names("search", "warranty letter")[0].startswith("001 ")
    seeing.until(lambda: not before & workers(seeing), "the end of the worker")
    warm(seeing)
    assert seeing.until(lambda: workers(seeing), "another worker").isdisjoint(before)


def test_another_folder_of_the_same_model_is_no_news_and_none_is(seeing: Daemon) -> None:
    """Without its model the library says so; with it again nothing is embedded anew."""
    done = seeing.status()["jobs"]["embed"]["done"]
    assert seeing.run("models", "use", "none").returncode == 0
    seeing.until(lambda: seeing.status()["brain"]["model"] is None, "no model")
    assert names(seeing, "a photo of umbrellas") == []
    for readme in ("README.txt", "search/README.txt"):
        seeing.until(lambda path=seeing.mount / readme: weights.WITHOUT in path.read_text(), f"a word in {readme}", 10)
    assert seeing.run("models", "use", os.fspath(model.FOLDER)).returncode == 0
    seeing.until(lambda: seeing.status()["brain"]["model"], "the model again")
    seeing.wait()
    assert seeing.status()["jobs"]["embed"]["done"] == done
    warm(seeing)
    assert names(seeing, "a photo of umbrellas"), "the folder that was empty without a model"
    seeing.until(lambda: weights.WITHOUT not in (seeing.mount / "README.txt").read_text(), "no word in README.txt", 10)


def test_the_model_of_the_demo_is_for_nobody_else(fuse: None, library: DemoLibrary, tmp_path: Path) -> None:
    one = Daemon(tmp_path, {"Scans": library.folder / "Scans"}, {**SETTINGS, "demo": False})
    try:
        one.wait()
        one.until(lambda: "only the world of the demo" in one.run("status").stdout, "a word about it")
        assert one.status()["brain"]["model"] is None
        assert one.status()["jobs"].get("embed", {}).get("done", 0) == 0
    finally:
        one.close()
