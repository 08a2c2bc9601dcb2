"""Groups of pictures that are alike, named by words, and a place for each on a plane. Arrays in, ``Clusters`` out.

Vectors are reduced by PCA to at most 50 dimensions and cut into centres by MiniBatchKMeans. A centre's word is the one
that is most its own: its likeness to the centre less its mean likeness to all centres, because some words are like
every picture. Centres of one word are one cluster, unless the next word of one of them says nearly as much. A picture
that is about as near to two clusters is in none, and so are clusters of fewer than ``FEWEST``.

**Stable from day to day.** Centres, words and axes stay as they are until more than ``REFIT`` of the library has come
or gone (``changed`` counts); until then new pictures join the nearest cluster and the others stay where they are. A
refit starts from the centres there were, gives each new centre the old one that it came from (Hungarian method over
their cosines), favours its word, leaves a picture in its cluster unless another is clearly nearer, and turns the plane
until the pictures lie as near as possible to where they lay.

Deterministic: order of the input, number of threads and the day do not matter. Nothing here is shared or kept.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from albumsd.core import names

Floats = NDArray[np.float32]
Ids = NDArray[np.int64]
Numbers = NDArray[np.int32]

FEWEST = 3
"""Members of a cluster, at least."""
REFIT = 0.1
MOST = 300
"""Centres, at most."""
_UNCLEAR = 0.02
"""A picture is in no cluster when the second is farther by less than this share of its distance."""
_STICKY = 0.1
"""It stays in its cluster while another is nearer by less than this share."""
_DIMENSIONS = 50
_PCA_SAMPLE = 20_000
_MEANS_SAMPLE = 100_000
_SEED = 20
_AT_ONCE = 8192
_NEXT_WORD = 0.75
_PLAIN_LIKENESS = 0.1
_OWN_WORD = 1.5
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


def cluster(
    ids: NDArray[np.integer],
    vectors: NDArray[np.floating],
    words: Sequence[str],
    word_vectors: NDArray[np.floating],
    previous: Clusters | None = None,
) -> Clusters:
    """Clusters of pictures ``ids`` (n,) with ``vectors`` (n, d), named by ``words`` with ``word_vectors`` (w, d).

    ``previous``: those of the day before, by the same model; of another size they are ignored. Without words clusters
    have numbers. A picture whose vector is zero or not finite is in none. Raises ValueError for shapes that do not fit
    and for an id that stands there twice.
    """
    order = np.argsort(ids, kind="stable")
    own: Ids = np.asarray(ids, np.int64)[order]
    if own.ndim != 1 or np.ndim(vectors) != 2 or len(vectors) != len(own) or (np.diff(own) == 0).any():
        raise ValueError("one vector for each id, and no id twice")
    if len(words) != len(word_vectors):
        raise ValueError("one vector for each word")
    known, meanings = _vocabulary(words, np.asarray(word_vectors, np.float32))
    digest = hashlib.sha256("\0".join(known).encode() + meanings.tobytes()).hexdigest()[:16]
    rows, good = _unit(np.asarray(vectors)[order])
    if previous is not None and (previous.axes.shape[1:] != rows.shape[1:] or not len(previous.centres)):
        previous = None
    if previous is not None:
        moved = previous.changed + len(np.setxor1d(own, previous.ids, assume_unique=True))
        if moved <= REFIT * len(own):
            same = replace(previous, changed=moved)
            if digest != previous.vocabulary:
                same = _named(same, rows[good], known, meanings, digest, None)
            return _placed(same, own, rows, good, previous)
    if good.sum() < FEWEST:
        return _none(own, rows.shape[1], digest)
    fitted = _fit(own, rows, good, previous)
    fitted = _named(fitted, rows[good], known, meanings, digest, previous)
    return _placed(fitted, own, rows, good, previous)


def _none(ids: Ids, dimensions: int, digest: str) -> Clusters:
    n = len(ids)
    return Clusters(
        ids=ids, assignments=np.full(n, -1, np.int32), labels=(), centroids=np.empty((0, dimensions), np.float32),
        coordinates=np.full((n, 2), 0.5, np.float32), centres=np.empty((0, 0), np.float32),
        of=np.empty(0, np.int32), mean=np.zeros(dimensions, np.float32), axes=np.empty((0, dimensions), np.float32),
        plane=np.array([[0, 0], [0, 0], [0.5, 0.5]], np.float32), changed=0, vocabulary=digest,
    )  # fmt: skip


def _unit(vectors: NDArray[np.floating]) -> tuple[Floats, NDArray[np.bool_]]:
    """Rows of length one, and which have a direction at all; the others are zero."""
    rows = np.array(vectors, np.float32)
    rows[~np.isfinite(rows).all(axis=1)] = 0
    lengths = np.linalg.norm(rows, axis=1)
    good = lengths > 0
    rows[good] /= lengths[good, None]
    return rows, good


def _vocabulary(words: Sequence[str], vectors: Floats) -> tuple[list[str], Floats]:
    """Words that can name a folder, each once, and their vectors of length one."""
    kept: dict[str, tuple[str, int]] = {}
    for number, word in enumerate(words):
        name = names.sanitise(" ".join(word.split()))
        if any(letter.isalnum() for letter in word):
            kept.setdefault(names.name_key(name), (name, number))
    units, good = _unit(vectors[[number for _, number in kept.values()]]) if kept else (vectors[:0], np.zeros(0, bool))
    return [name for (name, _), fine in zip(kept.values(), good) if fine], units[good]


def _sample(count: int, most: int) -> NDArray[np.int64]:
    return np.unique(np.linspace(0, count - 1, min(count, most)).astype(np.int64))


def _reduced(rows: Floats, mean: Floats, axes: Floats) -> Floats:
    """(n, p); in pieces, so that no second copy of all vectors is made."""
    out = np.empty((len(rows), len(axes)), np.float32)
    for begin in range(0, len(rows), _AT_ONCE):
        out[begin : begin + _AT_ONCE] = (rows[begin : begin + _AT_ONCE] - mean) @ axes.T
    return out


def centres_for(count: int) -> int:
    """How many centres so many pictures get: the square root of their half, at least 8 where there are enough."""
    return int(min(max(round((count / 2) ** 0.5), 8), MOST, max(1, count // FEWEST)))


# --- finding -------------------------------------------------------------------------------------------


def _fit(ids: Ids, rows: Floats, good: NDArray[np.bool_], previous: Clusters | None) -> Clusters:
    """Axes, centres and plane. Centre i of the result came from centre i of ``previous``, where there is one."""
    from sklearn.cluster import MiniBatchKMeans
    from sklearn.decomposition import PCA
    from threadpoolctl import threadpool_limits

    known = rows[good]
    with threadpool_limits(1):  # sums over several threads come out in another order each time
        sample = known[_sample(len(known), _PCA_SAMPLE)]
        pca = PCA(min(_DIMENSIONS, sample.shape[1], len(sample)), svd_solver="randomized", random_state=_SEED)
        pca.fit(sample)  # gives each axis the sign with which its largest component is positive
        mean, axes = pca.mean_.astype(np.float32), pca.components_.astype(np.float32)
        points = _reduced(known, mean, axes)
        some = points[_sample(len(points), _MEANS_SAMPLE)]
        count = min(centres_for(len(known)), len(np.unique(some.round(4), axis=0)))
        begin: Any = "k-means++"
        if previous is not None:
            begin = _begin(_reduced(_whole(previous), mean, axes), some, max(count, len(previous.centres)))
            count = len(begin)
        means = MiniBatchKMeans(
            count, init=begin, n_init=3 if previous is None else 1, batch_size=4096, max_iter=60,
            random_state=_SEED, reassignment_ratio=0.01 if previous is None else 0.0,
        )  # fmt: skip
        centres = means.fit(some).cluster_centers_.astype(np.float32)
    if previous is not None:
        centres = _matched(centres @ axes + mean, _whole(previous), centres)
    found = _none(ids, rows.shape[1], "")
    return replace(
        found, mean=mean, axes=axes, centres=centres, plane=_plane(points[:, :2], ids[good], previous),
        of=np.arange(len(centres), dtype=np.int32), changed=0,
    )  # fmt: skip


def _whole(clusters: Clusters) -> Floats:
    """Its centres in the space of the vectors."""
    return clusters.centres @ clusters.axes + clusters.mean


def _begin(centres: Floats, points: Floats, count: int) -> Floats:
    """``count`` centres to begin with: those there were, then again and again the point that is farthest from all."""
    count = min(count, len(np.unique(points.round(4), axis=0)))
    chosen = centres[:count]
    nearest = np.full(len(points), np.inf, np.float32)
    for centre in chosen:
        nearest = np.minimum(nearest, ((points - centre) ** 2).sum(axis=1))
    while len(chosen) < count:
        # of all points by their distance the one at 95 %: the farthest ones are like nothing at all
        centre = points[np.argsort(nearest, kind="stable")[int(0.95 * (len(points) - 1))]]
        chosen = np.concatenate([chosen, centre[None]])
        nearest = np.minimum(nearest, ((points - centre) ** 2).sum(axis=1))
    return chosen


def _matched(whole: Floats, before: Floats, centres: Floats) -> Floats:
    """``centres`` in the order of those ``before`` that they came from, the further ones behind."""
    from scipy.optimize import linear_sum_assignment

    new, old = _unit(whole - before.mean(axis=0))[0], _unit(before - before.mean(axis=0))[0]
    taken, came_from = linear_sum_assignment(-(new @ old.T))
    further = np.setdiff1d(np.arange(len(centres)), taken)
    order: Ids = np.concatenate([taken[np.argsort(came_from)], further])
    return np.asarray(centres[order])


def _plane(points: Floats, ids: Ids, previous: Clusters | None) -> Floats:
    """How the first two dimensions become coordinates: turned towards ``previous``, then one scale for both axes."""
    flat = np.zeros((len(points), 2), np.float64)
    flat[:, : points.shape[1]] = points
    turn = np.eye(2)
    if previous is not None:
        _, here, there = np.intersect1d(ids, previous.ids, assume_unique=True, return_indices=True)
        if len(here) >= 2:
            # orthogonal Procrustes (Schönemann 1966)
            goal = previous.coordinates[there].astype(np.float64)
            left, _, right = np.linalg.svd((flat[here] - flat[here].mean(axis=0)).T @ (goal - goal.mean(axis=0)))
            turn = left @ right
    turned = flat @ turn
    low, high = turned.min(axis=0), turned.max(axis=0)
    scale = 0.96 / max(float((high - low).max()), 1e-9)
    return np.concatenate([turn * scale, [0.5 - (low + high) / 2 * scale]]).astype(np.float32)


# --- placing -------------------------------------------------------------------------------------------


def _nearest(clusters: Clusters, points: Floats) -> Floats:
    """Distance of each point to each cluster, that is to its nearest centre: (n, c); centres without a name are
    the last column."""
    order = np.argsort(np.where(clusters.of < 0, len(clusters.labels), clusters.of), kind="stable")
    of = np.where(clusters.of < 0, len(clusters.labels), clusters.of)[order]
    centres = clusters.centres[order]
    squares = (points**2).sum(axis=1)[:, None] - 2 * points @ centres.T + (centres**2).sum(axis=1)
    starts = np.flatnonzero(np.diff(of, prepend=-1))
    out = np.full((len(points), len(clusters.labels) + 1), np.inf, np.float32)
    out[:, of[starts]] = np.sqrt(np.maximum(np.minimum.reduceat(squares, starts, axis=1), 0))
    return out


def _placed(clusters: Clusters, ids: Ids, rows: Floats, good: NDArray[np.bool_], previous: Clusters | None) -> Clusters:
    """Every picture put into its cluster and on the plane."""
    before = np.full(len(ids), -1, np.int32)
    if previous is not None:
        number = {label: n for n, label in enumerate(clusters.labels)}
        renamed = np.array([number.get(label, -1) for label in previous.labels] + [-1], np.int32)
        _, here, there = np.intersect1d(ids, previous.ids, assume_unique=True, return_indices=True)
        before[here] = renamed[previous.assignments[there]]
    assignments = np.full(len(ids), -1, np.int32)
    coordinates = np.full((len(ids), 2), 0.5, np.float32)
    known = np.flatnonzero(good)
    for begin in range(0, len(known), _AT_ONCE):
        part = known[begin : begin + _AT_ONCE]
        points = _reduced(rows[part], clusters.mean, clusters.axes)
        assignments[part] = _chosen(_nearest(clusters, points), before[part])
        flat = np.zeros((len(part), 2), np.float32)
        flat[:, : points.shape[1]] = points[:, :2]
        coordinates[part] = np.clip(flat @ clusters.plane[:2] + clusters.plane[2], 0, 1)
    return replace(clusters, ids=ids, assignments=assignments, coordinates=coordinates)


def _chosen(distances: Floats, before: Numbers) -> Numbers:
    """The cluster of each picture, given the distance to each (the last column is none) and where it was."""
    each = np.arange(len(distances))
    first = distances.argmin(axis=1)
    least = distances[each, first]
    others = distances.copy()
    others[each, first] = np.inf
    second = others.min(axis=1)
    none = distances.shape[1] - 1
    clear = (first != none) & (second - least >= _UNCLEAR * np.minimum(second, 1e9))
    stays = (before >= 0) & (distances[each, before] * (1 - _STICKY) <= least)
    return np.where(stays, before, np.where(clear, first, -1)).astype(np.int32)


# --- naming --------------------------------------------------------------------------------------------


def _named(
    clusters: Clusters, rows: Floats, words: list[str], meanings: Floats, digest: str, previous: Clusters | None
) -> Clusters:
    """The clusters with words, centres of one word joined, those of too few pictures without one."""
    centroids, sizes = _centroids(clusters, rows)
    big = np.flatnonzero(sizes >= FEWEST)
    if not len(big):
        return replace(clusters, labels=(), of=np.full(len(clusters.of), -1, np.int32), vocabulary=digest)
    before = [previous.labels[n] if n >= 0 else None for n in previous.of] if previous is not None else []
    if words:
        chosen = _words(centroids[big], sizes[big], big, words, meanings, before)
    else:
        chosen = _numbers(big, before)
    kept = sorted(set(chosen.values()), key=lambda label: min(n for n in chosen if chosen[n] == label))
    of = np.full(len(clusters.of), -1, np.int32)
    for centre, label in chosen.items():
        of[centre] = kept.index(label)
    sums = np.stack([(centroids[of == n] * sizes[of == n, None]).sum(axis=0) for n in range(len(kept))])
    return replace(clusters, labels=tuple(kept), of=of, centroids=_unit(sums)[0], vocabulary=digest)


def _centroids(clusters: Clusters, rows: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """The mean of the pictures nearest to each centre, of length one, and how many they are."""
    sums = np.zeros((len(clusters.centres), rows.shape[1]), np.float64)
    sizes = np.zeros(len(clusters.centres), np.int64)
    lengths = (clusters.centres**2).sum(axis=1)
    for begin in range(0, len(rows), _AT_ONCE):
        part = rows[begin : begin + _AT_ONCE]
        points = _reduced(part, clusters.mean, clusters.axes)
        nearest = (lengths - 2 * points @ clusters.centres.T).argmin(axis=1)
        order = np.argsort(nearest, kind="stable")
        found, starts, counts = np.unique(nearest[order], return_index=True, return_counts=True)
        sums[found] += np.add.reduceat(part[order].astype(np.float64), starts, axis=0)
        sizes[found] += counts
    return _unit(sums)[0], sizes


def _words(
    centroids: Floats,
    sizes: NDArray[np.int64],
    centres: NDArray[np.int64],
    words: list[str],
    meanings: Floats,
    before: list[str | None],
) -> dict[int, str]:
    """{centre: word}. Big ones choose first; who finds its word taken by something unlike it takes its next best."""
    likeness = centroids @ meanings.T
    score = likeness - likeness.mean(axis=0) + _PLAIN_LIKENESS * likeness
    at = {word: n for n, word in enumerate(words)}
    for row, centre in enumerate(centres.tolist()):
        own = before[centre] if centre < len(before) else None
        if own in at:
            score[row, at[own]] *= _OWN_WORD if score[row, at[own]] > 0 else 1 / _OWN_WORD
    middle = np.average(centroids, axis=0, weights=sizes)
    directions = _unit(centroids - middle)[0]
    holders: dict[int, list[int]] = {}
    for row in np.lexsort((centres, -sizes)).tolist():
        best = int(score[row].argmax())
        word = best
        if best in holders and max(float(directions[row] @ directions[other]) for other in holders[best]) < 0:
            free = [n for n in np.argsort(-score[row], kind="stable").tolist()[:8] if n not in holders]
            word = next((n for n in free if score[row, n] >= _NEXT_WORD * score[row, best] > 0), best)
        holders.setdefault(word, []).append(row)
    return {int(centres[row]): words[word] for word, rows in holders.items() for row in rows}


def _numbers(centres: NDArray[np.int64], before: list[str | None]) -> dict[int, str]:
    """{centre: "group 7"}, where there are no words; who has a number keeps it."""
    chosen = {n: before[n] for n in centres.tolist() if n < len(before)}
    taken = {label for label in chosen.values() if label}
    free = (label for n in range(1, 2 * len(centres) + len(taken) + 1) if (label := f"group {n}") not in taken)
    return {n: chosen.get(n) or next(free) for n in centres.tolist()}
