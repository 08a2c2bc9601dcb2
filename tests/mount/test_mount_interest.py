"""What a person looks at goes first: told while there is work, and seldom."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from mount_tools import Rig

from albumsd.core.ids import Rendition, asset_inode
from albumsd.mount import interest
from albumsd.mount.interest import Interest
from albumsd.store import jobs
from albumsd.vfs.node import Content, Entry, Leaf


def page(*assets: int) -> list[Entry]:
    leaves = [Leaf(asset_inode(asset, Rendition.ORIGINAL), 1, 0, Content.ORIGINAL, asset) for asset in assets]
    return [Entry(b"%d" % leaf.asset, number, leaf) for number, leaf in enumerate(leaves, 1)]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(interest.time, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def asset(rig: Rig) -> int:
    """An asset whose facts job is open."""
    return rig.library.index(rig.library.source() / "a.jpg", b"bytes")


def test_listed_assets_are_told_while_jobs_are_open(rig: Rig, asset: int, clock: list[float]) -> None:
    told: list[Sequence[int]] = []
    assert jobs.any_open(rig.reader)
    seen = Interest(rig.reader, told.append).seen
    seen(page(1, 2))
    seen(page(3))
    assert told == [[1, 2]]
    clock[0] += interest.EVERY_S
    seen(page(4))
    assert told == [[1, 2], [4]]


def test_a_library_at_rest_hears_nothing(rig: Rig, asset: int, clock: list[float]) -> None:
    told: list[Sequence[int]] = []
    with rig.library.database.write() as tx:
        tx.run("UPDATE job SET state='parked'")
    Interest(rig.reader, told.append).seen(page(1))
    assert told == []
