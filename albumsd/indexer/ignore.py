"""Names in a source that are never looked at: litter of systems, thumbnail and trash folders, unfinished files.

What is left out is data: ``NAMES`` (exact, any case), ``PREFIXES`` and ``SUFFIXES`` (any case). Everything with a
leading dot is hidden on purpose and left out too. The same names are left out of files and of folders.
"""

from __future__ import annotations

NAMES = frozenset(
    {
        b"@eadir",  # Synology: thumbnails and indexes
        b"@tmp",
        b"#recycle",
        b"#snapshot",
        b"$recycle.bin",
        b"recycler",
        b"system volume information",
        b"lost+found",
        b"thumbs.db",
        b"ehthumbs.db",
        b"desktop.ini",
        b"autorun.inf",
        b"icon\r",
        b"__macosx",
        b"_gsdata_",
    }
)
"""In lower case. ``.DS_Store``, ``._*``, ``.Trash-1000``, ``.thumbnails``, ``.sh_thumbnails`` begin with a dot."""

PREFIXES = (b"~$",)
"""Office lock files. ``.~lock.*`` begins with a dot."""

SUFFIXES = (
    b".part",
    b".partial",
    b".crdownload",
    b".download",
    b".tmp",
    b".temp",
    b".filepart",
    b".!ut",
    b".aria2",
    b".swp",
)
"""Files that some program is still writing: they are indexed under the name that they get in the end."""

_FIRST = frozenset(first for name in (*NAMES, *PREFIXES) for first in (name[0], name.upper()[0]))


def left_out(name: bytes) -> bool:
    """Whether the file or folder ``name`` (one path component) is never looked at."""
    first = name[0]
    if first == 0x2E:
        return True
    low = name.lower()
    return low.endswith(SUFFIXES) or (first in _FIRST and (low in NAMES or low.startswith(PREFIXES)))


def path_left_out(path: bytes) -> bool:
    """Whether any component of a relative path is left out."""
    return any(left_out(part) for part in path.split(b"/") if part)
