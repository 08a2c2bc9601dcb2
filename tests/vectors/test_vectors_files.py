"""vectors.files: a graph on disk is whole and ours, or is not there; a crash at any moment leaves the one before or the new one."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from albumsd.vectors import files, sweep
from albumsd.vectors.graph import Closing, Graph

KEY = "model@1"
DIMENSIONS = 16


def built(made: Any, count: int) -> Graph:
    own = Graph.new(DIMENSIONS, count, 8, 50)
    own.add(np.arange(1, count + 1), made.vectors(count, DIMENSIONS), lambda: True)
    return own


def go_on() -> None:
    pass


def graphs(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.hnsw"))


def test_what_is_kept_is_what_comes_back(tmp_path: Path, made: Any) -> None:
    own = built(made, 300)
    own.mark(np.array([5, 6]))
    files.save(tmp_path, KEY, DIMENSIONS, own, go_on)
    back = files.load(tmp_path, KEY, DIMENSIONS, go_on)
    assert back is not None
    assert back.labels.tolist() == list(range(1, 301))
    assert (back.m, back.ef_construction, len(back.marked)) == (8, 50, 0)
    assert np.array_equal(back.vectors(np.array([5, 200])), made.vectors(300, DIMENSIONS)[[4, 199]])
    assert own.marked.tolist() == [5, 6]  # and they are marked again in the one that was kept
    own.serve()
    assert not {5, 6} & set(own.search(made.vectors(300, DIMENSIONS)[4], 50).tolist())  # type: ignore[union-attr]


def test_saving_again_leaves_one_graph(tmp_path: Path, made: Any) -> None:
    for count in (100, 200, 300):
        files.save(tmp_path, KEY, DIMENSIONS, built(made, count), go_on)
        assert len(graphs(tmp_path)) == 1
    back = files.load(tmp_path, KEY, DIMENSIONS, go_on)
    assert back is not None
    assert len(back.labels) == 300


def test_nothing_there(tmp_path: Path) -> None:
    assert files.load(tmp_path / "none", KEY, DIMENSIONS, go_on) is None
    assert files.refused(tmp_path / "none", KEY, DIMENSIONS) is None


def _flip(at: float) -> Any:
    def change(graph: Path, _: Path) -> None:
        data = bytearray(graph.read_bytes())
        data[int(at * (len(data) - 1))] ^= 0x40
        graph.write_bytes(data)

    return change


def _cut(share: float) -> Any:
    return lambda graph, _: os.truncate(graph, int(graph.stat().st_size * share))


def _manifest(**changes: object) -> Any:
    def change(_: Path, manifest: Path) -> None:
        manifest.write_text(json.dumps(json.loads(manifest.read_text()) | changes))

    return change


def _outside(graph: Path, manifest: Path) -> None:
    graph.rename(graph.parent.parent / "other.hnsw")
    _manifest(file="../other.hnsw")(graph, manifest)


DAMAGE = {
    "torn": _cut(0.5),
    "empty": _cut(0),
    "one byte short": lambda graph, _: os.truncate(graph, graph.stat().st_size - 1),
    "longer": lambda graph, _: graph.write_bytes(graph.read_bytes() + b"x"),
    "a bit in the head": _flip(0.001),
    "a bit in the middle": _flip(0.5),
    "a bit at the end": _flip(1),
    "noise": lambda graph, _: graph.write_bytes(random.Random(1).randbytes(graph.stat().st_size)),
    "gone": lambda graph, _: graph.unlink(),
    "another model": _manifest(key="model@2"),
    "another size": _manifest(dimensions=17),
    "another hnswlib": _manifest(hnswlib="0.1"),
    "another format": _manifest(format=99),
    "another number": _manifest(count=299),
    "other labels": _manifest(labels_sha256="0"),
    "a way out": _outside,
    "no name": _manifest(file=None),
    "no size": _manifest(bytes=None),
    "no parameters": _manifest(m=None),
    "a torn manifest": lambda _, manifest: os.truncate(manifest, 40),
    "a list": lambda _, manifest: manifest.write_text("[]"),
    "no text": lambda _, manifest: manifest.write_bytes(b"\xff\xfe\x00"),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_what_is_torn_or_foreign_is_thrown_away(tmp_path: Path, made: Any, damage: Any) -> None:
    folder = tmp_path / "vectors"
    files.save(folder, KEY, DIMENSIONS, built(made, 300), go_on)
    damage(graphs(folder)[0], next(folder.glob("*.json")))
    assert files.load(folder, KEY, DIMENSIONS, go_on) is None
    assert graphs(folder) == []
    files.save(folder, KEY, DIMENSIONS, built(made, 50), go_on)
    assert files.load(folder, KEY, DIMENSIONS, go_on) is not None


class Crash(BaseException):
    pass


def test_a_crash_at_any_step_leaves_the_old_graph_or_the_new_one(
    tmp_path: Path, made: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = built(made, 200), built(made, 300)
    steps: list[str] = []
    stop_at = 0

    def step(name: str, call: Any) -> Any:
        def counted(*args: Any, **kwargs: Any) -> Any:
            steps.append(name)
            if len(steps) == stop_at:
                raise Crash
            return call(*args, **kwargs)

        return counted

    class Torn:
        """hnswlib's index, whose writing may be stopped in the middle."""

        def __init__(self, index: Any) -> None:
            self.index = index

        def __getattr__(self, name: str) -> Any:
            return getattr(self.index, name)

        def save_index(self, path: str) -> None:
            step("begin", lambda: None)()
            self.index.save_index(path)
            whole = Path(path).read_bytes()
            Path(path).write_bytes(whole[: len(whole) // 3])
            step("written in part", lambda: None)()
            Path(path).write_bytes(whole)

    survived: list[int] = []
    for stop_at in range(1, 100):
        folder = tmp_path / str(stop_at)
        steps.clear()
        stop, stop_at = stop_at, 0
        files.save(folder, KEY, DIMENSIONS, old, go_on)
        steps.clear()
        stop_at = stop
        monkeypatch.setattr(new, "index", Torn(new.index))
        monkeypatch.setattr(files, "_fsync", step("fsync", files._fsync))
        monkeypatch.setattr(files.os, "replace", step("replace", os.replace))
        monkeypatch.setattr(Path, "write_text", step("manifest", Path.write_text))
        monkeypatch.setattr(Path, "unlink", step("unlink", Path.unlink))
        try:
            files.save(folder, KEY, DIMENSIONS, new, go_on)
            crashed = False
        except Crash:
            crashed = True
        monkeypatch.undo()
        back = files.load(folder, KEY, DIMENSIONS, go_on)
        assert back is not None, steps
        survived.append(len(back.labels))
        assert len(graphs(folder)) == 1
        if not crashed:
            break
    assert len(survived) >= 8
    assert survived == sorted(survived)
    assert set(survived) == {200, 300}


_CHILD = """
import sys
from pathlib import Path
import numpy as np
from albumsd.vectors import files
from albumsd.vectors.graph import Graph
vectors = np.random.default_rng(1).standard_normal((4000, 16), np.float32)
graphs = []
for count in (3000, 4000):
    own = Graph.new(16, count, 4, 10)
    own.add(np.arange(count), vectors[:count], lambda: True)
    graphs.append(own)
while True:
    for own in graphs:
        files.save(Path(sys.argv[1]), "model@1", 16, own, lambda: None)
        print("saved", flush=True)
"""


def test_kill_9_while_saving_loses_nothing(tmp_path: Path) -> None:
    for turn in range(4):
        child = subprocess.Popen([sys.executable, "-c", _CHILD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        for _ in range(2 + turn):
            assert child.stdout.readline() == "saved\n"
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        back = files.load(tmp_path, KEY, DIMENSIONS, go_on)
        assert back is not None
        assert len(back.labels) in (3000, 4000)
        assert len(graphs(tmp_path)) == 1


def test_a_full_disk_keeps_what_was_there(tmp_path: Path, made: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    files.save(tmp_path, KEY, DIMENSIONS, built(made, 200), go_on)
    new = built(made, 300)

    class Full:
        """hnswlib writes through a stream that says nothing when the disk is full."""

        def save_index(self, path: str) -> None:
            Path(path).write_bytes(b"half of it")

        def index_file_size(self) -> int:
            return 1000

    monkeypatch.setattr(new, "index", Full())
    with pytest.raises(OSError, match="not written whole"):
        files.save(tmp_path, KEY, DIMENSIONS, new, go_on)
    back = files.load(tmp_path, KEY, DIMENSIONS, go_on)
    assert back is not None
    assert len(back.labels) == 200


@pytest.mark.parametrize("step", [1, 2])
def test_whoever_waits_can_stop_it_and_keeps_what_was_there(tmp_path: Path, made: Any, step: int) -> None:
    """Before anything is written, and while what was written is read again."""
    files.save(tmp_path, KEY, DIMENSIONS, built(made, 200), go_on)
    steps: list[int] = []

    def stop() -> None:
        steps.append(1)
        if len(steps) == step:
            raise Closing

    with pytest.raises(Closing):
        files.save(tmp_path, KEY, DIMENSIONS, built(made, 300), stop)
    assert len(graphs(tmp_path)) == 1
    steps = [1] * (step - 1)
    with pytest.raises(Closing):
        files.load(tmp_path, KEY, DIMENSIONS, stop)
    back = files.load(tmp_path, KEY, DIMENSIONS, go_on)
    assert back is not None
    assert len(back.labels) == 200


def test_models_do_not_meet(tmp_path: Path, made: Any) -> None:
    for key, count in (("a@1", 100), ("b@2", 200), ("c@3", 300)):
        files.save(tmp_path, key, DIMENSIONS, built(made, count), go_on)
    loaded = {key: files.load(tmp_path, key, DIMENSIONS, go_on) for key in ("a@1", "b@2", "c@3")}
    assert [graph and len(graph.labels) for graph in loaded.values()] == [100, 200, 300]
    sweep(tmp_path, ["b@2"])
    assert len(list(tmp_path.iterdir())) == 2
    assert files.load(tmp_path, "a@1", DIMENSIONS, go_on) is None
    assert files.load(tmp_path, "b@2", DIMENSIONS, go_on) is not None
    files.drop(tmp_path, "b@2")
    assert list(tmp_path.iterdir()) == []


def test_a_refusal_is_remembered_for_its_model(tmp_path: Path, made: Any) -> None:
    files.save(tmp_path, KEY, DIMENSIONS, built(made, 100), go_on)
    files.refuse(tmp_path, KEY, DIMENSIONS, 1000, 0.5)
    assert graphs(tmp_path) == []
    assert files.refused(tmp_path, KEY, DIMENSIONS) == (1000, 0.5)
    assert files.refused(tmp_path, "model@2", DIMENSIONS) is None
    assert files.load(tmp_path, KEY, DIMENSIONS, go_on) is None
    assert files.refused(tmp_path, KEY, DIMENSIONS) == (1000, 0.5)
    files.save(tmp_path, KEY, DIMENSIONS, built(made, 100), go_on)
    assert files.refused(tmp_path, KEY, DIMENSIONS) is None
