"""What every test may rely on: no person's library is ever in reach, and every run draws the same examples."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

# A test that fails must fail again: the examples are the same in every run, and none is kept beside the code.
hypothesis.settings.register_profile("albumsd", deadline=None, derandomize=True, database=None)
hypothesis.settings.load_profile("albumsd")


@pytest.fixture(autouse=True, scope="session")
def _no_library_of_a_person(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What is found by default (the library, the mount, the settings) lies in a folder of this run."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(home))
        patch.setenv("XDG_DATA_HOME", str(home / "data"))
        patch.setenv("XDG_CONFIG_HOME", str(home / "config"))
        patch.setenv("XDG_CACHE_HOME", str(home / "cache"))
        patch.delenv("ALBUMSD_LIBRARY", raising=False)
        yield


@pytest.fixture(autouse=True)
def _umask_stays() -> Iterator[None]:
    """albumsd makes everything private from its first line on; here that line runs in the runner itself."""
    before = os.umask(0o022)
    os.umask(before)
    yield
    os.umask(before)


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The corpus of real files beside the checkout; a test that asks for it carries the marker `corpus`."""
    folder = Path(__file__).resolve().parents[1].parent / "shared" / "data"
    if not (folder / "expected.json").is_file():
        pytest.skip("the corpus is not beside this checkout")
    return folder
