"""What a term is, and the forms that values of terms share.

A term module in ``albumsd.query.terms`` holds one constant ``TERM``. Its ``parse(value, today)`` gets the value folded
and without quotes, never empty, and gives a node or raises ``BadValue`` with a sentence for the person;
the parser adds where it stood. ``today`` is ``YYYY-MM-DD``, handed down so that no term asks a clock.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from albumsd.core.words import words

from .tree import Match, Node, Range, Text


class BadValue(ValueError):
    """The value of a term cannot be read; the text says why, without a full stop."""


@dataclass(frozen=True, slots=True)
class Term:
    """One ``name=value``. ``help`` is one sentence, ``example`` a whole query, ``examples`` further ones.

    ``ordered``: also ``name>=value``, ``name<value`` and so on; the operator then stands before the value.
    """

    name: str
    help: str
    example: str
    parse: Callable[[str, str], Node]
    aliases: tuple[str, ...] = ()
    ordered: bool = False
    examples: tuple[str, ...] = ()


def tokens(value: str) -> tuple[str, ...]:
    """The words of a value; BadValue when there are none."""
    found = tuple(words(value))
    if not found:
        raise BadValue(f"no letter or digit in {value!r}")
    return found


def text_node(value: str, scope: str | None = None) -> Text:
    """Words next to each other in this order; a last ``*`` makes the last word a beginning."""
    found = tokens(value)
    return Text(found, len(found) > 1, value.endswith("*"), scope)


def match_parser(attribute: str) -> Callable[[str, str], Node]:
    """The parse of a term whose value's words must all stand in ``attribute``."""

    def parse(value: str, _today: str) -> Node:
        if value.endswith("*"):
            raise BadValue(f"{attribute}= takes whole words; beginnings* are for plain words, path=, text= and title=")
        return Match(attribute, tokens(value))

    return parse


def scope_parser(scope: str) -> Callable[[str, str], Node]:
    """The parse of a term that looks for words in one field of the search document."""

    def parse(value: str, _today: str) -> Node:
        return text_node(value, scope)

    return parse


def choice(value: str, choices: Mapping[str, str], what: str) -> str:
    """The name that ``value`` stands for in ``choices`` (spelling -> name); BadValue lists all names."""
    key = re.sub(r"[\s_-]+", "-", value.strip())
    if key in choices:
        return choices[key]
    raise BadValue(f"there is no {what} {value!r}; it is one of: {', '.join(dict.fromkeys(choices.values()))}")


_NUMBER = re.compile(r"(?P<digits>[0-9]{1,12}(?:\.[0-9]{1,9})?)\s*(?P<unit>[^\W\d]*)")
_ORDER = re.compile(r"(>=|<=|>|<)")


def range_parser(
    attribute: str,
    units: Mapping[str, float],
    *,
    whole: bool,
    least: float = 0,
    most: float = math.inf,
    exact: bool = True,
    what: str,
) -> Callable[[str, str], Node]:
    """The parse of a number or a range of numbers: ``4``, ``4+``, ``3..5``, ``..5``, ``>=4``, ``<5``.

    ``units`` maps each unit to its size ("" is the bare number); ``whole``: the attribute is an integer;
    ``exact``: one number alone has a meaning; ``what`` completes "… must be".
    """

    def number(text: str) -> int | float:
        found = _NUMBER.fullmatch(text.strip())
        if not found or found["unit"] not in units:
            raise BadValue(f"{text.strip()!r} is not {what}")
        value = round(float(found["digits"]) * units[found["unit"]], 6)
        if not least <= value <= most or (whole and value != int(value)):
            raise BadValue(f"{text.strip()!r} is not {what}")
        return int(value) if whole else value

    def above(value: int | float) -> int | float:
        return value + 1 if whole else round(value + 1e-6, 6)

    def below(value: int | float) -> int | float:
        return value - 1 if whole else round(value - 1e-6, 6)

    def parse(value: str, _today: str) -> Node:
        value = value.strip()
        order = _ORDER.match(value)
        if order:
            limit = number(value[order.end() :])
            ends: tuple[int | float | None, int | float | None] = {
                ">=": (limit, None), ">": (above(limit), None), "<=": (None, limit), "<": (None, below(limit))
            }[order[0]]  # fmt: skip
            return Range(attribute, *ends)
        if ".." in value:
            first, _, last = value.partition("..")
            low = number(first) if first.strip() else None
            high = number(last) if last.strip() else None
            if low is None and high is None:
                raise BadValue("a range needs at least one end")
            if low is not None and high is not None and low > high:
                raise BadValue(f"{value} ends before it begins")
            return Range(attribute, low, high)
        if value.endswith("+"):
            return Range(attribute, number(value[:-1]), None)
        only = number(value)
        if not exact:
            raise BadValue(f"say from where to where: {value}.. or ..{value}")
        return Range(attribute, only, only)

    return parse
