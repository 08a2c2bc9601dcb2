"""A small tree over a real store: what the adapter's tests need of ``vfs``, and nothing else.

README.txt            computed text
all/                  every live asset, by name, pages in ascending id
slow/                 the same, listed and looked up in worker threads
volatile/             the same, and now.txt, which says a different thing at every look
previews/ info/ links/  the same in other renditions; a preview is ``previews/<id>.webp`` of the library
broken/               every method raises KeyError
stuck/                looking up or listing runs a statement that ends only when it is interrupted
many/                 folders "0" to "9", each with 10,000 files that exist as rows of a listing only
"""

from __future__ import annotations

from pathlib import Path

from albumsd.core.config import Config
from albumsd.core.errors import NotFound
from albumsd.core.ids import Rendition, asset_inode, computed_inode, split_asset_inode
from albumsd.store import changes, lookups
from albumsd.store.changes import Change
from albumsd.store.database import Reader
from albumsd.vfs.effects import Arrival, Effects
from albumsd.vfs.node import FIRST_FILE_COOKIE, Content, Entry, Folder, Leaf, Listing

README = b"This is a fake.\n"
FOREVER = "WITH RECURSIVE c(x) AS (VALUES (1) UNION ALL SELECT x + 1 FROM c) SELECT max(x) FROM c"
MANY = 10_000
_FIRST_FAKE_ASSET = 1 << 40

_CONTENTS = {
    Rendition.ORIGINAL: (Content.ORIGINAL, b""),
    Rendition.PREVIEW: (Content.PREVIEW, b".webp"),
    Rendition.INFO: (Content.INFO, b".txt"),
    Rendition.LINK: (Content.LINK, b""),
}


class Rows(Listing):
    def __init__(self, entries: list[Entry]) -> None:
        self.entries = entries

    def page(self, reader: Reader, cookie: int, count: int) -> list[Entry]:
        return [entry for entry in self.entries if entry.cookie > cookie][:count]


class Fixed(Folder):
    slow_listing = False
    repeatable = True

    def __init__(self, tree: FakeTree, path: tuple[str, ...], children: dict[bytes, Folder | Leaf]) -> None:
        super().__init__(tree, path)
        self.children = children

    def lookup(self, reader: Reader, name: bytes) -> Folder | Leaf:
        try:
            return self.children[name]
        except KeyError:
            raise NotFound(name=name) from None

    def open(self, reader: Reader) -> Listing:
        return Rows([Entry(name, at, node) for at, (name, node) in enumerate(sorted(self.children.items()), 1)])


class AssetRows(Listing):
    def __init__(self, folder: All) -> None:
        self.folder = folder

    def page(self, reader: Reader, cookie: int, count: int) -> list[Entry]:
        rows = reader.all(
            "SELECT id, name FROM asset WHERE live AND id>? ORDER BY id LIMIT ?",
            (max(0, cookie - FIRST_FILE_COOKIE), count),
        )
        found = []
        for asset, name in rows:
            leaf = self.folder.context.leaf(reader, asset_inode(asset, self.folder.rendition))
            if leaf is not None:
                found.append(
                    Entry(name.encode() + _CONTENTS[self.folder.rendition][1], FIRST_FILE_COOKIE + asset, leaf)
                )
        return found


class All(Folder):
    slow_listing = False
    repeatable = True

    def __init__(self, tree: FakeTree, path: tuple[str, ...], rendition: Rendition = Rendition.ORIGINAL) -> None:
        super().__init__(tree, path)
        self.rendition = rendition

    def lookup(self, reader: Reader, name: bytes) -> Folder | Leaf:
        ending = _CONTENTS[self.rendition][1]
        asset = reader.value(
            "SELECT id FROM asset WHERE live AND name=?", (name[: len(name) - len(ending)].decode("utf-8", "replace"),)
        )
        leaf = asset and self.context.leaf(reader, asset_inode(asset, self.rendition))
        if not leaf or not name.endswith(ending):
            raise NotFound(name=name)
        return leaf

    def open(self, reader: Reader) -> Listing:
        self.context.opens += 1
        return AssetRows(self)


class Slow(All):
    slow_lookup = True
    slow_listing = True


class Volatile(All):
    volatile = True
    looks = 0

    def lookup(self, reader: Reader, name: bytes) -> Folder | Leaf:
        if name == b"now.txt":
            self.looks += 1
            text = b"look %d\n" % self.looks
            return Leaf(computed_inode((*self.path, "now.txt")), len(text), self.looks, Content.TEXT, 0, text)
        return super().lookup(reader, name)


class Broken(Folder):
    slow_listing = False

    def lookup(self, reader: Reader, name: bytes) -> Folder | Leaf:
        raise KeyError(name)

    def open(self, reader: Reader) -> Listing:
        raise KeyError("open")


