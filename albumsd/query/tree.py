"""The query tree: a selection of assets as plain, hashable, immutable data.

A node says *what*, never *how*: SQL for it is written in ``albumsd.search``, a naive evaluator lives in the tests.
Attribute, flag and scope names are those of ``albumsd.query.attributes``. Trees are built with ``conjoin``,
``disjoin`` and ``negate``, which keep them in normal form: no And in And, no Or in Or, no double Not, no part
twice, ``Everything`` and ``Nothing`` only alone.

Values: words are tokens of ``core.words``; days are ``YYYY-MM-DD`` on the wall clock at the place of capture;
distances are kilometres; every range includes both its ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

STOP_WORDS = frozenset(("a", "an", "and", "at", "by", "for", "from", "in", "is", "it", "of", "on", "the", "to", "with"))
"""Left out of a query when they stand alone and unquoted: nearly every text holds them."""


@dataclass(frozen=True, slots=True)
class Everything:
    """Every asset."""


@dataclass(frozen=True, slots=True)
class Nothing:
    """No asset."""


@dataclass(frozen=True, slots=True)
class And:
    """Assets that are in every part; at least two parts."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Assets that are in some part; at least two parts."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """Assets that are not in the part."""

    part: Node


@dataclass(frozen=True, slots=True)
class Text:
    """All of ``words`` stand in the asset's search document, or in one field of it (``scope``).

    ``phrase``: next to each other in this order (never set for one word). ``prefix``: the last word is only
    the beginning of one.
    """

    words: tuple[str, ...]
    phrase: bool = False
    prefix: bool = False
    scope: str | None = None


@dataclass(frozen=True, slots=True)
class Equals:
    """A single-valued attribute is exactly this value, as shown (views group by it)."""

    attribute: str
    value: str | int | float


@dataclass(frozen=True, slots=True)
class Match:
    """The attribute's words contain all of ``words``: ``camera`` 'Google Pixel 7' matches ('pixel',).

    Of an attribute with several values one value must contain them all; ``place`` is all its levels together.
    """

    attribute: str
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Range:
    """low <= attribute <= high; None is open; at least one end is set. Assets without the attribute are out."""

    attribute: str
    low: str | int | float | None
    high: str | int | float | None


@dataclass(frozen=True, slots=True)
class Has:
    """The attribute is present and not empty."""

    attribute: str


@dataclass(frozen=True, slots=True)
class Flag:
    """A state of the asset, one of ``attributes.FLAGS``."""

    name: str


@dataclass(frozen=True, slots=True)
class Within:
    """Taken at most ``km`` from (lat, lon), degrees north and east."""

    lat: float
    lon: float
    km: float


@dataclass(frozen=True, slots=True)
class NearPlace:
    """Taken at most ``km`` from a place of that name; where several are called so, from any of them."""

    words: tuple[str, ...]
    km: float


@dataclass(frozen=True, slots=True)
class OneOf:
    """A multi-valued attribute holds exactly this value, as shown (facet folders: type, tag, …)."""

    attribute: str
    value: str


@dataclass(frozen=True, slots=True)
class Newest:
    """The ``count`` assets that arrived last."""

    count: int


@dataclass(frozen=True, slots=True)
class SameDay:
    """Taken on this day of any year, ``MM-DD``."""

    month_day: str


@dataclass(frozen=True, slots=True)
class Copies:
    """At least ``minimum`` live files hold the asset."""

    minimum: int


@dataclass(frozen=True, slots=True)
class Like:
    """Like one asset: ``reference`` is its shown name or the beginning of its SHA-256, folded, single spaces.

    Ranking orders by it. As a selection it is that asset alone: a set cannot be drawn around what is alike.
    """

    reference: str


Node = (
    Everything | Nothing | And | Or | Not | Text | Equals | Match | Range | Has | Flag | Within | NearPlace | OneOf
    | Newest | SameDay | Copies | Like
)  # fmt: skip


def conjoin(*nodes: Node) -> Node:
    """Assets in all ``nodes``, in normal form; of none: Everything."""
    parts: dict[Node, None] = {}
    for node in nodes:
        if isinstance(node, Nothing):
            return node
        if not isinstance(node, Everything):
            parts.update(dict.fromkeys(node.parts if isinstance(node, And) else (node,)))
    if not parts:
        return Everything()
    return And(tuple(parts)) if len(parts) > 1 else next(iter(parts))


def disjoin(*nodes: Node) -> Node:
    """Assets in any of ``nodes``, in normal form; of none: Nothing."""
    parts: dict[Node, None] = {}
    for node in nodes:
        if isinstance(node, Everything):
            return node
        if not isinstance(node, Nothing):
            parts.update(dict.fromkeys(node.parts if isinstance(node, Or) else (node,)))
    if not parts:
        return Nothing()
    return Or(tuple(parts)) if len(parts) > 1 else next(iter(parts))


def negate(node: Node) -> Node:
    """Assets not in ``node``, in normal form."""
    if isinstance(node, Everything):
        return Nothing()
    if isinstance(node, Nothing):
        return Everything()
    return node.part if isinstance(node, Not) else Not(node)


def walk(node: Node) -> Iterator[Node]:
    """The node and all below it, parents first, in the order of the text."""
    yield node
    if isinstance(node, And | Or):
        for part in node.parts:
            yield from walk(part)
    elif isinstance(node, Not):
        yield from walk(node.part)


def texts(node: Node) -> Iterator[Text]:
    """Every Text not under a Not, in the order of the text: what a result should hold, for ranking."""
    if isinstance(node, And | Or):
        for part in node.parts:
            yield from texts(part)
    elif isinstance(node, Text):
        yield node


def likes(node: Node) -> Iterator[Like]:
    """Every Like not under a Not, in the order of the text."""
    if isinstance(node, And | Or):
        for part in node.parts:
            yield from likes(part)
    elif isinstance(node, Like):
        yield node


def is_pure_filter(node: Node) -> bool:
    """Nothing in it can be ranked, by words or by likeness: results come in the order of time."""
    return next(texts(node), None) is None and next(likes(node), None) is None
