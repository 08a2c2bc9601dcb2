"""What the compiler makes: a piece of SQL with its bindings; and the three ways to ask for it (see ``compiler``)."""

from __future__ import annotations

from typing import Literal, NamedTuple

Value = str | int | float | bytes | None
Mode = Literal["set", "driven", "point"]


class Condition(NamedTuple):
    """SQL over ``a`` with ``?`` for each of ``bindings``; always in parentheses or atomic."""

    sql: str
    bindings: tuple[Value, ...] = ()


ID: dict[Mode, str] = {"set": "a.id", "driven": "+a.id", "point": "a.id"}
"""How a list names the asset: with a plus it cannot drive the statement."""
