"""albumsd config: every setting with its meaning and where it came from."""

from __future__ import annotations

import argparse
import json

from albumsd.core.config import SETTINGS

from ..common import load, print_json
from . import Command


def _configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON")


def _run(arguments: argparse.Namespace) -> int:
    config = load(arguments)
    if arguments.json:
        print_json({s.name: {"value": config[s.name], "from": config.origins[s.name]} for s in SETTINGS})
        return 0
    print(f"# library: {config.library}")
    for setting in SETTINGS:
        print(f"\n# {setting.help}\n# from: {config.origins[setting.name]}")
        print(f"{setting.name} = {json.dumps(config[setting.name])}")
    return 0


COMMAND = Command(
    "config", "Show every setting, its meaning and where its value came from.", "albumsd config", _configure, _run
)
