"""Libraries made straight from rows: no disk, no decoder, no indexer."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from albumsd.core import config as configuration
from albumsd.core.config import Config
from albumsd.core.facts import Camera, CaptureTime, Facts, Kind, Position, Problem
from albumsd.store import assets, clusters, embeddings, files, jobs, suggestions
from albumsd.store.database import Database, Reader, Tx
from albumsd.vfs.node import Entry, Folder, Leaf
from albumsd.vfs.tree import Tree

MTIME = 1_600_000_000_000_000_000
MODEL = embeddings.Identity("toy@1", "Toy", 1)


@dataclass(frozen=True)
class Spec:
    """One file of a made-up library. Equal ``content`` means equal bytes; ``suggested`` and ``caption`` are a model's."""

    path: bytes
    content: int
    source: int = 0
    kind: Kind = "photo"
    captured: str | None = None
    place: tuple[str, str, str, str] | None = None
    camera: str | None = None
    tags: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    problem: str | None = None
    text: str | None = None
    suggested: tuple[str, ...] = ()
    caption: str | None = None
    cluster: str | None = None
    preview: bool = True
    hashed: bool = True


@dataclass
class Made:
    """A library, a reader and its tree. ``walk`` lists everything below a folder."""

    config: Config
    database: Database
    reader: Reader
    tree: Tree
    specs: list[Spec] = field(default_factory=list)

    def at(self, *path: str) -> Folder | Leaf:
        node: Folder | Leaf = self.tree.root
        for name in path:
            assert isinstance(node, Folder), path
            node = node.lookup(self.reader, name.encode("utf-8", "surrogateescape"))
        return node

    def folder(self, *path: str) -> Folder:
        node = self.at(*path)
        assert isinstance(node, Folder)
        return node

    def listed(self, folder: Folder, count: int = 200) -> list[Entry]:
        listing, entries, cookie = folder.open(self.reader), [], 0
        while page := listing.page(self.reader, cookie, count):
            assert all(a.cookie < b.cookie for a, b in pairwise(page))
            assert page[0].cookie > cookie
            entries += page
            cookie = page[-1].cookie
        return entries

    def names(self, *path: str) -> list[str]:
        return [entry.name.decode("utf-8", "surrogateescape") for entry in self.listed(self.folder(*path))]

    def walk(self, folder: Folder) -> Iterator[tuple[Folder, Entry]]:
        for entry in self.listed(folder):
            yield folder, entry
            if isinstance(entry.node, Folder):
                yield from self.walk(entry.node)

    def close(self) -> None:
        self.reader.close()
        self.database.close()


def fill(database: Database, specs: Sequence[Spec], sources: int = 2) -> None:
    """Rows for ``specs``, as the scan and the stages would have written them."""
    together: dict[int, str] = {}
    with database.write() as tx:
        for number in range(sources):
            if tx.value("SELECT 1 FROM source WHERE id=?", (number + 1,)):
                continue
            tx.run(
                "INSERT INTO source(id, name, path, added_ns) VALUES (?, ?, ?, 0)",
                (number + 1, f"Source {number}", b"/nowhere/%d" % number),
            )
            tx.run("INSERT INTO source_state(source, state) VALUES (?, 'online')", (number + 1,))
            files.ensure_folder(tx, number + 1, b"")
        for spec in specs:
            folder_path, _, name = spec.path.rpartition(b"/")
            folder = files.ensure_folder(tx, spec.source + 1, folder_path)
            entry = files.Entry(name, 1000 + spec.content, MTIME, 0)
            files.arrive(tx, folder, folder_path, [entry], 1)
            asset = tx.value("SELECT asset FROM file WHERE folder=? AND name=?", (folder, name))
            if spec.hashed:
                asset = _stages(tx, asset, spec)
            if spec.cluster:
                together[asset] = spec.cluster
    cluster(database, together)


def cluster(database: Database, labels: Mapping[int, str | None]) -> None:
    """Put each asset into the cluster of its label, or out of any; all others stay."""
    if not labels:
        return
    with database.write() as tx:
        embeddings.put(tx, next(iter(labels)), MODEL, [embeddings.Part("image", b"12")])
        model = embeddings.model_id(tx, MODEL.key)
    rows = {spot.asset: spot for spot in clusters.spots(database)}
    rows |= {asset: clusters.Spot(asset, label, 0.0, 0.0) for asset, label in labels.items()}
    clusters.replace(database, model, list(rows.values()))


def _stages(tx: Tx, asset: int, spec: Spec) -> int:
    """The asset that it is found to be."""
    facts = Facts(
        kind=spec.kind,
        mime="image/jpeg",
        captured=CaptureTime(spec.captured, None, "exif") if spec.captured else None,
        position=Position(38.7, -9.1) if spec.place else None,
        camera=Camera(None, spec.camera) if spec.camera else None,
        tags=spec.tags,
        flags=spec.flags,
        problems=(Problem(spec.problem),) if spec.problem else (),
    )
    assets.store_facts(tx, asset, facts)
    for job in jobs.claim(tx, "facts", 100, 60):
        jobs.finish(tx, job)
    asset = assets.identify(tx, asset, hashlib.sha256(b"%d" % spec.content).digest())
    if spec.place:
        assets.set_place(tx, asset, (*spec.place, 38.7, -9.1))
    if spec.preview:
        assets.set_preview(tx, asset, 500 + spec.content, 50, 10, 10, None)
    if spec.text:
        assets.set_text(tx, asset, spec.text)
    if spec.suggested:
        suggestions.set_tags(tx, asset, [(tag, 0.5) for tag in spec.suggested], MODEL.name)
    if spec.caption:
        suggestions.set_caption(tx, asset, spec.caption, MODEL.name)
    return asset


class Library:
    """A made-up library in a temporary folder, for the time of a ``with``."""

    def __init__(self, found: list[Spec]) -> None:
        self._specs = found

    def __enter__(self) -> Made:
        self._folder = tempfile.TemporaryDirectory()
        config = configuration.load(self._folder.name, overrides={"mount": f"{self._folder.name}/mount"})
        database = Database(Path(self._folder.name) / "albumsd.db", create=True)
        fill(database, self._specs)
        reader = database.reader()
        self._made = Made(config, database, reader, Tree(config, reader), self._specs)
        return self._made

    def __exit__(self, *_: object) -> None:
        self._made.close()
        self._folder.cleanup()
