"""Reads the captions file of a data set of pictures, in the three shapes in which such files are handed around.

* Flickr8k, Flickr30k as a token file: ``1000092795.jpg#0<TAB>Two young guys …``
* Flickr30k as a table: ``image_name| comment_number| comment``, with that head
* any CSV with a head that has columns ``image`` (or ``image_name``, ``filename``, ``file``) and ``caption`` (or
  ``comment``, ``text``)

Each caption is a query whose one answer is its picture.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_IMAGE = ("image", "image_name", "filename", "file")
_TEXT = ("caption", "comment", "text")


class Captioned(NamedTuple):
    """``image``: the name as the file says it, maybe with folders before it."""

    image: str
    text: str


class BadCaptions(Exception):
    """The file is none of the shapes above; the message says which line."""


def read(path: Path) -> list[Captioned]:
    """Every caption of the file, in its order. Raises BadCaptions, OSError."""
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise BadCaptions(f"{path} is not UTF-8: {error}") from None
    found = list(_tokens(path, lines) if "\t" in (lines or [""])[0] else _table(path, lines))
    if not found:
        raise BadCaptions(f"{path} holds no captions")
    return found


def _tokens(path: Path, lines: list[str]) -> Iterator[Captioned]:
    for number, line in enumerate(lines, 1):
        name, tab, text = line.partition("\t")
        if not line.strip():
            continue
        if not tab:
            raise BadCaptions(f"{path}:{number}: no tab between the name of the picture and its caption")
        yield Captioned(name.partition("#")[0].strip(), text.strip())


def _table(path: Path, lines: list[str]) -> Iterator[Captioned]:
    delimiter = "|" if "|" in (lines or [""])[0] else ","
    rows = csv.reader(lines, delimiter=delimiter, skipinitialspace=True)
    head = [name.strip().casefold() for name in next(rows, [])]
    image = next((head.index(name) for name in _IMAGE if name in head), None)
    text = next((head.index(name) for name in _TEXT if name in head), None)
    if image is None or text is None:
        raise BadCaptions(
            f"{path}:1: the head names no column for the picture ({', '.join(_IMAGE)})"
            f" and one for the caption ({', '.join(_TEXT)})"
        )
    for number, row in enumerate(rows, 2):
        if not row:
            continue
        if len(row) <= max(image, text):
            raise BadCaptions(f"{path}:{number}: {len(row)} columns where the head has {len(head)}")
        yield Captioned(row[image].strip(), row[text].strip())
