"""The words of the drawn world, with the ways people say them, and English words that it does not have."""

from __future__ import annotations

import gzip
import importlib.util
import zlib
from functools import cache
from pathlib import Path

from albumsd.demo.draw import COLOURS, COUNTS, GROUND_WORDS, LIGHTS, OBJECTS

SIZES = (len(COUNTS), len(COLOURS), len(OBJECTS), len(GROUND_WORDS), len(LIGHTS))
COLOUR_WORDS = tuple(COLOURS)

NUMBERS = {
    1: ("one", "a single", "1", "just one", "only one", "one", "1"),
    2: ("two", "2", "a pair of", "a couple of", "two", "2"),
    3: ("three", "3", "a group of three", "a trio of", "three", "3"),
    4: ("four", "4", "a group of four", "four", "4"),
}
COLOUR_SYNONYMS = {"purple": ("purple", "purple", "violet"), "red": ("red", "red", "red", "scarlet")}
NOUNS: dict[str, tuple[str, ...]] = {
    "car": ("car", "car", "automobile"),
    "boat": ("boat", "boat", "sailboat", "sailing boat"),
    "house": ("house", "house", "cottage"),
    "tree": ("tree",),
    "flower": ("flower", "flower", "blossom"),
    "cat": ("cat", "cat", "kitten"),
    "dog": ("dog", "dog", "puppy"),
    "bird": ("bird",),
    "fish": ("fish",),
    "balloon": ("balloon",),
    "bicycle": ("bicycle", "bicycle", "bike"),
    "umbrella": ("umbrella", "umbrella", "parasol"),
}
KINDS = {
    "animal": {"cat", "dog", "bird", "fish"}, "vehicle": {"car", "boat", "bicycle"}, "plant": {"tree", "flower"},
    "pet": {"cat", "dog"}, "building": {"house"},
}  # fmt: skip
THINGS = ("thing", "object", "item")
PLURALS = {"fish": "fish", "puppy": "puppies"}
WHERE: dict[str, tuple[str, ...]] = {
    "beach": ("on the beach", "on a sandy beach", "at the beach", "on a beach", "by the beach", "on the shore"),
    "grass": (
        "on the grass",
        "in a green meadow",
        "in the grass",
        "in a meadow",
        "on a lawn",
        "in the meadow",
        "on green grass",
    ),
    "snow": ("in the snow", "on a snowy field", "on snow", "in a snowy landscape", "on the snow", "in snow"),
    "road": ("on the road", "in a city street", "on a road", "on the street", "in the street", "in the city"),
    "sea": ("on the sea", "out on the water", "at sea", "on the water", "on the ocean", "in the sea", "out at sea"),
    "desert": ("in the desert", "among the dunes", "in a desert", "in the dunes", "out in the desert"),
}
PLACES: dict[str, tuple[str, ...]] = {
    "beach": ("beach", "sandy beach", "shore"), "grass": ("grass", "meadow", "lawn", "green meadow"),
    "snow": ("snow", "snowy", "snowy field"), "road": ("road", "street", "city street", "city"),
    "sea": ("sea", "water", "ocean"), "desert": ("desert", "dunes"),
}  # fmt: skip
WHEN: dict[str, tuple[str, ...]] = {
    "morning": ("in the morning", "at sunrise", "at dawn", "early in the morning", "during sunrise"),
    "noon": ("at noon", "in bright daylight", "at midday", "in daylight", "in the middle of the day"),
    "evening": ("in the evening", "at sunset", "at dusk", "during sunset", "under an evening sky"),
}
TIMES: dict[str, tuple[str, ...]] = {
    "morning": ("morning", "sunrise", "dawn", "morning light"),
    "noon": ("noon", "midday", "daylight", "bright daylight"),
    "evening": ("evening", "sunset", "dusk", "evening sky"),
}  # fmt: skip
FRAMES = (
    "{}", "{}", "{}", "{}", "{}", "a photo of {}", "a picture of {}", "here we see {}", "an image of {}", "photo of {}",
    "photos of {}", "pictures of {}", "pictures with {}", "show me {}", "find {}", "there is {}", "{} please",
    "a photo with {}",
    "all photos of {}", "my pictures of {}", "where is {}", "the picture of {}", "picture with {}", "{}.", "{}!",
    "images: {}",
)  # fmt: skip
DOING = (
    "sitting", "standing", "running", "walking", "lying", "waiting", "playing", "parked", "floating", "flying",
    "swimming",
    "sailing", "growing", "seen", "outside",
)  # fmt: skip
GENTLE = ("nice", "beautiful", "cute", "lovely", "little", "small", "big", "pretty", "large", "old", "very nice")
_NEAR_WORDS = """
ship ships yacht auto automobiles vehicles sedan truck bus van motorbike bikes cycling cycle bloom blooms rose roses
tulip tulips pup pups hound kitty kittens feline canine seagull pigeon sailing sail boats boating ocean seas waves coast
coastal seaside shores sand sandy dune winter wintry ice icy streets roads highway urban cities town lawn field fields
meadows prairie grassy night nights day days daytime midnight afternoon sunny sun sunlight sunrises sunsets twilight
dawn nightfall crimson lilac magenta violet rosy golden gold azure cyan navy lime emerald teal scarlet snowing snowfall
snowman sky skies light lights lit homes home hut huts cabin cottage cottages villa building buildings oak pine palm
forest woods pets animals plants photo photos picture pictures image images photograph photography shot shots view scene
thing things object objects item items something someone anything two three four one single pair couple trio several
many some few any all the and for with from into onto over under near next this that these those there here where what
which who whose when how why are was were been being have has had does did will would can could should may might must
shall not you your yours our ours his her hers its their theirs him them they she ourselves just only very really quite
rather please show find search look looking see seen seeing get got big small little large tiny huge old new young nice
beautiful pretty cute lovely good great best top bright dark color colors colour colours coloured colored parasols
group bunch lot lots early late middle during among between behind front beside by off out up down around about
"""
NEAR = frozenset(_NEAR_WORDS.split())
"""Near in meaning to what the world has, or so common that they say nothing: neither known nor unknown."""

