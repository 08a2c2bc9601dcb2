"""What views list: the values of a facet within a selection, and the assets of a selection page by page.

Files come in ascending id, so that a listing can go on after any of them whatever arrived meanwhile. Every function is
one statement or two, on the connection of the calling thread; none holds a transaction open.

What drives a statement is decided here, since SQLite keeps no statistics of ours: an indexed column that the selection
fixes (a month, a city, a camera), or the rows of one facet value (a tag) when there are few of them. Distinct values
of an indexed column are found by hopping through its index, one seek per value, testing at each value only whether
anything of the selection has it.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import NamedTuple

from albumsd.core.names import name_key
from albumsd.query.tree import And, Equals, Everything, Like, Node, Not, OneOf, Text, conjoin, walk
from albumsd.store.database import Tx

from .columns import ATTRIBUTES, Multi
from .compiler import compile
from .condition import Value

FEW = 30_000
"""So many rows are gone through one by one without a second thought: about 30 ms."""

_FACETS = frozenset(("type", "tag", "cluster", "person", "album"))
"""Attributes whose values stand in ``asset_facet``."""


class Selected(NamedTuple):
    """An asset as a folder lists it: size in bytes, mtime in nanoseconds (the moment of capture)."""

    id: int
    name: str
    size: int
    mtime_ns: int


class Source(NamedTuple):
    """The rest of a SELECT: FROM and WHERE with all conditions, and the expression of the asset's id."""

    sql: str
    bindings: tuple[Value, ...]
    id: str


_SELECT = "SELECT a.id, a.name, a.size, a.mtime_ns"


def page(tx: Tx, selection: Node, after_id: int, limit: int) -> list[Selected]:
    """Up to ``limit`` assets of the selection with an id greater than ``after_id``, ascending."""
    source = _source(tx, selection)
    rows = tx.all(
        f"{_SELECT} {source.sql} AND {source.id} > ? ORDER BY {source.id} LIMIT ?",
        (*source.bindings, after_id, limit),
    )
    return [Selected(*row) for row in rows]


def count(tx: Tx, selection: Node) -> int:
    """How many assets are in the selection."""
    source = _source(tx, selection)
    return int(tx.value(f"SELECT count(*) {source.sql}", source.bindings))


def contains(tx: Tx, selection: Node, asset_id: int) -> bool:
    """Whether the asset is live and in the selection. A point lookup."""
    condition = compile(selection, "point")
    sql = f"SELECT 1 FROM asset a WHERE a.id = ? AND a.live AND {condition.sql}"
    return bool(tx.value(sql, (asset_id, *condition.bindings)))


def by_name(tx: Tx, selection: Node, name: str) -> Selected | None:
    """The asset of that shown name (any normal form, exact case), if it is in the selection. A point lookup."""
    condition = compile(selection, "point")
    row = tx.one(
        f"{_SELECT} FROM asset a WHERE a.name_key = ? AND a.live AND {condition.sql}",
        (name_key(name), *condition.bindings),
    )
    return Selected(*row) if row and row[1] == unicodedata.normalize("NFC", name) else None


def has_value(tx: Tx, selection: Node, attribute: str, value: str) -> bool:
    """Whether something in the selection has this value, as shown."""
    wanted = OneOf(attribute, value) if isinstance(ATTRIBUTES[attribute], Multi) else Equals(attribute, value)
    source = _source(tx, conjoin(selection, wanted))
    return bool(tx.value(f"SELECT 1 {source.sql} LIMIT 1", source.bindings))


def values(tx: Tx, selection: Node, attribute: str, descending: bool = False) -> list[str]:
    """The distinct values of a facet within the selection, as shown, in the order of their code points."""
    column = ATTRIBUTES[attribute]
    if attribute == "week_year":
        found = list({value[:4] for value in _column_values(tx, selection, "week")})
    elif isinstance(column, Multi):
        found = _multi_values(tx, selection, attribute, column)
    else:
        found = _column_values(tx, selection, attribute)
    return sorted(found, reverse=True) if descending else sorted(found)


