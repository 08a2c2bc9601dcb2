"""The documents that are made from the registries: ``python -m albumsd.cli.docs`` writes them into ``docs/``.

A test compares them with what this module makes, so what is registered is documented.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from albumsd.core.config import SETTINGS
from albumsd.indexer import ignore
from albumsd.indexer.stages import ALWAYS, all_stages
from albumsd.media.readers import all_readers
from albumsd.media.sniff import BY_EXTENSION
from albumsd.query import help as query_help
from albumsd.vfs.renditions import FORMS
from albumsd.views import VIEWS

from .commands import load_all


def views() -> str:
    """docs/views.md"""
    lines = ["# Views", "", "Made from the registry in `albumsd/views/`; do not edit.", ""]
    for view in VIEWS:
        lines += [f"## {view.name}/", "", view.help, "", f"Example: `{view.name}/{view.example}`", ""]
    lines += ["## The same again", ""]
    lines += [f"- `{form.folder}/`: {form.help}" for form in FORMS if form.folder]
    lines += ["- `filter/<query>/`: all views, narrowed to the query (see query.md)."]
    lines += ["- `search/<query>/`: ranked results, `001 IMG_1.jpg`; kept while the query is remembered."]
    return "\n".join(lines) + "\n"


def settings() -> str:
    """docs/settings.md"""
    lines = [
        "# Settings", "",
        "Made from the table in `albumsd/core/config.py`; do not edit. Settings stand in `config.toml` in the",
        "library; `ALBUMSD_<NAME>` in the environment wins over the file, the command line over both.", "",
        "| name | default | meaning |", "| --- | --- | --- |",
    ]  # fmt: skip
    for setting in SETTINGS:
        value = str(setting.default).lower() if isinstance(setting.default, bool) else setting.default
        lines.append(f"| `{setting.name}` | {f'`{value}`' if value != '' else ''} | {setting.help} |")
    return "\n".join(lines) + "\n"


def commands() -> str:
    """docs/commands.md"""
    lines = [
        "# Commands", "",
        "Made from the registry in `albumsd/cli/commands/`; do not edit. Every command takes `--library DIR` (default",
        "`$ALBUMSD_LIBRARY`, else `albumsd` in the XDG data folder) and `--config FILE`. Exit codes: 0 done, 1 error,",
        "2 usage, 3 not ready or time out, 4 problems found.", "",
    ]  # fmt: skip
    for command in load_all():
        lines += [f"## albumsd {command.name}", "", command.help, "", f"Example: `{command.example}`", ""]
    return "\n".join(lines).rstrip() + "\n"


def readers() -> str:
    """docs/readers.md"""
    lines = [
        "# Readers", "",
        "Made from the registry in `albumsd/media/readers/`; do not edit. A reader reads one family of formats, in a",
        "process of its own with limits. The first bytes of a file say which reader it is; its extension does so only",
        "where they say nothing.", "",
        "| reader | reads | such as | gives | extensions |", "| --- | --- | --- | --- | --- |",
    ]  # fmt: skip
    for reader in all_readers():
        gives = ", ".join(["facts", *(["preview"] if reader.preview else []), *(["text"] if reader.text else [])])
        cells = (f"`{reader.name}`", reader.help, f"`{reader.example}`", gives, _extensions(reader.name))
        lines.append(f"| {' | '.join(cells)} |")
    lines += [
        "", "Every other file is shown with its name, size and date. So are these, of a known type:",
        f"{_extensions(None)}.", "",
        "## What is never looked at", "",
        "Files and folders with these names, in capitals or not (`albumsd/indexer/ignore.py`):", "",
        "- everything that begins with a dot",
        f"- litter of systems: {_names(ignore.NAMES)}",
        f"- what begins with {_names(ignore.PREFIXES)}",
        f"- what some program is still writing, by its end: {_names(ignore.SUFFIXES)}",
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def _extensions(reader: str | None) -> str:
    return " ".join(extension for extension, (_, _, found) in BY_EXTENSION.items() if found == reader)


def _names(names: Iterable[bytes]) -> str:
    return ", ".join(f"`{name.decode().encode('unicode_escape').decode()}`" for name in sorted(names))


def stages() -> str:
    """docs/stages.md"""
    where = {
        "child": "a decoder process with limits",
        "thread": "a thread of the indexer",
        "here": "the indexer itself, from rows alone",
        "brain": "the process brain, by a model; no drive need be there",
    }
    lines = [
        "# Stages", "",
        "Made from the registry in `albumsd/indexer/stages/`; do not edit. A stage is a step of indexing: a job for",
        "each content that wants it. `albumsd status` counts the jobs; a stage of a new version does its work",
        "again.", "",
    ]  # fmt: skip
    for stage in all_stages():
        lines += [f"## {stage.name}", "", stage.help, "", f"Example: {stage.example}", ""]
        lines += [f"- version {stage.version}; runs in {where[stage.where]}"]
        lines += [f"- after {', '.join(stage.needs)}" if stage.needs else "- first of all"]
        lines += [
            "- always on" if stage.name in ALWAYS else f'- off with the setting `stages_off = "{stage.name}"`',
            "",
        ]
    return "\n".join(lines).rstrip() + "\n"


DOCUMENTS: dict[str, Callable[[], str]] = {
    "views.md": views,
    "settings.md": settings,
    "commands.md": commands,
    "query.md": query_help.markdown,
    "readers.md": readers,
    "stages.md": stages,
}


def write(folder: Path) -> None:
    """Write every document into ``folder``."""
    for name, make in DOCUMENTS.items():
        (folder / name).write_text(make(), "utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1] if len(sys.argv) > 1 else "docs"))
