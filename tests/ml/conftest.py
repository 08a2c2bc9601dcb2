"""The fixtures of ``ml_lead``, which tests also import by name."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from ml_lead import host_of, lead

__all__ = ["host_of", "lead"]
