"""What is true about the files of a demo library: plain data, to compare albumsd's answers with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..core.facts import Kind, Origin
from .draw import Scene


@dataclass(frozen=True, slots=True)
class DemoFile:
    """One file and the truth about it. ``path`` is relative to the folder, bytes with ``/``.

    ``month`` (``2018-07``), ``city`` (as the gazetteer names it) and ``camera`` (model) are what a reader must find;
    None where there is nothing to find. ``origin`` is where the month comes from (None: a paper, dated by what it says
    inside and by its modification time alike). ``same`` names a group of byte-identical files, ``near`` one of files
    that look alike. ``broken`` is ``corrupt``, ``truncated`` or ``empty``. ``role`` is ``sidecar`` for a file that only
    describes the file ``about``.
    """

    path: bytes
    kind: Kind
    month: str | None = None
    origin: Origin | None = None
    city: str | None = None
    camera: str | None = None
    scene: Scene | None = None
    caption: str | None = None
    same: str | None = None
    near: str | None = None
    tags: tuple[str, ...] = ()
    rating: int | None = None
    title: str | None = None
    broken: str | None = None
    role: str | None = None
    about: bytes | None = None


@dataclass(frozen=True, slots=True)
class DemoLibrary:
    """The folder and the truth about every file in it, in the order of writing."""

    folder: Path
    files: tuple[DemoFile, ...]

    def duplicates(self) -> dict[str, tuple[DemoFile, ...]]:
        """Groups of files with the same bytes, by the name of the group."""
        return self._groups(lambda file: file.same)

    def near_duplicates(self) -> dict[str, tuple[DemoFile, ...]]:
        return self._groups(lambda file: file.near)

    def _groups(self, key: Callable[[DemoFile], str | None]) -> dict[str, tuple[DemoFile, ...]]:
        out: dict[str, tuple[DemoFile, ...]] = {}
        for file in self.files:
            name = key(file)
            if name is not None:
                out[name] = (*out.get(name, ()), file)
        return out
