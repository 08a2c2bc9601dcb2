"""The base installation: without anything that models need, all the rest works, and says in one line what is missing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from support import hub
from support.daemon import Daemon
from support.hub import CONFIG

from albumsd.core import weights
from albumsd.demo.tour import Tour
from albumsd.demo.truth import DemoLibrary

EXTRA = ("torch", "torchvision", "open_clip", "hnswlib", "sklearn", "safetensors", "timm", "huggingface_hub")
SITE = f"""
import sys

class Without:
    def __init__(self, finder):
        self.finder = finder
    def __getattr__(self, name):
        return getattr(self.finder, name)
    def find_spec(self, name, path=None, target=None):
        return None if name.split(".")[0] in {EXTRA!r} else self.finder.find_spec(name, path, target)

sys.meta_path[:] = [Without(finder) for finder in sys.meta_path]
"""


@pytest.fixture
def without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every Python that is started finds none of EXTRA, as if they were not installed."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(SITE)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)


def test_the_rest_of_the_test_means_something(without: None) -> None:
    for name in EXTRA:
        done = python(f"import importlib.util; assert importlib.util.find_spec({name!r}) is None; import {name}")
        assert "ModuleNotFoundError" in done.stderr, done.stderr
    assert python("import numpy, PIL").returncode == 0


def test_every_module_but_those_that_hold_a_model_can_be_imported(without: None) -> None:
    code = (
        "import importlib, pkgutil, albumsd\n"
        "for found in pkgutil.walk_packages(albumsd.__path__, 'albumsd.'):\n"
        "    if found.name.endswith('__main__'): continue\n"
        "    try: importlib.import_module(found.name)\n"
        "    except ImportError as error: print(found.name, error)\n"
    )
    done = python(code)
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stdout.splitlines() if not line.startswith("albumsd.ml.")] == []


def test_a_library_without_models_shows_searches_and_says_so(
    without: None, daemon: Callable[..., Daemon], tmp_path: Path
) -> None:
    pictures = tmp_path / "Pictures"
    pictures.mkdir()
    Image.new("RGB", (400, 300), "teal").save(pictures / "IMG_20240413_182205.jpg")
    (pictures / "letter.txt").write_text("The warranty letter of the washing machine.")
    model = tmp_path / "model"
    model.mkdir()
    (model / "open_clip_config.json").write_bytes(CONFIG)
    (model / "open_clip_model.safetensors").write_bytes(hub.safetensors(b"weights"))
    one = daemon({"Photos": pictures})
    one.wait()
    assert one.names("by-date", "2024", "2024-04") == ["IMG_20240413_182205.jpg"]
    assert one.names("previews", "by-date", "2024", "2024-04") == ["IMG_20240413_182205.jpg.webp"]
    assert one.names("search", "warranty letter") == ["001 letter.txt"]
    assert one.run("search", "warranty", "letter").returncode == 0
    assert weights.WITHOUT in one.run("status").stdout
    assert one.status()["brain"]["why"] == weights.WITHOUT
    for readme in ("README.txt", "search/README.txt"):
        (line,) = [text for text in (one.mount / readme).read_text().splitlines() if "by words only" in text]
        assert "`albumsd models pull`" in line
        assert "605 MB" in line
    listed = one.run("models", "list")
    assert listed.returncode == 0
    assert weights.NOT_INSTALLED in listed.stdout
    used = one.run("models", "use", model)
    assert used.returncode == 0, used.stderr
    assert weights.NOT_INSTALLED in used.stdout
    one.until(lambda: "not installed" in one.run("status").stdout, "the new reason")
    assert one.names("search", "warranty letter") == ["001 letter.txt"]
    assert one.stop() == 0


def test_the_demo_shows_all_but_meaning(
    without: None, daemon: Callable[..., Daemon], pictures: Path, truth: DemoLibrary
) -> None:
    """Its tour has no step that needs a model, and one that says what is missing."""
    assert python("from albumsd.core import weights; assert not weights.installed()").returncode == 0
    one = daemon({"Photos": pictures}, {"demo": True})
    one.wait()
    said: list[str] = []
    steps = Tour(DemoLibrary(pictures, truth.files), one.mount, said.append, meaning=False).steps()
    assert {step.title: step.run() for step in steps} == {step.title: [] for step in steps}
    assert any(weights.WITHOUT in line for line in said)
