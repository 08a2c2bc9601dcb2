"""Tokens -> query tree.

    query  := group ("or" group)*
    group  := item+                          all of them; binds tighter than "or"
    item   := "-" item | "(" query ")" | word | "phrase" | name=value

Every plain word is required: ``warranty letter`` is And(Text('warranty'), Text('letter')). A word that is
several tokens (``IMG_12.jpg``, ``wi-fi``, Japanese) is a phrase of them. Ranking (``search/``) may loosen this to
any of the words and order by how many and how rare; ``filter/`` takes the tree as it is. Stop words that stand alone,
and what holds no letter or digit, are left out; a query of nothing else is an error.

Limits: 1000 characters, 100 words and terms, 20 parentheses deep. ``QueryError`` is the only exception.
"""

from __future__ import annotations

import re
from typing import NoReturn

from albumsd.core import clock
from albumsd.core.errors import QueryError
from albumsd.core.words import words

from .fold import fold, position
from .lexer import Fault, Token, lex
from .term import BadValue, text_node
from .terms import by_name
from .tree import STOP_WORDS, Node, conjoin, disjoin, negate

MAX_CHARS = 1000
MAX_ITEMS = 100
MAX_DEPTH = 20
MAX_NAME_BYTES = 200
"""A query that is a folder's name is at most this long in UTF-8."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def parse(text: str, today: str) -> Node:
    """The tree that ``text`` says; ``today`` (``YYYY-MM-DD``) is what ``date=today`` means. Raises QueryError."""
    try:
        if len(text) > MAX_CHARS:
            raise Fault(f"longer than {MAX_CHARS} characters", MAX_CHARS)
        return Parser(lex(fold(text), by_name()), today).whole()
    except Fault as fault:
        where = fault.offset + 1 if len(text) > MAX_CHARS else position(text, fault.offset)
        raise QueryError(what=fault.what, position=where, query=text) from None


def plausible(text: str | bytes, today: str | None = None) -> bool:
    """Whether a folder of this name under ``search/`` is a query: UTF-8, at most 200 bytes, no leading dot, no
    control character, and it parses. Asks nothing but the clock (when ``today`` is None). Never raises.
    """
    try:
        if isinstance(text, bytes):
            raw, text = text, text.decode()
        else:
            raw = text.encode()
        if len(raw) > MAX_NAME_BYTES:
            return False
        folded = fold(text)
        if folded.startswith(".") or _CONTROL.search(folded):
            return False
        Parser(lex(folded, by_name()), today or clock.today()).whole()
    except (Fault, UnicodeError):
        return False
    return True


class Parser:
    """Recursive descent over one list of tokens; used once."""

    def __init__(self, tokens: list[Token], today: str) -> None:
        self.tokens = tokens
        self.today = today
        self.at = 0
        self.items = 0

    def whole(self) -> Node:
        node = self.query(0)
        if self.at < len(self.tokens):
            raise Fault("this ) closes nothing", self.tokens[self.at].offset)
        if node is None:
            raise Fault("empty query: type a word, or a term such as place=lisbon", 0)
        return node

    def query(self, depth: int) -> Node | None:
        """Up to the end or the parenthesis that closes it; None if it holds nothing that can be looked for."""
        groups = [self.group(depth)]
        operator = None
        while self.at < len(self.tokens) and self.tokens[self.at].kind == "or":
            operator = operator or self.tokens[self.at]
            self.at += 1
            groups.append(self.group(depth))
        nodes = [node for node in groups if node is not None]
        if operator and nodes and len(nodes) < len(groups):
            raise Fault("'or' needs something on both sides", operator.offset)
        return disjoin(*nodes) if nodes else None

    def group(self, depth: int) -> Node | None:
        nodes = []
        while self.at < len(self.tokens) and self.tokens[self.at].kind not in ("or", "close"):
            node = self.item(depth)
            if node is not None:
                nodes.append(node)
        return conjoin(*nodes) if nodes else None

    def item(self, depth: int) -> Node | None:
        token = self.tokens[self.at]
        self.at += 1
        if token.kind == "not":
            negated = self.tokens[self.at]
            if negated.kind == "word" and negated.text in STOP_WORDS:
                self.tokens[self.at] = negated._replace(kind="phrase")
            node = self.item(depth)
            return None if node is None else negate(node)
        if token.kind == "open":
            return self.parentheses(token, depth + 1)
        self.items += 1
        if self.items > MAX_ITEMS:
            raise Fault(f"more than {MAX_ITEMS} words and terms", token.offset)
        if token.kind == "term":
            return self.term(token)
        if token.kind == "word" and token.text in STOP_WORDS:
            return None
        return text_node(token.text) if words(token.text) else None

    def parentheses(self, opening: Token, depth: int) -> Node:
        if depth > MAX_DEPTH:
            raise Fault(f"more than {MAX_DEPTH} parentheses inside each other", opening.offset)
        node = self.query(depth)
        if self.at >= len(self.tokens):
            raise Fault("this ( is not closed", opening.offset)
        self.at += 1
        if node is None:
            raise Fault("nothing to look for in these parentheses", opening.offset)
        return node

    def term(self, token: Token) -> Node:
        term = by_name().get(token.name)
        if term is None:
            _unknown(token)
        ordering = token.operator[0] in "<>"
        if ordering and not term.ordered:
            raise Fault(f"{token.name} takes = only, for example {term.example}", token.offset)
        value = token.text.strip()
        if not value:
            raise Fault(f"{token.name}= needs a value, for example {term.example}", token.offset)
        try:
            return term.parse(token.operator + value if ordering else value, self.today)
        except BadValue as error:
            raise Fault(str(error), token.value_offset) from None


def _unknown(token: Token) -> NoReturn:
    from difflib import get_close_matches  # costs 10 ms to import, and most processes never meet a mistake

    names = by_name()
    near = get_close_matches(token.name, names, n=1)
    known = ", ".join(dict.fromkeys(term.name for term in names.values()))
    guess = f"did you mean {near[0]}=? " if near else ""
    raise Fault(
        f"there is no term {token.name}=; {guess}terms are: {known}; to look for the words, put them in quotes",
        token.offset,
    )
