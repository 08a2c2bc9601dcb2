"""The graph on disk: a cache that is either whole and ours or not there.

Two files for each model, named by the hash of its key: ``<hash>-<n>.hnsw`` as hnswlib writes it, and ``<hash>.json``,
the manifest, which names the first and says everything that must be true of it: key, dimensions, size and SHA-256 of
the file, number, greatest and SHA-256 of its labels, hnswlib's parameters and version. A save writes a graph under a
new name, fsyncs it, then replaces the manifest (temporary name, fsync, rename, fsync of the folder), then removes the
old graph. So there is a whole pair at every moment, or none.

hnswlib believes what it reads: a torn or foreign file can crash the process. ``load`` gives hnswlib only a file whose
bytes have the manifest's SHA-256, that is, one that this module has written. What does not fit is thrown away.

The file never holds marks of deletion, because hnswlib cannot be asked for them: ``save`` takes them off for the moment
of writing.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Callable, Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from .graph import Closing, Graph, library
from .rows import Ids

log = logging.getLogger(__name__)

_FORMAT = 1
_PIECE = 1 << 24


def _stem(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:16]


def _hash_of_labels(labels: Ids) -> str:
    return hashlib.sha256(np.sort(labels).astype("<i8").tobytes()).hexdigest()


def _digest(path: Path, go_on: Callable[[], None]) -> str:
    found = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        while piece := file.read(_PIECE):
            go_on()
            found.update(piece)
    return found.hexdigest()


def _fsync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _identity(key: str, dimensions: int) -> dict[str, Any]:
    return {"format": _FORMAT, "key": key, "dimensions": dimensions, "hnswlib": version("hnswlib")}


def _write_manifest(folder: Path, key: str, manifest: dict[str, Any]) -> None:
    path = folder / f"{_stem(key)}.json"
    temporary = path.with_suffix(".json.tmp")
    temporary.write_text(json.dumps(manifest, indent=1) + "\n", "utf-8")
    _fsync(temporary)
    os.replace(temporary, path)
    _fsync(folder)


def _manifest(folder: Path, key: str) -> dict[str, Any]:
    try:
        found = json.loads((folder / f"{_stem(key)}.json").read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def save(folder: Path, key: str, dimensions: int, graph: Graph, go_on: Callable[[], None]) -> None:
    """Keep a withdrawn graph. Raises OSError (no room, say); what was kept before is then still there.

    ``go_on`` is called between the steps and may raise Closing, to the same effect.
    """
    go_on()
    folder.mkdir(parents=True, exist_ok=True)
    stem = _stem(key)
    before = _manifest(folder, key).get("file")
    name = next(f"{stem}-{n}.hnsw" for n in (1, 2) if f"{stem}-{n}.hnsw" != before)
    path = folder / name
    marked = graph.marked
    graph.unmark(marked)
    try:
        digest = _write(graph, path, go_on)
    except (OSError, Closing):
        path.unlink(missing_ok=True)
        raise
    finally:
        graph.mark(marked)
    _write_manifest(
        folder,
        key,
        _identity(key, dimensions)
        | {
            "file": name,
            "bytes": path.stat().st_size,
            "sha256": digest,
            "count": len(graph.labels),
            "max_id": int(graph.labels[-1]) if len(graph.labels) else None,
            "labels_sha256": _hash_of_labels(graph.labels),
            "m": graph.m,
            "ef_construction": graph.ef_construction,
        },
    )
    _tidy(folder, stem, name)


def _write(graph: Graph, path: Path, go_on: Callable[[], None]) -> str:
    """The SHA-256 of what was written. hnswlib does not notice a full disk: the size tells."""
    try:
        graph.index.save_index(os.fspath(path))
    except RuntimeError as error:
        raise OSError(str(error)) from error
    _fsync(path)
    if path.stat().st_size != graph.index.index_file_size():
        raise OSError(f"{path} was not written whole")
    return _digest(path, go_on)


def load(folder: Path, key: str, dimensions: int, go_on: Callable[[], None]) -> Graph | None:
    """The graph that was kept, withdrawn and with no label marked; None if there is none that is whole and fits.

    ``go_on`` is called between the steps; what it raises ends this and changes nothing.
    """
    hnswlib = library()
    manifest = _manifest(folder, key)
    if hnswlib is None:
        return None
    if "file" not in manifest:
        _tidy(folder, _stem(key), None)
        return None
    try:
        return _load(hnswlib, folder, key, dimensions, manifest, go_on)
    except (OSError, RuntimeError, ValueError, KeyError, TypeError) as error:
        log.warning("the graph in %s is thrown away and will be built again: %s", folder, error)
        drop(folder, key)
        return None


def _load(
    hnswlib: Any, folder: Path, key: str, dimensions: int, manifest: dict[str, Any], go_on: Callable[[], None]
) -> Graph:
    expected = _identity(key, dimensions)
    if {name: manifest.get(name) for name in expected} != expected:
        raise ValueError("it is of another model or another version of hnswlib")
    name = str(manifest["file"])
    if Path(name).name != name:
        raise ValueError("its manifest is damaged")
    path = folder / name
    if path.stat().st_size != manifest["bytes"]:
        raise ValueError("it is not whole")
    if _digest(path, go_on) != manifest["sha256"]:
        raise ValueError("it is damaged")
    index = hnswlib.Index("ip", dimensions)
    index.load_index(os.fspath(path))
    labels = np.array(index.get_ids_list(), np.int64)
    if len(labels) != manifest["count"] or _hash_of_labels(labels) != manifest["labels_sha256"]:
        raise ValueError("its labels are not those that it was kept with")
    _tidy(folder, _stem(key), name)
    return Graph(index, int(manifest["m"]), int(manifest["ef_construction"]), labels)


def refuse(folder: Path, key: str, dimensions: int, rows: int, recall: float) -> None:
    """Remember that no graph of so many rows was good enough. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    _write_manifest(folder, key, _identity(key, dimensions) | {"refused": {"rows": rows, "recall": recall}})
    _tidy(folder, _stem(key), None)


def refused(folder: Path, key: str, dimensions: int) -> tuple[int, float] | None:
    """(rows, recall) of the graph that was not good enough."""
    manifest = _manifest(folder, key)
    expected = _identity(key, dimensions)
    found = manifest.get("refused")
    if {name: manifest.get(name) for name in expected} != expected or not isinstance(found, dict):
        return None
    rows, recall = found.get("rows"), found.get("recall")
    return (rows, float(recall)) if isinstance(rows, int) and isinstance(recall, int | float) else None


def drop(folder: Path, key: str) -> None:
    """Remove what is kept for this model."""
    (folder / f"{_stem(key)}.json").unlink(missing_ok=True)
    _tidy(folder, _stem(key), None)


def sweep(folder: Path, keys: Iterable[str]) -> None:
    """Remove what is kept for any other model than these."""
    stems = {_stem(key) for key in keys}
    for path in (*folder.glob("*.hnsw"), *folder.glob("*.json"), *folder.glob("*.json.tmp")):
        if path.name[:16] not in stems:
            path.unlink(missing_ok=True)


def _tidy(folder: Path, stem: str, keep: str | None) -> None:
    for path in (*folder.glob(f"{stem}-*.hnsw"), *folder.glob(f"{stem}.json.tmp")):
        if path.name != keep:
            path.unlink(missing_ok=True)
