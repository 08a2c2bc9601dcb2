"""Where the small pictures of an asset lie, and how large they are. Names only: no decoder is imported here.

    previews/ab/ab12….webp          the preview, long side PREVIEW_SIDE: a name in the mount's previews/
    previews/ab/ab12….thumb.webp    the thumbnail, long side THUMBNAIL_SIDE
    previews/ab/ab12….f1.webp …     of a video: what it shows at other moments, short side FRAME_SIDE, for the model

A 12-megapixel photo has about 95 + 9 KB there; a video 10 KB more for each of its frames. ``media.preview`` and
``media.frames`` write them.
"""

from __future__ import annotations

from pathlib import Path

PREVIEW_SIDE = 1600
THUMBNAIL_SIDE = 320
FRAME_SIDE = 240
"""The short side of a thumbnail of 4 : 3: what is shown to a model is not smaller for being wide."""
MOST_FRAMES = 32


def preview_path(previews: Path, sha256: str) -> Path:
    return previews / sha256[:2] / f"{sha256}.webp"


def thumbnail_path(previews: Path, sha256: str) -> Path:
    return previews / sha256[:2] / f"{sha256}.thumb.webp"


def frame_path(previews: Path, sha256: str, number: int) -> Path:
    """``number`` counts from 1; there is none missing between two."""
    return previews / sha256[:2] / f"{sha256}.f{number}.webp"
