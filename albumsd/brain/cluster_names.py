"""The words of clusters: which of a vocabulary is most a centre's own, and who keeps the word that it had.

A centre's word is the one whose likeness to it is greatest, less the mean likeness of that word to all centres, because
some words are like every picture. Big centres choose first. Centres of one word are one cluster; who finds its word
taken by something unlike it takes its next best, if that says nearly as much. Without words clusters have numbers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from albumsd.core import names

from .groups import Clusters, Floats, Pictures, blocks, unit

FEWEST = 3
"""Members of a cluster, at least."""
_NEXT_WORD = 0.75
_PLAIN_LIKENESS = 0.1
_OWN_WORD = 1.5


class Vocabulary(NamedTuple):
    """Words that can name a folder, each once, their vectors of length one (w, d), and a hash of both."""

    words: list[str]
    meanings: Floats
    digest: str


def vocabulary(words: Sequence[str], vectors: NDArray[np.floating]) -> Vocabulary:
    """Raises ValueError when there is not one vector for each word."""
    if len(words) != len(vectors):
        raise ValueError("one vector for each word")
    vectors = np.asarray(vectors, np.float32)
    kept: dict[str, tuple[str, int]] = {}
    for number, word in enumerate(words):
        name = names.sanitise(" ".join(word.split()))
        if any(letter.isalnum() for letter in word):
            kept.setdefault(names.name_key(name), (name, number))
    units, good = unit(vectors[[number for _, number in kept.values()]]) if kept else (vectors[:0], np.zeros(0, bool))
    known = [name for (name, _), fine in zip(kept.values(), good, strict=True) if fine]
    meanings = units[good]
    return Vocabulary(known, meanings, hashlib.sha256("\0".join(known).encode() + meanings.tobytes()).hexdigest()[:16])


def named(clusters: Clusters, pictures: Pictures, known: Vocabulary, previous: Clusters | None) -> Clusters:
    """The clusters with words, centres of one word joined, those of too few pictures without one."""
    centroids, sizes = _centroids(clusters, pictures)
    big = np.flatnonzero(sizes >= FEWEST)
    if not len(big):
        return replace(clusters, labels=(), of=np.full(len(clusters.of), -1, np.int32), vocabulary=known.digest)
    before = [previous.labels[n] if n >= 0 else None for n in previous.of] if previous is not None else []
    if known.words:
        chosen = _words(centroids[big], sizes[big], big, known, before)
    else:
        chosen = _numbers(big, before)
    kept = sorted(set(chosen.values()), key=lambda label: min(n for n in chosen if chosen[n] == label))
    of = np.full(len(clusters.of), -1, np.int32)
    for centre, label in chosen.items():
        of[centre] = kept.index(label)
    sums = np.stack([(centroids[of == n] * sizes[of == n, None]).sum(axis=0) for n in range(len(kept))])
    return replace(clusters, labels=tuple(kept), of=of, centroids=unit(sums)[0], vocabulary=known.digest)


def _centroids(clusters: Clusters, pictures: Pictures) -> tuple[Floats, NDArray[np.int64]]:
    """The mean of the pictures nearest to each centre, of length one, and how many they are."""
    sums = np.zeros((len(clusters.centres), pictures.dimensions), np.float64)
    sizes = np.zeros(len(clusters.centres), np.int64)
    lengths = (clusters.centres**2).sum(axis=1)
    for at in blocks(pictures.good):
        part = pictures.rows(at)
        points = (part - clusters.mean) @ clusters.axes.T
        nearest = (lengths - 2 * points @ clusters.centres.T).argmin(axis=1)
        order = np.argsort(nearest, kind="stable")
        found, starts, counts = np.unique(nearest[order], return_index=True, return_counts=True)
        sums[found] += np.add.reduceat(part[order].astype(np.float64), starts, axis=0)
        sizes[found] += counts
    return unit(sums)[0], sizes


def _words(
    centroids: Floats,
    sizes: NDArray[np.int64],
    centres: NDArray[np.int64],
    known: Vocabulary,
    before: list[str | None],
) -> dict[int, str]:
    """{centre: word}. Big ones choose first; who finds its word taken by something unlike it takes its next best."""
    words = known.words
    likeness = centroids @ known.meanings.T
    score = likeness - likeness.mean(axis=0) + _PLAIN_LIKENESS * likeness
    at = {word: n for n, word in enumerate(words)}
    for row, centre in enumerate(centres.tolist()):
        own = before[centre] if centre < len(before) else None
        if own in at:
            score[row, at[own]] *= _OWN_WORD if score[row, at[own]] > 0 else 1 / _OWN_WORD
    middle = np.average(centroids, axis=0, weights=sizes)
    directions = unit(centroids - middle)[0]
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
