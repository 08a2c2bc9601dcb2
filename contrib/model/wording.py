"""What people type, and which scenes it fits: captions, keywords and short prompts.

A ``Wording`` is a text with, for each attribute, either None (the text says nothing about it) or one number per value:
how well that value fits, 1 for what is meant, 0 for what is not, between for what a person would accept too ("a dog"
means one dog, but two dogs are no wrong answer). A text fits a scene as the product of these numbers; a text with
``nothing`` set fits no picture at all (``nonsense``).
"""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from albumsd.demo.draw import COUNTS, GROUND_WORDS, LIGHTS, OBJECTS, Scene, caption

from .words import (
    COLOUR_SYNONYMS,
    COLOUR_WORDS,
    DOING,
    FRAMES,
    GENTLE,
    KINDS,
    NOUNS,
    NUMBERS,
    PLACES,
    SIZES,
    THINGS,
    TIMES,
    WHEN,
    WHERE,
    plural,
)  # fmt: skip

Fit = tuple[float, ...]

SOFT = 0.9
"""How well fits what a person would accept too."""


@dataclass(frozen=True, slots=True)
class Wording:
    text: str
    fits: tuple[Fit | None, Fit | None, Fit | None, Fit | None, Fit | None]
    nothing: bool = False

    def array(self) -> NDArray[np.float32]:
        """The fits of all values of all attributes in one row; all 0 when nothing fits, all 1 where nothing is said."""
        if self.nothing:
            return np.zeros(sum(SIZES), np.float32)
        rows = [fit if fit is not None else (1.0,) * size for fit, size in zip(self.fits, SIZES, strict=True)]
        return np.concatenate([np.array(row, np.float32) for row in rows])


def _only(size: int, at: int) -> Fit:
    return tuple(float(i == at) for i in range(size))


def _subject(
    rng: random.Random, count: int | None, colour: int | None, thing: int | None, whole: bool
) -> tuple[str, Fit | None, Fit | None]:
    """The noun with number and colour; ``count`` None leaves the number open. (text, fit of count, fit of object)."""
    fit: Fit | None = None
    if thing is None:
        noun = rng.choice(THINGS)
    else:
        fit = _only(SIZES[2], thing)
        noun = rng.choice(NOUNS[OBJECTS[thing]])
        kinds = [kind for kind, members in KINDS.items() if OBJECTS[thing] in members]
        if kinds and not whole and rng.random() < 0.06:
            noun = rng.choice(kinds)
            fit = tuple(float(word in KINDS[noun]) for word in OBJECTS)
    tint = "" if colour is None else rng.choice(COLOUR_SYNONYMS.get(COLOUR_WORDS[colour], (COLOUR_WORDS[colour],)))
    gentle = rng.choice(GENTLE) if rng.random() < 0.05 else ""
    many, number, fits = False, "", None
    way = rng.random()
    if count is not None:
        many, fits = COUNTS[count] > 1, _only(4, count)
        number = rng.choice(NUMBERS[COUNTS[count]])
        if count == 0 and way < 0.6:
            number = "a"
            if not whole:
                fits = (1.0, SOFT, SOFT, SOFT)
    elif way < 0.45:
        many, fits = True, (SOFT, 1.0, 1.0, 1.0)
        number = rng.choice(("", "", "", "", "some", "the", "my", "our", "all"))
    elif way < 0.5:
        many, fits, number = True, (0.0, SOFT, 1.0, 1.0), "several"
    elif way < 0.65:
        number = rng.choice(("the", "my", "our", "her", "any", "this"))
    if thing is None and colour is not None and count is None and not many and rng.random() < 0.7:
        return (
            rng.choice((f"something {tint}", tint, f"the colour {tint}", f"everything {tint}", f"a {tint} thing")),
            None,
            None,
        )
    noun = plural(noun) if many else noun
    head = " ".join(word for word in (gentle, tint, noun) if word)
    if tint and rng.random() < 0.06:
        head = " ".join(word for word in (gentle, noun) if word) + rng.choice(
            (f" in {tint}", f", {tint}", f" that {'are' if many else 'is'} {tint}")
        )
    if number == "a" and head[0] in "aeiou":
        number = "an"
    return f"{number} {head}".strip(), fits, fit


