"""What clusters are (``Clusters``), and the vectors that they are made of (``Pictures``). Nothing is decided here.

Vectors are read a block at a time: a million of 512 dimensions are a gigabyte as they come, and every copy of all of
them would be two more. So they stay as they were given; whoever wants some gets those, as float32 and of length one.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ids = NDArray[np.int64]
Numbers = NDArray[np.int32]

AT_ONCE = 8192
_ARRAYS = ("ids", "assignments", "coordinates", "centroids", "centres", "of", "mean", "axes", "plane")


@dataclass(frozen=True, eq=False)
class Clusters:
    """The clusters of one day. ``n`` pictures, ``c`` clusters, ``r`` centres, ``d`` dimensions, ``p`` of them kept."""

    ids: Ids
    """(n,), ascending."""
    assignments: Numbers
    """(n,), into ``labels``; -1: in none."""
    labels: tuple[str, ...]
    """Unique also without regard to case, and legal as names of folders."""
    centroids: Floats
    """(c, d), of length one."""
    coordinates: Floats
    """(n, 2), within [0, 1]."""
    centres: Floats
    """(r, p): what k-means found."""
    of: Numbers
    """(r,): the cluster of a centre; -1 for one that had too few."""
    mean: Floats
    """(d,)"""
    axes: Floats
    """(p, d), orthonormal."""
    plane: Floats
    """(3, 2): the reduced first two dimensions times its first two rows, plus its last, are coordinates."""
    changed: int
    """Pictures that came or went since the centres were found."""
    vocabulary: str
    """Hash of the words and their vectors."""

    def rows(self) -> list[tuple[int, str | None, float, float]]:
        """(id, label or None, x, y) of every picture."""
        return [
            (int(row), self.labels[cluster] if cluster >= 0 else None, float(x), float(y))
            for row, cluster, (x, y) in zip(self.ids, self.assignments, self.coordinates, strict=True)
        ]

    def members(self, label: str) -> Ids:
        """Raises ValueError for a label that is not there."""
        found: Ids = self.ids[self.assignments == self.labels.index(label)]
        return found

    def to_bytes(self) -> bytes:
        """All of it; the same for the same clusters."""
        about = json.dumps({"labels": self.labels, "changed": self.changed, "vocabulary": self.vocabulary})
        out = io.BytesIO()
        np.savez(
            out,
            allow_pickle=False,
            about=np.frombuffer(about.encode(), np.uint8),
            **{name: getattr(self, name) for name in _ARRAYS},
        )
        return out.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> Clusters:
        """The inverse of ``to_bytes``. Raises ValueError for anything else."""
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as found:
                about = json.loads(found["about"].tobytes())
                arrays = {name: found[name] for name in _ARRAYS}
            return cls(
                labels=tuple(about["labels"]), changed=int(about["changed"]), vocabulary=about["vocabulary"], **arrays
            )
        except Exception as error:  # zipfile, numpy and json each have errors of their own for damaged bytes
            raise ValueError(f"these are no clusters: {error}") from error


class Pictures:
    """Vectors (n, d) under ``ids``, which ascend here whatever the order they come in. Positions are those of ``ids``.

    ``good``: positions of the vectors that have a direction, neither zero nor with something that is not finite.
    Raises ValueError for shapes that do not fit and for an id that stands there twice.
    """

    def __init__(self, ids: NDArray[np.integer], vectors: NDArray[np.floating]) -> None:
        own: Ids = np.asarray(ids, np.int64)
        self._vectors = np.asarray(vectors)
        if own.ndim != 1 or self._vectors.ndim != 2 or len(self._vectors) != len(own):
            raise ValueError("one vector for each id, and no id twice")
        self._order: Ids = np.argsort(own, kind="stable")
        self.ids: Ids = own[self._order]
        if (np.diff(self.ids) == 0).any():
            raise ValueError("one vector for each id, and no id twice")
        self.dimensions = self._vectors.shape[1]
        fine = [unit(self._vectors[self._order[part]])[1] for part in blocks(np.arange(len(own)))]
        self.good: Ids = np.flatnonzero(np.concatenate(fine)) if fine else np.empty(0, np.int64)

    def __len__(self) -> int:
        return len(self.ids)

    def rows(self, at: Ids) -> Floats:
        """Those at positions ``at``, of length one; zero for one without a direction."""
        return unit(self._vectors[self._order[at]])[0]

    def reduced(self, at: Ids, mean: Floats, axes: Floats) -> Floats:
        """(len(at), p): them by ``axes`` (p, d) from ``mean``."""
        out = np.empty((len(at), len(axes)), np.float32)
        begin = 0
        for part in blocks(at):
            out[begin : begin + len(part)] = (self.rows(part) - mean) @ axes.T
            begin += len(part)
        return out


def blocks(at: Ids) -> Iterator[Ids]:
    """``at`` in pieces of AT_ONCE."""
    return (at[begin : begin + AT_ONCE] for begin in range(0, len(at), AT_ONCE))


def unit(vectors: NDArray[np.floating]) -> tuple[Floats, NDArray[np.bool_]]:
    """Rows of length one, and which have a direction at all; the others are zero."""
    rows = np.array(vectors, np.float32)
    rows[~np.isfinite(rows).all(axis=1)] = 0
    lengths = np.linalg.norm(rows, axis=1)
    good = lengths > 0
    rows[good] /= lengths[good, None]
    return rows, good
