"""Query tree -> SQL condition over ``asset a``, for ``SELECT … FROM asset a WHERE a.live AND (<condition>)``.

Pure: no connection is asked, everything that depends on the library stands in the SQL as a subquery. So the text of
a selection never changes, is cached here and stays prepared in the connection.

The same node can be asked for in three ways (``Mode``), and that choice is what makes answers quick:

* ``set``     find assets. Sub-selections are lists (``a.id IN (…)``) that can drive the statement.
* ``driven``  something else (a month, a camera) drives; attributes with many values are looked up per asset.
* ``point``   one known asset is tested: nothing may make a list, everything is looked up from the asset.

``a.live`` must stand in the statement literally, else SQLite may not use the partial indexes. Conditions are NULL for
"not known"; only Not turns that into something, and ``IS NOT TRUE`` makes it what people expect.
"""

from __future__ import annotations

from calendar import monthrange
from functools import lru_cache

from albumsd.query.tree import (
    And,
    Copies,
    Equals,
    Everything,
    Flag,
    Has,
    Like,
    Match,
    NearPlace,
    Newest,
    Node,
    Not,
    Nothing,
    OneOf,
    Or,
    Range,
    SameDay,
    Text,
    Within,
)

from . import fulltext
from .columns import ATTRIBUTES, LEVELS, Single
from .condition import ID, Condition, Mode, Value
from .flags import FLAGS
from .likeness import alike
from .nearby import near_place, within


@lru_cache(2048)
def compile(node: Node, mode: Mode = "set") -> Condition:
    """The condition for ``node``. An attribute, flag or scope that does not exist is a bug and raises LookupError."""
    match node:
        case Everything():
            return Condition("1")
        case Nothing():
            return Condition("0")
        case And(parts):
            return _and(parts, mode)
        case Or(parts):
            return _or(parts, mode)
        case Not(Has(attribute)) if attribute in _NULLABLE:
            return Condition(f"(a.{attribute} IS NULL)")
        case Not(part):
            inner = compile(part, mode)
            return Condition(f"({inner.sql} IS NOT TRUE)", inner.bindings)
        case Text():
            return _fts(_text(node), mode)
        case Equals("week_year", value) | OneOf("week_year", value):
            return Condition("(a.week > ? AND a.week < ?)", (f"{value}-", f"{value}."))
        case Equals(attribute, value) | OneOf(attribute, value):
            return _attribute(attribute, "{} = ?", (value,), mode)
        case Match(attribute, words):
            return _words(attribute, " ".join(words), mode)
        case Range(attribute, low, high):
            return _range(attribute, low, high, mode)
        case Has(attribute):
            return _has(attribute, mode)
        case Flag(name):
            return FLAGS[name][mode == "point"]
        case Within(lat, lon, km):
            return within(lat, lon, km)
        case NearPlace(words, km):
            return near_place(" ".join(words), km, mode)
        case Newest(count):
            return Condition(
                "(a.id >= coalesce((SELECT n.id FROM asset n WHERE n.live ORDER BY n.id DESC LIMIT 1 OFFSET ?), 0))"
                if count > 0
                else "0",
                (count - 1,) if count > 0 else (),
            )
        case SameDay(month_day):
            if mode == "point":
                return Condition("(substr(a.day, 6) = ?)", (month_day,))
            return Condition(f"(a.day IN (SELECT value || '-' || ? FROM ({_single('year').distinct})))", (month_day,))
        case Copies(minimum):
            if minimum < 2:
                return Condition("(a.copies >= ?)", (minimum,))
            if mode == "set":
                many = "SELECT c.id FROM asset c WHERE c.live AND c.copies > 1 AND c.copies >= ?"
                return Condition(f"(a.id IN ({many}))", (minimum,))
            return Condition("(a.copies > 1 AND a.copies >= ?)", (minimum,))
        case Like(reference):
            return alike(reference)


