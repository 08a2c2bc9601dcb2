"""cli.settings_file: one setting changes, everything else in the file stays as the person wrote it."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from albumsd.cli import settings_file
from albumsd.core.errors import ConfigError

PERSONS = '# mine\nmount = "~/Bilder"  # where I look\n\nmodel = "old"   # small\nnice = 3\n'

TABLE = [
    ("", "x", 'model = "x"\n'),
    ("nice = 3", "x", 'nice = 3\nmodel = "x"\n'),
    ("nice = 3\r\n", "x", 'nice = 3\r\nmodel = "x"\r\n'),
    (PERSONS, "new", PERSONS.replace('"old"', '"new"')),
    (PERSONS, "", PERSONS.replace('"old"', '""')),
    ("  model='a' # it's\nnice = 1\n", "b", 'model = "b" # it\'s\nnice = 1\n'),
    ('"model" = "a"\n', "b", 'model = "b"\n'),
    ('model = "a # b \\" c" # why\n', "b", 'model = "b" # why\n'),
    ('# model = "a"\n', "b", '# model = "a"\nmodel = "b"\n'),
    ('captioner = """\nmodel = "a"\n"""\n', "b", 'captioner = """\nmodel = "a"\n"""\nmodel = "b"\n'),
    ('models = "a"\n', "b", 'models = "a"\nmodel = "b"\n'),
    ("[a]\nmodel = 1\n", "b", 'model = "b"\n[a]\nmodel = 1\n'),
    ('model = """a"""\n', "b", 'model = "b"\n'),
]


@pytest.mark.parametrize(("before", "value", "after"), TABLE)
def test_what_is_written(tmp_path: Path, before: str, value: str, after: str) -> None:
    file = tmp_path / "config.toml"
    file.write_bytes(before.encode())
    settings_file.put(file, "model", value)
    assert file.read_bytes().decode() == after
    assert tomllib.loads(after)["model"] == value
    assert os.listdir(tmp_path) == ["config.toml"]
    assert file.stat().st_mode & 0o777 == 0o600 or before == after


def test_a_value_over_several_lines_is_left_to_the_person(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    text = 'model = """\\\n  a"""\n'
    file.write_text(text)
    with pytest.raises(ConfigError, match='Write this line into it: model = "b"'):
        settings_file.put(file, "model", "b")
    assert file.read_text() == text


@pytest.mark.parametrize("bad", [b"model = \n", b"\xff", b"model = 1\nmodel = 2\n"])
def test_a_file_that_is_no_toml_stays_as_it_is(tmp_path: Path, bad: bytes) -> None:
    file = tmp_path / "config.toml"
    file.write_bytes(bad)
    with pytest.raises(ConfigError, match="not valid TOML"):
        settings_file.put(file, "model", "b")
    assert file.read_bytes() == bad


def test_a_file_and_its_folder_are_made_for_nobody_else(tmp_path: Path) -> None:
    file = tmp_path / "library" / "config.toml"
    settings_file.put(file, "model", "b")
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    real, link = tmp_path / "dotfiles.toml", tmp_path / "config.toml"
    real.write_text("nice = 3\n")
    link.symlink_to(real)
    settings_file.put(link, "model", "b")
    assert link.is_symlink()
    assert real.read_text() == 'nice = 3\nmodel = "b"\n'


def test_what_no_settings_file_can_hold_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="UTF-8"):
        settings_file.put(tmp_path / "config.toml", "model", "/stick/\udcff")
    assert os.listdir(tmp_path) == []


@given(value=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_any_text_comes_back(value: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path_factory.mktemp("any") / "config.toml"
    file.write_text(PERSONS)
    settings_file.put(file, "model", value)
    assert tomllib.loads(file.read_text("utf-8")) == {**tomllib.loads(PERSONS), "model": value}
    assert "# where I look" in file.read_text("utf-8")