class Stuck(Folder):
    slow_lookup = True

    def lookup(self, reader: Reader, name: bytes) -> Folder | Leaf:
        reader.value(FOREVER)
        raise NotFound(name=name)

    def open(self, reader: Reader) -> Listing:
        reader.value(FOREVER)
        return Rows([])


class Synthetic(Listing):
    def __init__(self, first: int) -> None:
        self.first = first

    def page(self, reader: Reader, cookie: int, count: int) -> list[Entry]:
        start = max(0, cookie - FIRST_FILE_COOKIE)
        return [
            Entry(b"IMG_%05d.jpg" % n, FIRST_FILE_COOKIE + n + 1, many_leaf(self.first + n))
            for n in range(start, min(start + count, MANY))
        ]


def many_leaf(asset: int) -> Leaf:
    return Leaf(asset * 8, 3_000_000 + asset % 1000, 1_700_000_000_000_000_000, Content.ORIGINAL, asset)


class Many(Folder):
    repeatable = True

    def __init__(self, tree: FakeTree, path: tuple[str, ...], first: int) -> None:
        super().__init__(tree, path)
        self.first = first

    def lookup(self, reader: Reader, name: bytes) -> Folder | Leaf:
        if name.startswith(b"IMG_") and name[4:9].isdigit() and int(name[4:9]) < MANY:
            return many_leaf(self.first + int(name[4:9]))
        raise NotFound(name=name)

    def open(self, reader: Reader) -> Listing:
        return Synthetic(self.first)


class FakeTree:
    def __init__(self, config: Config, reader: Reader) -> None:
        self.config = config
        self.opens = 0
        readme = Leaf(computed_inode(("README.txt",)), len(README), 10**18, Content.TEXT, 0, README)
        many = {str(n).encode(): Many(self, ("many", str(n)), _FIRST_FAKE_ASSET + n * MANY) for n in range(10)}
        self.root = Fixed(
            self,
            (),
            {
                b"README.txt": readme,
                b"all": All(self, ("all",)),
                b"slow": Slow(self, ("slow",)),
                b"volatile": Volatile(self, ("volatile",)),
                b"previews": All(self, ("previews",), Rendition.PREVIEW),
                b"info": All(self, ("info",), Rendition.INFO),
                b"links": All(self, ("links",), Rendition.LINK),
                b"broken": Broken(self, ("broken",)),
                b"stuck": Stuck(self, ("stuck",)),
                b"many": Fixed(self, ("many",), many),
            },
        )

    def leaf(self, reader: Reader, inode: int) -> Leaf | None:
        asset, rendition = split_asset_inode(inode) or (0, Rendition.ORIGINAL)
        if asset >= _FIRST_FAKE_ASSET:
            return many_leaf(asset)
        row = lookups.asset(reader, asset)
        if row is None:
            return None
        content = _CONTENTS[rendition][0]
        size = row.size
        if content is Content.PREVIEW:
            preview = self.config.previews / f"{asset}.webp"
            if not preview.exists():
                return None
            size = preview.stat().st_size
        elif content is Content.INFO:
            size = len(b"asset %d\n" % asset)
        elif content is Content.LINK:
            size = len(lookups.first_path(reader, asset) or b"")
        return Leaf(inode, size, row.mtime_ns, content, asset)

    def folder_mtime_ns(self, folder: Folder) -> int:
        return 1_700_000_000_000_000_000

    def content(self, reader: Reader, leaf: Leaf) -> bytes:
        return leaf.text if leaf.content is Content.TEXT else b"asset %d\n" % leaf.asset

    def link_target(self, reader: Reader, leaf: Leaf) -> bytes:
        return lookups.first_path(reader, leaf.asset) or b""

    def preview_path(self, reader: Reader, leaf: Leaf) -> Path:
        return self.config.previews / f"{leaf.asset}.webp"

    def xattrs(self, reader: Reader, leaf: Leaf) -> dict[bytes, bytes]:
        if not leaf.asset:
            return {}
        return {b"user.albumsd.id": str(leaf.asset).encode(), b"user.xdg.tags": b"beach,dog"}

    def apply(self, reader: Reader, rows: list[Change], held: object) -> Effects:
        effects = Effects([], [], set(), set(), set())
        for row in rows:
            if row.what == "arrived":
                for asset in range(row.first, row.last + 1):
                    facets = changes.snapshot(reader, asset)
                    if facets:
                        effects.arrived.append(Arrival(("all",), facets.name.encode(), False))
            elif row.what == "changed":
                effects.inodes.add(asset_inode(row.first, Rendition.ORIGINAL))
                if row.old and not row.new:
                    effects.gone.append((("all",), row.old.name.encode()))
                if row.new and not row.old:
                    effects.arrived.append(Arrival(("all",), row.new.name.encode(), False))
            elif row.what == "folder":
                effects.touched.add(("all",))
        return effects
