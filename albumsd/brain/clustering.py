"""The child process that puts alike pictures together: ``python -m albumsd.brain.clustering``. See ``clusters``.

It reads one ``Order`` from standard input, the vectors from the store, and writes the clusters (``store.clusters``). An
asset's vector is the mean of its pictures' (a video has several); documents are read, not seen, and are in no cluster.

Before it takes all vectors it looks whether there is memory for them. If not it says so and ends, and clusters stay as
they are: better old ones than a system that looks for something to kill.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from albumsd.ml.confine import die_with_parent
from albumsd.store import clusters, embeddings
from albumsd.store.database import Database, Tx
from albumsd.vectors import memory

from . import clusterer
from .groups import Clusters as Found

PAGE = 5000


class Order(NamedTuple):
    """``model``: the id of its rows. ``words``: fingerprint of ``said``; ``vectors`` (words, dimensions)."""

    database: str
    model: int
    words: str | None
    said: tuple[str, ...]
    vectors: NDArray[np.float32]

    def to_bytes(self) -> bytes:
        out = io.BytesIO()
        about = json.dumps([self.database, self.model, self.words, self.said])
        np.savez(out, about=np.frombuffer(about.encode(), np.uint8), vectors=self.vectors)
        return out.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> Order:
        with np.load(io.BytesIO(data), allow_pickle=False) as found:
            database, model, words, said = json.loads(found["about"].tobytes())
            return cls(database, model, words, tuple(said), found["vectors"])


class About(NamedTuple):
    """The first line of the state in ``store.clusters``, before the clusterer's own bytes: which rows were looked at
    (``embeddings.Version``), and the fingerprint of the words."""

    last: int
    rows: int
    words: str | None

    def before(self, found: Found) -> bytes:
        return json.dumps(self).encode() + b"\n" + found.to_bytes()

    @classmethod
    def read(cls, state: bytes) -> About | None:
        """None for what another version has written."""
        try:
            return cls(*json.loads(state.partition(b"\n")[0]))
        except (ValueError, TypeError):
            return None


def previous(tx: Tx, model: int) -> Found | None:
    """The clusters of the last time, if they were of this model."""
    last = clusters.current(tx)
    if last is None or last.model != model:
        return None
    try:
        return Found.from_bytes(last.state.partition(b"\n")[2])
    except ValueError:
        return None


def pictures(tx: Tx, model: int, dimensions: int) -> tuple[NDArray[np.int64], NDArray[np.float16]]:
    """Every asset with a picture, ascending, and the sum of its vectors, which has the direction of their mean."""
    assets = np.array(
        [row[0] for row in tx.all(
            "SELECT DISTINCT asset FROM embedding WHERE model=? AND tower='image' ORDER BY asset", (model,)
        )], np.int64,
    )  # fmt: skip
    sums = np.zeros((len(assets), dimensions), np.float16)
    after = 0
    while rows := embeddings.since(tx, model, after, PAGE):
        after = rows[-1].id
        seen = [row for row in rows if row.tower == "image"]
        at = np.searchsorted(assets, [row.asset for row in seen])
        known = np.flatnonzero(
            (at < len(assets)) & (assets[np.minimum(at, len(assets) - 1)] == [r.asset for r in seen])
        )
        vectors = np.frombuffer(b"".join(seen[n].vector for n in known), "<f2").reshape(-1, dimensions)
        if len(known):
            order = np.argsort(at[known], kind="stable")
            own, starts = np.unique(at[known][order], return_index=True)
            sums[own] = sums[own] + np.add.reduceat(vectors[order].astype(np.float32), starts, axis=0)
    return assets, sums


def run(order: Order) -> int:
    """How many assets went to another cluster or place. Raises MemoryError when there is too little of it."""
    with Database(Path(order.database)) as database:
        row = next((row for row in embeddings.models(database) if row.id == order.model), None)
        if row is None:
            return 0
        version = embeddings.version(database, order.model)
        needed, free = clusterer.memory(version.rows, row.dimensions), memory.free()
        if needed > free:
            raise MemoryError(f"they need {needed / 1e9:.1f} GB of memory, {free / 1e9:.1f} GB are free")
        assets, vectors = pictures(database, order.model, row.dimensions)
        said = order.vectors if len(order.said) else np.zeros((0, row.dimensions), np.float32)
        found = clusterer.cluster(assets, vectors, order.said, said, previous(database, order.model))
        centroids = {
            label: centroid.astype("<f4").tobytes()
            for label, centroid in zip(found.labels, found.centroids, strict=True)
        }
        state = About(version.last, version.rows, order.words).before(found)
        return clusters.replace(database, order.model, found.rows(), centroids, state)


def main() -> int:
    parser = argparse.ArgumentParser(prog="albumsd.brain.clustering")
    parser.add_argument("--parent", type=int, required=True)
    parser.add_argument("--nice", type=int, default=0)
    options = parser.parse_args()
    die_with_parent(options.parent)
    os.umask(0o077)
    os.nice(options.nice)
    try:
        run(Order.from_bytes(sys.stdin.buffer.read()))
    except MemoryError as error:
        print(f"the clusters stay as they are: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
