"""Everything registered is documented, and says what it is."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from albumsd.cli.commands import load_all
from albumsd.cli.docs import DOCUMENTS
from albumsd.core.config import SETTINGS
from albumsd.views import VIEWS

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_document_is_in_step_with_the_registry(name: str) -> None:
    assert (ROOT / "docs" / name).read_text("utf-8") == DOCUMENTS[name](), "python -m albumsd.cli.docs writes it anew"


@pytest.mark.parametrize("thing", [*VIEWS, *load_all()], ids=lambda thing: thing.name)
def test_a_registered_thing_describes_itself(thing: object) -> None:
    assert str(thing.help).endswith((".", "…"))  # type: ignore[attr-defined]
    assert thing.example  # type: ignore[attr-defined]


@pytest.mark.parametrize("folder", ["albumsd/views", "albumsd/cli/commands", "albumsd/query/terms"])
def test_every_module_of_a_registry_is_registered(folder: str) -> None:
    import importlib

    package = importlib.import_module(folder.replace("/", "."))
    registry = getattr(package, "MODULES", None) or package.TERMS
    modules = registry.values() if isinstance(registry, dict) else registry
    helpers = {"__init__", "view"}
    assert {path.stem for path in (ROOT / folder).glob("*.py")} - helpers == set(modules)


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
