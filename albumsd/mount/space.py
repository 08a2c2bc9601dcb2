"""statfs: the volume on which originals arrive (the managed folder, or the library while there is none).

The volume may hang, so it is asked in a thread of its own, with a deadline, and the answer is kept for ten seconds.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress

import pyfuse3

from albumsd.core.config import Config

from .lanes import Lane, Missed

KEEP_S = 10.0
DEADLINE_S = 2.0
NAME_MAX = 255


class Space:
    def __init__(self, config: Config) -> None:
        self._paths = (config.originals, config.library)
        self._lane = Lane("statfs", 1)
        self._known = pyfuse3.StatvfsData()
        self._known.f_bsize = self._known.f_frsize = 4096
        self._known.f_namemax = NAME_MAX
        self._asked = 0.0

    async def statfs(self) -> pyfuse3.StatvfsData:
        """Never fails: what was last known, when the volume does not answer."""
        if not self._asked or time.monotonic() - self._asked > KEEP_S:
            self._asked = time.monotonic()
            with suppress(Missed, OSError):
                self._keep(await self._lane.run(self._look, deadline_s=DEADLINE_S))
        return self._known

    def _look(self) -> os.statvfs_result:
        try:
            return os.statvfs(self._paths[0])
        except FileNotFoundError:
            return os.statvfs(self._paths[1])

    def _keep(self, found: os.statvfs_result) -> None:
        known = self._known
        for field in ("f_bsize", "f_frsize", "f_blocks", "f_bfree", "f_bavail", "f_files", "f_ffree", "f_favail"):
            setattr(known, field, getattr(found, field))
