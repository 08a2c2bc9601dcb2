"""Which tags a model can give, and by which sentences it is asked for each.

A vocabulary is groups of tags; a tag has prompts, sentences of which the model's text tower makes the tag's vector. Of
an *exclusive* group a picture gets one tag at most. It comes from the first of: the file in the setting ``vocabulary``
or ``tags.toml`` in the library; the model's own notes (a model that knows few words brings them); ``vocabulary.toml``
beside this module, some 400 everyday tags for models of the real world. The file's form::

    prompts = ["a photo of {}", "{}"]      for tags without prompts of their own; {} stands for the tag
    one_of = ["light"]                     the exclusive groups
    animals = ["a dog", "a cat"]           a group as a list of tags: "a dog" is asked for so, and called "dog"

    [light]                                a group with prompts
    night = ["a photo taken at night"]

    [thresholds]                           0 to 1, for tags that come too often (higher) or too seldom (lower)
    night = 0.6

``Vocabulary`` is a value; nothing here asks a model.
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from albumsd.core.errors import ConfigError

FILE = "tags.toml"
DEFAULT = Path(__file__).with_name("vocabulary.toml")
_PROMPTS = ("a photo of {}", "{}")
_ARTICLE = re.compile(r"^(an?|the) ", re.IGNORECASE)
_SETTINGS = ("prompts", "one_of", "thresholds")
MOST_TAGS = 5000


@dataclass(frozen=True, slots=True)
class Tag:
    """``threshold``: the least score that gives it, 0 to 1; None: the tagger's own."""

    name: str
    group: str
    prompts: tuple[str, ...]
    threshold: float | None = None


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Tags in the order of their file; no two have the same name. ``exclusive``: names of groups. ``naming_groups``:
    those whose tags may name a cluster of pictures, since "one" says nothing; none given: all."""

    tags: tuple[Tag, ...]
    exclusive: frozenset[str] = frozenset()
    naming_groups: frozenset[str] = frozenset()

    @property
    def groups(self) -> dict[str, list[int]]:
        """Group -> the places of its tags in ``tags``."""
        places: dict[str, list[int]] = {}
        for place, tag in enumerate(self.tags):
            places.setdefault(tag.group, []).append(place)
        return places

    def fingerprint(self) -> str:
        """12 hex digits of all that the tags of a picture depend on."""
        said = [[tag.name, tag.group, tag.prompts, tag.threshold] for tag in self.tags]
        return _digest([said, sorted(self.exclusive)])

    def named(self) -> list[int]:
        """The places of the tags that may name a cluster."""
        groups = self.naming_groups
        return [place for place, tag in enumerate(self.tags) if not groups or tag.group in groups]

    def naming(self) -> str:
        """12 hex digits of all that the names of clusters depend on."""
        return _digest([[self.tags[place].name, self.tags[place].prompts] for place in self.named()])


def _digest(said: object) -> str:
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:12]


def of_file(file: Path) -> Vocabulary:
    """Raises ConfigError, which names the line and says what belongs there; OSError when it cannot be read."""
    return parse(file.read_text("utf-8", "replace"), str(file))


def of_notes(notes: Mapping[str, Any], path: str = "albumsd.json") -> Vocabulary | None:
    """The vocabulary in a model's notes: ``{"vocabulary": {group: {tag: [prompt, …]}}, "one_of": [group, …], "names":
    [group, …]}``, the last being the groups whose tags may name a cluster.

    None when it brings none. Raises ConfigError.
    """
    groups = notes.get("vocabulary")
    if not groups:
        return None
    if not isinstance(groups, dict):
        raise ConfigError(path=path, what="`vocabulary` is not {group: {tag: [prompt, …]}}")
    names = notes.get("names", [])
    if not isinstance(names, list) or not all(name in groups for name in names):
        raise ConfigError(path=path, what=f"`names` is a list of groups of its vocabulary: {', '.join(groups)}")
    known = _build({**groups, "one_of": notes.get("one_of", [])}, path, "")
    return replace(known, naming_groups=frozenset(names))


def parse(text: str, path: str) -> Vocabulary:
    """A vocabulary file's text; ``path`` is for messages. Raises ConfigError."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        cure = 'A group is `name = ["tag", "tag"]`, or `[name]` and below it lines of `"tag" = ["a sentence about it"]`'
        raise ConfigError(path=path, what=f"{error}. {cure}") from None
    return _build(data, path, text)


def _build(data: Mapping[str, Any], path: str, text: str) -> Vocabulary:
    def wrong(key: str, what: str) -> ConfigError:
        return ConfigError(path=path, what=f"{_line(text, key)}{what}")

    general = data.get("prompts", list(_PROMPTS))
    if not _texts(general) or not all("{}" in prompt for prompt in general):
        raise wrong("prompts", '`prompts` is a list of sentences, each with {} where the tag goes: ["a photo of {}"]')
    exclusive, thresholds = data.get("one_of", []), data.get("thresholds", {})
    groups = {name: group for name, group in data.items() if name not in _SETTINGS}
    if not isinstance(exclusive, list) or not all(name in groups for name in exclusive):
        raise wrong("one_of", f"`one_of` is a list of groups of this file: {', '.join(groups)}")
    if not isinstance(thresholds, dict) or not all(_share(value) for value in thresholds.values()):
        raise wrong("thresholds", "below `[thresholds]` are lines of `tag = 0.5`, with numbers from 0 to 1")
    tags: dict[str, Tag] = {}
    for group, members in groups.items():
        if isinstance(members, list) and (not members or _texts(members)):
            asked = {
                _ARTICLE.sub("", said.strip()): [prompt.replace("{}", said.strip()) for prompt in general]
                for said in members
            }
        elif isinstance(members, dict) and all(_texts(prompts) for prompts in members.values()):
            asked = {
                name.strip(): [prompt.replace("{}", name.strip()) for prompt in prompts]
                for name, prompts in members.items()
            }
        else:
            raise wrong(
                group, f'`{group}` is a list of tags, ["dog", "cat"], or a table of lines `dog = ["a photo of a dog"]`'
            )
        for name, prompts in asked.items():
            if not name or not name.isprintable():
                raise wrong(group, f"a tag of `{group}` has no name")
            if name in tags:
                raise wrong(name, f"`{name}` is a tag of `{tags[name].group}` already; a tag belongs to one group")
            tags[name] = Tag(name, group, tuple(prompts), thresholds.get(name))
    if unknown := [name for name in thresholds if name not in tags]:
        raise wrong(unknown[0], f"`thresholds` has `{unknown[0]}`, which is no tag of this file")
    if not tags:
        raise wrong("", 'there is no tag in it: write a group, for example `animals = ["a dog", "a cat"]`')
    if len(tags) > MOST_TAGS:
        raise wrong("", f"{len(tags)} tags are too many: at most {MOST_TAGS}")
    return Vocabulary(tuple(tags.values()), frozenset(exclusive))


def _texts(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(each, str) and each.strip() for each in value)


def _share(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


def _line(text: str, key: str) -> str:
    """``line 12: `` where the key is first spoken of as a key or a tag; nothing when it cannot be told."""
    if not key or not text:
        return ""
    name = re.escape(key)
    pattern = re.compile(rf"^\s*(\[\s*[\"']?{name}[\"']?\s*\]|[\"']?{name}[\"']?\s*=)")
    lines = [number for number, line in enumerate(text.splitlines(), 1) if pattern.match(line)]
    return f"line {lines[-1]}: " if lines else ""
