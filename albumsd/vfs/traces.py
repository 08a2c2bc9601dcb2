"""Which names an asset has: for telling the kernel what went and what came.

``names_of`` is the inverse of looking a name up, for the views that are plain data. It must agree with the
folders: a law in the tests lists every view and compares.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from hashlib import blake2b
from itertools import product

from albumsd.core import names
from albumsd.store.changes import Shown
from albumsd.views import View
from albumsd.views.view import MULTI

from .renditions import Form, encode

Name = tuple[tuple[str, ...], bytes]
"""(path of the folder below the mount, name in it)"""

ATTRIBUTES = frozenset({*Shown._fields, *MULTI, "week_year"} - {"facets", "files"})
"""Attributes by which a view may make folders; a test holds every registered view to it."""


def copy_name(folders: tuple[str, ...], name: str) -> str:
    """The name of a copy in its group, ``IMG_1 [Photos∕2019].jpg``: a function of where it lies, so it is stable."""
    stem, extension = names.split(name)
    place = "∕".join(folders)
    shown = f"{stem} [{place}]{extension}"
    if len(shown.encode()) <= names.MAX_BYTES:
        return names.sanitise(shown)
    digest = blake2b("/".join((*folders, name)).encode("utf-8", "surrogateescape"), digest_size=4).hexdigest()
    room = names.MAX_BYTES - len(extension.encode()) - 80
    end = place.encode()[-60:].decode("utf-8", "ignore")
    start = stem.encode()[:room].decode("utf-8", "ignore")
    return names.sanitise(f"{start} […{end}]~{digest}{extension}")


def _values(shown: Shown, attribute: str) -> list[str]:
    if attribute in MULTI:
        return [value for facet, value in shown.facets if facet == attribute]
    if attribute == "week_year":
        return [shown.week[:4]]
    value = getattr(shown, attribute)
    return [str(value)] if value else []


def _grouped(view: View, shown: Shown) -> Iterator[tuple[str, ...]]:
    """The folders of a grouped view, below the view, in which the asset stands."""
    levels: list[list[str]] = []
    for level in view.group:
        values = _values(shown, level.attribute)
        if not values:
            if level.optional:
                break
            return
        levels.append(values)
    yield from product(*levels)


def names_of(
    shown: Shown,
    form: Form,
    top: tuple[str, ...],
    views: Iterable[View],
    disk_folders: Mapping[int, tuple[str, ...] | None],
) -> Iterator[Name]:
    """Every name of an asset in those of ``views`` that hang at ``top`` in ``form``.

    ``disk_folders`` maps a folder row to its names under by-folder/ (None: gone). Whether the selection of a view
    (recent, on-this-day, a filter) holds the asset is not asked: a name too many costs one needless message.
    """
    own = form.name_of(encode(shown.name))
    files = [(path, str(name)) for folder, name in shown.files if (path := disk_folders.get(int(str(folder))))]
    for view in views:
        if view.layout == "assets":
            for values in _grouped(view, shown):
                yield (*top, view.name, *values), own
        elif view.layout == "disk":
            for path, name in files:
                yield (*top, view.name, *path), form.name_of(encode(name))
        elif shown.copies > 1:
            yield (*top, view.name), encode(shown.name)
            for path, name in files:
                yield (*top, view.name, shown.name), form.name_of(encode(copy_name(path, name)))
