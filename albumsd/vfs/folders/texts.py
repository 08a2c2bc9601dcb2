"""Folders of computed texts: ``sources/`` (a text per source) and ``status/``. Made from rows when looked up."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from albumsd.core.errors import NotFound
from albumsd.store import sources, status
from albumsd.store.database import Reader

from ..context import Context
from ..node import Folder, Leaf, Listing
from ..renditions import encode
from .fixed import ListListing, text_leaf

Texts = Callable[[Reader], Mapping[str, Callable[[], str]]]
"""The texts of a folder by name; each is made when it is called."""


class TextsFolder(Folder):
    """A folder of texts that are made anew at each look. They count rows, so they are made in a worker thread."""

    __slots__ = ("texts",)

    slow_lookup = True
    volatile = True

    def __init__(self, context: Context, path: tuple[str, ...], texts: Texts) -> None:
        super().__init__(context, path)
        self.texts = texts

    def _leaf(self, name: str, make: Callable[[], str]) -> Leaf:
        return text_leaf((*self.path, name), make(), self.context.changed_ns)

    def lookup(self, reader: Reader, name: bytes) -> Folder | Leaf:
        text = name.decode("utf-8", "replace")
        make = self.texts(reader).get(text)
        if make is None:
            raise NotFound(name=name)
        return self._leaf(text, make)

    def open(self, reader: Reader) -> Listing:
        return ListListing([(encode(name), self._leaf(name, make)) for name, make in self.texts(reader).items()])


def source_texts(reader: Reader) -> Mapping[str, Callable[[], str]]:
    """``<name>.txt``: what is known of a source."""

    def maker(name: str) -> Callable[[], str]:
        return lambda: next((status.source_text(row) for row in status.source_rows(reader) if row.name == name), "")

    return {f"{source.name}.txt": maker(source.name) for source in sources.all_sources(reader)}


def status_texts(mount: str, reader: Reader) -> Mapping[str, Callable[[], str]]:
    """``status.txt`` for a person, ``status.json`` for a program (the shape of ``albumsd status --json``)."""
    return {
        "status.txt": lambda: status.report_text(status.report(reader, mount)),
        "status.json": lambda: json.dumps(status.report(reader, mount), indent=1) + "\n",
    }
