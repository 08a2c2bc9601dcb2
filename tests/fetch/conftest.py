"""A server of models for each test, and no proxy between it and the test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.hub import Hub


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with Hub() as server:
        yield server
