"""The fixtures of ``conftest_media``, which tests also import by name."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from conftest_media import jpeg, video  # noqa: E402

__all__ = ["jpeg", "video"]
