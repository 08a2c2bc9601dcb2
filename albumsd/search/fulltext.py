"""Text nodes as FTS5 expressions. Words are tokens of ``core.words``, so quoting them is all the escaping there is.

A tree of Text, And, Or and (inside an And with something positive) Not becomes one expression: FTS5 intersects its
sorted lists without ever making one of them whole.
"""

from __future__ import annotations

from albumsd.query.tree import And, Node, Not, Or, Text, texts

COLUMNS = {"title": "title suggested", "path": "path", "text": "body"}
"""Scope of a Text -> columns of the index. Without a scope all columns are looked at."""

WEIGHTS = "bm25(4.0, 2.0, 2.0, 1.0, 1.0)"
"""title, path, context, body, suggested: a word in a title says four times as much as one inside a document."""

OWN = "{title path context body}"
"""The columns that hold an asset's own words; what is left is a model's opinion."""


def expression(node: Node) -> str | None:
    """The FTS5 expression of a purely textual tree that has something positive in it; None for any other."""
    if isinstance(node, Text):
        return _text(node)
    if isinstance(node, Or):
        parts = [expression(part) for part in node.parts]
        return None if None in parts else f"({' OR '.join(part for part in parts if part)})"
    if isinstance(node, And):
        wanted = [expression(part) for part in node.parts if not isinstance(part, Not)]
        unwanted = [expression(part.part) for part in node.parts if isinstance(part, Not)]
        if not wanted or None in wanted or None in unwanted:
            return None
        return combine([part for part in wanted if part], [part for part in unwanted if part])
    return None


def combine(wanted: list[str], unwanted: list[str]) -> str:
    """All of ``wanted`` (at least one) and none of ``unwanted``."""
    both = f"({' AND '.join(wanted)})"
    return f"({both} NOT ({' OR '.join(unwanted)}))" if unwanted else both


def _text(node: Text) -> str:
    if node.phrase:
        found = f'"{" ".join(node.words)}"' + ("*" if node.prefix else "")
    else:
        quoted = [f'"{word}"' for word in node.words]
        found = " AND ".join(quoted) + ("*" if node.prefix else "")
    return f"({{{COLUMNS[node.scope]}}} : ({found}))" if node.scope else f"({found})"


def terms(node: Node) -> tuple[str, ...]:
    """What ranking counts: the words of every Text not under a Not, each once; a beginning ends in ``*``."""
    found: dict[str, None] = {}
    for text in texts(node):
        starred = (*text.words[:-1], text.words[-1] + "*") if text.prefix else text.words
        found.update(dict.fromkeys(starred))
    return tuple(found)


def occurrences(text: str, term: str) -> int:
    """How often one of ``terms`` stands in words with one space between them and one around them all (`` a b ``).

    By looking for it, not by taking the text apart: a document may have a million words.
    """
    if term.endswith("*"):
        return text.count(" " + term[:-1])
    wanted, count = f" {term} ", 0
    at = text.find(wanted)
    while at >= 0:
        count += 1
        at = text.find(wanted, at + len(wanted) - 1)  # the space after it is the space before the next
    return count


def own(expression: str) -> str:
    """The same in an asset's own words."""
    return f"({OWN} : ({expression}))"
