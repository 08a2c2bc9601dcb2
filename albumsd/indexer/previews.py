"""Preview files that were lost: someone deleted them, or the power went before they were on the disk.

The mount opens a preview, finds its file missing or of another size, and pings ``preview:<asset>``. Here the files are
looked at, and where one is not what its row says, the job that made it is opened again. The row stays, and with it the
name in previews/: the next open after the job works. A job that waits already (its drive is away) or that failed is
left alone, so that opening a file again and again starts nothing twice.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path

from albumsd.core.config import Config
from albumsd.media.shelf import preview_path, thumbnail_path
from albumsd.store import jobs, lookups, scanning
from albumsd.store.database import Database

from .pictures import whole
from .stages import stage, switched_off

log = logging.getLogger(__name__)

STAGE = "preview"


def restore(database: Database, config: Config, assets: Iterable[int]) -> int:
    """Have the lost previews of ``assets`` made again. How many jobs were opened."""
    if STAGE in switched_off(config):
        return 0
    known, version, opened = sorted(set(assets)), stage(STAGE).version, 0
    for asset, size in sorted(lookups.preview_sizes(database, known).items()):
        subject = scanning.subject(database, asset)
        if subject is None or subject.sha256 is None or _there(config.previews, subject.sha256.hex(), size):
            continue
        with database.write() as tx:
            priority = jobs.LOOKED_AT + jobs.day_number(subject.local)
            opened += jobs.again(tx, STAGE, version, asset, priority)
    if opened:
        log.warning("%d lost previews are made again", opened)
    return opened


def _there(previews: Path, digest: str, size: int) -> bool:
    """Whether both files are there and whole, as far as can be seen without decoding."""
    return whole(preview_path(previews, digest), size) and whole(thumbnail_path(previews, digest))
