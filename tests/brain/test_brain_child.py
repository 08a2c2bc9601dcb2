"""brain with a real model in its real child: a tiny one with random weights, from JPEG-like file to ranked result."""

from __future__ import annotations

import base64
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.bag_of_words import Floor

from albumsd.brain.choice import Watch
from albumsd.brain.process import Brain
from albumsd.core.config import load
from albumsd.ml.host import ModelHost
from albumsd.store import embeddings
from albumsd.store.database import Database
from albumsd.store.embeddings import Identity, Part

_MAKE = """
import sys
from pathlib import Path
import ml_make
from albumsd.ml.shim import import_torchvision
import_torchvision()
import open_clip
from safetensors.torch import save_file
root = Path(sys.argv[1])
ml_make.pictures(root / "pictures")
folder = ml_make.folder_of(root, "tiny", ml_make.CLIP, ml_make.SQUASH)
model = open_clip.create_model(f"local-dir:{folder}", pretrained_text=False)
save_file(model.state_dict(), folder / "open_clip_model.safetensors")
"""
TODAY = "2024-05-01"
Add = Callable[..., None]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("models")
    beside = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1] / "ml")}
    subprocess.run([sys.executable, "-c", _MAKE, made], check=True, env=beside)
    return made


@pytest.fixture
def brain(empty: Database, models: Path) -> Iterator[Brain]:
    library = empty.path.parent
    (library / "config.toml").write_text(f"model = 'tiny'\nmodels = '{models}'\n")
    config, host = load(library), ModelHost(600, "cpu", models=models)
    floor = Floor(host, library / "cache")
    floor.floor = -2.0
    made = Brain(config, host, Watch(config), floor)
    made.mind.attend(empty)
    yield made
    made.close()


def until(holds: Callable[[], bool]) -> None:
    """Poll, as whoever opens the folder again would."""
    deadline = time.monotonic() + 300
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.slow
def test_from_picture_to_result_and_a_child_that_is_killed(
    brain: Brain, empty: Database, add: Add, models: Path
) -> None:
    pictures = sorted((models / "pictures").iterdir())
    answer = brain.answer({"ask": "embed", "items": [{"pictures": [str(path)]} for path in pictures]})
    for asset, item in enumerate(answer["items"], 1):
        add(asset, "boats" if asset == 1 else "x")
        vectors = [Part("image", base64.b64decode(vector)) for vector in item["vectors"]]
        with empty.write() as tx:
            embeddings.put(tx, asset, Identity(answer["key"], answer["name"], answer["dimensions"]), vectors)
    brain.mind.attend(empty)

    def rank() -> dict[str, object]:
        return brain.answer({"ask": "rank", "query": "boats", "today": TODAY, "limit": 9})

    def whole() -> bool:
        answer = rank()
        return not answer["late"] and len(answer["hits"]) == len(pictures)  # type: ignore[arg-type]

    until(whole)
    brain.mind.phrases._known.clear()
    child = brain.mind.host._keeper._child
    assert child is not None
    os.kill(child._process.pid, signal.SIGKILL)
    hits = rank()["hits"]
    assert isinstance(hits, list)
    assert hits[0][0] == 1, "words answer, whatever becomes of the model"
    until(whole)
    assert brain.mind.host._keeper._child not in (None, child)
    status = brain.answer({"ask": "status"})
    assert (status["model"], status["model_state"], status["device"]) == ("tiny", "warm", "cpu")
    assert status["vectors"] == len(pictures)
