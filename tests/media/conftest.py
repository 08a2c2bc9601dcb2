"""The fixtures of ``media_files``, which tests also import by name."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from media_files import jpeg, video

__all__ = ["jpeg", "video"]
