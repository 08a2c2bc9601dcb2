"""A view is data: a folder tree over a selection. Nothing here knows SQL, files or FUSE.

``View(selection, group, layout)`` says which assets are in it and by which attributes they are put into folders, one
level each; the rendition (original, preview, info, link) is the place in the mount where the view hangs, and a
filter above it narrows the selection. So one declaration is shown in every rendition and under every filter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from albumsd.query.tree import Equals, Everything, Node, OneOf, SameDay

MULTI = frozenset(("type", "tag", "person", "album", "cluster"))
"""Attributes of which an asset may have several values: it stands in the folder of each."""

TODAY = SameDay("")
"""Stands for the day on which one looks; ``View.selected`` puts it in."""


@dataclass(frozen=True, slots=True)
class Level:
    """One level of folders: a folder per value of ``attribute``.

    ``refines``: its value implies those of the levels above it that are dates (a month lies in one year), so
    the selection below needs only this one. ``optional``: assets without a value stand beside the folders.
    ``newest_first``: folders are listed from the greatest value to the smallest.
    """

    attribute: str
    refines: bool = False
    optional: bool = False
    newest_first: bool = False

    def node(self, value: str) -> Node:
        """The assets in the folder ``value``."""
        return OneOf(self.attribute, value) if self.attribute in MULTI else Equals(self.attribute, value)


YEAR = Level("year")
MONTH = Level("month", refines=True)
DAY = Level("day", refines=True)
WEEK = Level("week", refines=True)

Layout = Literal["assets", "disk", "copies"]


@dataclass(frozen=True, slots=True)
class View:
    """One folder at the top of the mount, and again under previews/, info/, links/ and filter/<query>/.

    ``layout``: ``assets`` shows each asset once under its shown name; ``disk`` shows the folders as they are on disk;
    ``copies`` shows a folder per asset with all its files. ``help`` is one sentence, ``example`` a path below the view.
    """

    name: str
    help: str
    example: str
    selection: Node = Everything()  # noqa: RUF009 - a frozen value
    group: tuple[Level, ...] = ()
    layout: Layout = "assets"

    def selected(self, today: str) -> Node:
        """The selection on the day ``today`` (YYYY-MM-DD)."""
        return SameDay(today[5:]) if self.selection == TODAY else self.selection

    def nodes(self, values: tuple[str, ...]) -> list[Node]:
        """The nodes that narrow the selection to the folder reached by ``values``, one value a level."""
        nodes: list[tuple[Level, Node]] = []
        for level, value in zip(self.group, values, strict=False):
            if level.refines:
                nodes = [(above, node) for above, node in nodes if above.attribute not in ("year", "month", "week")]
            nodes.append((level, level.node(value)))
        return [node for _, node in nodes]
