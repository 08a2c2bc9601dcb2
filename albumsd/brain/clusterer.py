"""Groups of pictures that are alike, named by words, and a place for each on a plane. Arrays in, ``Clusters`` out.

Vectors are reduced by PCA to at most 50 dimensions and cut into centres by MiniBatchKMeans; both look at a sample where
there are very many, and then all pictures are placed, a block at a time. Each centre gets a word (``cluster_names``);
centres of one word are one cluster. A picture that is about as near to two clusters is in none, and so are clusters of
fewer than ``FEWEST``.

**Stable from day to day.** Centres, words and axes stay as they are until more than ``REFIT`` of the library has come
or gone (``changed`` counts); until then new pictures join the nearest cluster and the others stay where they are. A
refit starts from the centres there were, gives each new centre the old one that it came from (Hungarian method over
their cosines), favours its word, leaves a picture in its cluster unless another is clearly nearer, and turns the plane
until the pictures lie as near as possible to where they lay.

Deterministic: order of the input, number of threads and the day do not matter. Nothing here is shared or kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .cluster_names import FEWEST, named, vocabulary
from .groups import Clusters, Floats, Ids, Numbers, Pictures, blocks, unit

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
_BYTES = 600
"""Of each picture besides its vector: where it is, where it was, and its row on the way into the store."""
_FIXED_BYTES = 500_000_000
"""scikit-learn, the samples, and what a block takes."""


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
    pictures = Pictures(ids, vectors)
    known = vocabulary(words, word_vectors)
    if previous is not None and (previous.axes.shape[1] != pictures.dimensions or not len(previous.centres)):
        previous = None
    if previous is not None:
        moved = previous.changed + len(np.setxor1d(pictures.ids, previous.ids, assume_unique=True))
        if moved <= REFIT * len(pictures):
            same = replace(previous, changed=moved)
            if known.digest != previous.vocabulary:
                same = named(same, pictures, known, None)
            return _placed(same, pictures, previous)
    if len(pictures.good) < FEWEST:
        return _none(pictures, known.digest)
    return _placed(named(_fit(pictures, previous), pictures, known, previous), pictures, previous)


def memory(count: int, dimensions: int) -> int:
    """Bytes that a process needs for clusters of so many pictures, whose vectors it holds as float16."""
    return count * (2 * dimensions + _BYTES) + _FIXED_BYTES


def _none(pictures: Pictures, digest: str) -> Clusters:
    n, dimensions = len(pictures), pictures.dimensions
    return Clusters(
        ids=pictures.ids, assignments=np.full(n, -1, np.int32), labels=(),
        centroids=np.empty((0, dimensions), np.float32), coordinates=np.full((n, 2), 0.5, np.float32),
        centres=np.empty((0, 0), np.float32), of=np.empty(0, np.int32), mean=np.zeros(dimensions, np.float32),
        axes=np.empty((0, dimensions), np.float32),
        plane=np.array([[0, 0], [0, 0], [0.5, 0.5]], np.float32), changed=0, vocabulary=digest,
    )  # fmt: skip


def _sample(count: int, most: int) -> NDArray[np.int64]:
    return np.unique(np.linspace(0, count - 1, min(count, most)).astype(np.int64))


def centres_for(count: int) -> int:
    """How many centres so many pictures get: the square root of their half, at least 8 where there are enough."""
    return int(min(max(round((count / 2) ** 0.5), 8), MOST, max(1, count // FEWEST)))


# --- finding -------------------------------------------------------------------------------------------


def _fit(pictures: Pictures, previous: Clusters | None) -> Clusters:
    """Axes, centres and plane. Centre i of the result came from centre i of ``previous``, where there is one."""
    from sklearn.cluster import MiniBatchKMeans
    from sklearn.decomposition import PCA
    from threadpoolctl import threadpool_limits

    good = pictures.good
    with threadpool_limits(1):  # sums over several threads come out in another order each time
        sample = pictures.rows(good[_sample(len(good), _PCA_SAMPLE)])
        pca = PCA(min(_DIMENSIONS, sample.shape[1], len(sample)), svd_solver="randomized", random_state=_SEED)
        pca.fit(sample)  # gives each axis the sign with which its largest component is positive
        mean, axes = pca.mean_.astype(np.float32), pca.components_.astype(np.float32)
        some = pictures.reduced(good[_sample(len(good), _MEANS_SAMPLE)], mean, axes)
        count = min(centres_for(len(good)), len(np.unique(some.round(4), axis=0)))
        begin: Any = "k-means++"
        if previous is not None:
            begin = _begin((_whole(previous) - mean) @ axes.T, some, max(count, len(previous.centres)))
            count = len(begin)
        means = MiniBatchKMeans(
            count, init=begin, n_init=3 if previous is None else 1, batch_size=4096, max_iter=60,
            random_state=_SEED, reassignment_ratio=0.01 if previous is None else 0.0,
        )  # fmt: skip
        centres = means.fit(some).cluster_centers_.astype(np.float32)
    if previous is not None:
        centres = _matched(centres @ axes + mean, _whole(previous), centres)
    flat = pictures.reduced(good, mean, axes[:2])
    return replace(
        _none(pictures, ""), mean=mean, axes=axes, centres=centres, plane=_plane(flat, pictures.ids[good], previous),
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

    new, old = unit(whole - before.mean(axis=0))[0], unit(before - before.mean(axis=0))[0]
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


def _placed(clusters: Clusters, pictures: Pictures, previous: Clusters | None) -> Clusters:
    """Every picture put into its cluster and on the plane."""
    ids = pictures.ids
    before = np.full(len(ids), -1, np.int32)
    if previous is not None:
        number = {label: n for n, label in enumerate(clusters.labels)}
        renamed = np.array([number.get(label, -1) for label in previous.labels] + [-1], np.int32)
        _, here, there = np.intersect1d(ids, previous.ids, assume_unique=True, return_indices=True)
        before[here] = renamed[previous.assignments[there]]
    assignments = np.full(len(ids), -1, np.int32)
    coordinates = np.full((len(ids), 2), 0.5, np.float32)
    for part in blocks(pictures.good):
        points = pictures.reduced(part, clusters.mean, clusters.axes)
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
