"""From a photograph on the disk to its vector in a row: ViT-B-32 with random weights, JPEGs of 12 megapixels.

What it is compared with is the sum of its parts, each measured alone in the same run on all cores: decoding, making the
two previews, and the model at its best batch. Weights do not change how long a model takes. The model is warm when the
clock starts; then the whole of albumsd works: it walks, reads headers, hashes, makes previews, embeds and commits.
"""

from __future__ import annotations

import io
import os
import random
import subprocess
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from harness import library, models, processes
from harness.bench import Bench, Context
from harness.table import Row, Target

SHARE = 0.85
"""Of what the parts alone would allow."""
PIXELS = (4000, 3000)
WARMING = 24


def photographs(folder: Path, count: int, first: int = 0) -> list[Path]:
    """``count`` JPEGs of 12 megapixels and more than 2 MB: different bytes around the same pixels."""
    from PIL import Image

    folder.mkdir()
    noise = Image.frombytes("RGB", (1000, 750), random.Random(5).randbytes(1000 * 750 * 3))
    slope = Image.linear_gradient("L").resize(PIXELS).convert("RGB")
    out = io.BytesIO()
    Image.blend(slope, noise.resize(PIXELS, Image.Resampling.BICUBIC), 0.45).save(out, "JPEG", quality=92)
    data = out.getvalue()
    assert len(data) >= 2_000_000, len(data)
    paths = []
    for number in range(first, first + count):
        comment = f"photograph {number}".encode()
        path = folder / f"IMG_{number:04d}.jpg"
        path.write_bytes(data[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + data[2:])
        paths.append(path)
    return paths


def parts_of(job: tuple[str, str]) -> tuple[float, float]:
    """Seconds of decoding one file, and of making its two previews, in this process alone."""
    from albumsd.media import preview
    from albumsd.media.limits import DEFAULT
    from albumsd.media.readers import reader
    from albumsd.media.sniff import sniff
    from albumsd.media.source import Source

    path, previews = job
    began = time.perf_counter()
    with Source(path) as source:
        found = sniff(source.head, source.name)
        decoder = reader(found.reader or "")
        assert decoder is not None
        assert decoder.preview is not None
        decoder.preview(source, preview.PREVIEW_SIDE, DEFAULT)
    decoded = time.perf_counter() - began
    began = time.perf_counter()
    with Source(path) as source:
        preview.make(source, Path(previews), f"{hash(path) & (1 << 256) - 1:064x}", DEFAULT)
    return decoded, max(0.0, time.perf_counter() - began - decoded)


def _model_s(folder: Path, thumbnails: list[Path], threads: int) -> float:
    """Seconds per picture of the model, warm, on all cores."""
    from albumsd.ml.host import ModelHost

    with ModelHost(600.0, "cpu", threads) as host:
        host.encode_images(os.fspath(folder), thumbnails[:16], 300.0)
        began = time.perf_counter()
        host.encode_images(os.fspath(folder), thumbnails, 600.0)
        return (time.perf_counter() - began) / len(thumbnails)


def _whole_s(own: library.Library, first: Path, photos: Path, count: int) -> float:
    """Seconds from `albumsd add` until every photograph has its row; indexer and brain run, the model is warm.

    Warm: the few photographs of ``first`` are through. They make brain encode its vocabulary and measure the model's
    floor, which happens once for each model.
    """
    from albumsd.store import clusters
    from albumsd.store.database import Database, Reader

    def add(name: str, folder: Path) -> None:
        subprocess.run(own.command("add", f"{name}={folder}"), check=True, stdout=subprocess.DEVNULL)

    with Database(own.config.database, create=True):
        pass
    with own.running("brain"), own.running("indexer"), Reader(own.config.database) as reader:
        processes.wait_until(lambda: own.asks("brain") and own.asks("indexer"), 60.0, "brain and indexer", 0.05)
        add("First", first)
        processes.wait_until(lambda: clusters.current(reader), 400.0, "the first clusters", 0.5)
        began = time.perf_counter()
        add("Photos", photos)
        embedded = "SELECT count(DISTINCT asset) FROM embedding"
        wanted = reader.value(embedded) + count
        processes.wait_until(lambda: reader.value(embedded) >= wanted, 500.0, "the last vector", 0.05)
        return time.perf_counter() - began


def run(context: Context) -> list[Row]:
    count = context.size(240, 48)
    cores = len(os.sched_getaffinity(0))
    photos = photographs(context.scratch / "photos", count)
    model = models.random_weights(context.scratch / "model")
    alone = context.scratch / "alone"
    with ProcessPoolExecutor(cores, mp_context=get_context("spawn")) as pool:
        jobs = [(os.fspath(path), os.fspath(alone)) for path in photos]
        list(pool.map(parts_of, jobs[: 2 * cores]))
        times = list(pool.map(parts_of, jobs))
    decode_s, preview_s = (sum(part) / count / cores for part in zip(*times, strict=True))
    model_s = _model_s(model, sorted(alone.rglob("*.thumb.webp")), cores)
    own = library.Library(context.scratch / "library", context.scratch / "mount")
    own.folder.mkdir(mode=0o700)
    (own.folder / "config.toml").write_text(f'model = "{model}"\nstages_off = "tags,caption"\nrest_s = 0.0\n')
    warming = photographs(context.scratch / "first", WARMING, count)[0].parent
    whole_s = _whole_s(own, warming, photos[0].parent, count) / count
    parts_s = decode_s + preview_s + model_s
    size = photos[0].stat().st_size
    return [
        Row("decoding, alone, all cores", decode_s, "s", note=f"{size / 1e6:.1f} MB each"),
        Row("previews, alone, all cores", preview_s, "s"),
        Row(f"{models.ARCHITECTURE}, alone, all cores", model_s, "s", note=f"{1 / model_s:.0f} pictures/s"),
        Row(
            "JPEG to row, each of them", 1 / whole_s, "/s", 1 / parts_s, "1 / (decode + preview + model)",
            parts_s / whole_s, Target(SHARE, "ratio", at_least=True), f"{count} photographs, {cores} cores",
        ),
    ]  # fmt: skip


BENCH = Bench(
    "embedding", "From a JPEG to its vector, against the sum of the parts.", "run.py --only embedding", run, 900.0
)
