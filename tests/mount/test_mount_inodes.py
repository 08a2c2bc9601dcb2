"""Lookup counts: exact for what must be remembered, nothing at all for assets."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from mount_fakes import FakeTree, many_leaf

from albumsd.core import config
from albumsd.core.ids import ROOT
from albumsd.mount.inodes import Inodes


def tree() -> FakeTree:
    return FakeTree(config.load(Path("/nonexistent")), None)


def test_the_root_is_always_held() -> None:
    root = tree().root
    inodes = Inodes(root)
    inodes.forget([(ROOT, 5)])
    assert inodes.get(ROOT) is root
    assert len(inodes) == 0


def test_assets_cost_nothing() -> None:
    inodes = Inodes(tree().root)
    for number in range(1000):
        inodes.hold(many_leaf(number + 1), False)
    assert len(inodes) == 0


@given(st.lists(st.tuples(st.sampled_from([b"all", b"slow", b"many", b"README.txt"]), st.integers(1, 5)), max_size=30))
def test_an_entry_lives_exactly_as_long_as_the_kernel_holds_it(steps: list[tuple[bytes, int]]) -> None:
    made = tree()
    inodes = Inodes(made.root)
    told: dict[int, int] = {}
    for name, times in steps:
        node = made.root.children[name]
        for _ in range(times):
            inodes.hold(node, False)
        told[node.inode] = told.get(node.inode, 0) + times
    assert {inode: inodes.count(inode) for inode in told} == told
    for inode, count in told.items():
        inodes.forget([(inode, count - 1)] if count > 1 else [])
        assert inodes.get(inode) is not None
        inodes.forget([(inode, 1)])
        assert inodes.get(inode) is None
    assert len(inodes) == 0


def test_forgetting_what_is_not_held_is_no_error() -> None:
    inodes = Inodes(tree().root)
    inodes.forget([(12345678, 1), (1 << 62 | 5, 3)])
    assert len(inodes) == 0
