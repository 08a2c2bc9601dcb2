"""Folders of computed texts: ``sources/`` (a text per source) and ``status/``. Read from rows when looked up."""

from __future__ import annotations

import json
from collections.abc import Callable

from albumsd.core.errors import NotFound
from albumsd.store import status
from albumsd.store.database import Reader

from ..context import Context
from ..node import Folder, Leaf, Listing
from ..renditions import encode
from .fixed import ListListing, text_leaf

Texts = Callable[[Reader], dict[str, str]]


class TextsFolder(Folder):
    """A folder of texts that are made anew at each look; ``texts`` gives them by name."""

    __slots__ = ("texts",)

    volatile = True

    def __init__(self, context: Context, path: tuple[str, ...], texts: Texts) -> None:
        super().__init__(context, path)
        self.texts = texts

    def _leaves(self, reader: Reader) -> dict[bytes, Leaf]:
        now = self.context.changed_ns
        return {encode(name): text_leaf((*self.path, name), text, now) for name, text in self.texts(reader).items()}

    def lookup(self, reader: Reader, name: bytes) -> Folder | Leaf:
        leaf = self._leaves(reader).get(name)
        if leaf is None:
            raise NotFound(name=name)
        return leaf

    def open(self, reader: Reader) -> Listing:
        return ListListing(list(self._leaves(reader).items()))


def source_texts(reader: Reader) -> dict[str, str]:
    """``{name.txt: what is known of the source}``"""
    return {f"{row.name}.txt": status.source_text(row) for row in status.source_rows(reader)}


def status_texts(reader: Reader) -> dict[str, str]:
    """``status.txt`` for a person, ``status.json`` for a program (the shape of ``albumsd status --json``)."""
    report = status.report(reader)
    return {"status.txt": status.report_text(report), "status.json": json.dumps(report, indent=1) + "\n"}
