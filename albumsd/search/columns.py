"""Where each attribute of ``query.attributes`` lies in the database.

Three kinds. ``Single``: an expression over ``a`` (asset), at most one value. ``Multi``: pairs of asset and value in
other tables, any number of values. ``LEVELS``: the four columns of a place. A value that is NULL or empty is no value,
and ratings outside of 1 to 5 (0: not rated, -1: rejected) are none.

``distinct`` is a statement for the few different values of an attribute. Words are matched against those, so that
no Python runs per asset. Where an index begins with the column it hops from value to value ("loose index scan"),
which SQLite does by itself only with statistics; the cost is one seek per different value.
"""

from __future__ import annotations

from dataclasses import dataclass


def _hop(column: str, table: str, where: str) -> str:
    """The distinct values of an indexed column, ascending: a recursive walk with one seek each."""
    least = f"SELECT min({column}) FROM {table} WHERE {where}"
    return (
        f"WITH RECURSIVE hop(value) AS ({least} AND {column} > '' UNION ALL"
        f" SELECT ({least} AND {column} > hop.value) FROM hop WHERE hop.value IS NOT NULL)"
        f" SELECT value FROM hop WHERE value IS NOT NULL"
    )


@dataclass(frozen=True, slots=True)
class Single:
    """``expression``: SQL over ``a``. ``number``: compares as one, else as text. ``distinct``: SQL or None."""

    expression: str
    number: bool = False
    distinct: str | None = None
    least: int | None = None
    """A number below this is no value."""


@dataclass(frozen=True, slots=True)
class Multi:
    """``value`` and ``asset`` are expressions over ``drive`` or ``probe``.

    ``drive``: FROM clause that begins at the values, to find assets; ``probe``: one that begins at an asset. ``where``
    belongs to both. ``blob``: the values are bytes of UTF-8.
    """

    value: str
    asset: str
    drive: str
    probe: str
    where: str = "1"
    distinct: str | None = None
    blob: bool = False


def _column(name: str, hop: bool = False) -> Single:
    if hop:
        return Single(f"a.{name}", distinct=_hop(f"d.{name}", "asset d", "d.live"))
    scan = f"SELECT DISTINCT d.{name} AS value FROM asset d WHERE d.live AND d.{name} > ''"
    return Single(f"a.{name}", distinct=scan)


def _place(name: str) -> Single:
    return Single(f"a.{name}", distinct=f"SELECT DISTINCT {name} AS value FROM place UNION SELECT country FROM place")


def _number(name: str, least: int | None = None) -> Single:
    return Single(f"a.{name}", number=True, least=least)


def _facet(name: str) -> Multi:
    return Multi(
        "v.value",
        "v.asset",
        "asset_facet v",
        "asset_facet v",
        f"v.facet = '{name}'",
        _hop("d.value", "asset_facet d", f"d.facet = '{name}'"),
    )


def _told(name: str, suggested: str = "") -> Multi:
    """A text that several may tell of an asset: its own bytes, the sidecars of its files, and ``suggested``."""
    own = f"SELECT r.asset AS asset, json_extract(r.facts, '$.{name}') AS value FROM reading r"
    beside = (
        f"SELECT f.asset AS asset, json_extract(s.facts, '$.{name}') AS value"
        " FROM file f JOIN sidecar s ON s.file = f.id"
    )
    everyone = f"({own} UNION ALL {beside} {suggested}) v"
    return Multi("v.value", "v.asset", everyone, everyone)


_EXTENSION = (
    "CASE WHEN instr(a.name_key, '.')"
    " THEN substr(a.name_key, length(rtrim(a.name_key, replace(a.name_key, '.', ''))) + 1) ELSE '' END"
)

LEVELS: tuple[str, ...] = ("a.country", "a.region", "a.city", "a.hood")

ATTRIBUTES: dict[str, Single | Multi] = {
    "day": _column("day", hop=True),
    "week": _column("week", hop=True),
    "week_year": Single(
        "substr(a.week, 1, 4)",
        distinct=f"SELECT DISTINCT substr(value, 1, 4) AS value FROM ({_hop('d.week', 'asset d', 'd.live')})",
    ),
    "month": _column("month", hop=True),
    "year": _column("year", hop=True),
    "origin": _column("origin"),
    "country": _place("country"),
    "region": _place("region"),
    "city": _place("city"),
    "hood": _place("hood"),
    "lat": _number("lat"),
    "lon": _number("lon"),
    "camera": _column("camera", hop=True),
    "lens": _column("lens"),
    "aperture": _number("aperture"),
    "shutter_s": _number("shutter_s"),
    "iso": _number("iso"),
    "focal_mm": _number("focal_mm"),
    "name": Single("a.name"),
    "kind": _column("kind"),
    "mime": _column("mime"),
    "extension": Single(_EXTENSION),
    "width": _number("width"),
    "height": _number("height"),
    "duration_s": _number("duration_s"),
    "size": _number("size"),
    "type": _facet("type"),
    "problem": _column("problem", hop=True),
    "source": Multi(
        "s.name",
        "v.asset",
        "source s CROSS JOIN folder d ON d.source = s.id CROSS JOIN file v ON v.folder = d.id",
        "file v CROSS JOIN folder d ON d.id = v.folder CROSS JOIN source s ON s.id = d.source",
    ),
    "folder": Multi(
        "d.path",
        "v.asset",
        "folder d CROSS JOIN file v ON v.folder = d.id",
        "file v CROSS JOIN folder d ON d.id = v.folder",
        blob=True,
    ),
    "rating": _number("rating", least=1),
    "tag": _facet("tag"),
    "person": _facet("person"),
    "album": _facet("album"),
    "cluster": _facet("cluster"),
    "title": Single("a.title"),
    "description": _told("description"),
    "caption": _told("caption", "UNION ALL SELECT m.asset AS asset, m.caption AS value FROM suggestion m"),
    "text": Multi("v.text", "v.asset", "content_text v", "content_text v"),
}
"""All but ``place`` (see LEVELS) and ``position``, which can only be asked for by Has."""
