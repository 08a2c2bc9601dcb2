"""Inode numbers: an asset's never meets a folder's, and none means two things."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from albumsd.core import ids
from albumsd.core.ids import Rendition

ASSETS = st.integers(1, 2**58)
PATHS = st.lists(st.text(st.characters(exclude_characters="/\0"), min_size=1, max_size=8), max_size=4)


@given(ASSETS, st.sampled_from(list(Rendition)))
def test_there_and_back(asset: int, rendition: Rendition) -> None:
    inode = ids.asset_inode(asset, rendition)
    assert ids.split_asset_inode(inode) == (asset, rendition)
    assert ids.ROOT < inode < 2**62


@given(PATHS)
def test_a_computed_inode_is_no_asset_and_fits_the_kernel(path: list[str]) -> None:
    inode = ids.computed_inode(path)
    assert ids.split_asset_inode(inode) is None
    assert 0 < inode < 2**63
    assert (inode == ids.ROOT) == (not path)
    assert ids.computed_inode(tuple(path)) == inode


@given(PATHS, PATHS)
def test_two_paths_have_two_inodes(one: list[str], other: list[str]) -> None:
    assert (ids.computed_inode(one) == ids.computed_inode(other)) == (one == other)


@pytest.mark.parametrize("inode", [0, 1, 7, 8 + 5, 8 + 7])
def test_numbers_that_no_asset_has(inode: int) -> None:
    assert ids.split_asset_inode(inode) is None


def test_the_numbers_of_renditions_are_forever() -> None:
    assert {rendition.name: int(rendition) for rendition in Rendition} == {
        "ORIGINAL": 0, "PREVIEW": 1, "THUMBNAIL": 2, "INFO": 3, "LINK": 4
    }  # fmt: skip
    assert ids.computed_inode(("by-date",)) == 4611686018427387904 | (ids.computed_inode(("by-date",)) & (2**61 - 1))
    assert ids.computed_inode(["\udcff"]) != ids.computed_inode(["\udcfe"]), "names that are not UTF-8"
