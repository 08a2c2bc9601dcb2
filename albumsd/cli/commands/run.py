"""albumsd run: everything, in the foreground."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import time

from albumsd.core.config import Config
from albumsd.core.errors import MountRefused
from albumsd.ipc import locks
from albumsd.store import sources

from ..common import ask, database, load, split_source
from ..supervisor import Supervisor
from . import Command

READY_S = 30.0
TRIES = 3
"""A mount that has died so often before its first answer will not come up."""


def answers(config: Config) -> bool:
    """Whether the mount is up and a stat of its root comes back. The stat runs in a thread: it must not hang us."""
    told = ask(config, "mount", {"ask": "status"}, 1.0)
    if not told or not told.get("ready"):
        return False
    seen = threading.Event()

    def look() -> None:
        try:
            if os.stat(config.mount / "README.txt").st_size:
                seen.set()
        except OSError:
            pass

    threading.Thread(target=look, daemon=True).start()
    return seen.wait(5.0)


def forwarded(arguments: argparse.Namespace, config: Config) -> list[str]:
    """The options that every process of this library must get."""
    words = ["--library", os.fspath(config.library)]
    return [*words, "--config", arguments.config] if arguments.config else words


def look_at_mountpoint(config: Config) -> None:
    """Raise MountRefused, with what to do, before anything is started that could not be shown."""
    from albumsd.mount import mountpoint

    try:
        mountpoint.prepare(config.mount)
    except MountRefused as error:
        why = f"{error.fields['why']}. Choose another folder, which may be a new one: albumsd run --mount DIR"
        raise MountRefused(path=config.mount, why=why) from None


def say_what_next(config: Config, count: int) -> None:
    """The lines after ``ready:``."""
    if not count:
        option = "" if os.environ.get("ALBUMSD_LIBRARY") else f" --library '{config.library}'"
        print("No source yet. Type next, in another terminal:")
        print(f"  albumsd add{option} ~/Pictures")
        print(f"  ls '{config.mount}/by-date'", flush=True)


def _configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--mount", metavar="DIR", help="where to mount (default ~/Albums)")
    parser.add_argument(
        "--source", metavar="[NAME=]DIR", action="append", default=[], help="add this folder first; may be repeated"
    )


def _run(arguments: argparse.Namespace) -> int:
    config = load(arguments, mount=arguments.mount)
    lock = locks.ProcessLock(config.run, "run")
    try:
        with database(config, create=True) as library:
            for text in arguments.source:
                name, folder = split_source(text)
                sources.add(library, config, folder, name)
            known = sources.all_sources(library)
            sources.refuse_mount(known, config.mount)  # before anybody makes the folder: a source is only ever read
            count = len(known)
        supervisor = Supervisor(
            config, forwarded(arguments, config), lambda text: print(f"albumsd: {text}", file=sys.stderr)
        )
        supervisor.take_over()
        look_at_mountpoint(config)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:  # nohup means it
                signal.signal(number, lambda *_: supervisor.stop.set())
        supervisor.start()
        try:
            return _wait_and_watch(config, supervisor, count)
        finally:
            supervisor.shut_down()
    finally:
        lock.release()


def _wait_and_watch(config: Config, supervisor: Supervisor, count: int) -> int:
    end = time.monotonic() + READY_S
    while not supervisor.stop.wait(0.05):
        code = supervisor.tend()
        if code is not None:
            return code
        if answers(config):
            print(f"ready: {config.mount}", flush=True)
            say_what_next(config, count)
            return supervisor.watch()
        if supervisor.deaths("mount") >= TRIES:
            print(f"albumsd: nothing can be mounted on {config.mount} (see above)", file=sys.stderr)
            return 1
        if time.monotonic() > end:
            print(f"albumsd: {config.mount} did not answer within {READY_S:.0f} s", file=sys.stderr)
            return 3
    return 0


COMMAND = Command(
    "run", "Index, rank and mount, all in the foreground, until Ctrl-C. Alone: mounts ~/Albums.",
    "albumsd run --source ~/Pictures --mount ~/Albums", _configure, _run,
)  # fmt: skip
