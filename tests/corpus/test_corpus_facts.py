"""The corpus of real files: what the readers find is what is expected, but for a list of differences with reasons."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import table

pytestmark = pytest.mark.corpus


@pytest.mark.slow
def test_headers_tell_what_is_expected(corpus: Path) -> None:
    rows = table.differences(corpus)
    assert [row for row in rows if row.explanation is None] == []
    assert {(row.id, row.field) for row in rows} == set(table.EXPLAINED), "an explanation that explains nothing"


@pytest.mark.slow
def test_what_decodes_and_what_does_not(corpus: Path) -> None:
    rows = table.undecodable(corpus)
    assert [row for row in rows if row.explanation is None] == []
    assert {row.id for row in rows if row.field == "decodable"} <= {*table.LATER, *table.CUT}
