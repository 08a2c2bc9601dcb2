"""One small library, indexed for real, and the three heights at which it can be seen (see drivers.py)."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from heights.drivers import HEIGHTS, Driver, MountDriver, OperationsDriver, TreeDriver
from heights.indexed import PATIENCE_S, Indexed

from albumsd.core import mountinfo
from albumsd.ipc.calls import ask

NOBODY = 65534
START_S = 20.0


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Indexed]:
    top = tmp_path_factory.mktemp("heights")
    made = Indexed(top)
    made.draw()
    made.index()
    yield made
    made.close()
    shutil.rmtree(top, ignore_errors=True)


@pytest.fixture(scope="module")
def mounted(indexed: Indexed) -> Iterator[Path]:
    """The library mounted by `albumsd mount`; for nobody, where the tests run as root."""
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        pytest.skip("/dev/fuse cannot be opened here")
    config = indexed.config
    words = [sys.executable, "-m", "albumsd", "mount", "--library", str(config.library), "--mount", str(config.mount)]
    settings = {"ALBUMSD_SEARCH_DEADLINE_S": str(PATIENCE_S)}
    if os.geteuid() == 0:
        settings |= {"ALBUMSD_OWNER": str(NOBODY), "ALBUMSD_ALLOW_OTHER": "true"}
    with open(indexed.top / "mount.log", "wb") as log:
        process = subprocess.Popen(words, env=os.environ | settings, stdout=log, stderr=log, start_new_session=True)
    try:
        end = time.monotonic() + START_S
        while not _ready(config.run / "mount.sock"):
            assert process.poll() is None, (indexed.top / "mount.log").read_text()
            assert time.monotonic() < end
            time.sleep(0.02)
        yield config.mount
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) == 0
    finally:
        process.kill()
        process.wait(10)
        if any(
            mount.point == os.fsencode(config.mount) for mount in mountinfo.parse(Path(mountinfo.PATH).read_bytes())
        ):
            subprocess.run(["umount", "-l", config.mount], check=False, timeout=10)
    assert "Traceback" not in (indexed.top / "mount.log").read_text()


def _ready(socket: Path) -> bool:
    with suppress(Exception):
        return bool(ask(socket, {"ask": "status"}, 5.0)["ready"])
    return False


@pytest.fixture(scope="module", params=HEIGHTS)
def driver(request: pytest.FixtureRequest, indexed: Indexed) -> Iterator[Driver]:
    """The library at each height."""
    made: TreeDriver | OperationsDriver | MountDriver
    if request.param == "tree":
        made = TreeDriver(indexed.config)
    elif request.param == "operations":
        made = OperationsDriver(indexed.config)
    else:
        if request.param == "user" and os.geteuid() != 0:
            pytest.skip("needs root to become somebody else")
        mount = request.getfixturevalue("mounted")
        made = MountDriver(mount, NOBODY if request.param == "user" else None)
        assert made.user() == (NOBODY if request.param == "user" else os.geteuid())
    yield made
    made.close()


@pytest.fixture(scope="module")
def tree(indexed: Indexed) -> Iterator[TreeDriver]:
    """What the other heights must agree with."""
    made = TreeDriver(indexed.config)
    yield made
    made.close()
