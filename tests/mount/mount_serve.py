"""Serve a library with the fake tree: ``python mount_serve.py LIBRARY MOUNT [SETTING=VALUE]...``. A process of its own, so that
whatever goes wrong in a filesystem can be ended with SIGKILL."""

from __future__ import annotations

import sys
from pathlib import Path

from mount_fakes import FakeTree

from albumsd.core import config
from albumsd.mount import process

settings = dict(part.split("=", 1) for part in sys.argv[3:])
sys.exit(
    process.main(
        config.load(Path(sys.argv[1]), overrides={"mount": sys.argv[2], **settings}),
        FakeTree,  # type: ignore[arg-type]
    )
)
