"""Which date is believed, and which dates can be true at all."""

from __future__ import annotations

import random
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from albumsd.core import capture
from albumsd.core.facts import ORIGINS, CaptureTime

LOCALS = st.datetimes(min_value=datetime(1850, 1, 1), max_value=datetime(2026, 10, 1)).map(
    lambda moment: moment.replace(microsecond=0)
)
CLAIMS = st.builds(
    CaptureTime,
    LOCALS.map(lambda moment: moment.isoformat()),
    st.sampled_from([None, "+00:00", "+02:00", "-08:00", "+05:45"]),
    st.sampled_from(ORIGINS),
)


@given(st.lists(CLAIMS, min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_the_order_of_claims_never_changes_the_answer(claims: list[CaptureTime], rng: random.Random) -> None:
    shuffled = claims[:]
    rng.shuffle(shuffled)
    assert capture.best(shuffled) == capture.best(claims)


@given(st.lists(CLAIMS, min_size=1, max_size=8))
def test_no_claim_of_an_earlier_origin_loses(claims: list[CaptureTime]) -> None:
    chosen = capture.best(claims)
    assert chosen is not None
    assert ORIGINS.index(chosen.origin) == min(ORIGINS.index(claim.origin) for claim in claims)
    assert chosen.local == min(claim.local for claim in claims if claim.origin == chosen.origin)


def test_of_equal_clocks_the_one_with_an_offset_wins() -> None:
    bare, full = CaptureTime("2024-04-13T18:22:05", None, "exif"), CaptureTime("2024-04-13T18:22:05", "+02:00", "exif")
    assert capture.best([bare, full]) == full


def test_nothing_gives_nothing() -> None:
    assert capture.best([]) is None
    assert capture.disagreements(None, []) == ()


@pytest.mark.parametrize(
    "parts",
    [
        (0, 0, 0),
        (2024, 0, 1),
        (2024, 2, 30),
        (1, 1, 1),
        (1825, 1, 1),
        (2099, 1, 1),
        (171546, 1, 1),
        (1970, 1, 1),
        (1904, 1, 1),
        (2024, 1, 1, 24),
        (2024, 1, 1, 0, 60),
    ],
)
def test_dates_that_cannot_be_true(parts: tuple[int, ...]) -> None:
    assert capture.wall_clock(*parts) is None


@pytest.mark.parametrize(
    "parts", [(1899, 12, 31), (1969, 7, 20, 20, 17, 40), (2024, 2, 29), (1970, 1, 1, 0, 0, 1), (2026, 11, 20)]
)
def test_dates_that_can(parts: tuple[int, ...]) -> None:
    assert capture.wall_clock(*parts) is not None


def test_a_leap_second_is_kept() -> None:
    assert capture.wall_clock(2016, 12, 31, 23, 59, 60) == "2016-12-31T23:59:59"


def test_the_future_begins_a_day_after_now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALBUMSD_NOW", "2031-05-05T12:00:00")
    assert capture.wall_clock(2031, 5, 6, 11) == "2031-05-06T11:00:00"
    assert capture.wall_clock(2031, 5, 6, 13) is None


def test_a_clock_that_was_never_set_loses_no_date(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALBUMSD_NOW", "1970-01-02T00:00:00")
    assert capture.wall_clock(2024, 4, 13) == "2024-04-13T00:00:00"


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("+02:00", "+02:00"),
        ("+0200", "+02:00"),
        ("-8:00", "-08:00"),
        ("Z", "+00:00"),
        ("+05:45", "+05:45"),
        ("", None),
        (None, None),
        ("+15:00", None),
        ("Europe/Paris", None),
        ("+02:99", None),
    ],
)
def test_offsets(text: str | None, want: str | None) -> None:
    assert capture.offset_text(text) == want


def test_what_disagrees() -> None:
    def claim(local: str, offset: str | None = None, origin: str = "exif") -> CaptureTime:
        return CaptureTime(local, offset, origin)  # type: ignore[arg-type]

    chosen = claim("2024-04-13T18:22:05", "+02:00")
    same = [
        claim("2024-04-13T16:22:06", "+00:00", "gps"),  # the same moment elsewhere
        claim("2024-04-13T16:22:05", None, "xmp"),  # a zone that nobody wrote down
        claim("2024-04-13T00:00:00", None, "name"),  # the day
        claim("2024-04-01T00:00:00", None, "folder"),  # the month
        claim("2024-01-01T00:00:00", None, "folder"),  # the year
        claim("2024-04-14T10:00:00", "+02:00", "mtime"),  # copied the next morning
    ]
    other = [
        claim("2024-04-13T18:20:05", None, "xmp"),
        claim("2024-04-14T00:00:00", None, "name"),
        claim("2023-01-01T00:00:00", None, "folder"),
        claim("2025-04-13T18:22:05", "+02:00", "mtime"),
    ]
    assert capture.disagreements(chosen, same) == ()
    assert capture.disagreements(chosen, [*same, *reversed(other), *other]) == tuple(other)
