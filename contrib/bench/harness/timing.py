"""Repetitions that take turns, so that whatever else the machine does hits all contestants alike."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping, Sequence
from statistics import median

from .table import Row, Target

Times = dict[str, list[float]]

OURS = "albumsd"


def clocked(call: Callable[[], object]) -> float:
    """Seconds that ``call`` took."""
    gc.collect()
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def interleaved(
    contestants: Mapping[str, Callable[[], object]],
    reps: int,
    *,
    before: Callable[[str], object] | None = None,
    first_is_warming: bool = False,
) -> Times:
    """Seconds of each contestant in each repetition. The order turns from one repetition to the next.

    ``before(name)`` is run, not timed, before each call. ``first_is_warming``: one more repetition that does not count.
    """
    names = list(contestants)
    times: Times = {name: [] for name in names}
    for rep in range(reps + first_is_warming):
        turn = rep % len(names)
        for name in names[turn:] + names[:turn]:
            if before is not None:
                before(name)
            seconds = clocked(contestants[name])
            if rep >= first_is_warming:
                times[name].append(seconds)
    return times


def ratio(ours: Sequence[float], others: Sequence[float]) -> float:
    """The median of the ratios within each repetition."""
    return median(a / b for a, b in zip(ours, others, strict=True))


def compare(what: str, times: Times, against: str, target: Target | None = None, note: str = "") -> Row:
    """A row of seconds: ours against one of the others."""
    return Row(
        what,
        median(times[OURS]),
        "s",
        median(times[against]),
        against,
        ratio(times[OURS], times[against]),
        target,
        note,
    )


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that at least ``percent`` of all do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * percent // 100).__int__() - 1)]
