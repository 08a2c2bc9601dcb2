"""Names that file managers, phones and editors ask for in every folder, and that no folder here can ever hold.

``never`` is asked before anything else and answered ENOENT for 300 s. It must be true only of names that the tree
cannot show: those that begin with a dot or hold a control character are not legal names (core.names), the rest is
litter that no scan takes in (indexer.ignore; a test compares). Names that a person's folder may well have (``DCIM``,
``folder.jpg``, ``Android``) are not here: they are point lookups like any other.

``litter`` are the names that systems create by themselves: refused with EPERM, so that nobody is told of a read-only
disk.
"""

from __future__ import annotations

import re

_NEVER = re.compile(
    rb"""(?ix)
    \..*          # .hidden .Trash-1000 .DS_Store ._x .directory .nomedia .git .~lock.x#
    | .*[\x00-\x1f\x7f].*                                  # Icon\r
    | autorun\.inf | desktop\.ini | (?:eh)?thumbs\.db
    | \$recycle\.bin | system\ volume\ information
    | ~\$.*
    """,
    re.DOTALL,
)

_LITTER = re.compile(
    rb"""(?ix)
    \.ds_store | \._.* | thumbs\.db | desktop\.ini | \.trash-.* | \.trash(?:es)? | \$recycle\.bin
    | \.spotlight-v100 | \.fseventsd | \.temporaryitems | \.apdisk | system\ volume\ information
    """,
    re.DOTALL,
)


def never(name: bytes) -> bool:
    """True: no folder holds it, now or ever."""
    return _NEVER.fullmatch(name) is not None


def litter(name: bytes) -> bool:
    """True: a system writes it by itself."""
    return _LITTER.fullmatch(name) is not None
