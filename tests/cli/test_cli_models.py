"""albumsd models: list, pull from a server of the test's own, use; what is refused, and what is left when something fails."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.hub import CONFIG, WEIGHTS, Hub, safetensors, sha256

from albumsd.cli import main
from albumsd.core import config as configuration
from albumsd.core import weights

COCA = json.dumps({"model_cfg": {**json.loads(CONFIG)["model_cfg"], "multimodal_cfg": {}}}).encode()
DEFAULT = weights.DEFAULT.name


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """Has the default model, whose pinned hash is that of the test's own weights."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    one = weights.DEFAULT
    files = tuple(dataclasses.replace(file, sha256=sha256(WEIGHTS) if file.sha256 else "") for file in one.files)
    fake = dataclasses.replace(one, files=files)
    monkeypatch.setattr(weights, "DEFAULT", fake)
    monkeypatch.setattr(weights, "KNOWN", (fake, *weights.KNOWN[1:]))
    with Hub() as server:
        server.put(one.repository, one.revision)
        yield server


class Models:
    """``models("list")`` is the exit code; ``out`` and ``err`` what was said."""

    def __init__(self, library: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.library, self._capsys = library, capsys
        self.folder = library / "models"
        self.settings = library / "config.toml"

    def __call__(self, *words: str | Path) -> int:
        code = main(["models", "--library", str(self.library), *map(str, words)])
        self.out, self.err = self._capsys.readouterr()
        return code

    def json(self, *words: str | Path) -> Any:
        assert self(*words, "--json") == 0, self.err
        return json.loads(self.out)

    def make(self, name: str, config: bytes = CONFIG, **notes: Any) -> Path:
        """A folder as it comes by stick."""
        folder = self.folder / name if "/" not in name else Path(name)
        folder.mkdir(parents=True)
        (folder / "open_clip_config.json").write_bytes(config)
        (folder / "open_clip_model.safetensors").write_bytes(safetensors(b"weights"))
        if notes:
            (folder / "albumsd.json").write_text(json.dumps(notes))
        return folder

    def setting(self, name: str = "model") -> Any:
        return configuration.load(self.library)[name]


@pytest.fixture
def models(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Models:
    return Models(tmp_path / "library", capsys)


# --- what is known --------------------------------------------------------------------------------


def test_the_known_models_are_complete():
    assert weights.DEFAULT is weights.KNOWN[0]
    names = [one.name for one in weights.KNOWN]
    assert len({name.casefold() for name in names}) == len(names) > 3
    for one in weights.KNOWN:
        assert one.help.endswith(".")
        assert one.licence
        assert one.size > 100_000_000
        assert any(file.weights for file in one.files)
        assert all(len(file.sha256) in (0, 64) for file in one.files)
        assert one.url("x").startswith("https://huggingface.co/")
    pinned = [file.sha256 for file in weights.DEFAULT.files if file.weights]
    assert pinned
    assert all(pinned)


@pytest.mark.parametrize("text", [DEFAULT, DEFAULT.upper(), "ViT-B-32", "vit"])
def test_a_known_model_is_found_by_how_its_name_begins(text: str) -> None:
    assert weights.find(text) is weights.DEFAULT


def test_what_is_not_known():
    assert weights.find("") is None
    assert weights.find("nosuch") is None
    assert weights.of_repository("nosuch") is None
    assert weights.of_repository("a/b/c") is None
    assert weights.of_repository("../b") is None
    assert weights.of_repository("a/.b") is None
    assert weights.of_repository("a/b c") is None
    found = weights.of_repository("org/some-model@v1")
    assert found
    assert found.url("x") == "https://huggingface.co/org/some-model/resolve/v1/x"


# --- list -----------------------------------------------------------------------------------------


def test_list_says_what_there_is(models: Models) -> None:
    models.make("mine")
    (models.folder / "no model").mkdir()
    (models.folder / ".x.part").mkdir()
    told = models.json("list")
    assert [one["name"] for one in told["known"]] == [one.name for one in weights.KNOWN]
    assert [one["here"] for one in told["known"]] == [False] * len(weights.KNOWN)
    assert told["found"] == [{"name": "mine", "in_use": []}]
    assert told["model"] is None
    assert models("list") == 0
    assert "605 MB" in models.out
    assert "`albumsd models pull`" in models.out
    models.json("use", "mine")
    told = models.json("list")
    assert told["found"] == [{"name": "mine", "in_use": ["model"]}]
    assert (told["model"]["name"], told["model"]["dimensions"], told["model"]["why"]) == ("mine", 8, None)


def test_list_says_what_is_wrong_with_the_one_in_use(models: Models) -> None:
    models.make("mine")
    models("use", "mine")
    (models.folder / "mine" / "open_clip_config.json").write_text("{")
    told = models.json("list")
    assert "JSON" in told["model"]["why"]
    assert models("list") == 0
    assert "JSON" in models.out


# --- pull -----------------------------------------------------------------------------------------


@pytest.mark.slow
def test_pull_fetches_the_default_and_puts_it_to_use_where_there_was_none(models: Models, hub: Hub) -> None:
    models.library.mkdir()
    models.settings.write_text("# mine\nnice = 3  # gentle\n")
    assert models("pull", "--from", hub.url) == 0
    folder = models.folder / DEFAULT
    assert sorted(os.listdir(folder)) == ["SHA256SUMS", "open_clip_config.json", "open_clip_model.safetensors"]
    assert (folder / "open_clip_model.safetensors").read_bytes() == WEIGHTS
    assert os.listdir(models.folder) == [DEFAULT]
    assert models.settings.read_text() == f'# mine\nnice = 3  # gentle\nmodel = "{DEFAULT}"\n'
    assert "(pinned)" in models.out
    assert "in use" in models.out
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "open_clip_model.safetensors").stat().st_mode & 0o777 == 0o600

    asked = len(hub.asked)
    assert models("pull", "--from", hub.url) == 0
    assert "here already" in models.out
    assert len(hub.asked) == asked
    (folder / "open_clip_model.safetensors").write_bytes(WEIGHTS[:-1] + b"x")
    assert models("pull", "--from", hub.url) == 2
    assert "fetch it again" in models.err
    assert models("use", DEFAULT) == 2
    assert "not what was published" in models.err


@pytest.mark.slow
def test_pull_of_a_second_one_leaves_the_choice(models: Models, hub: Hub) -> None:
    models.make("mine")
    models("use", "mine")
    hub.put("org/other", "v1")
    done = models.json("pull", "org/other@v1", "--from", hub.url)
    assert done["name"] == "other"
    assert done["in_use"] is False
    assert [(file["name"], file["checked"]) for file in done["files"]] == [
        ("open_clip_config.json", "announced"),
        ("open_clip_model.safetensors", "announced"),
    ]
    assert models.setting() == "mine"


@pytest.mark.slow
@pytest.mark.parametrize("trouble", ["wrong", "given", "gone", "later"])
def test_a_pull_that_fails_leaves_no_folder_and_no_choice(models: Models, hub: Hub, trouble: str) -> None:
    hub.put("org/m")
    words, code, says = ["org/m"], 1, "came wrong"
    if trouble == "wrong":
        hub.lie = sha256(b"x")
    elif trouble == "given":
        words += ["--sha256", "0" * 64]
    elif trouble == "gone":
        words, says = ["org/gone"], "does not exist"
    else:
        hub.status, code, says = 503, 3, "goes on from there"
    assert models("pull", *words, "--from", hub.url) == code
    assert says in models.err
    assert "Traceback" not in models.err
    assert [name for name in os.listdir(models.folder) if not name.startswith(".")] == []
    assert models.setting() == ""
    assert ("By hand" in models.out) == (trouble == "later")


def test_pull_by_hand_says_which_files_go_where(models: Models) -> None:
    assert models("pull", "--by-hand") == 0
    for file in weights.DEFAULT.files:
        assert weights.DEFAULT.url(file.names[0]) in models.out
        assert file.sha256 in models.out
    assert str(models.folder) in models.out
    assert f"albumsd models use {DEFAULT}" in models.out
    assert not models.library.exists()


@pytest.mark.parametrize("words", [["nosuch"], ["--sha256", "abc"], ["a b/c"]])
def test_pull_of_what_nobody_knows_is_a_usage_error(models: Models, words: list[str]) -> None:
    assert models("pull", *words) == 2
    assert not models.library.exists()


@pytest.mark.slow
def test_without_any_network_it_says_how_to_do_it_by_hand(tmp_path: Path) -> None:
    """In an empty network namespace, in which not even loopback is up."""
    alone = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "--net"]
    words = [sys.executable, "-m", "albumsd", "models", "pull", "--library", tmp_path / "library"]
    done = subprocess.run([*alone, *words], capture_output=True, text=True, timeout=60)
    assert done.returncode == 3, done.stderr
    assert "no way to https://huggingface.co" in done.stderr
    assert "Traceback" not in done.stderr
    assert "By hand" in done.stdout
    assert list((tmp_path / "library" / "models").glob("[!.]*")) == []


