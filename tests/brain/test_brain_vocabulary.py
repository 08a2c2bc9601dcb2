"""The vocabulary of tags: what a file may hold, and what is said when it is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from albumsd.brain import vocabulary
from albumsd.brain.vocabulary import Tag, parse
from albumsd.core.errors import ConfigError

FILE = """
prompts = ["a photo of {}", "{} in a picture"]
one_of = ["light"]
animals = ["a dog", "an owl", "the cat", "sheep"]

[light]
"night" = ["a photo taken at night"]
"day" = ["the {}", "sunshine"]

[thresholds]
night = 0.8
"""


def test_lists_and_tables() -> None:
    known = parse(FILE, "tags.toml")
    assert known.tags == (
        Tag("dog", "animals", ("a photo of a dog", "a dog in a picture")),
        Tag("owl", "animals", ("a photo of an owl", "an owl in a picture")),
        Tag("cat", "animals", ("a photo of the cat", "the cat in a picture")),
        Tag("sheep", "animals", ("a photo of sheep", "sheep in a picture")),
        Tag("night", "light", ("a photo taken at night",), 0.8),
        Tag("day", "light", ("the day", "sunshine")),
    )
    assert known.exclusive == {"light"}
    assert known.groups == {"animals": [0, 1, 2, 3], "light": [4, 5]}


def test_the_least_file() -> None:
    assert parse('x = ["moss"]', "t").tags == (Tag("moss", "x", ("a photo of moss", "moss")),)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("animals = [dog]", r"t: .*line 1.*A group is `name = "),
        ("", r"t: there is no tag in it: write a group"),
        ("\nanimals = 3", r"t: line 2: `animals` is a list of tags"),
        ('x = ["a"]\n[light]\nnight = "dark"', r"t: line 2: `light` is a list of tags.*or a table"),
        ('x = ["a dog"]\ny = ["cat"]\n[z]\ndog = ["b"]', r"t: line 4: `dog` is a tag of `x` already"),
        ('prompts = ["a photo"]\nx = ["a"]', r"t: line 1: `prompts` is a list of sentences, each with {}"),
        ('one_of = ["y"]\nx = ["a"]', r"t: line 1: `one_of` is a list of groups of this file: x"),
        ('x = ["dog"]\n[thresholds]\ndog = 2', r"t: line 2: below `\[thresholds\]` are lines of `tag = 0.5`"),
        ('x = ["dog"]\n[thresholds]\ncat = 0.2', r"t: line 3: `thresholds` has `cat`, which is no tag"),
        ('x = ["a "]\n[y]\n"" = ["b"]', r"t: line 2: a tag of `y` has no name"),
        ("x = [" + ",".join(f'"w{n}"' for n in range(vocabulary.MOST_TAGS + 1)) + "]", r"tags are too many: at most"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        parse(text, "t")


def test_the_fingerprint_is_of_all_that_tags_depend_on() -> None:
    base = parse(FILE, "a")
    assert len(base.fingerprint()) == 12
    assert parse("# a remark\n" + FILE, "b").fingerprint() == base.fingerprint()
    for old, new in (
        ("a dog", "a hog"),
        ("0.8", "0.7"),
        ('"sunshine"', '"rain"'),
        ('["light"]', "[]"),
        ("animals", "beasts"),
    ):
        assert parse(FILE.replace(old, new), "c").fingerprint() != base.fingerprint()


def test_the_vocabulary_of_a_models_notes() -> None:
    known = vocabulary.of_notes({"vocabulary": {"colour": {"red": ["something red", "red"]}}, "one_of": ["colour"]})
    assert known is not None
    assert known.tags == (Tag("red", "colour", ("something red", "red")),)
    assert known.exclusive == {"colour"}
    assert vocabulary.of_notes({}) is None
    assert vocabulary.of_notes({"vocabulary": {}}) is None
    with pytest.raises(ConfigError, match=r"is not {group"):
        vocabulary.of_notes({"vocabulary": ["red"]})
    with pytest.raises(ConfigError, match="`colour` is a list of tags"):
        vocabulary.of_notes({"vocabulary": {"colour": "red"}})


def test_the_vocabulary_that_comes_with_albumsd() -> None:
    known = vocabulary.of_file(vocabulary.DEFAULT)
    names = [tag.name for tag in known.tags]
    assert 300 <= len(names) <= 600
    assert {"dog", "beach", "wedding", "screenshot", "sunset", "birthday cake"} <= set(names)
    assert known.exclusive == {"light", "setting", "season"}
    for tag in known.tags:
        assert tag.name == tag.name.strip()
        assert "/" not in tag.name
        assert all("{}" not in prompt for prompt in tag.prompts)
    prompts = {tag.name: tag.prompts for tag in known.tags}
    assert prompts["dog"][0] == "a photo of a dog"


def test_a_file_that_is_not_text(tmp_path: Path) -> None:
    (tmp_path / "tags.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match=r"tags\.toml: "):
        vocabulary.of_file(tmp_path / "tags.toml")
