"""The nearest of 100k and 1M vectors: time and recall, against numpy over float32 in the same run.

Vectors as awkward as those of pictures can be: half of them lie in heavy-tailed clusters of very different sizes, half
in all directions of a space of 128 dimensions, plus noise in all 512. Queries are vectors of the set with 40 % noise.
Further rows are hnswlib's graph over vectors in tight bursts, which it can hold. Each is asked for the nearest ten, and
for as many as a search of albumsd asks for.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from harness import timing
from harness.bench import Bench, Context
from harness.table import Row, Target

DIMENSIONS, LATENT, K = 512, 128, 10
SEARCH = 1064
"""What `albumsd.vectors` calls NEAREST."""
NARROW = 50_000
_AT_ONCE = 50_000
_TARGET_S = {100_000: 0.040, 1_000_000: 0.120}
"""Of the 100 and 250 ms that `ls search/<query>` may take in all."""
RECALL = 0.98


def _unit(rows: Any) -> Any:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def mixture(count: int, seed: int = 20) -> Iterator[Any]:
    """``count`` unit vectors as float16, in pieces."""
    rng = np.random.default_rng(seed)
    basis = np.linalg.qr(rng.standard_normal((DIMENSIONS, LATENT)))[0].T.astype(np.float32)
    clusters = int(count**0.5)
    centres = rng.standard_normal((clusters, LATENT), np.float32)
    sizes = rng.pareto(1.2, clusters) + 0.1
    spread = 0.3 + 0.5 * rng.random(clusters, np.float32)
    for begin in range(0, count, _AT_ONCE):
        rows = min(_AT_ONCE, count - begin)
        points = rng.standard_normal((rows, LATENT), np.float32)
        near = rng.random(rows) < 0.5
        which = rng.choice(clusters, rows, p=sizes / sizes.sum())
        tails = np.sqrt(3 / rng.chisquare(3, rows)).astype(np.float32) * spread[which]  # Student's t, 3 degrees
        points[near] = centres[which[near]] + points[near] * tails[near, None]
        noise = 0.1 * (LATENT / DIMENSIONS) ** 0.5 * rng.standard_normal((rows, DIMENSIONS), np.float32)
        yield _unit(points @ basis + noise).astype(np.float16)


def bursts(count: int, seed: int = 20) -> Any:
    """``count`` unit vectors, some 30 of each event."""
    rng = np.random.default_rng(seed)
    basis = np.linalg.qr(rng.standard_normal((DIMENSIONS, LATENT)))[0].T.astype(np.float32)
    events = rng.standard_normal((count // 30, LATENT), np.float32) @ basis
    noise = 0.2 * rng.standard_normal((count, DIMENSIONS), np.float32)
    return _unit(events[rng.integers(len(events), size=count)] + noise).astype(np.float16)


def asked(vectors: Any, count: int) -> Any:
    rng = np.random.default_rng(21)
    noise = _unit(rng.standard_normal((count, DIMENSIONS), np.float32))
    return _unit(vectors[rng.choice(len(vectors), count, replace=False)] + 0.4 * noise)


def _plain(vectors: Any, query: Any, k: int) -> Any:
    return np.argpartition(vectors @ query, -k)[-k:]


def _recall(found: Any, query: Any, vectors: Any, k: int) -> float:
    """Share of the ``k`` nearest that are among the ids ``found``, which are positions + 1."""
    return len(set(found.tolist()) & set((_plain(vectors, query, k) + 1).tolist())) / k


def _measured(index: Any, vectors: Any, queries: Any, k: int, what: str, target_s: float | None) -> list[Row]:
    took: timing.Times = {"albumsd": [], "numpy": []}
    recalls = []
    what = f"the {k:,} nearest of {len(vectors):,} vectors{what}"
    index.search(queries[0], k)
    for query in queries:
        took["albumsd"].append(timing.clocked(partial(index.search, query, k)))
        took["numpy"].append(timing.clocked(partial(_plain, vectors, query, k)))
        recalls.append(_recall(index.search(query, k)[0], query, vectors, k))
    against = "numpy, float32"
    return [
        Row(
            f"{what}, p95", timing.percentile(took["albumsd"], 95), "s", timing.percentile(took["numpy"], 95), against,
            timing.ratio(took["albumsd"], took["numpy"]), Target(target_s, "figure") if target_s else None,
        ),
        Row(
            f"{what}, recall@{k}", sum(recalls) / len(recalls), "", 1.0, against,
            target=Target(RECALL, "figure", at_least=True),
        ),
    ]  # fmt: skip


def _scanned(context: Context, count: int) -> list[Row]:
    from albumsd.vectors import Index

    index = Index(context.scratch / "scan", "bench", DIMENSIONS, count)
    vectors = np.empty((count, DIMENSIONS), np.float32)
    begin = 0
    for piece in mixture(count):
        index.add(np.arange(begin + 1, begin + len(piece) + 1), piece)
        vectors[begin : begin + len(piece)] = piece
        begin += len(piece)
    queries = asked(vectors, context.size(60, 20))
    rows = [
        row for k in (K, SEARCH) for row in _measured(index, vectors, queries, k, ", by a scan", _TARGET_S.get(count))
    ]
    some = np.sort(np.random.default_rng(22).choice(count, min(NARROW, count // 2), replace=False)) + 1
    narrow = [timing.clocked(partial(index.search, query, K, some)) for query in queries]
    rows.append(Row(f"… of {len(some):,} of them that a filter allows, p95", timing.percentile(narrow, 95), "s"))
    rows.append(Row(f"memory of {count:,} vectors", index.describe()["bytes"], "B", vectors.nbytes, "float32",
                    index.describe()["bytes"] / vectors.nbytes))  # fmt: skip
    index.close()
    return rows


def _by_graph(context: Context, count: int, folder: Path) -> list[Row]:
    """A graph of so few vectors is not used for what a search asks for: that is asked of the graph itself."""
    from albumsd.vectors import Index, files, graph

    index = Index(folder, "bench", DIMENSIONS, 0, K)
    vectors = bursts(count)
    index.add(np.arange(1, count + 1), vectors)
    build_s = timing.clocked(index.maintain)
    about = index.describe()
    assert about["method"] == "graph", about["why"]
    wide = vectors.astype(np.float32)
    queries = asked(wide, context.size(100, 30))
    note = f"M {about['graph']['m']}, ef {about['graph']['ef']}"
    rows = [
        row._replace(note=note) for row in _measured(index, wide, queries, K, " in bursts, by hnswlib's graph", None)
    ]
    index.close()
    kept = files.load(folder, "bench", DIMENSIONS, lambda: None)
    assert kept is not None
    kept.serve()
    spare = graph.reach(SEARCH)
    took = [timing.clocked(partial(kept.search, query, spare)) for query in queries]
    recalls = [_recall(kept.search(query, spare), query, wide, SEARCH) for query in queries]
    what = f"… {spare:,} candidates of it for the {SEARCH:,} nearest"
    rows += [
        Row(f"{what}, p95", timing.percentile(took, 95), "s"),
        Row(f"{what}, recall@{SEARCH}", sum(recalls) / len(recalls), ""),
    ]
    again = Index(folder, "bench", DIMENSIONS, 0, K)
    again.add(np.arange(1, count + 1), vectors)
    load_s = timing.clocked(again.maintain)
    assert again.describe()["method"] == "graph", again.describe()["why"]
    again.close()
    return [
        *rows,
        Row("building, measuring and keeping that graph, one thread", build_s, "s"),
        Row("loading, comparing and measuring it after a restart", load_s, "s", build_s, "building", load_s / build_s),
    ]


def run(context: Context) -> list[Row]:
    rows = _by_graph(context, context.size(100_000, 20_000), context.scratch / "graph")
    for count in (100_000,) if context.quick else (100_000, 1_000_000):
        rows += _scanned(context, count)
    return rows


BENCH = Bench(
    "vectors",
    "The nearest vectors: time and recall, against numpy over float32.",
    "run.py --only vectors",
    run,
    deadline_s=1200.0,
)
