"""What a query means, for a model that reads sentences: text in, plain data out.

Words of the index are found by tokens; a text tower wants the wording: ``a dog on the beach`` in that order and with
its small words. So the text is read a second time, by the parser's own grammar (``parser.Parser``):

* words and phrases stay as typed (folded), without quotes and without the ``*`` of a beginning;
* terms are no wording. They are conditions, and the small words that led up to one go with it: ``a dog in
  place=lisbon`` is ``a dog``. So are ``title=``, ``text=`` and ``path=``, which ask where a word stands;
* ``-word``, ``-"phrase"``, ``-(group)`` are negatives: what a result shall not be like. It is also a condition, as
  in every search: what holds that very word is out;
* ``like=`` is neither wording nor condition;
* ``or`` gives alternatives, with the parser's precedence: ``red boat or blue car beach`` is *red boat*, or *blue car
  beach*; ``(cat or dog) on the beach`` is *cat on the beach*, or *dog on the beach*. Beyond MAX_WAYS they are dropped:
  words still find them.

Each alternative with what belongs to it is a ``Way``; the other fields of ``Meant`` are what the ways have together.
"""

from __future__ import annotations

from itertools import product
from typing import NamedTuple

from albumsd.core.words import words

from .fold import fold
from .lexer import Token, lex
from .parser import Parser, parse
from .terms import by_name
from .tree import STOP_WORDS, And, Everything, Like, Node, Not, Or, Text, conjoin, disjoin, likes, texts

MAX_WAYS = 8
"""Alternatives that are looked at: each costs one search of the vectors."""


class Way(NamedTuple):
    """One alternative. ``wording`` may be empty (then there are ``likes``); ``condition`` must hold besides."""

    wording: str
    negatives: tuple[str, ...]
    likes: tuple[str, ...]
    condition: Node


class Meant(NamedTuple):
    """``alternatives``: wordings, best matched by any. ``negatives``, ``likes`` (references of ``Like``): of all ways.

    ``condition``: what each result must fulfil; it holds no plain word and no Like outside a Not. When there is no
    alternative and no like, the query is a filter and the condition all of it.
    """

    alternatives: tuple[str, ...]
    negatives: tuple[str, ...]
    likes: tuple[str, ...]
    condition: Node
    ways: tuple[Way, ...] = ()


def meant(text: str, today: str) -> Meant:
    """What ``text`` means; ``today`` as for ``parse``. Raises QueryError."""
    node = parse(text, today)
    found = [_way(way) for way in _Reader(lex(fold(text), by_name()), today).ways()]
    ways = tuple(dict.fromkeys(way for way in found if way.wording or way.likes))
    if not ways:
        return Meant((), (), (), node)
    return Meant(
        tuple(dict.fromkeys(way.wording for way in ways if way.wording)),
        tuple(dict.fromkeys(negative for way in ways for negative in way.negatives)),
        tuple(dict.fromkeys(reference for way in ways for reference in way.likes)),
        disjoin(*(way.condition for way in ways)),
        ways,
    )


class _Piece(NamedTuple):
    """A piece of wording. ``small``: a stop word that stands alone. An empty text stands where a condition stood."""

    text: str
    small: bool = False


_CONDITION = _Piece("")


class _Draft(NamedTuple):
    """A way while it is read."""

    says: tuple[_Piece, ...] = ()
    negatives: tuple[str, ...] = ()
    likes: tuple[str, ...] = ()
    conditions: tuple[Node, ...] = ()

    def then(self, other: _Draft) -> _Draft:
        return _Draft(
            self.says + other.says,
            self.negatives + other.negatives,
            self.likes + other.likes,
            self.conditions + other.conditions,
        )


class _Reader(Parser):
    """Walks the tokens of a text that parses, by the parser's grammar; used once."""

    def ways(self) -> list[_Draft]:
        """``query``: the ways of all its groups."""
        found = self._group()
        while self.at < len(self.tokens) and self.tokens[self.at].kind == "or":
            self.at += 1
            found += self._group()
        return found[:MAX_WAYS]

    def _group(self) -> list[_Draft]:
        """``group``: each way of one item with each of the next."""
        found = [_Draft()]
        while self.at < len(self.tokens) and self.tokens[self.at].kind not in ("or", "close"):
            found = [one.then(other) for one, other in product(found, self._item())][:MAX_WAYS]
        return found

    def _item(self) -> list[_Draft]:
        token = self.tokens[self.at]
        if token.kind == "open":
            self.at += 1
            inner = self.ways()
            self.at += 1
            return inner
        if token.kind in ("word", "phrase"):
            self.at += 1
            said = _Piece(token.text.removesuffix("*"), token.kind == "word" and token.text in STOP_WORDS)
            return [_Draft((said,) if words(said.text) else ())]
        behind = self.tokens[self.at + 1] if token.kind == "not" else token
        node = self.item(0)
        if node is None:  # a dash before what holds no letter
            return [_Draft()]
        if isinstance(node, Not):
            return [_Draft((_CONDITION,), _negatives(node.part, behind), (), (node,))]
        return [_positive(part) for part in (node.parts if isinstance(node, Or) else (node,))]


def _positive(node: Node) -> _Draft:
    """What a term says, or a double negation, of which only the tree is left."""
    said = tuple(_Piece(word) for word in _words_of(node)) or (_CONDITION,)
    return _Draft(said, (), tuple(like.reference for like in likes(node)), (_filters(node),))


def _negatives(node: Node, behind: Token) -> tuple[str, ...]:
    """The wording of what stands behind a dash: as typed, or of a group its words."""
    if behind.kind in ("word", "phrase"):
        small = behind.kind == "word" and behind.text in STOP_WORDS
        return () if small else (_spaced(behind.text.removesuffix("*")),)
    parts = node.parts if isinstance(node, Or) else (node,)
    return tuple(" ".join(found) for part in parts if (found := _words_of(part)))


def _words_of(node: Node) -> list[str]:
    return [word for text in texts(node) if not text.scope for word in text.words]


def _filters(node: Node) -> Node:
    """What must hold besides the wording: the tree without its plain words and its likes."""
    match node:
        case Text(scope=None) | Like():
            return Everything()
        case And(parts):
            return conjoin(*map(_filters, parts))
        case Or(parts):
            return disjoin(*map(_filters, parts))
    return node


def _way(draft: _Draft) -> Way:
    said: list[_Piece] = []
    for piece in draft.says:
        if piece is not _CONDITION:
            said.append(piece)
            continue
        while said and said[-1].small:  # "in" before place=lisbon
            said.pop()
    small = all(piece.small for piece in said)
    return Way(
        "" if small else _spaced(" ".join(piece.text for piece in said)),
        tuple(dict.fromkeys(draft.negatives)),
        tuple(dict.fromkeys(draft.likes)),
        conjoin(*draft.conditions),
    )


def _spaced(text: str) -> str:
    return " ".join(text.split())
