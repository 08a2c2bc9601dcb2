"""Texts that fit no picture: unknown words, contradictions, more than four of a thing."""

from __future__ import annotations

import random
import string

from albumsd.demo.draw import GROUND_WORDS, LIGHTS, OBJECTS

from .wording import Wording, changed, describe, some_attributes
from .words import COLOUR_WORDS, FRAMES, GLUE, NEAR, NOUNS, SIZES, WHEN, WHERE, known_words, plural

_HEADS = (*"bcdfghjklmnprstvwz", "qu", "bl", "gr", "tr", "pl", "sn", "cr", "st", "sh", "th")
_TAILS = (*"aeiou", "ai", "ou", "ee", "ar", "in", "ax", "or", "um")
_ENDS = ("", "", "x", "n", "t", "rg", "sk", "s")
_TOO_MANY = ("five", "six", "seven", "eight", "nine", "ten", "twenty", "a hundred", "zero", *"056789", "12")


def letters(rng: random.Random) -> str:
    """A word nobody knows: syllables, or letters without any order."""
    if rng.random() < 0.4:
        return "".join(rng.choice(string.ascii_lowercase) for _ in range(rng.randint(3, 10)))
    return "".join(rng.choice(_HEADS) + rng.choice(_TAILS) for _ in range(rng.randint(1, 4))) + rng.choice(_ENDS)


def unknown(rng: random.Random, words: tuple[str, ...]) -> str:
    """A word that the world does not know; sometimes a known one with letters missing or added."""
    way = rng.random()
    if way < 0.62:
        return rng.choice(words)
    if way < 0.9:
        made = letters(rng)
        return made if made not in known_words() else made + "q"
    base = rng.choice([noun for nouns in NOUNS.values() for noun in nouns] + list(COLOUR_WORDS)).split()[-1]
    made = rng.choice(
        (
            rng.choice(string.ascii_lowercase) + base,
            base + letters(rng)[:3],
            letters(rng)[:4] + base,
            base[: len(base) // 2] + letters(rng)[:3],
        )
    )
    return made if made not in known_words() | NEAR else made + "q"


def nothing(rng: random.Random, words: tuple[str, ...], values: tuple[int, ...] | None = None) -> Wording:
    """A text that fits no picture. ``words``: the unknown words to draw from; ``values``: the scene it starts from."""
    values = tuple(max(value, 0) for value in values or [rng.randrange(size) for size in SIZES])
    kind = rng.choices((_babble, _disturbed, _too_many, _contradiction), (0.24, 0.32, 0.07, 0.37))[0]
    return Wording(kind(rng, words, values), (None, None, None, None, None), True)


def _babble(rng: random.Random, words: tuple[str, ...], _: tuple[int, ...]) -> str:
    """Unknown words, with small words between them."""
    glue = ("", "", "", "the", "of", "my", "a", "in the", "on the", "with", "at", "and", "for")
    parts: list[str] = []
    for _ in range(rng.choices((1, 2, 3, 4, 5), (3, 5, 4, 2, 1))[0]):
        parts += [rng.choice(glue), unknown(rng, words)]
    return rng.choice(FRAMES).format(" ".join(part for part in parts if part))


def _disturbed(rng: random.Random, words: tuple[str, ...], values: tuple[int, ...]) -> str:
    """A caption in which one word is unknown: in the place of another, or besides."""
    parts, strange = describe(rng, values, some_attributes(rng)).text.split(), unknown(rng, words)
    telling = [at for at, part in enumerate(parts) if part.strip(",.!:") not in GLUE]
    if telling and rng.random() < 0.6:
        parts[rng.choice(telling)] = strange
    else:
        at = rng.randint(0, len(parts))
        parts[at:at] = [*rng.choice(((), (), ("with", "a"), ("of",), ("and",), ("'s",))), strange]
    return " ".join(parts)


def _too_many(rng: random.Random, _: tuple[str, ...], values: tuple[int, ...]) -> str:
    number, noun = rng.choice(_TOO_MANY), plural(rng.choice(NOUNS[OBJECTS[values[2]]]))
    tint = COLOUR_WORDS[values[1]] + " " if rng.random() < 0.5 else ""
    rest = describe(rng, values, rng.choice(((3,), (4,), (3, 4)))).text if rng.random() < 0.5 else ""
    return rng.choice(FRAMES).format(f"{number} {tint}{noun} {rest}".strip())


def _contradiction(rng: random.Random, _: tuple[str, ...], values: tuple[int, ...]) -> str:
    """The world draws one kind of thing in one colour on one ground in one light."""
    at = rng.choices((1, 2, 3, 4), (3, 5, 2, 2))[0]
    other = changed(rng, values, (at,))
    if at == 1:
        both = f"{COLOUR_WORDS[values[1]]} {rng.choice(('and ', ''))}{COLOUR_WORDS[other[1]]}"
        return rng.choice(FRAMES).format(f"{both} {plural(OBJECTS[values[2]])}")
    if at == 2:
        one, two = (describe(rng, v, rng.choice(((2,), (1, 2), (0, 1, 2), (0, 2)))).text for v in (values, other))
        rest = describe(rng, values, rng.choice(((3,), (4,), (3, 4)))).text if rng.random() < 0.4 else ""
        return f"{one} {rng.choice(('and', 'with', 'and', 'next to', 'on', 'under'))} {two} {rest}".strip()
    first, second = (rng.choice(WHERE[GROUND_WORDS[v[3]]] if at == 3 else WHEN[LIGHTS[v[4]]]) for v in (values, other))
    return f"{describe(rng, values, rng.choice(((2,), (1, 2), (0, 1, 2)))).text} {first} {second}"
