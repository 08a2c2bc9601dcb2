"""Folded text -> tokens. Knows quotes, dashes, parentheses and ``name=value``; knows no term's meaning.

A token begins after a space or a parenthesis. ``or`` alone is an operator. A dash, of whatever length phones make of
it, negates what follows it at once and is nothing elsewhere. Quotes are ``"`` or ``'``, straight or curly, and count
only at the beginning of a token or value; a ``'`` that is never closed is an apostrophe. Inside a word
parentheses belong to it while they pair: ``img(1).jpg``.

``name:value`` is ``name=value``. The signs ``< > <= >=`` make a term only after the name of a known one, and
``name:`` with nothing or ``//`` behind it is a word unless the name is known (``re: invoice``, ``https://…``).
Every other unknown name is a token here and an error in the parser.
"""

from __future__ import annotations

import re
from collections.abc import Container
from typing import Literal, NamedTuple

Kind = Literal["word", "phrase", "term", "open", "close", "or", "not"]


class Fault(Exception):
    """What is wrong, and at which character (0-based) of the folded text."""

    def __init__(self, what: str, offset: int) -> None:
        super().__init__(what)
        self.what, self.offset = what, offset


class Token(NamedTuple):
    """``text`` is the word, the phrase without its quotes (a ``*`` behind it kept) or the term's value.

    ``offset`` is where it begins in the folded text; ``name``, ``operator`` and ``value_offset`` are a term's.
    """

    kind: Kind
    text: str
    offset: int
    name: str = ""
    operator: str = ""
    value_offset: int = 0


_DOUBLE = '"“”„‟«»'
_SINGLE = "'‘’‚"
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_SPACE = re.compile(r"\s*")
_DASHES = re.compile(r"[-‐‑–—−]+")
_TERM = re.compile(r"([^\W\d][\w-]*)(>=|<=|[=:<>])")
_PLAIN = re.compile(r"[^\s()]+")
_END_DOUBLE = re.compile(rf"[{_DOUBLE}]")
_END_SINGLE = re.compile(r"['‘’](?!\w)")


def lex(text: str, known: Container[str]) -> list[Token]:
    """The tokens of ``text``; ``known`` holds the names of terms. Raises Fault."""
    control = _CONTROL.search(text)
    if control:
        raise Fault("a control character", control.start())
    found: list[Token] = []
    at, end = 0, len(text)
    negated = False
    while True:
        at = _SPACE.match(text, at).end()  # type: ignore[union-attr]
        if at >= end:
            return found
        char = text[at]
        if char == "(" or char == ")":
            found.append(Token("open" if char == "(" else "close", char, at))
            at += 1
        elif dashes := _DASHES.match(text, at):
            at = dashes.end()
            if at < end and not text[at].isspace() and text[at] != ")":
                found.append(Token("not", "-", dashes.start()))
                negated = True
                continue
        else:
            token, at = _item(text, at, known)
            if token.kind == "word" and token.text == "or" and not negated:
                token = Token("or", "or", token.offset)
            found.append(token)
        negated = False


def _item(text: str, at: int, known: Container[str]) -> tuple[Token, int]:
    """The word, phrase or term that begins at ``at``, and where it ends."""
    quoted = _quoted(text, at)
    if quoted:
        content, end = quoted
        if text[end : end + 1] == "*":
            content, end = content + "*", end + 1
        return Token("phrase", content, at), end
    term = _TERM.match(text, at)
    if term:
        name, operator = term.groups()
        rest = text[term.end() : term.end() + 2]
        is_word = operator[0] in "<>" or (operator == ":" and (not rest[:1].strip() or rest == "//"))
        if name in known or not is_word:
            value, end = _value(text, term.end(), name)
            return Token("term", value, at, name, operator, term.end()), end
    end = _word_end(text, at)
    return Token("word", text[at:end], at), end


def _value(text: str, at: int, name: str) -> tuple[str, int]:
    """A term's value: what is quoted, if it begins so, and all up to the next space or closing parenthesis."""
    if text[at : at + 1] == "(":
        raise Fault(f"a value cannot be a group; write ({name}=this or {name}=that)", at)
    content, end = _quoted(text, at) or ("", at)
    after = _word_end(text, end)
    return content + text[end:after], after


def _quoted(text: str, at: int) -> tuple[str, int] | None:
    """What stands in the quotes that open at ``at``, and where it ends; None if no quotes open there."""
    char = text[at : at + 1]
    if char and char in _DOUBLE:
        closing = _END_DOUBLE.search(text, at + 1)
        if not closing:
            raise Fault(f"the quote {char} is not closed", at)
    elif char and char in _SINGLE:
        closing = _END_SINGLE.search(text, at + 1)
        if not closing:
            return None
    else:
        return None
    return text[at + 1 : closing.start()], closing.end()


def _word_end(text: str, at: int) -> int:
    """Where the word that begins at ``at`` ends: before a space or a parenthesis that is not its own."""
    depth, end = 0, at
    while end < len(text):
        plain = _PLAIN.match(text, end)
        if plain:
            end = plain.end()
        elif text[end] == "(" and end > at:
            depth, end = depth + 1, end + 1
        elif text[end] == ")" and depth:
            depth, end = depth - 1, end + 1
        else:
            break
    return end
