"""The few things that many generated assets share: cities, tags, and a vocabulary; and queries for them.

All words are made up, so that nothing here is anybody's. Pure function of ``SEED``.
"""

from __future__ import annotations

import random
from itertools import accumulate
from typing import NamedTuple

SEED = 20240413
_SYLLABLES = [c + v for c in (*"bdfgklmnprstvz", "sh") for v in "aeiou"]


class City(NamedTuple):
    country: str
    region: str
    city: str
    lat: float
    lon: float


class World:
    """``cities``, ``tags`` (the commonest first) and ``vocabulary``."""

    def __init__(self) -> None:
        chance = random.Random(SEED)
        self.vocabulary = _words(chance, 20_000)
        self._weights = list(accumulate(1 / (rank + 3) for rank in range(len(self.vocabulary))))
        names = [word.capitalize() for word in _words(chance, 1_000) if len(word) > 3]
        self.cities = [
            City(
                names[n % 30], names[30 + n % 90], names[200 + n],
                round(chance.uniform(-55, 65), 4), round(chance.uniform(-170, 170), 4),
            )
            for n in range(300)
        ]  # fmt: skip
        self.tags = self.vocabulary[300:700]
        self._tag_weights = list(accumulate(1 / (rank + 1) for rank in range(len(self.tags))))

    def some_words(self, chance: random.Random, count: int) -> list[str]:
        """``count`` words as a text of a person would hold them: few are common, most are rare."""
        return chance.choices(self.vocabulary, cum_weights=self._weights, k=count)

    def some_tags(self, chance: random.Random, count: int) -> list[str]:
        """Up to ``count`` different tags, sorted."""
        return sorted(set(chance.choices(self.tags, cum_weights=self._tag_weights, k=count)))


def _words(chance: random.Random, count: int) -> list[str]:
    """Different made-up words of two to four syllables."""
    found: dict[str, None] = {}
    while len(found) < count:
        found["".join(chance.choices(_SYLLABLES, k=chance.choice((2, 2, 3, 3, 4))))] = None
    return list(found)


def text_queries(count: int) -> list[str]:
    """Different queries of one to three words, such as a person types who remembers something of the picture."""
    world, chance = World(), random.Random(SEED + 1)
    found: dict[str, None] = {}
    while len(found) < count:
        kind = chance.random()
        if kind < 0.2:
            text = chance.choice(world.cities).city.lower()
        elif kind < 0.3:
            text = f"{chance.choice(world.tags)} {chance.choice(world.cities).country.lower()}"
        else:
            text = " ".join(world.some_words(chance, chance.choice((1, 2, 2, 3))))
        found[text] = None
    return list(found)