# --- use ------------------------------------------------------------------------------------------


def test_use_takes_names_and_folders(models: Models, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    models.make("mine")
    assert models.json("use", "mine")["model"] == {"spec": "mine", "name": "mine", "kind": "clip", "dimensions": 8}
    assert models.setting() == "mine"
    stick = models.make(str(tmp_path / "stick" / "theirs"))
    models.json("use", stick)
    assert models.setting() == str(stick)
    monkeypatch.chdir(tmp_path / "stick")
    models.json("use", "none")
    assert models.setting() == ""
    models.json("use", "theirs")
    assert models.setting() == str(stick), "a folder beside one is meant by its name, wherever albumsd is started next"
    models.make(DEFAULT)
    assert models("use", "ViT-B-32") == 2, "its weights are not those that are published under this name"
    assert "not what was published" in models.err


def test_use_none_keeps_the_rest(models: Models) -> None:
    models.library.mkdir()
    models.settings.write_text('model = "x" # one\ncaptioner = "y"\n')
    assert models("use", "none") == 0
    assert models.settings.read_text() == 'model = "" # one\ncaptioner = "y"\n'
    assert models("use", "none", "--captions") == 0
    assert models.settings.read_text() == 'model = "" # one\ncaptioner = ""\n'


def test_a_coca_writes_captions_and_nothing_else_does(models: Models) -> None:
    models.make("teller", COCA)
    models.make("mine")
    assert models("use", "teller") == 0
    assert (models.setting("captioner"), models.setting("model")) == ("teller", "")
    assert models("use", "mine", "--captions") == 2
    assert "captions" in models.err
    assert models.setting("captioner") == "teller"


def test_the_demos_model_is_for_the_demo_only(models: Models) -> None:
    models.make("tiny", purpose="demo")
    assert models("use", "tiny") == 2
    assert "demo" in models.err
    assert models.setting() == ""
    models.settings.write_text("demo = true\n")
    assert models("use", "tiny") == 0
    assert models.setting() == "tiny"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["nosuch"], "albumsd models pull"),
        (["MobileCLIP2-S0"], "albumsd models pull"),
        (["/nosuch/folder"], "folder"),
        ([], "albumsd models use NAME"),
    ],
)
def test_what_cannot_be_used_changes_nothing(models: Models, words: list[str], says: str) -> None:
    models.library.mkdir()
    models.settings.write_text('model = "before"\n')
    assert models("use", *words) == 2
    assert says in models.err
    assert models.settings.read_text() == 'model = "before"\n'


