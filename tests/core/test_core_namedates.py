"""Dates in names: a table of what cameras, phones and people write, and laws for all other names."""

from __future__ import annotations

import re
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from albumsd.core.facts import CaptureTime
from albumsd.core.namedates import from_folder, from_mtime, from_name

TIME = "2024-04-13T18:22:05"
DAY = "2024-04-13T00:00:00"

NAMES: list[tuple[str, str | None, str | None]] = [
    ("IMG_20240413_182205.jpg", TIME, None),
    ("IMG_20240413_182205123.jpg", TIME, None),
    ("IMG20240413182205.jpg", TIME, None),
    ("20240413_182205.jpg", TIME, None),
    ("20240413182205.jpg", TIME, None),
    ("20240413_182205(1).jpg", TIME, None),
    ("20240413_182205_001.jpg", TIME, None),
    ("VID_20240413_182205.mp4", TIME, None),
    ("MVIMG_20240413_182205.jpg", TIME, None),
    ("PXL_20240413_182205123.jpg", TIME, "+00:00"),
    ("PXL_20240413_182205123.MP.jpg", TIME, "+00:00"),
    ("PXL_20240413_182205123~2.jpg", TIME, "+00:00"),
    ("IMG-20240413-WA0001.jpg", DAY, None),
    ("VID-20240413-WA0001.mp4", DAY, None),
    ("WhatsApp Image 2024-04-13 at 18.22.05.jpeg", TIME, None),
    ("Screenshot_2024-04-13-18-22-05.png", TIME, None),
    ("Screenshot_20240413-182205_Chrome.png", TIME, None),
    ("Screenshot 2024-04-13 at 6.22.05\u202fPM.png", TIME, None),
    ("Screen Shot 2024-04-13 at 6.22.05 AM.png", "2024-04-13T06:22:05", None),
    ("Screenshot from 2024-04-13 18-22-05.png", TIME, None),
    ("Bildschirmfoto 2024-04-13 um 18.22.05.png", TIME, None),
    ("signal-2024-04-13-182205.jpg", TIME, None),
    ("signal-2024-04-13-18-22-05-123.jpg", TIME, None),
    ("photo_2024-04-13_18-22-05.jpg", TIME, None),
    ("2024-04-13 18.22.05.jpg", TIME, None),
    ("2024-04-13 18.22.05-1.jpg", TIME, None),
    ("WIN_20240413_18_22_05_Pro.jpg", TIME, None),
    ("DJI_20240413182205_0001_D.MP4", TIME, None),
    ("2024-04-13T18:22:05Z.txt", TIME, "+00:00"),
    ("scan 2024 04 13.pdf", DAY, None),
    ("2024.04.13 letter.pdf", DAY, None),
    ("20240413_1822.jpg", DAY, None),
    ("20240413_182260.jpg", DAY, None),
    ("1987-06-05 wedding.tif", "1987-06-05T00:00:00", None),
    ("FB_IMG_1523456789012.jpg", "2018-04-11T14:26:29", "+00:00"),
    ("mmexport1523456789012.jpg", "2018-04-11T14:26:29", "+00:00"),
    ("1523456789012.jpg", "2018-04-11T14:26:29", "+00:00"),
    ("123456_1523456789012_n.jpg", None, None),
    ("1000000000000.jpg", None, None),
    ("IMG_1234.JPG", None, None),
    ("DSC02024.jpg", None, None),
    ("holiday.jpg", None, None),
    ("", None, None),
    ("IMG_20240230_111111.jpg", None, None),
    ("IMG_00000000_000000.jpg", None, None),
    ("20991231.jpg", None, None),
    ("20240413182.jpg", None, None),
    ("13-04-2024.jpg", None, None),
]


@pytest.mark.parametrize(("name", "local", "offset"), NAMES)
def test_names(name: str, local: str | None, offset: str | None) -> None:
    assert from_name(name) == (CaptureTime(local, offset, "name") if local else None)


def test_a_second_date_counts_when_the_first_cannot_be() -> None:
    assert from_name("00000000_20240413.jpg") == CaptureTime(DAY, None, "name")


@given(st.text(max_size=60))
def test_any_name_gives_a_true_date_or_none(name: str) -> None:
    claim = from_name(name)
    assert claim is None or re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", claim.local)


@given(
    st.datetimes(min_value=datetime(1971, 1, 1), max_value=datetime(2026, 11, 1)),
    st.sampled_from(
        ["IMG_%Y%m%d_%H%M%S", "%Y-%m-%d %H.%M.%S", "Screenshot_%Y-%m-%d-%H-%M-%S", "signal-%Y-%m-%d-%H%M%S"]
    ),
)
def test_what_a_phone_writes_is_what_is_read(moment: datetime, pattern: str) -> None:
    claim = from_name(moment.strftime(pattern) + ".jpg")
    assert claim is not None
    assert claim.local == moment.replace(microsecond=0).isoformat()


FOLDERS: list[tuple[list[str], str | None]] = [
    (["2024-04-13"], DAY),
    (["2024-04-13 Lisbon"], DAY),
    (["20240413"], DAY),
    (["Lisbon 2024_04_13"], DAY),
    (["2024-04"], "2024-04-01T00:00:00"),
    (["2024-04 Lisbon"], "2024-04-01T00:00:00"),
    (["2024"], "2024-01-01T00:00:00"),
    (["Photos from 2019"], "2019-01-01T00:00:00"),
    (["13", "04", "2024"], DAY),
    (["04", "2024"], "2024-04-01T00:00:00"),
    (["04 - April", "2024"], "2024-04-01T00:00:00"),
    (["raw", "2024-04-13 trip", "2020"], DAY),
    (["31", "02", "2024"], "2024-02-01T00:00:00"),
    (["2019-2024"], None),
    (["2024-13"], None),
    (["100CANON", "DCIM"], None),
    (["Canon 2000D"], None),
    (["2048x1536"], None),
    (["2099"], None),
    ([], None),
]


@pytest.mark.parametrize(("parts", "local"), FOLDERS)
def test_folders(parts: list[str], local: str | None) -> None:
    assert from_folder(parts) == (CaptureTime(local, None, "folder") if local else None)


@given(st.integers(min_value=-(2**70), max_value=2**70))
def test_every_mtime_is_a_date(mtime_ns: int) -> None:
    claim = from_mtime(mtime_ns)
    assert claim.origin == "mtime"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", claim.local)


def test_an_mtime_is_told_in_the_zone_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setenv("TZ", "Asia/Kathmandu")
    time.tzset()
    try:
        assert from_mtime(1_700_000_000_000_000_000) == CaptureTime("2023-11-15T03:58:20", "+05:45", "mtime")
    finally:
        monkeypatch.undo()
        time.tzset()