def _text(node: Node) -> str:
    """The FTS5 expression of a Text."""
    found = fulltext.expression(node)
    if found is None:
        raise LookupError(f"not a text: {node}")
    return found


# ------------------------------------------------------------------------------------ combinations

_NULLABLE = ("hood", "camera", "problem")
"""Indexed, and never empty but NULL: looked for by that, the index still gives ascending ids."""

_SHARP = ("day", "week", "month")
"""When one of these is fixed, few assets are left; no other index is then worth using."""


def _and(parts: tuple[Node, ...], mode: Mode) -> Condition:
    wanted, unwanted, rest = [], [], []
    for part in _days_of_year(parts):
        found = fulltext.expression(part.part if isinstance(part, Not) else part)
        if found is None:
            rest.append(part)
        elif isinstance(part, Not):
            unwanted.append(found)
        else:
            wanted.append(found)
    sql: list[str] = []
    bindings: list[Value] = []

    def add(condition: Condition) -> None:
        sql.append(condition.sql)
        bindings.extend(condition.bindings)

    if wanted:
        add(_fts(fulltext.combine(wanted, unwanted), mode))
    elif unwanted:
        inner = _fts(f"({' OR '.join(unwanted)})", mode)
        add(Condition(f"({inner.sql} IS NOT TRUE)", inner.bindings))
    fixed = {part.attribute for part in rest if isinstance(part, Equals)}
    sharp = next((name for name in _SHARP if name in fixed), None)
    single = any(isinstance(part, Like) for part in rest)
    driven = mode == "driven" or bool(wanted) or single or bool(fixed & _INDEXED)
    for part in rest:
        if isinstance(part, Equals) and sharp and part.attribute != sharp and _is_column(part.attribute):
            add(_attribute(part.attribute, "+{} = ?", (part.value,), mode))
        elif mode == "set" and isinstance(part, OneOf | Match):
            add(compile(part, "driven" if driven else "set"))
            driven = True
        else:
            add(compile(part, mode))
    return Condition(f"({' AND '.join(sql)})", tuple(bindings))


def _or(parts: tuple[Node, ...], mode: Mode) -> Condition:
    conditions: list[Condition] = []
    texts = [found for found in map(fulltext.expression, parts) if found is not None]
    if texts:
        conditions.append(_fts(f"({' OR '.join(texts)})", mode))
    conditions += [compile(part, mode) for part in parts if fulltext.expression(part) is None]
    return Condition(
        f"({' OR '.join(condition.sql for condition in conditions)})",
        tuple(value for condition in conditions for value in condition.bindings),
    )


def _days_of_year(parts: tuple[Node, ...]) -> tuple[Node, ...]:
    """A day of any year, in one year: that is one day."""
    years = [part.value for part in parts if isinstance(part, Equals) and part.attribute == "year"]
    if len(years) != 1:
        return parts
    return tuple(Equals("day", f"{years[0]}-{part.month_day}") if isinstance(part, SameDay) else part for part in parts)


_INDEXED = frozenset(("day", "week", "month", "year", "country", "camera", "problem"))


def _is_column(attribute: str) -> bool:
    return isinstance(ATTRIBUTES.get(attribute), Single)


def _fts(expression: str, mode: Mode) -> Condition:
    if mode == "point":
        return Condition("EXISTS (SELECT 1 FROM fts WHERE fts MATCH ? AND fts.rowid = a.id)", (expression,))
    return Condition(f"({ID[mode]} IN (SELECT fts.rowid FROM fts WHERE fts MATCH ?))", (expression,))


# -------------------------------------------------------------------------------------- attributes


def _single(attribute: str) -> Single:
    found = ATTRIBUTES[attribute]
    if not isinstance(found, Single):
        raise LookupError(f"{attribute} is not a column")
    return found


