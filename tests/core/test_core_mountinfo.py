"""core.mountinfo: lines of the kernel to rows."""

from __future__ import annotations

import pytest

from albumsd.core.mountinfo import Mount, parse

LINE = b"40 27 8:17 / %s rw shared:3 master:1 - vfat %s rw,codepage=437"


@pytest.mark.parametrize(
    ("written", "path"),
    [
        (rb"/media/My\040Disk", b"/media/My Disk"),
        (rb"/a\011b\012c", b"/a\tb\nc"),
        (rb"/back\134slash", b"/back\\slash"),
        (rb"/\134040", b"/\\040"),  # a backslash and three digits, not a space
        (rb"/number\0431", b"/number#1"),
        (b"/caf\xc3\xa9", b"/caf\xc3\xa9"),
        (b"/latin\xe9", b"/latin\xe9"),
        (b"/form\x0cfeed\x85", b"/form\x0cfeed\x85"),  # no line ends but newlines
        (rb"/\x41", rb"/\x41"),
    ],
)
def test_paths_are_the_bytes_they_were(written: bytes, path: bytes) -> None:
    assert parse(LINE % (written, written) + b"\n") == [
        Mount(40, path, "8:17", "vfat", path.decode("utf-8", "surrogateescape"))
    ]


def test_lines_stay_in_order_and_what_is_none_is_left_out() -> None:
    text = b"".join(
        [b"27 1 254:0 / / rw - ext4 /dev/vda rw\n", b"nonsense\n", b"\n", b"x 1 0:5 / /p rw - tmpfs none rw\n",
         b"41 27 0:50 / /home/me/Albums rw - fuse.albumsd albumsd rw\n", b"42 27 0:51 / / rw - btrfs"]
    )  # fmt: skip
    assert [(mount.number, mount.point, mount.minor, mount.fstype) for mount in parse(text)] == [
        (27, b"/", 0, "ext4"),
        (41, b"/home/me/Albums", 50, "fuse.albumsd"),
    ]