def _keywords(rng: random.Random, values: list[int | None]) -> Wording:
    """The same without grammar: "red dog beach", "3 dogs snow", "sunset, boat, red"."""
    count, colour, thing, ground, light = values
    fits: list[Fit | None] = [
        None if value is None else _only(size, value) for value, size in zip(values, SIZES, strict=True)
    ]
    many = count is not None and count > 0 if count is not None else rng.random() < 0.4
    words: list[str] = []
    if thing is not None:
        noun = rng.choice(NOUNS[OBJECTS[thing]])
        words.append(plural(noun) if many else noun)
        if count is None and many:
            fits[0] = (SOFT, 1.0, 1.0, 1.0)
    if colour is not None:
        tint = rng.choice(COLOUR_SYNONYMS.get(COLOUR_WORDS[colour], (COLOUR_WORDS[colour],)))
        words.insert(0, tint) if rng.random() < 0.7 else words.append(tint)
    if count is not None:
        number = rng.choice((str(COUNTS[count]), ("one", "two", "three", "four")[count]))
        words.insert(0, number) if rng.random() < 0.8 else words.append(number)
    tail = []
    if ground is not None:
        tail.append(rng.choice(PLACES[GROUND_WORDS[ground]] if rng.random() < 0.8 else WHERE[GROUND_WORDS[ground]]))
    if light is not None:
        tail.append(rng.choice(TIMES[LIGHTS[light]] if rng.random() < 0.8 else WHEN[LIGHTS[light]]))
    rng.shuffle(tail)
    parts = [*words, *tail] if rng.random() < 0.75 else [*tail, *words]
    if rng.random() < 0.15:
        rng.shuffle(parts)
    return Wording(
        rng.choice((" ", " ", " ", ", ", " and ")).join(parts) if len(parts) > 1 else "".join(parts), tuple(fits)
    )  # type: ignore[arg-type]


def _sentence(rng: random.Random, values: list[int | None]) -> Wording:
    count, colour, thing, ground, light = values
    whole = None not in values
    if whole and rng.random() < 0.35:
        scene = Scene(
            COUNTS[count or 0],
            COLOUR_WORDS[colour or 0],
            OBJECTS[thing or 0],
            GROUND_WORDS[ground or 0],
            LIGHTS[light or 0],
        )
        fits = tuple(_only(size, value or 0) for value, size in zip(values, SIZES, strict=True))
        return Wording(caption(scene, rng), fits)  # type: ignore[arg-type]
    subject, fit_count, fit_thing = "", None, None
    if (count, colour, thing) != (None, None, None):
        subject, fit_count, fit_thing = _subject(rng, count, colour, thing, whole)
    if thing is not None and rng.random() < 0.06:
        subject = f"{subject} {rng.choice(DOING)}"
    where = "" if ground is None else rng.choice(WHERE[GROUND_WORDS[ground]])
    when = "" if light is None else rng.choice(WHEN[LIGHTS[light]])
    if not subject:
        if where and rng.random() < 0.6:
            where = rng.choice(("", "the ", "a ")) + rng.choice(PLACES[GROUND_WORDS[ground or 0]])
        elif when and not where and rng.random() < 0.6:
            when = rng.choice(("", "the ", "a ")) + rng.choice(TIMES[LIGHTS[light or 0]])
        elif rng.random() < 0.5:
            subject = rng.choice(("taken", "something", "a photo taken", "it is", "photographed", "everything"))
    parts = [part for part in (subject, where, when) if part]
    way = rng.random()
    if way < 0.15 and when:
        parts = [when + rng.choice((",", "")), *(part for part in (subject, where) if part)]
    elif way < 0.28 and where:
        parts = [where + rng.choice((",", "")), *(part for part in (subject, when) if part)]
    elif way < 0.36 and where and when:
        parts = [part for part in (subject, when, where) if part]
    text = rng.choice(FRAMES).format(" ".join(parts))
    known = [None if value is None else _only(size, value) for value, size in zip(values, SIZES, strict=True)]
    return Wording(text, (fit_count, known[1], fit_thing, known[3], known[4]))


def describe(rng: random.Random, values: tuple[int, ...], mentioned: tuple[int, ...]) -> Wording:
    """A text about the attributes ``mentioned`` (indices 0 to 4) of a scene with these values. Toned: colour -1."""
    said = [value if at in mentioned and value >= 0 else None for at, value in enumerate(values)]
    if all(value is None for value in said):
        said[2] = values[2]
    return _keywords(rng, said) if rng.random() < 0.28 else _sentence(rng, said)


def some_attributes(rng: random.Random) -> tuple[int, ...]:
    """Which attributes a text mentions: often few, often all; mostly with the object among them."""
    many = rng.choices((1, 2, 3, 4, 5), (0.24, 0.22, 0.18, 0.12, 0.24))[0]
    if many == 1:
        return (rng.choices(range(5), (2, 2, 4, 2, 1.5))[0],)
    chosen = rng.sample(range(5), many)
    if 2 not in chosen and rng.random() < 0.8:
        chosen[0] = 2
    return tuple(chosen)


def changed(rng: random.Random, values: tuple[int, ...], mentioned: tuple[int, ...]) -> tuple[int, ...]:
    """The values with one mentioned attribute replaced: what the picture nearly shows."""
    at = rng.choice([a for a in mentioned if values[a] >= 0] or [2])
    other = rng.choice([value for value in range(SIZES[at]) if value != values[at]])
    return (*values[:at], other, *values[at + 1 :])
