"""Time, asked in one place so that tests can hold it still.

``now_ns`` is wall-clock time in nanoseconds since the epoch; ``today`` the local date as ``YYYY-MM-DD``.
``ALBUMSD_NOW`` (an ISO date-time, UTC) fixes both for a whole process.
"""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime


def now_ns() -> int:
    """Nanoseconds since 1970-01-01T00:00:00Z."""
    fixed = os.environ.get("ALBUMSD_NOW")
    if fixed:
        moment = datetime.fromisoformat(fixed)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return int(moment.timestamp()) * 1_000_000_000
    return time.time_ns()


def today() -> str:
    """The date on the wall, in the zone of this machine, as ``YYYY-MM-DD``."""
    return datetime.fromtimestamp(now_ns() / 1e9).strftime("%Y-%m-%d")
