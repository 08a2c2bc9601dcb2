"""The small pictures by which a model sees an asset: files of our own (``media.shelf``), never the original.

So what a model does needs no drive, and choosing another model opens no original. A file that was lost or cut is
``PreviewLost``: the preview stage makes it again.
"""

from __future__ import annotations

import logging
from itertools import takewhile
from pathlib import Path

from albumsd.media.shelf import MOST_FRAMES, THUMBNAIL_SIDE, frame_path, preview_path, thumbnail_path
from albumsd.store import embeddings, lookups
from albumsd.store.database import Tx
from albumsd.store.scanning import Subject

from .stage import PreviewLost

log = logging.getLogger(__name__)


def of(tx: Tx, subject: Subject, previews: Path, input_px: int) -> Path | None:
    """The picture that shows ``subject``: the thumbnail, or the preview where the thumbnail's short side is below
    ``input_px``. None when it has none. Raises PreviewLost."""
    pixels = lookups.preview_pixels(tx, subject.asset)
    if pixels is None or subject.sha256 is None:
        return None
    short = min(pixels) * min(1.0, THUMBNAIL_SIDE / max(pixels))
    small = round(short) >= input_px or max(pixels) <= THUMBNAIL_SIDE
    path = (thumbnail_path if small else preview_path)(previews, subject.sha256.hex())
    if not whole(path):
        raise PreviewLost
    return path


def frames(tx: Tx, subject: Subject, previews: Path, reframed: set[int]) -> list[Path]:
    """What a video shows at several moments; none for anything else. Raises PreviewLost, once for each video: those of
    ``reframed``, which it adds to, are seen by what there is.

    That one is missing shows by a later one, or by the vectors that a model has made of more.
    """
    if subject.kind != "video" or subject.sha256 is None:
        return []
    every = [frame_path(previews, subject.sha256.hex(), number) for number in range(1, MOST_FRAMES + 1)]
    there = [path for path in every if path.exists()]
    found = list(takewhile(whole, every))
    # a video without frames is known by its thumbnail, so one vector is no sign of a frame
    vectors = embeddings.most_parts(tx, subject.asset)
    if (len(found) < len(there) or len(found) < vectors > 1) and subject.asset not in reframed:
        reframed.add(subject.asset)
        raise PreviewLost
    return found


def whole(path: Path, size: int | None = None) -> bool:
    """Whether a WebP file is there, as long as it says in its head, and of ``size`` bytes if that is given. One that
    cannot be read for other reasons is not lost."""
    try:
        with open(path, "rb") as file:
            head = file.read(12)
            length = file.seek(0, 2)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        log.warning("%s: %s", path, error.strerror)
        return True
    said = int.from_bytes(head[4:8], "little") + 8
    return head[:4] == b"RIFF" and head[8:] == b"WEBP" and said == length and size in (None, length)
