"""A library with one source in a folder of its own, decoders that answer at once, and a brain that is not there yet."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from albumsd.core import config as core_config
from albumsd.core import kinds
from albumsd.core.facts import Problem
from albumsd.indexer import meaning, volumes
from albumsd.indexer.once import Report, index_once
from albumsd.indexer.stages import place
from albumsd.indexer.volumes import Mounts
from albumsd.media.places import Gazetteer
from albumsd.media.pool import TaskFailed
from albumsd.media.shelf import frame_path, preview_path, thumbnail_path
from albumsd.store import sources
from albumsd.store.database import Database, open_library

sys.path.insert(0, str(Path(__file__).parent))

from indexer_brain import FakeBrain

OLD_NS = 1_500_000_000_000_000_000


class Decoders:
    """Answers in the calling thread. ``problems[name]`` lists (task, reason) failures that are used up one by one."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, bytes]] = []
        self.problems: dict[bytes, list[tuple[str, str]]] = {}
        self.facts: dict[bytes, dict[str, Any]] = {}
        self.pictures = False  # whether there are small pictures of photos and videos; of a video two further frames
        self.before: Callable[[str, bytes], None] = lambda task, path: None

    def __call__(
        self, task: str, path: bytes | str, *, seconds: float | None = None, **arguments: Any
    ) -> Future[dict[str, Any]]:
        raw = os.fsencode(path)
        name = os.path.basename(raw)
        self.asked.append((task, raw))
        self.before(task, raw)
        future: Future[dict[str, Any]] = Future()
        waiting = self.problems.get(name, [])
        if waiting and waiting[0][0] == task:
            future.set_exception(TaskFailed(Problem(waiting.pop(0)[1], "as the test wants it")))
        elif task in ("facts", "sidecar"):
            kind, mime = kinds.of_name(os.fsdecode(name))
            future.set_result({"facts": {"kind": kind, "mime": mime, **self.facts.get(name, {})}})
        elif task == "preview":
            future.set_result({"made": small_pictures(Path(arguments["previews"]), arguments["sha256"])}
                              if self.pictures else {"made": None})  # fmt: skip
        elif task == "frames":
            for number in (1, 2):
                draw(frame_path(Path(arguments["previews"]), arguments["sha256"], number))
            future.set_result({"frames": 2})
        else:
            future.set_result({"text": Path(os.fsdecode(raw)).read_text("utf-8", "replace")})
        return future

    def opened(self, name: bytes) -> int:
        """How often a file's facts were read."""
        return sum(task == "facts" and os.path.basename(path) == name for task, path in self.asked)


def draw(path: Path) -> int:
    """Something that has the head of a WebP file, and is like no other; its size."""
    path.parent.mkdir(parents=True, exist_ok=True)
    body = b"WEBP" + path.name.encode()
    path.write_bytes(b"RIFF" + len(body).to_bytes(4, "little") + body)
    return 8 + len(body)


def small_pictures(previews: Path, sha256: str) -> dict[str, Any]:
    """The preview and the thumbnail of a picture of 1600 x 1200, as the decoders would have made them."""
    sizes = draw(preview_path(previews, sha256)), draw(thumbnail_path(previews, sha256))
    return {
        "preview_bytes": sizes[0], "preview_size": [1600, 1200], "thumbnail_bytes": sizes[1],
        "thumbnail_size": [320, 240], "dhash": sha256[:16], "problems": [],
    }  # fmt: skip


class Library:
    """A source ``root`` and what the library says of it."""

    def __init__(self, folder: Path, *, database: Database | None = None) -> None:
        self.folder = folder
        self.root = folder / "photos"
        self.root.mkdir(exist_ok=True)
        self.config = core_config.load(folder / "library", overrides={"mount": str(folder / "mount")})
        self.database = database or open_library(self.config.library, create=True)
        self.decoders = Decoders()
        self.source = sources.add(self.database, self.config, self.root, "photos")

    def put(self, path: str | bytes, content: bytes | str | None = None, *, mtime_ns: int = OLD_NS) -> bytes:
        """Write a file (its own path as content unless told otherwise) with an old mtime; its absolute path."""
        raw = os.fsencode(self.root) + b"/" + os.fsencode(path)
        os.makedirs(os.path.dirname(raw), exist_ok=True)
        data = os.fsencode(path) if content is None else content.encode() if isinstance(content, str) else content
        with open(raw, "wb") as file:
            file.write(data)
        os.utime(raw, ns=(mtime_ns, mtime_ns))
        return raw

    def move(self, old: str | bytes, new: str | bytes) -> None:
        root = os.fsencode(self.root)
        target = root + b"/" + os.fsencode(new)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.rename(root + b"/" + os.fsencode(old), target)

    def index(self, **options: Any) -> Report:
        """Scan and do all jobs; the decoders answer in this thread."""
        return index_once(self.database, self.config, rescan=True, decode=self.decoders, **options)

    def rows(self) -> dict[bytes, tuple[Any, ...]]:
        """``{path below the source: (asset, shown name, hex of the hash, held?)}``."""
        return {
            (folder + b"/" + name if folder else name): (asset, shown, sha and sha.hex()[:8], missing is not None)
            for folder, name, asset, shown, sha, missing in self.database.all(
                "SELECT d.path, f.name, a.id, a.name, a.sha256, f.missing_ns FROM file f JOIN folder d ON d.id=f.folder"
                " JOIN asset a ON a.id=f.asset"
            )
        }

    def paths(self) -> set[bytes]:
        return set(self.rows())

    def held(self) -> set[bytes]:
        return {path for path, row in self.rows().items() if row[3]}

    def asset(self, path: str | bytes) -> int:
        return int(self.rows()[os.fsencode(path)][0])

    def state(self) -> str:
        return sources.by_name(self.database, "photos").state


@pytest.fixture(scope="session")
def places() -> Callable[[], Any]:
    """The gazetteer, loaded when a test first asks for a place, once for all libraries."""
    return cache(lambda: Gazetteer.load(None))


@pytest.fixture(autouse=True)
def _shared_places(places: Callable[[], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, "gazetteer", lambda folder: places())


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Library]:
    """A library over a source on whatever filesystem the tests run on, taken for one with stable inode numbers."""
    here = Mounts.now().volume(bytes(tmp_path)).fstype
    monkeypatch.setattr(volumes, "STABLE_INODES", volumes.STABLE_INODES | {here})
    made = Library(tmp_path)
    yield made
    made.database.close()


@pytest.fixture
def brain(library: Library, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeBrain]:
    """A brain with a model, at work; of what the decoders see there are small pictures."""
    monkeypatch.setattr(meaning, "LOOK_S", 0.02)
    monkeypatch.setattr(meaning, "PATIENCE_S", 0.5)
    library.decoders.pictures = True
    made = FakeBrain(library.config)
    made.announce(library.database)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def wait_until() -> Callable[..., Any]:
    """``wait_until(condition)``: the first true value of ``condition()``; fails after 20 seconds."""

    def wait(condition: Callable[[], Any], seconds: float = 20.0) -> Any:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = condition()
            if found:
                return found
            time.sleep(0.01)
        raise AssertionError(f"not within {seconds} s")

    return wait
