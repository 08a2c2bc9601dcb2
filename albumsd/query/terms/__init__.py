"""The registry of terms: one module each, one line here. The order is that of the manual."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from albumsd.query.term import Term

TERMS: tuple[str, ...] = (
    "date",
    "before",
    "after",
    "place",
    "near",
    "camera",
    "lens",
    "type",
    "tag",
    "cluster",
    "person",
    "album",
    "rating",
    "is_",
    "has",
    "path",
    "source",
    "text",
    "title",
    "like",
    "size",
    "duration",
    "iso",
)


@cache
def load() -> tuple[Term, ...]:
    """Every term, in the order of the registry."""
    return tuple(import_module(f"{__name__}.{name}").TERM for name in TERMS)


@cache
def by_name() -> dict[str, Term]:
    """Every term by its name and its aliases; a name that is taken twice is a mistake of ours and raises."""
    found: dict[str, Term] = {}
    for term in load():
        for name in (term.name, *term.aliases):
            if name in found:
                raise RuntimeError(f"two terms are called {name}")
            found[name] = term
    return found
