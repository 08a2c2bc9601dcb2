"""How good a ranking is: recall and nDCG of one query, and their means. Pure functions over ids of any kind."""

from __future__ import annotations

import math
from collections.abc import Collection, Hashable, Sequence


def recall(ranked: Sequence[Hashable], relevant: Collection[Hashable], k: int) -> float:
    """Share of what is relevant among the first ``k``; of the most that could be there when more than ``k`` are.

    Raises ZeroDivisionError when nothing is relevant: such a query says nothing about recall.
    """
    return len(set(ranked[:k]) & set(relevant)) / min(k, len(set(relevant)))


def ndcg(ranked: Sequence[Hashable], relevant: Collection[Hashable], k: int) -> float:
    """Normalised discounted cumulated gain of the first ``k`` with gains of 0 and 1, discount 1 / log2(1 + rank).

    Järvelin and Kekäläinen 2002, in the form of Burges et al. 2005, which is the same for two gains.
    """
    seen: set[Hashable] = set()
    found = 0.0
    for rank, one in enumerate(ranked[:k], 1):
        if one in relevant and one not in seen:
            seen.add(one)
            found += 1 / math.log2(1 + rank)
    best = sum(1 / math.log2(1 + rank) for rank in range(1, min(k, len(set(relevant))) + 1))
    return found / best


def mean(values: Sequence[float]) -> float | None:
    """The arithmetic mean; None of nothing."""
    return sum(values) / len(values) if values else None
