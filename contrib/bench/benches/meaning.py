"""`ls search/<query>` by words and meaning in libraries of 100k and 1M assets, each with a vector; the model is warm.

The vectors are those of ``vectors``: awkward ones. The model is a ViT-B-32 with random weights, so what it finds means
nothing, but every query is really encoded, compared with every vector, held against the floor and joined with what the
words find. Every query is different, none was asked before.
"""

from __future__ import annotations

import os
import random
import shutil
import time
from functools import partial
from pathlib import Path

import generate
import world
from harness import library, models, processes, timing
from harness.bench import Bench, Context
from harness.table import Row, Target

from . import scale, vectors

_TARGET_S = {100_000: 0.100, 1_000_000: 0.250}


def _fill(own: library.Library, model: Path) -> None:
    """A vector for every asset, in the transactions of the indexer, which says at the end that it has seen all."""
    from albumsd.ml.folders import describe
    from albumsd.store import embeddings, model_jobs, scanning
    from albumsd.store.database import Database

    described = describe(os.fspath(model), own.config.models)
    identity = embeddings.Identity(described.key, described.name, described.dimensions)
    with Database(own.config.database) as store:
        assets = [row[0] for row in store.all("SELECT id FROM asset ORDER BY id")]
        done = 0
        for piece in vectors.mixture(len(assets)):
            with store.write() as tx:
                for row in piece:
                    embeddings.put(tx, assets[done], identity, [embeddings.Part("image", row.tobytes())])
                    done += 1
        said = f"1/{described.key}"
        with store.write() as tx:
            model_jobs.remember_fingerprints(tx, "embed", model_jobs.Fingerprints(said, {said: 0}, 1))
            scanning.remember_stage(tx, "embed", 0)


def _is_late(own: library.Library, query: str) -> bool:
    from albumsd.ipc import calls

    question = {"ask": "rank", "query": query, "today": "2024-01-01", "limit": 10, "deadline_s": 5.0}
    return bool(calls.ask(own.config.run / "brain.sock", question, 20.0)["late"])


def _library(context: Context, model: Path, size: int) -> list[Row]:
    from albumsd.store import clusters
    from albumsd.store.database import Reader

    own = library.Library(context.scratch / f"library-{size}", context.scratch / "mount")
    generate.generate(own.folder, size)
    (own.folder / "config.toml").write_text(f'model = "{model}"\nmodel_idle_s = 3600.0\n')
    began = time.perf_counter()
    _fill(own, model)
    filled = time.perf_counter() - began
    count = context.size(100, 30)
    queries = world.text_queries(count + 100)
    random.Random(2).shuffle(queries)
    with own.mounted(), own.running("brain") as brain:
        began = time.perf_counter()
        processes.wait_until(lambda: own.asks("brain"), 60.0, "brain", 0.05)
        answers = time.perf_counter() - began
        processes.wait_until(lambda: not _is_late(own, "warming up"), 400.0, "model and vectors", 0.5)
        ready = time.perf_counter() - began
        with Reader(own.config.database) as reader:
            processes.wait_until(lambda: clusters.current(reader), 900.0, "the first clusters", 0.5)
        clustered = time.perf_counter() - began
        scale.names(own.mount / "search" / "warming up again")
        took = [timing.clocked(partial(scale.names, own.mount / "search" / query)) for query in queries[:count]]
        late = sum(_is_late(own, query) for query in queries[:5])
        resident = processes.resident(brain.pid)
    shutil.rmtree(own.folder)
    held = f"{size:,} vectors of {vectors.DIMENSIONS} numbers"
    rows = [
        Row("brain: from start to the first answer by words", answers, "s", note=f"vectors written in {filled:.0f} s"),
        Row("brain: from start to answers by meaning", ready, "s", note="model loaded, all vectors read"),
        Row("brain: from start to the first clusters", clustered, "s", note="in a process of their own, nicely"),
        Row("brain, resident, without the model's process", resident, "B", note=held),
        Row("ls search/<query>, p50, words and meaning", timing.percentile(took, 50), "s", note=f"{count} queries"),
        Row(
            "ls search/<query>, p95, words and meaning", timing.percentile(took, 95), "s",
            target=Target(_TARGET_S[size], "figure"), note=f"worst {max(took) * 1e3:.0f} ms; {late} of 5 late",
        ),
    ]  # fmt: skip
    return [row._replace(what=f"{size:,}: {row.what}") for row in rows]


def run(context: Context) -> list[Row]:
    model = models.random_weights(context.scratch / "model")
    sizes = (100_000,) if context.quick else (100_000, 1_000_000)
    return [row for size in sizes for row in _library(context, model, size)]


BENCH = Bench("meaning", "Searches by words and meaning, 100k and 1M vectors.", "run.py --only meaning", run, 1500.0)
