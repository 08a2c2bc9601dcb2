"""The benchmarks, in the order of the table. A new one is a file here with a ``BENCH`` and its name in ``NAMES``."""

from __future__ import annotations

from importlib import import_module

from harness.bench import Bench

NAMES = (
    "listing",
    "reading",
    "independence",
    "scanning",
    "hashing",
    "facts",
    "store",
    "embedding",
    "vectors",
    "meaning",
    "scale",
)


def load(name: str) -> Bench:
    """The benchmark of that name. Raises ModuleNotFoundError."""
    bench = import_module(f"benches.{name}").BENCH
    assert isinstance(bench, Bench)
    return bench
