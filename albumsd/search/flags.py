"""The states of an asset (``query.attributes.FLAGS``) as conditions."""

from __future__ import annotations

from .condition import Condition

_NONE_HERE = (
    "NOT EXISTS (SELECT 1 FROM file f JOIN folder d ON d.id = f.folder JOIN source_state t ON t.source = d.source"
    " WHERE f.asset = a.id AND t.state = 'online')"
)
_SOME_AWAY = (
    "a.id IN (SELECT f.asset FROM source_state t CROSS JOIN folder d ON d.source = t.source"
    " CROSS JOIN file f ON f.folder = d.id WHERE t.state <> 'online')"
)


def _plain(sql: str) -> tuple[Condition, Condition]:
    return Condition(sql), Condition(sql)


FLAGS: dict[str, tuple[Condition, Condition]] = {
    "offline": (Condition(f"({_SOME_AWAY} AND {_NONE_HERE})"), Condition(f"({_NONE_HERE})")),
    "undated": _plain("(a.origin = 'mtime')"),
    "provisional": _plain("(a.sha256 IS NULL)"),
    "problem": _plain("(a.problem IS NOT NULL)"),
}
"""Each flag as a set and at a point."""
