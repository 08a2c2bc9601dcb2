"""Everything registered is documented, and says what it is."""

from __future__ import annotations

import importlib
import tomllib
from pathlib import Path
from typing import Any

import pytest

from albumsd.cli.commands import load_all
from albumsd.cli.docs import DOCUMENTS
from albumsd.core.config import SETTINGS
from albumsd.indexer import ignore
from albumsd.indexer.stages import all_stages
from albumsd.media.readers import all_readers
from albumsd.query.terms import load as all_terms
from albumsd.views import VIEWS

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_document_is_in_step_with_the_registry(name: str) -> None:
    assert (ROOT / "docs" / name).read_text("utf-8") == DOCUMENTS[name](), "python -m albumsd.cli.docs writes it anew"


REGISTRIES = {
    "views": VIEWS,
    "commands": load_all(),
    "terms": all_terms(),
    "readers": all_readers(),
    "stages": all_stages(),
}
THINGS = [pytest.param(thing, id=f"{kind}-{thing.name}") for kind, things in REGISTRIES.items() for thing in things]


@pytest.mark.parametrize("thing", THINGS)
def test_a_registered_thing_describes_itself(thing: Any) -> None:
    assert thing.name
    assert thing.help[0].isupper()
    assert thing.help.endswith(".")
    assert "\n" not in thing.help + thing.example
    assert thing.example.strip()


@pytest.mark.parametrize("thing", THINGS)
def test_a_registered_thing_stands_in_a_document(thing: Any) -> None:
    written = [(ROOT / "docs" / name).read_text("utf-8") for name in DOCUMENTS]
    assert [text for text in written if thing.help in text and thing.example in text]


@pytest.mark.parametrize("kind", REGISTRIES)
def test_names_in_a_registry_are_unique(kind: str) -> None:
    names = [thing.name for thing in REGISTRIES[kind]]
    assert len(set(names)) == len(names) > 3


FOLDERS = {
    "albumsd/views": {"__init__", "view"},
    "albumsd/cli/commands": {"__init__"},
    "albumsd/query/terms": {"__init__"},
    "albumsd/media/readers": {"__init__"},
    "albumsd/indexer/stages": {"__init__"},
}


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_module_of_a_registry_is_registered(folder: str) -> None:
    package = importlib.import_module(folder.replace("/", "."))
    registry = getattr(package, "MODULES", None) or package.TERMS
    modules = registry.values() if isinstance(registry, dict) else registry
    assert {path.stem for path in (ROOT / folder).glob("*.py")} - FOLDERS[folder] == set(modules)


def test_every_name_that_is_never_looked_at_is_documented() -> None:
    written = (ROOT / "docs" / "readers.md").read_text("utf-8")
    assert [
        name for name in (*ignore.NAMES, *ignore.PREFIXES, *ignore.SUFFIXES) if name.decode().strip() not in written
    ] == []


def test_every_setting_can_stand_in_the_file(tmp_path: Path) -> None:
    from albumsd.core import config

    text = "\n".join(
        f"{s.name} = {str(s.default).lower() if isinstance(s.default, bool) else repr(s.default)}" for s in SETTINGS
    )
    assert set(tomllib.loads(text)) == {s.name for s in SETTINGS}
    (tmp_path / "config.toml").write_text(text)
    loaded = config.load(tmp_path)
    assert {s.name: loaded[s.name] for s in SETTINGS} == {s.name: s.default for s in SETTINGS}


def test_the_changelog_speaks_of_this_version() -> None:
    from albumsd import __version__

    assert __version__ in (ROOT / "CHANGELOG.md").read_text("utf-8")
