"""Capture times as folder names and as moments; and the clock."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from albumsd.core import clock, moments
from albumsd.core.facts import CaptureTime

LOCALS = st.datetimes(datetime(1826, 1, 1), datetime(9999, 12, 31)).map(
    lambda d: d.replace(microsecond=0, fold=0).isoformat()
)


@pytest.fixture
def zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@given(LOCALS)
def test_the_calendar_is_that_of_the_wall_clock(local: str) -> None:
    year, week, _ = datetime.fromisoformat(local).isocalendar()
    assert moments.calendar(local) == (local[:4], local[:7], f"{year:04}-W{week:02}", local[:10])


@pytest.mark.parametrize(
    ("day", "week"), [("2024-12-30", "2025-W01"), ("2021-01-03", "2020-W53"), ("2024-04-13", "2024-W15")]
)
def test_a_week_belongs_to_the_year_of_its_thursday(day: str, week: str) -> None:
    assert moments.calendar(f"{day}T23:59:59").week == week


@pytest.mark.parametrize("text", ["", "2024", "2024-02-30T00:00:00", "yesterday"])
def test_what_is_no_date_is_an_error(text: str) -> None:
    with pytest.raises(ValueError):
        moments.calendar(text)


@pytest.mark.parametrize(
    ("local", "offset", "seconds"),
    [
        ("1970-01-01T00:00:00", "+00:00", 0),
        ("2024-04-13T18:22:05", "+02:00", 1713025325),
        ("2024-04-13T18:22:05", "-03:30", 1713045125),
        ("2024-04-13T18:22:05", None, 1713025325),
        ("2024-01-13T18:22:05", None, 1705166525),
        ("1950-06-01T12:00:00", "+01:00", -618066000),
    ],
)
def test_the_moment_uses_the_offset_else_the_zone_of_this_machine(
    zone: None, local: str, offset: str | None, seconds: int
) -> None:
    assert moments.moment_ns(CaptureTime(local, offset, "exif")) == seconds * 10**9


@given(LOCALS, st.sampled_from([None, "+02:00", "-11:00"]))
def test_every_capture_time_has_a_moment_of_whole_seconds(local: str, offset: str | None) -> None:
    assert moments.moment_ns(CaptureTime(local, offset, "exif")) % 10**9 == 0


def test_the_clock_can_be_held_still(zone: None, monkeypatch: pytest.MonkeyPatch) -> None:
    before = time.time_ns()
    assert before <= clock.now_ns() <= time.time_ns()
    monkeypatch.setenv("ALBUMSD_NOW", "2024-04-13T22:30:00")
    assert clock.now_ns() == 1_713_047_400 * 10**9
    assert clock.today() == "2024-04-14", "the date on the wall here"
    monkeypatch.setenv("ALBUMSD_NOW", "2024-04-13T22:30:00+02:00")
    assert clock.now_ns() == (1_713_047_400 - 7200) * 10**9
