"""Which names an asset has: for telling the kernel what went and what came.

``names_of`` is the inverse of looking a name up, for the views that are plain data. It must agree with the
folders: a law in the tests lists every view and compares.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product

from albumsd.store.changes import Facets
from albumsd.views import VIEWS, View
from albumsd.views.view import MULTI

from .renditions import Form, encode

Name = tuple[tuple[str, ...], bytes]
"""(path of the folder below the mount, name in it)"""


def _values(facets: Facets, attribute: str) -> list[str]:
    if attribute in MULTI:
        return [value for facet, value in facets.facets if facet == attribute]
    if attribute == "week_year":
        return [facets.week[:4]]
    value = getattr(facets, attribute)
    return [str(value)] if value else []


def _grouped(view: View, facets: Facets) -> Iterator[tuple[str, ...]]:
    """The folders of a grouped view, below the view, in which the asset stands."""
    levels: list[list[str]] = []
    for level in view.group:
        values = _values(facets, level.attribute)
        if not values:
            if level.optional:
                break
            return
        levels.append(values)
    yield from product(*levels)


def names_of(
    facets: Facets, form: Form, top: tuple[str, ...], disk_folders: Mapping[int, tuple[str, ...] | None]
) -> Iterator[Name]:
    """Every name of an asset in the views that hang at ``top`` in ``form``.

    ``disk_folders`` maps a folder row to its names under by-folder/ (None: gone). Whether the selection of a view
    (recent, on-this-day, a filter) holds the asset is not asked: a name too many costs one needless message.
    """
    shown = form.name_of(encode(facets.name))
    for view in VIEWS:
        if view.layout == "assets":
            for values in _grouped(view, facets):
                yield (*top, view.name, *values), shown
        elif view.layout == "disk":
            for folder, name in facets.files:
                path = disk_folders.get(int(str(folder)))
                if path is not None:
                    yield (*top, view.name, *path), form.name_of(encode(str(name)))
        elif facets.copies > 1:
            yield (*top, view.name), encode(facets.name)
