"""``daemon({"Photos": path})``: a running albumsd, ended after the test. Skipped where nothing can be mounted."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.daemon import Daemon


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.mount)
            item.add_marker(pytest.mark.slow)


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Callable[..., Daemon]]:
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        pytest.skip("/dev/fuse cannot be opened here")
    started: list[Daemon] = []

    def start(sources: dict[str, Path], settings: dict[str, Any] | None = None) -> Daemon:
        settings = {"rest_s": 0.2, "nice": 0, **(settings or {})}
        one = Daemon(tmp_path / f"daemon{len(started)}", sources, settings)
        started.append(one)
        return one

    yield start
    for one in started:
        one.close()
