"""albumsd status: how the library is."""

from __future__ import annotations

import argparse
from typing import Any

from albumsd.core import weights
from albumsd.core.config import Config
from albumsd.store import status

from ..common import ask, load, print_json, reader
from . import Command

WATCH_S = 1.0


def gather(config: Config) -> dict[str, Any]:
    """The library's report with what its processes say: ``mount``, ``eta_s``, ``indexer``, ``brain``, ``processes``.

    Each is asked for at most two seconds; what the library knows of one that does not answer stands.
    """
    with reader(config) as library:
        report = status.report(library)
    answers = {process: ask(config, process, {"ask": "status"}) for process in ("mount", "indexer", "brain")}
    mount, indexer, brain = answers["mount"], answers["indexer"], answers["brain"]
    report["mount"] = mount["mount"] if mount else None
    for row in report["sources"]:
        if mount and row["name"] in mount.get("stalled", ()) and row["state"] == "online":
            row["state"], row["why"] = "stalled", "its drive does not answer reads"
    if indexer:
        report["indexer"] = {"state": indexer.get("phase")}
        report["eta_s"] = status.estimate(report, indexer.get("eta_s"))
    if brain:
        report["brain"] = {"state": brain.get("state"), **status.brain_told(brain)}
    elif not config["model"]:
        report["brain"]["why"] = weights.WITHOUT
    for process in ("indexer", "brain"):
        if answers[process] is None and report[process]["state"] != "away":
            report[process]["state"] = "silent"
    report["processes"] = {process: answer is not None for process, answer in answers.items()}
    return report


def _text(report: dict[str, Any]) -> str:
    away = [process for process, there in report["processes"].items() if not there]
    if len(away) == len(report["processes"]):
        head = "Not running. Start it:  albumsd run\n"
    elif report["mount"]:
        head = f"Mounted on {report['mount']}\n"
    else:
        head = "Not mounted: the mount process does not answer\n"
    tail = f"No answer from: {', '.join(away)}\n" if 0 < len(away) < len(report["processes"]) else ""
    if not report["processes"]["brain"] and report["brain"]["why"]:
        tail = f"  {weights.words_only(report['brain']['why'])}\n{tail}"
    return head + status.report_text(report) + tail


def _configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--watch", action="store_true", help="keep showing it until Ctrl-C")


def _run(arguments: argparse.Namespace) -> int:
    config = load(arguments)
    if arguments.watch:
        import threading

        from rich.live import Live
        from rich.text import Text

        with Live(Text(_text(gather(config))), auto_refresh=False) as live:
            while not threading.Event().wait(WATCH_S):
                live.update(Text(_text(gather(config))), refresh=True)
    report = gather(config)
    if arguments.json:
        print_json(report)
    else:
        print(_text(report), end="")
    return 0


COMMAND = Command(
    "status", "Show sources, progress, problems and which processes run.", "albumsd status --watch", _configure, _run
)
