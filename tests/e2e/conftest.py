"""Running daemons and the libraries that they show.

``pictures`` is a copy of a drawn library, the test's own. ``daemon({"Photos": path})`` is a running albumsd of the test's own,
ended after it. ``shared`` is one for a whole module, indexed to the end, which tests only look at.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.daemon import Daemon

from albumsd.demo import library as drawn
from albumsd.demo.truth import DemoLibrary

Start = Callable[..., Daemon]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.mount)
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def fuse() -> None:
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        pytest.skip("/dev/fuse cannot be opened here")


@pytest.fixture(scope="session")
def truth(tmp_path_factory: pytest.TempPathFactory) -> DemoLibrary:
    """The smallest demo library, drawn once and never written to by a test (each works on a copy)."""
    return drawn.build(tmp_path_factory.mktemp("drawn") / "Pictures", scenes=24)


def copied(truth: DemoLibrary, into: Path) -> Path:
    return Path(shutil.copytree(truth.folder, into / "Pictures", copy_function=shutil.copy2))


@pytest.fixture
def pictures(truth: DemoLibrary, tmp_path: Path) -> Path:
    return copied(truth, tmp_path)


def started(folder: Path) -> Iterator[Start]:
    daemons: list[Daemon] = []

    def start(sources: dict[str, Path], settings: dict[str, Any] | None = None) -> Daemon:
        settings = {"rest_s": 0.2, "nice": 0, **(settings or {})}
        one = Daemon(folder / f"daemon{len(daemons)}", sources, settings)
        daemons.append(one)
        return one

    yield start
    for one in daemons:
        one.close()


@pytest.fixture
def daemon(fuse: None, tmp_path: Path) -> Iterator[Start]:
    yield from started(tmp_path)


@pytest.fixture(scope="module")
def shared_pictures(truth: DemoLibrary, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source of ``shared``."""
    return copied(truth, tmp_path_factory.mktemp("shared"))


@pytest.fixture(scope="module")
def shared(fuse: None, shared_pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    for start in started(tmp_path_factory.mktemp("running")):
        running = start({"Photos": shared_pictures})
        running.wait()
        yield running
