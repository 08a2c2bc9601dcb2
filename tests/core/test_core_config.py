"""Settings: where they come from, and what is said when they are wrong."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from albumsd.core import config
from albumsd.core.errors import ConfigError


def write(folder: Path, text: str) -> Path:
    (folder / "config.toml").write_text(text)
    return folder


def test_the_strongest_source_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert config.load(tmp_path)["poll_s"] == 60
    assert config.load(tmp_path).origins["poll_s"] == "default"
    write(tmp_path, "poll_s = 1\nrest_s = 1")
    found = config.load(tmp_path)
    assert (found["poll_s"], found["rest_s"], found.origins["poll_s"]) == (1, 1.0, str(tmp_path / "config.toml"))
    monkeypatch.setenv("ALBUMSD_POLL_S", "2")
    found = config.load(tmp_path)
    assert (found["poll_s"], found["rest_s"], found.origins["poll_s"]) == (2, 1.0, "ALBUMSD_POLL_S")
    found = config.load(tmp_path, overrides={"poll_s": 3, "rest_s": None})
    assert (found["poll_s"], found["rest_s"], found.origins["poll_s"]) == (3, 1.0, "the command line")


def test_every_setting_takes_its_own_default_from_every_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for setting in config.SETTINGS:
        monkeypatch.setenv(f"ALBUMSD_{setting.name.upper()}", str(setting.default))
    plain = {setting.name: setting.default for setting in config.SETTINGS}
    assert dict(config.load(tmp_path).values) == plain
    assert dict(config.load(tmp_path, overrides=plain).values) == plain


BAD = [
    ("workers = 'many'", "workers must be a whole number, 0 or more, not 'many'"),
    ("workers = -1", "workers must be a whole number, 0 or more, not -1"),
    ("workers = 3.7", "workers must be a whole number"),
    ("workers = true", "workers must be a whole number"),
    ("workers = inf", "workers must be a whole number"),
    ("read_deadline_s = inf", "read_deadline_s must be a number, 0 or more, not inf"),
    ("read_deadline_s = nan", "read_deadline_s must be a number"),
    ("read_deadline_s = []", "read_deadline_s must be a number"),
    ("allow_other = 'perhaps'", "allow_other must be true or false, not 'perhaps'"),
    ("mount = 3", "mount must be text, and not empty, not 3"),
    ("mount = ''", "mount must be text, and not empty, not ''"),
    ('mount = "a\\u0000b"', "mount must be text"),
    ("mount = = 3", "not valid TOML: .*line 1"),
    (
        "colour = 1\nsize = 2\nworkers = -1\nnice = 'x'",
        "unknown settings: colour, size; .*; nice must be .*; workers must be",
    ),
]


@pytest.mark.parametrize(("text", "said"), BAD, ids=[case[0] for case in BAD])
def test_what_is_wrong_in_the_file_is_said_at_once_and_with_its_name(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        config.load(write(tmp_path, text))
    assert str(caught.value).startswith(str(tmp_path / "config.toml"))
    assert caught.value.exit_code == 2


def test_what_is_wrong_elsewhere_is_said_with_its_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="the command line: nice must be"):
        config.load(tmp_path, overrides={"nice": "very"})
    with pytest.raises(ConfigError, match="does not exist"):
        config.load(tmp_path, file=tmp_path / "none.toml")
    (tmp_path / "config.toml").mkdir()
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        config.load(tmp_path)
    monkeypatch.setenv("ALBUMSD_ALLOW_OTHER", "maybe")
    with pytest.raises(ConfigError, match="ALBUMSD_ALLOW_OTHER: allow_other must be"):
        config.load(tmp_path / "other")


def test_where_a_library_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert config.load().library == tmp_path / "data" / "albumsd"
    monkeypatch.setenv("ALBUMSD_LIBRARY", "~/pictures")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert config.load().library == tmp_path / "pictures"
    assert config.load(tmp_path / "x" / ".." / "y").library == tmp_path / "y"


def test_what_lies_in_a_library(tmp_path: Path) -> None:
    found = config.load(tmp_path, overrides={"mount": "~/Albums", "workers": 0})
    assert found.database == tmp_path / "albumsd.db"
    assert (found.previews, found.run, found.originals) == (
        tmp_path / "previews",
        tmp_path / "run",
        tmp_path / "originals",
    )
    assert found.mount == Path(os.path.expanduser("~/Albums"))
    assert 1 <= found.workers <= 4
    assert config.load(tmp_path, overrides={"originals": "/big/disk", "workers": 7}).originals == Path("/big/disk")


def test_each_setting_is_explained_once() -> None:
    assert len({setting.name for setting in config.SETTINGS}) == len(config.SETTINGS)
    for setting in config.SETTINGS:
        assert setting.help.endswith(".")
        assert type(setting.default) in (bool, str, int, float)
