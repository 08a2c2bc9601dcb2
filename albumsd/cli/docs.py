"""The documents that are made from the registries: ``python -m albumsd.cli.docs`` writes them into ``docs/``.

A test compares them with what this module makes, so what is registered is documented.
"""

from __future__ import annotations

import sys
from pathlib import Path

from albumsd.core.config import SETTINGS
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


DOCUMENTS = {"views.md": views, "settings.md": settings, "commands.md": commands, "query.md": query_help.markdown}


def write(folder: Path) -> None:
    """Write every document into ``folder``."""
    for name, make in DOCUMENTS.items():
        (folder / name).write_text(make(), "utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1] if len(sys.argv) > 1 else "docs"))
