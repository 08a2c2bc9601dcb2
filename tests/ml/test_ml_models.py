"""Real models of open_clip's, tiny and random, in the real child: the same numbers as open_clip used directly.

One child serves the whole file but for two tests; ``ml_make`` has made the models and what is expected of them.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ml_lead import pid_of
from ml_make import TEXTS

from albumsd.core.facts import Problem
from albumsd.demo.draw import Scene, render
from albumsd.ml.captioner import clean
from albumsd.ml.clip import CAPTION_BATCHES, CUDA_BATCH, WORD_S, fitting
from albumsd.ml.dtype import CLEARLY, faster
from albumsd.ml.errors import ModelFailed
from albumsd.ml.folders import describe
from albumsd.ml.host import ModelHost

pytestmark = pytest.mark.slow
WAIT_S = 300
TRAINED = Path(__file__).parents[1] / "support" / "coca"
ALL = ("tiny", "plain", "longest", "coca", "mute")


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("models")
    command = [sys.executable, str(Path(__file__).with_name("ml_make.py")), str(root)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    subprocess.run(command, env=environment, check=True, capture_output=True)
    return root


@pytest.fixture(scope="session")
def expected(models: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((models / "expected.json").read_text())
    return found


@pytest.fixture(scope="session")
def host(models: Path) -> Iterator[ModelHost]:
    with ModelHost(600, dtype="float32", models=models) as made:
        yield made


@pytest.fixture(scope="session")
def paths(models: Path) -> list[Path]:
    return sorted((models / "pictures").iterdir())


def rows(vectors: list[Any]) -> np.ndarray[Any, np.dtype[np.float32]]:
    assert [one for one in vectors if isinstance(one, Problem)] == []
    return np.stack(vectors)


@pytest.mark.parametrize("name", ALL)
def test_vectors_are_those_of_open_clip(host: ModelHost, expected: Any, paths: list[Path], name: str) -> None:
    """Each with its own preprocessing: squashed, cropped, padded."""
    pictures = rows(host.encode_images(name, paths, WAIT_S))
    texts = host.encode_texts(name, TEXTS, WAIT_S)
    np.testing.assert_allclose(pictures, expected[name]["pictures"], atol=2e-6)
    np.testing.assert_allclose(texts, expected[name]["texts"], atol=2e-6)
    for vectors in (pictures, texts):
        assert vectors.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    assert np.ptp(pictures @ pictures.T) > 0.01  # pictures do differ


def test_a_checkpoint_gives_the_vectors_of_its_folder(host: ModelHost, models: Path, paths: list[Path]) -> None:
    checkpoint = describe(f"plain-net:{models}/checkpoints/plain.pt", models)
    assert checkpoint.key != describe("plain", models).key
    np.testing.assert_array_equal(
        rows(host.encode_images(checkpoint, paths, WAIT_S)), rows(host.encode_images("plain", paths, WAIT_S))
    )
    np.testing.assert_array_equal(
        host.encode_texts(checkpoint, TEXTS, WAIT_S), host.encode_texts("plain", TEXTS, WAIT_S)
    )


def test_a_batch_gives_what_single_pictures_give(host: ModelHost, paths: list[Path]) -> None:
    many = rows(host.encode_images("tiny", paths * 12, WAIT_S, busy=True))
    one = rows([host.encode_images("tiny", [path], WAIT_S)[0] for path in paths])
    np.testing.assert_allclose(many, np.tile(one, (12, 1)), atol=2e-6)


def test_a_bad_picture_costs_only_itself(host: ModelHost, paths: list[Path], tmp_path: Path) -> None:
    cut = tmp_path / "cut.webp"
    cut.write_bytes(paths[0].read_bytes()[:200])
    text = tmp_path / "text.webp"
    text.write_text("no picture")
    found = host.encode_images("tiny", [paths[0], cut, tmp_path / "gone.webp", text, paths[1]], WAIT_S)
    assert [one.reason if isinstance(one, Problem) else "" for one in found] == [
        "",
        "corrupt",
        "unreadable",
        "corrupt",
        "",
    ]


def test_captions_are_the_likeliest_words_in_turn(host: ModelHost, expected: Any, paths: list[Path]) -> None:
    assert host.captions("coca", paths, WAIT_S) == [clean(line) for line in expected["coca"]["captions"]]
    assert len(set(expected["coca"]["captions"])) > 1


def test_a_trained_coca_says_what_it_learned(host: ModelHost, tmp_path: Path) -> None:
    rows = json.loads((TRAINED / "captions.json").read_text())
    for number, row in enumerate(rows):
        drawn = render(Scene(**row["scene"]), row["seed"], tuple(row["size"]))
        drawn.save(tmp_path / f"{number:03}.webp", lossless=True)
    assert len(rows) >= 20
    assert host.captions(str(TRAINED), sorted(tmp_path.iterdir()), WAIT_S) == [row["caption"] for row in rows]


def test_a_caption_ends_at_the_end(host: ModelHost, paths: list[Path]) -> None:
    assert host.captions("mute", paths, WAIT_S) == [""] * len(paths)


def test_a_clip_writes_no_captions(host: ModelHost, paths: list[Path]) -> None:
    with pytest.raises(ModelFailed, match="it is no CoCa"):
        host.captions("tiny", paths, WAIT_S)
    assert host.state("tiny") == "warm"


def test_the_child_has_no_socket_and_few_files(host: ModelHost, paths: list[Path]) -> None:
    host.encode_images("tiny", paths, WAIT_S)
    folder = Path(f"/proc/{pid_of(host)}/fd")
    kinds = {os.readlink(one).split(":")[0] for one in folder.iterdir()}
    assert "socket" not in kinds
    assert {kind for kind in kinds if not kind.startswith("/")} <= {"pipe", "anon_inode"}


REFUSED = [
    ("plain-net:pickled.pt", "holds pickled objects besides weights"),
    ("plain-net:script.pt", "is a TorchScript archive"),
    ("plain-net:text.safetensors", "is damaged"),
    ("plain-net:text.bin", "is damaged|holds pickled objects"),
    ("other-net:plain.pt", "holds the weights of another architecture"),
    ("wide-net:plain.pt", "holds the weights of another architecture"),
    ("odd-net:plain.pt", "open_clip cannot build it from its configuration"),
]


@pytest.mark.parametrize(("spec", "why"), REFUSED)
def test_weights_that_are_refused(host: ModelHost, models: Path, spec: str, why: str) -> None:
    folder = models / "checkpoints"
    for name in ("text.safetensors", "text.bin"):
        (folder / name).write_text("these are no weights")
    odd = json.loads((folder / "plain-net.json").read_text())
    (folder / "odd-net.json").write_text(json.dumps({**odd, "text_cfg": {**odd["text_cfg"], "no_such_field": 1}}))
    (folder / "wide-net.json").write_text(json.dumps({**odd, "text_cfg": {**odd["text_cfg"], "width": 64}}))
    (folder / "other-net.json").write_text(json.dumps({**odd, "embed_dim": 8}))
    model = describe(spec, folder)
    with pytest.raises(ModelFailed, match=why):
        host.encode_texts(model, ["a"], WAIT_S)
    assert host.state(model) == "failed"
    assert host.why(model) is not None


def test_weights_that_changed_since_they_were_hashed_are_refused(host: ModelHost, models: Path, tmp_path: Path) -> None:
    folder = tmp_path / "changed"
    shutil.copytree(models / "tiny", folder)
    model = describe(str(folder), models)
    os.utime(folder / "open_clip_model.safetensors", ns=(1, 1))
    with pytest.raises(ModelFailed, match="was changed in the meantime"):
        host.encode_texts(model, ["a"], WAIT_S)


def test_a_picture_without_a_vector_is_a_problem_and_a_text_is_an_error(
    host: ModelHost, models: Path, tmp_path: Path, paths: list[Path]
) -> None:
    from safetensors.numpy import load_file, save_file

    folder = tmp_path / "broken"
    shutil.copytree(models / "tiny", folder)
    weights = load_file(folder / "open_clip_model.safetensors")
    for name in ("visual.proj", "text_projection"):
        weights[name] = np.full_like(weights[name], np.nan)
    save_file(weights, folder / "open_clip_model.safetensors")
    assert host.encode_images(str(folder), paths[:1], WAIT_S) == [Problem("corrupt", "the model makes no vector of it")]
    with pytest.raises(ModelFailed, match="makes no vector of a text"):
        host.encode_texts(str(folder), ["a"], WAIT_S)


def test_left_alone_it_takes_the_faster_numbers_and_the_vectors_stay(
    models: Path, expected: Any, paths: list[Path]
) -> None:
    with ModelHost(600, models=models) as own:
        found = {name: rows(own.encode_images(name, paths, WAIT_S)) for name in ("tiny", "coca")}
        info, captioner = own.info("tiny"), own.info("coca")
    assert info is not None
    assert (info["device"] == "cpu", info["dtype"] in ("float32", "bfloat16", "float16")) == (True, True)
    assert info["images_per_s"] > 0
    assert captioner is not None
    assert info["caption_batch"] is None
    assert captioner["caption_batch"] in (*CAPTION_BATCHES, CUDA_BATCH)
    for name, vectors in found.items():
        assert np.all(np.sum(vectors * expected[name]["pictures"], axis=1) > 0.999)


def test_half_numbers_are_near(models: Path, expected: Any, paths: list[Path]) -> None:
    with ModelHost(600, dtype="bfloat16", models=models) as own:
        pictures = rows(own.encode_images("tiny", paths, WAIT_S))
        texts = own.encode_texts("tiny", TEXTS, WAIT_S)
        info = own.info("tiny")
    assert info is not None
    assert info["dtype"] == "bfloat16"
    assert np.all(np.sum(pictures * expected["tiny"]["pictures"], axis=1) > 0.999)
    assert np.all(np.sum(texts * expected["tiny"]["texts"], axis=1) > 0.999)
    np.testing.assert_allclose(np.linalg.norm(pictures, axis=1), 1, atol=1e-6)


def test_a_batch_is_the_largest_that_takes_no_longer_than_it_may() -> None:
    found = [fitting(CAPTION_BATCHES, WORD_S / one_s) for one_s in (0.001, WORD_S / 8, WORD_S / 7, WORD_S / 3, 5.0)]
    assert found == [8, 8, 4, 2, 2]


def test_float32_is_kept_unless_the_other_is_clearly_faster() -> None:
    assert faster(1.0, 2.0) == "float32"
    assert faster(1.0, 1.0 / CLEARLY) == "float32"
    assert faster(2.0, 1.0) == "bfloat16"


CLEAN = [
    ("two red boats on the sea . ", "two red boats on the sea"),
    ("  a man 's dog , wet\n<end_of_text>", "a man's dog, wet"),
    ("a\x00b\u200bc ( x )", "a b c ( x)"),
    ("", ""),
    ("...", ""),
]


@pytest.mark.parametrize(("text", "line"), CLEAN)
def test_a_caption_is_one_clean_line(text: str, line: str) -> None:
    assert clean(text) == line


def test_a_model_of_another_device_is_refused(models: Path) -> None:
    with ModelHost(600, device="cuda:63", models=models) as own, pytest.raises(ModelFailed, match="the device cuda:63"):
        own.encode_texts("tiny", ["a"], WAIT_S)
