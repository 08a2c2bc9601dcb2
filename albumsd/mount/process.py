"""The mount process: its life from start to unmount.

In order: the lock (one mount process per library), the mountpoint, the database, the tree, the mount, then the helper
threads, then the loop until SIGTERM, SIGINT or an unmount from outside. Imports are few: it must be mounted within
300 ms.

The process never forks after start, and its main thread never touches the mount.
"""

from __future__ import annotations

import faulthandler
import gc
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any

import pyfuse3
import trio

from albumsd.core.config import Config
from albumsd.core.errors import MountFailed
from albumsd.ipc import pings
from albumsd.ipc.calls import Server
from albumsd.ipc.locks import ProcessLock
from albumsd.store import sources
from albumsd.store.database import Reader

from . import mountpoint, systemd, tuning
from .announcer import Announcer
from .lanes import slim_reader
from .notify import Follower, FuseKernel
from .operations import Operations

if TYPE_CHECKING:
    from albumsd.vfs.tree import Tree

log = logging.getLogger(__name__)

MAX_TASKS = 512
"""Requests in work at once; more than tuning.MAX_BACKGROUND, so that readers of a hung disk leave some for others."""
GRACE_S = 1.0
"""What requests in work have to end after SIGTERM; the unmount answers the rest."""
_COLLECT = (50_000, 20, 20)
"""Rows of listings die young and without cycles: looking for cycles every 700 of them would be a tenth of the work."""
_SWITCH_S = 0.0005
"""How long a thread that computes may keep the loop thread from running; Python's 5 ms would be seen in every stat."""


def main(config: Config, make_tree: Callable[[Config, Reader], Tree] | None = None) -> int:
    """Mount and serve; the exit code. Raises LibraryBusy, LibraryMissing, MountRefused, MountFailed, ConfigError.

    ``make_tree``: what is shown, if not the library.
    """
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="mount: %(levelname)s %(name)s: %(message)s")
    faulthandler.register(signal.SIGUSR1)
    os.umask(0o077)
    sys.setswitchinterval(_SWITCH_S)
    with ExitStack() as stack:
        lock = ProcessLock(config.run, "mount")
        stack.callback(lock.release)
        reader = stack.enter_context(slim_reader(config.database))
        sources.refuse_mount(sources.all_sources(reader), config.mount)
        mountpoint.prepare(config.mount)
        if make_tree is None:
            from albumsd.vfs.tree import Tree

            make_tree = Tree
        operations = Operations(config, make_tree(config, reader), reader)
        bell = stack.enter_context(pings.listen(config.run / "mount.ping"))
        _serve(config, operations, bell)
    return 0


def _serve(config: Config, operations: Operations, bell: socket.socket) -> None:
    kernel = FuseKernel()
    place = config.mount.resolve()  # as the kernel will name it; once it is mounted, this thread cannot ask
    announcer = Announcer(os.fspath(place), operations.pending, operations.opened, operations.held, kernel.drop_entry)
    follower = Follower(
        operations.tree,
        slim_reader(config.database),
        operations.inodes,
        kernel,
        announcer,
        bell,
        operations.volumes.renew,
    )
    _mount(config, operations)
    try:
        server = Server(config.run / "mount.sock", lambda asked: _status(config, operations, follower))
        try:
            follower.start()
            announcer.start(mountpoint.st_dev(place))
            gc.collect()
            gc.freeze()
            gc.set_threshold(*_COLLECT)
            trio.run(_loop, config, operations, announcer.stop)
        finally:
            announcer.stop()
            server.close()
            follower.stop()
    finally:
        operations.close()
        pyfuse3.close(unmount=True)


def _mount(config: Config, operations: Operations) -> None:
    options = {"fsname=albumsd", "subtype=albumsd", "default_permissions"}
    if config["allow_other"]:
        options.add("allow_other")
    try:
        pyfuse3.init(operations, os.fspath(config.mount), options)
    except RuntimeError as error:
        why = f"{error}. Is fusermount3 installed?"
        if not os.path.exists("/dev/fuse"):
            why = "there is no /dev/fuse: the kernel has no FUSE, or this container was not given it"
        elif not os.access("/dev/fuse", os.R_OK | os.W_OK):
            why = "/dev/fuse may not be opened by this user (Permission denied)"
        if config["allow_other"] and os.geteuid() != 0:
            why += " allow_other needs the line user_allow_other in /etc/fuse.conf."
        raise MountFailed(path=config.mount, why=why) from None


async def _loop(config: Config, operations: Operations, ending: Callable[[], object]) -> None:
    """``ending`` is called when the shutdown begins: before the mount can be gone."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_when_ready, config, operations)
        serving = trio.CancelScope()
        nursery.start_soon(_signals, serving, ending)
        nursery.start_soon(systemd.watchdog)
        with serving:
            await _requests()
        nursery.cancel_scope.cancel()


async def _when_ready(config: Config, operations: Operations) -> None:
    """Once the kernel has our answer to its first request, which would set back what tuning has set."""
    ready = trio.Event()
    operations.on_ready = ready.set
    await ready.wait()
    await trio.lowlevel.checkpoint()
    systemd.notify("READY=1")
    tuning.start(config.mount)


async def _requests() -> None:
    """Answer requests until the mount ends. An exception from beneath the handlers costs only its own request."""
    ended = False
    while not ended:
        try:
            await pyfuse3.main(max_tasks=MAX_TASKS)
            ended = True
        except* (ValueError, TypeError, OverflowError, AttributeError):
            log.exception("a request that pyfuse3 could not read")


async def _signals(serving: trio.CancelScope, ending: Callable[[], object]) -> None:
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as received:
        async for number in received:
            log.info("%s: unmounting", signal.Signals(number).name)
            ending()
            serving.deadline = trio.current_time() + GRACE_S
            pyfuse3.terminate()


def _status(config: Config, operations: Operations, follower: Follower) -> dict[str, Any]:
    """Answer to {"ask": "status"}; runs in a thread of the socket's."""
    return {
        "mount": os.fspath(config.mount),
        "ready": operations.ready,
        "applied_gen": follower.applied_gen,
        "open_handles": len(operations.files) + len(operations.directories),
        "folders_held": len(operations.inodes),
        "stalled": operations.volumes.stalled(),
        "threads": threading.active_count(),
        "rss": _resident_bytes(),
        "pid": os.getpid(),
    }


def _resident_bytes() -> int:
    with suppress(OSError), open("/proc/self/statm", encoding="ascii") as numbers:
        return int(numbers.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0