_GLUE_WORDS = """
a an the of in on at with and that is are some my our his her their something everything what it this these those by for
to me taken there here any several , . ! ? : - colour coloured color colored photographed bright dark light
"""
GLUE = tuple(_GLUE_WORDS.split())
"""Words that say nothing about a picture."""


@cache
def known_words() -> frozenset[str]:
    """Every word that a text about the drawn world may hold: these become whole tokens."""
    texts = [*COLOUR_WORDS, *PLURALS.values(), *KINDS, *THINGS, *FRAMES, *GENTLE, *DOING, *GLUE]
    for table in (NUMBERS, COLOUR_SYNONYMS, NOUNS, WHERE, PLACES, WHEN, TIMES):
        for words in table.values():  # type: ignore[attr-defined]
            texts += words
    words = {word.strip("{}.,:!") for text in texts for word in text.split()} - {""}
    nouns = {word for nouns in (*NOUNS.values(), tuple(KINDS), THINGS) for text in nouns for word in text.split()}
    return frozenset(words | {plural(word) for word in nouns} | set(GLUE))


def plural(noun: str) -> str:
    first, _, last = noun.rpartition(" ")
    return f"{first} {PLURALS.get(last, last + 's')}".strip()


@cache
def clip_merges() -> tuple[tuple[str, str], ...]:
    """The merges of CLIP's own vocabulary, in their order, from the file inside open_clip (which is not imported)."""
    place = importlib.util.find_spec("open_clip")
    if place is None or place.origin is None:
        raise ModuleNotFoundError("open_clip is not installed")
    lines = (
        gzip.decompress(Path(place.origin).with_name("bpe_simple_vocab_16e6.txt.gz").read_bytes()).decode().split("\n")
    )
    return tuple((first, second) for first, second in (line.split() for line in lines[1 : 49152 - 256 - 2 + 1]))


@cache
def unknown_words() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """English words that the drawn world does not know: (for training, never in training), about 4 to 1.

    They are words of CLIP's own vocabulary, so nothing is fetched.
    """
    words = {"".join(merge).removesuffix("</w>") for merge in clip_merges() if merge[1].endswith("</w>")}
    known = known_words() | NEAR
    fit = sorted(
        w
        for w in words
        if w.isascii() and w.isalpha() and len(w) > 2 and w not in known and w.removesuffix("s") not in known
    )
    return (
        tuple(w for w in fit if zlib.crc32(w.encode()) % 5),
        tuple(w for w in fit if not zlib.crc32(w.encode()) % 5),
    )