# ------------------------------------------------------------------------------- what drives


def _source(tx: Tx, selection: Node) -> Source:
    facet = _driving_facet(tx, selection)
    if facet is None:
        condition = compile(selection)
        return Source(f"FROM asset a WHERE a.live AND {condition.sql}", condition.bindings, "a.id")
    rest = compile(conjoin(*(part for part in _parts(selection) if part != facet)), "driven")
    return Source(
        "FROM asset_facet t CROSS JOIN asset a ON a.id = t.asset"
        f" WHERE t.facet = ? AND t.value = ? AND a.live AND {rest.sql}",
        (facet.attribute, facet.value, *rest.bindings),
        "t.asset",
    )


def _parts(selection: Node) -> tuple[Node, ...]:
    return selection.parts if isinstance(selection, And) else (selection,)


@lru_cache(1024)
def _drivers(selection: Node) -> tuple[tuple[OneOf, ...], bool]:
    """The facet values that a selection fixes, and whether something else can drive as well."""
    parts = _parts(selection)
    facets = tuple(part for part in parts if isinstance(part, OneOf) and part.attribute in _FACETS)
    wanted = [node for part in parts if not isinstance(part, Not) for node in walk(part)]
    other = any(isinstance(node, Equals | Text | Like) for node in wanted)
    return facets, other


def _driving_facet(tx: Tx, selection: Node) -> OneOf | None:
    """The rarest facet value that is fixed, if it is rare or nothing else is fixed."""
    facets, other = _drivers(selection)
    if not facets:
        return None
    if len(facets) == 1 and not other:
        return facets[0]
    sizes = [(_size(tx, facet), n) for n, facet in enumerate(facets)]
    size, which = min(sizes)
    return facets[which] if size < _RARE or not other else None


_RARE = 5000
"""Facet values with fewer assets drive in any case. Counting so far costs 0.1 ms."""


def _size(tx: Tx, facet: OneOf, most: int = _RARE) -> int:
    return int(
        tx.value(
            "SELECT count(*) FROM (SELECT 1 FROM asset_facet WHERE facet = ? AND value = ? LIMIT ?)",
            (facet.attribute, facet.value, most),
        )
    )


# --------------------------------------------------------------------------------- distinct values

_INDEXED = {
    "year": (),
    "month": (),
    "week": (),
    "day": (),
    "country": (),
    "region": ("country",),
    "city": ("country", "region"),
    "hood": ("country", "region", "city"),
    "camera": (),
    "problem": (),
}
"""Columns whose distinct values an index gives, once the columns before it are fixed."""

_CALENDAR = ("month", "day")

Fixed = tuple[tuple[str, str | int | float], ...]


def _column_values(tx: Tx, selection: Node, attribute: str) -> list[str]:
    expression = f"a.{attribute}"
    if attribute not in _INDEXED or not (hop := _hop(selection, attribute)):
        return _distinct(tx, selection, expression)
    fixed, low, high, rest = hop
    if not isinstance(rest, Everything) and is_small(tx, selection):
        return _distinct(tx, selection, expression)
    return _hopping(tx, attribute, fixed, low, high, rest)


def is_small(tx: Tx, selection: Node) -> bool:
    """Whether the selection can be gone through in a moment."""
    if isinstance(selection, OneOf) and _drivers(selection)[0]:
        return _size(tx, selection, FEW) < FEW
    source = _source(tx, selection)
    return bool(tx.value(f"SELECT count(*) < ? FROM (SELECT 1 {source.sql} LIMIT ?)", (FEW, *source.bindings, FEW)))


def _distinct(tx: Tx, selection: Node, expression: str) -> list[str]:
    """Go through the selection."""
    source = _source(tx, selection)
    return [
        row[0] for row in tx.all(f"SELECT DISTINCT {expression} {source.sql} AND {expression} > ''", source.bindings)
    ]


