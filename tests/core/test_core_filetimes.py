"""core.filetimes: one table for the scan, the stages and the mount."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from albumsd.core.filetimes import HOUR_NS, Stamp, same_time, unchanged
from albumsd.indexer.stages import hash as hash_stage
from albumsd.mount import opening
from albumsd.store.files import Location

SECOND = 1_000_000_000
FAT, HFS, NTFS, EXT4 = 2 * SECOND, SECOND, 100, 1

TABLE = [
    # apart, grain, the same?
    (0, EXT4, True), (0, 0, True), (1, 0, False), (1, EXT4, False), (HOUR_NS, EXT4, False),
    (99, NTFS, True), (100, NTFS, False), (HOUR_NS, NTFS, False),
    (SECOND - 1, HFS, True), (SECOND, HFS, False), (HOUR_NS, HFS, False),  # hfs, udf, ext3 keep universal time
    (SECOND, FAT, True), (2 * SECOND - 1, FAT, True), (2 * SECOND, FAT, False), (2 * SECOND + 1, FAT, False),
    (HOUR_NS, FAT, True), (HOUR_NS - SECOND, FAT, True), (2 * HOUR_NS + SECOND, FAT, True),
    (HOUR_NS - 2 * SECOND, FAT, False), (HOUR_NS + 2 * SECOND, FAT, False), (HOUR_NS // 2, FAT, False),
    (26 * HOUR_NS, FAT, True), (26 * HOUR_NS + SECOND, FAT, True), (26 * HOUR_NS + 2 * SECOND, FAT, False),
    (27 * HOUR_NS, FAT, False), (48 * HOUR_NS, FAT, False),
]  # fmt: skip


@pytest.mark.parametrize(("apart_ns", "grain_ns", "same"), TABLE)
def test_mtimes_compare_at_the_grain_of_the_filesystem(apart_ns: int, grain_ns: int, same: bool) -> None:
    at = 1_500_000_000_123_456_789
    assert same_time(at, at + apart_ns, grain_ns) is same
    assert same_time(at + apart_ns, at, grain_ns) is same


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (Stamp(10, 1000, 7), True), (Stamp(10, 1000, 0), True), (Stamp(10, 1099, 7), True),
        (Stamp(11, 1000, 7), False), (Stamp(10, 1100, 7), False), (Stamp(10, 1000, 8), False),
    ],
)  # fmt: skip
def test_a_file_is_unchanged_when_size_time_and_inode_are(other: Stamp, same: bool) -> None:
    assert unchanged(Stamp(10, 1000, 7), other, 100) is same
    assert unchanged(other, Stamp(10, 1000, 7), 100) is same


@pytest.mark.parametrize(("apart_ns", "grain_ns", "same"), [row for row in TABLE if row[1]])
def test_the_stages_and_the_mount_say_the_same_of_a_file(
    apart_ns: int, grain_ns: int, same: bool, tmp_path: Path
) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"0123456789")
    os.utime(path, ns=(0, 1_500_000_000_123_456_789))
    seen = path.stat()
    row = Location(1, 1, os.fsencode(path), 10, seen.st_mtime_ns + apart_ns, seen.st_ino, grain_ns, "online")
    assert hash_stage.agrees(seen, row) is same
    assert opening.fits(opening.open_path(os.fsencode(path), b""), row) is same