def test_a_folder_that_is_no_model_is_refused(models: Models) -> None:
    folder = models.make("mine")
    (folder / "open_clip_model.safetensors").unlink()
    assert models("use", "mine") == 2
    assert "no weights" in models.err
    assert models.setting() == ""


def test_use_says_when_the_environment_says_otherwise(models: Models, monkeypatch: pytest.MonkeyPatch) -> None:
    models.make("mine")
    monkeypatch.setenv("ALBUMSD_MODEL", "other")
    assert models("use", "mine") == 0
    assert "ALBUMSD_MODEL" in models.err


def test_use_writes_the_settings_file_that_it_is_given(models: Models, tmp_path: Path) -> None:
    models.make("mine")
    file = tmp_path / "elsewhere.toml"
    file.write_text("nice = 1\n")
    assert models("use", "mine", "--config", file) == 0
    assert file.read_text() == 'nice = 1\nmodel = "mine"\n'
    assert not models.settings.exists()


def test_list_takes_no_name(models: Models) -> None:
    assert models("list", "x") == 2


@pytest.mark.parametrize("left", [0, 4, 60, -1])
def test_weights_that_were_cut_on_the_way_are_not_used(models: Models, left: int) -> None:
    """As when a stick was pulled too early: the choice stays as it was."""
    models.make("mine")
    assert models("use", "mine") == 0
    whole = safetensors(b"weights" * 100)
    weights = models.make("cut") / "open_clip_model.safetensors"
    weights.write_bytes(whole[:left])
    assert models("use", "cut") == 2
    assert "cut short or damaged" in models.err
    assert models.setting() == "mine"
    weights.write_bytes(whole)
    assert models("use", "cut") == 0


@pytest.mark.slow
def test_a_hash_that_the_person_says_overrules_the_pinned_one(models: Models, hub: Hub) -> None:
    """The publisher may have published anew; who knows the new hash can say it, and use what it is of."""
    other = safetensors(b"published anew" * 1000)
    path = next(path for path in hub.files if path.endswith("open_clip_model.safetensors"))
    hub.files[path] = other
    assert models("pull", "--from", hub.url) != 0
    assert models("pull", "--from", hub.url, "--sha256", sha256(other)) == 0
    assert models("use", DEFAULT) == 0