def _attribute(attribute: str, predicate: str, values: tuple[Value, ...], mode: Mode) -> Condition:
    """``predicate`` with {} for the attribute's value, which must hold for one of its values."""
    if attribute == "place":
        return Condition(f"({' OR '.join(predicate.format(level) for level in LEVELS)})", values * len(LEVELS))
    column = ATTRIBUTES[attribute]
    if isinstance(column, Single):
        guard = "" if column.least is None else f"a.{attribute} >= {column.least} AND "
        return Condition(f"({guard}{predicate.format(column.expression)})", values)
    if column.blob:
        values = tuple(value.encode() if isinstance(value, str) else value for value in values)
    holds = f"{column.value} <> {'x' if column.blob else ''}'' AND {predicate.format(column.value)}"
    if mode == "set":
        return Condition(
            f"(a.id IN (SELECT {column.asset} FROM {column.drive} WHERE {column.where} AND {holds}))", values
        )
    return Condition(
        f"EXISTS (SELECT 1 FROM {column.probe} WHERE {column.asset} = a.id AND {column.where} AND {holds})", values
    )


def _words(attribute: str, wanted: str, mode: Mode) -> Condition:
    if attribute == "text":
        return _fts(_text(Text(tuple(wanted.split()), scope="text")), mode)
    if attribute == "place":
        if mode == "point":
            return Condition(f"has_words({_joined(LEVELS)}, ?)", (wanted,))
        if mode == "driven":
            return Condition(f"(+a.place IN (SELECT p.id FROM place p WHERE {_PLACE_WORDS}))", (wanted,))
        return Condition(
            "(a.id IN (SELECT b.id FROM place p CROSS JOIN asset b ON b.country = p.country"
            " AND b.region = coalesce(nullif(p.region, ''), p.country) AND b.city = p.city"
            f" AND b.hood IS nullif(p.hood, '') WHERE b.live AND {_PLACE_WORDS}))",
            (wanted,),
        )
    distinct = ATTRIBUTES[attribute].distinct
    if mode == "point" or distinct is None:
        return _attribute(attribute, "has_words({}, ?)", (wanted,), mode)
    return _attribute(
        attribute,
        f"{'+' if mode == 'driven' else ''}{{}} IN (SELECT value FROM ({distinct}) WHERE has_words(value, ?))",
        (wanted,),
        mode,
    )


_PLACE_WORDS = "has_words(p.country || ' ' || p.region || ' ' || p.city || ' ' || p.hood, ?)"


def _joined(columns: tuple[str, ...]) -> str:
    return " || ' ' || ".join(f"coalesce({column}, '')" for column in columns)


def _range(attribute: str, low: Value, high: Value, mode: Mode) -> Condition:
    if attribute == "day" and isinstance(low, str) and isinstance(high, str):
        if low[:4] == high[:4] and low[4:] == "-01-01" and high[4:] == "-12-31":
            return _attribute("year", "{} = ?", (low[:4],), mode)
        if low[:7] == high[:7] and low[7:] == "-01" and int(high[8:]) == monthrange(int(low[:4]), int(low[5:7]))[1]:
            return _attribute("month", "{} = ?", (low[:7],), mode)
    ends = [(sign, value) for sign, value in ((">=", low), ("<=", high)) if value is not None]
    predicate = " AND ".join(f"{{0}} {sign} ?" for sign, _ in ends)
    column = ATTRIBUTES.get(attribute)
    if low is None and not (isinstance(column, Single) and column.number):
        predicate += " AND {0} <> ''"
    return _attribute(attribute, f"({predicate})", tuple(value for _, value in ends), mode)


def _has(attribute: str, mode: Mode) -> Condition:
    if attribute == "place":
        return Condition("(a.country > '')")
    if attribute == "position":
        return Condition("(a.lat IS NOT NULL)")
    column = ATTRIBUTES[attribute]
    if isinstance(column, Single):
        if column.number:
            return _attribute(attribute, "{} IS NOT NULL", (), mode)
        return _attribute(attribute, "{} > ''", (), mode)
    return _attribute(attribute, "1", (), mode)
