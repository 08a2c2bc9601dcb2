"""Queries with their judgements, made from what was drawn: nobody judges by hand, and nobody looks at a ranking first.

A query names some of what a scene has (``two red boats on the sea``); relevant is every content whose scene has all of
it. A query without a number asks for any number. Contents that show a drawn scene without being told so (the sepia
scans) are not judged: they are left out of a ranking before it is measured. ``nonsense`` are queries that nothing can
answer: half of letters at random and of words that the library does not hold, half fluent sentences about a colour and
an object that the story never brings together (``albumsd.demo.story.ABSENT``).

The wording is this module's own: other frames than those that the model was trained with, the same world.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from albumsd.demo import papers
from albumsd.demo.draw import COLOURS, GROUND_WORDS, LIGHTS, Scene
from albumsd.demo.story import ABSENT

NUMBER = {1: ("one", "a single"), 2: ("two", "2"), 3: ("three", "3"), 4: ("four", "4")}
NOUNS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "boat": (("boat", "boats"), ("sailboat", "sailboats")),
    "car": (("car", "cars"), ("automobile", "automobiles")),
    "house": (("house", "houses"), ("cottage", "cottages")),
    "flower": (("flower", "flowers"), ("blossom", "blossoms")),
    "dog": (("dog", "dogs"), ("puppy", "puppies")),
    "cat": (("cat", "cats"), ("kitten", "kittens")),
    "bicycle": (("bicycle", "bicycles"), ("bike", "bikes")),
    "umbrella": (("umbrella", "umbrellas"), ("parasol", "parasols")),
    "fish": (("fish", "fish"),),
}
"""Singular and plural of what is called by more than one word, or not by its own; others take an s."""
WHERE = {
    "beach": ("on the beach", "on a sandy beach", "beach"),
    "grass": ("on the grass", "in a meadow", "grass"),
    "snow": ("in the snow", "on a snowy field", "snow"),
    "road": ("on the road", "in a city street", "road"),
    "sea": ("on the sea", "out on the water", "sea"),
    "desert": ("in the desert", "among the dunes", "desert"),
}
WHEN = {
    "morning": ("in the morning", "at sunrise"),
    "noon": ("at noon", "in bright daylight"),
    "evening": ("in the evening", "at sunset"),
}
SHAPES: tuple[tuple[str, ...], ...] = (
    ("colour", "object"),
    ("object", "ground"),
    ("count", "object"),
    ("object", "light"),
    ("colour", "object", "ground"),
    ("count", "colour", "object"),
    ("count", "object", "ground"),
    ("colour", "object", "light"),
    ("object", "ground", "light"),
    ("count", "colour", "object", "ground", "light"),
)
"""What a query may ask of a scene."""
STRANGE_WORDS = (
    "tractor", "helicopter", "violin", "volcano", "penguin", "skyscraper", "surgeon", "escalator", "microscope",
    "lighthouse", "castle", "tambourine", "walrus", "cactus", "locomotive", "chandelier", "hammock", "trombone",
)  # fmt: skip
_WORD = re.compile(r"[^\W\d_]{4,}")


@dataclass(frozen=True, slots=True)
class Query:
    """``text`` as somebody types it; ``relevant`` the SHA-256 of what should be found, hex; empty: nothing should."""

    text: str
    relevant: frozenset[str]


def scenes(shown: Mapping[str, Scene], count: int, seed: int) -> list[Query]:
    """``count`` different queries of several words about ``{sha256: scene}``, every one with an answer."""
    rng = random.Random(f"judged {seed}")
    everything = sorted(shown.items())
    made: dict[str, Query] = {}
    while len(made) < count:
        parts = SHAPES[len(made) % len(SHAPES)]
        wanted = rng.choice(everything)[1]
        text = phrase(wanted, parts, rng)
        relevant = frozenset(
            sha for sha, scene in everything if all(getattr(scene, part) == getattr(wanted, part) for part in parts)
        )
        made.setdefault(text, Query(text, relevant))
    return list(made.values())


def phrase(scene: Scene, parts: Iterable[str], rng: random.Random) -> str:
    """The named parts of a scene in words: ``two red boats at sunset``; without ``count`` the number is left open."""
    singular, plural = rng.choice(NOUNS.get(scene.object, ((scene.object, scene.object + "s"),)))
    number = rng.choice(NUMBER[scene.count]) if "count" in parts else ""
    noun = (singular if scene.count == 1 else plural) if number else rng.choice((singular, plural))
    words = [number, scene.colour if "colour" in parts else "", noun]
    if "ground" in parts:
        words.append(rng.choice(WHERE[scene.ground]))
    if "light" in parts:
        words.append(rng.choice(WHEN[scene.light]))
    return " ".join(word for word in words if word)


def documents(count: int, seed: int) -> list[Query]:
    """Queries of three words out of one paper; relevant, by their paths, is every paper that holds all three."""
    rng = random.Random(f"papers {seed}")
    library = (*papers.PAPERS, papers.LETTER, *papers.NOTES)
    words = {paper.path: _words(paper) for paper in library}
    made: dict[str, Query] = {}
    while len(made) < count:
        paper = rng.choice(library)
        asked = rng.sample(sorted(words[paper.path]), 3)
        text = " ".join(asked)
        made.setdefault(text, Query(text, frozenset(path for path, held in words.items() if held.issuperset(asked))))
    return list(made.values())


def nonsense(count: int, seed: int) -> list[Query]:
    """Queries with no answer: random letters, strange words, and sentences about what is never seen together."""
    rng = random.Random(f"nonsense {seed}")
    held = {word for paper in (*papers.PAPERS, papers.LETTER, *papers.NOTES) for word in _words(paper)}
    strange = [word for word in STRANGE_WORDS if word not in held]
    pairs = sorted(ABSENT)
    made: list[str] = []
    while len(made) < count:
        kind = len(made) % 4
        if kind == 0:
            text = " ".join(_letters(rng) for _ in range(rng.randint(1, 3)))
        elif kind == 2:
            text = " ".join(rng.sample(strange, rng.randint(1, 3)))
        else:
            colour, thing = pairs[(len(made) // 2) % len(pairs)]
            scene = Scene(rng.randint(1, 4), colour, thing, rng.choice(GROUND_WORDS), rng.choice(list(LIGHTS)))
            text = phrase(scene, rng.choice([shape for shape in SHAPES if "colour" in shape]), rng)
        if text not in made:
            made.append(text)
    return [Query(text, frozenset()) for text in made]


def _letters(rng: random.Random) -> str:
    return "".join(
        rng.choice("bcdfghjklmnpqrstvwxz") + rng.choice("aeiouy") * rng.randint(0, 1) for _ in range(rng.randint(3, 5))
    )


def _words(paper: papers.Paper) -> set[str]:
    text = " ".join((paper.title, *paper.lines)).casefold()
    return {word for word in _WORD.findall(text) if word not in COLOURS}