@lru_cache(1024)
def _hop(selection: Node, attribute: str) -> tuple[Fixed, str, str, Node] | None:
    """How to walk an index: the columns before that are fixed, from where to where, and what else must hold.

    None when the index does not begin with what the selection fixes. A fixed year or month is a piece of the index
    of months or days; of the index of weeks it is nearly one, so it must hold as well.
    """
    equal = {part.attribute: part.value for part in _parts(selection) if isinstance(part, Equals)}
    if any(name not in equal for name in _INDEXED[attribute]):
        return None
    used = set(_INDEXED[attribute])
    if attribute == "year" and "camera" in equal:
        used.add("camera")  # the index asset_camera goes on with the year
    low, high = "", "\U0010ffff"
    for name in ("year", "month"):
        if name in equal and attribute in _CALENDAR and name != attribute:
            used.add(name)
            low, high = max(low, f"{equal[name]}-"), min(high, f"{equal[name]}.")
    if attribute == "week" and "week_year" in equal:
        used.add("week_year")
        low, high = f"{equal['week_year']}-", f"{equal['week_year']}."
    elif attribute == "week" and "year" in equal and str(equal["year"]).isdecimal():
        year = int(equal["year"])
        low, high = f"{year - 1:04}-W5", f"{year + 1:04}-W02"
    fixed = tuple((name, equal[name]) for name in equal if name in used and name not in ("year", "month", "week_year"))
    rest = conjoin(*(part for part in _parts(selection) if not (isinstance(part, Equals) and part.attribute in used)))
    return fixed, low, high, rest


def _hopping(tx: Tx, attribute: str, fixed: Fixed, low: str, high: str, rest: Node) -> list[str]:
    """Walk the index from value to value; of each, ask whether something in ``rest`` has it.

    All in one statement, so that a list in ``rest`` (the finds of a text) is made once.
    """
    where = "".join(f" AND d.{name} = ?" for name, _ in fixed)
    least = f"SELECT min(d.{attribute}) FROM asset d WHERE d.live{where} AND d.{attribute} > "
    bindings: tuple[Value, ...] = tuple(value for _, value in fixed)
    bindings = (*bindings, low, *bindings, high, high)
    held = ""
    if not isinstance(rest, Everything):
        test = compile(conjoin(*(Equals(name, value) for name, value in fixed), rest), "driven")
        held = f" AND EXISTS (SELECT 1 FROM asset a WHERE a.live AND a.{attribute} = hop.value AND {test.sql})"
        bindings += test.bindings
    rows = tx.all(
        f"WITH RECURSIVE hop(value) AS ({least}? UNION ALL SELECT ({least}hop.value) FROM hop WHERE hop.value < ?)"
        f" SELECT value FROM hop WHERE value < ?{held}",
        bindings,
    )
    return [row[0] for row in rows]


def _multi_values(tx: Tx, selection: Node, attribute: str, column: Multi) -> list[str]:
    if isinstance(selection, Everything):
        if column.distinct:
            return [row[0] for row in tx.all(_LIVE.format(column.distinct), (attribute,))]
        if attribute == "source":
            return [row[0] for row in tx.all(_SOURCES)]
    source = _source(tx, selection)
    rows = tx.all(
        f"SELECT DISTINCT v.value FROM (SELECT a.id AS id {source.sql}) chosen"
        f" CROSS JOIN (SELECT {column.asset} AS asset, {column.value} AS value FROM {column.probe}"
        f" WHERE {column.where}) v ON v.asset = chosen.id WHERE v.value <> ''",
        source.bindings,
    )
    return [row[0] for row in rows]


_LIVE = (
    "SELECT value FROM ({}) all_values WHERE EXISTS (SELECT 1 FROM asset_facet f CROSS JOIN asset a ON a.id = f.asset"
    " WHERE f.facet = ? AND f.value = all_values.value AND a.live)"
)
_SOURCES = (
    "SELECT s.name FROM source s WHERE EXISTS"
    " (SELECT 1 FROM folder d CROSS JOIN file f ON f.folder = d.id WHERE d.source = s.id)"
)
