"""The demo's own model: a tiny open_clip CLIP that knows the drawn world and nothing else. README.md is its card.

``FOLDER`` is what the setting ``model`` names. It is for the demo, the tests and the evaluation: in a library that does
not say ``demo = true`` it is refused.
"""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).resolve().parent
