"""Two roads to one schema: a new library runs ``schema.sql``, an older one the steps below.

``STEPS[n]`` takes a library from version n to n + 1, inside the transaction that raises ``user_version``.
A test opens every released version and compares the result with ``schema.sql``, so both must be changed
together. Ids and authored rows survive every step.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .database import Tx

SCHEMA_VERSION = 1

STEPS: dict[int, Callable[[Tx], None]] = {}


def migrate(tx: Tx, version: int) -> None:
    """Run the steps from ``version`` to SCHEMA_VERSION."""
    for step in range(version, SCHEMA_VERSION):
        STEPS[step](tx)
