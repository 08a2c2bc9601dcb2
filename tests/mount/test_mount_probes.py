"""Names that no folder holds, and names that a person's folder may well hold."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from albumsd.core import names
from albumsd.indexer.ignore import left_out
from albumsd.mount.probes import litter, never

NEVER = [
    ".hidden", ".directory", ".Trash", ".Trash-1000", ".Trashes", ".xdg-volume-info", "autorun.inf", "AutoRun.inf",
    "desktop.ini", "Desktop.ini", "Thumbs.db", "ehthumbs.db", ".DS_Store", "._IMG_1.jpg",
    ".fseventsd", ".Spotlight-V100", ".metadata_never_index", ".metadata_never_index_unless_rootfs",
    ".localized", "Icon\r", ".git", ".hg", ".svn", ".nomedia", ".stfolder", "~$letter.docx", ".~lock.letter.odt#",
    "$RECYCLE.BIN", "System Volume Information", ".goutputstream-ABC", ".sh_thumbnails", ".pending-1.jpg",
]  # fmt: skip
MAY_BE = [
    "IMG_1.jpg", "DCIM", "Android", "folder.jpg", "autorun", "Contents", "letter.lnk", "part.tmp", "dog on the beach",
    "$100", "~notes.txt", "mach_kernel", "desktop", "ä.jpg", "001 IMG_1.jpg",
]  # fmt: skip


@pytest.mark.parametrize("name", NEVER)
def test_a_probe_is_answered_before_anything_else(name: str) -> None:
    assert never(name.encode())


@pytest.mark.parametrize("name", MAY_BE)
def test_a_name_that_may_exist_is_looked_up(name: str) -> None:
    assert not never(name.encode())


@given(st.text(min_size=1, max_size=40) | st.sampled_from(NEVER) | st.builds("~${}".format, st.text(max_size=9)))
def test_no_name_that_can_be_shown_is_a_probe(text: str) -> None:
    """The kernel keeps a probe's ENOENT for 300 s: such a name is either not legal or never taken in by the scan."""
    if never(text.encode("utf-8", "replace")):
        assert names.sanitise(text) != text or left_out(text.encode())


@pytest.mark.parametrize(
    ("name", "is_litter"),
    [(b".DS_Store", True), (b"._a.jpg", True), (b"Thumbs.db", True), (b"desktop.ini", True), (b".Trash-1000", True),
     (b"$RECYCLE.BIN", True), (b"holiday", False), (b".profile", False), (b"a.jpg", False)],
)  # fmt: skip
def test_litter_is_what_systems_write_by_themselves(name: bytes, is_litter: bool) -> None:
    assert litter(name) is is_litter
