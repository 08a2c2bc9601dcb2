"""Rows: which targets are met, how figures are written, and that nothing is lost on the way from the child."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.0412, "s", "41.2 ms"),
        (1.0, "s", "1.00 s"),
        (12.34, "s", "12.3 s"),
        (0.0000031, "s", "3.10 µs"),
        (1_600_000_000, "B/s", "1.60 GB/s"),
        (150_000_000, "B", "150 MB"),
        (28_221, "/s", "28,221/s"),
        (0, "", "0"),
    ],
)
def test_figures_have_three_digits_and_a_fitting_prefix(value, unit, text):
    from harness import table

    assert table.figure(value, unit) == text


def test_a_target_is_met_by_the_ratio_or_by_the_figure():
    from harness.table import Row, Target

    assert Row("a", 1.0, "s", 2.0, "b", 0.5, Target(0.5)).met is True
    assert Row("a", 1.0, "s", 2.0, "b", 0.51, Target(0.5)).met is False
    assert Row("a", 1.0, "B/s", 2.0, "b", 0.9, Target(0.9, at_least=True)).met is True
    assert Row("a", 1.0, "B/s", 2.0, "b", 0.89, Target(0.9, at_least=True)).met is False
    assert Row("a", 0.2, "s", target=Target(0.3, "figure")).met is True
    assert Row("a", 0.4, "s", target=Target(0.3, "figure")).met is False
    assert Row("a", 0.4, "s").met is None


def test_rows_survive_as_data():
    from harness import table
    from harness.table import Row, Target

    rows = [Row("a", 1.0, "s", 2.0, "b", 0.5, Target(0.5), "note"), Row("c", 3.0, "B")]
    assert table.rows(table.as_data(rows)) == rows


def test_every_row_has_a_cell_for_every_column():
    from harness import table
    from harness.table import Row, Target

    row = Row("a | b", 1.0, "s", 2.0, "bindfs", 0.5, Target(0.5))
    assert len(table.cells(row)) == len(table.HEAD)
    assert table.as_markdown([row]).splitlines()[-1] == "| a \\| b | 1.00 s | 2.00 s bindfs | 0.50 × | ≤ 0.5 × | yes |"


@pytest.mark.parametrize(("percent", "value"), [(50, 50), (95, 95), (99, 99), (100, 100), (0.5, 1)])
def test_percentiles_are_values_that_occurred(percent, value):
    from harness import timing

    assert timing.percentile(list(range(100, 0, -1)), percent) == value


def test_contestants_take_turns():
    from harness import timing

    calls: list[str] = []
    times = timing.interleaved({name: lambda name=name: calls.append(name) for name in "ab"}, 2, first_is_warming=True)
    assert calls == ["a", "b", "b", "a", "a", "b"]
    assert [len(found) for found in times.values()] == [2, 2]


def test_every_benchmark_is_named_and_has_help():
    import benches

    for name in benches.NAMES:
        bench = benches.load(name)
        assert bench.name == name
        assert bench.help.endswith(".")
        assert bench.example == f"run.py --only {name}"
