"""Vectors that a test can have many of: some in bursts, as pictures come, some alone, and the plain way to search."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

Floats = NDArray[np.float32]


class Made:
    """Unit vectors and the exact answer, in float64, over those that are there."""

    @staticmethod
    def vectors(count: int, dimensions: int = 24, seed: int = 1) -> Floats:
        rng = np.random.default_rng(seed)
        centres = rng.standard_normal((max(1, count // 20), dimensions))
        own = rng.standard_normal((count, dimensions))
        burst = rng.random(count) < 0.5
        own[burst] = centres[rng.integers(len(centres), size=int(burst.sum()))] + 0.3 * own[burst]
        return (own / np.linalg.norm(own, axis=1, keepdims=True)).astype(np.float32)

    @staticmethod
    def nearest(rows: dict[int, Floats], query: Floats, k: int) -> list[tuple[int, float]]:
        unit = query.astype(np.float64) / np.linalg.norm(query)
        scored = [(row, float(vector.astype(np.float64) @ unit)) for row, vector in rows.items()]
        return sorted(scored, key=lambda pair: (-pair[1], pair[0]))[:k]


@pytest.fixture
def made() -> Made:
    return Made()
