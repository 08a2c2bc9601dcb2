"""One picture from the disk for the image tower: opened, shrunk and cropped as open_clip does it for that model.

The files are albumsd's own previews (WebP), or those of a folder that is evaluated (JPEG, PNG). Runs in the decoding
threads of the model's process; Pillow lets go of the interpreter's lock while it decodes and resizes.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..core.facts import Problem

FORMATS = ("WEBP", "JPEG", "PNG")
LARGEST = 100_000_000
"""Pixels of a picture beyond which it is not opened: no preview has a fiftieth of that."""

Pixels = NDArray[np.uint8]
"""(height, width, 3), RGB."""


def load(path: str, geometry: Sequence[Callable[[Any], Any]]) -> Pixels | Problem:
    """The picture after ``geometry`` (the part of open_clip's preprocessing before numbers), or why there is none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path, formats=FORMATS) as opened:
                if opened.width * opened.height > LARGEST:
                    return Problem("too-large", f"{opened.width} x {opened.height} pixels")
                opened.load()
                picture: Any = opened
                for step in geometry:
                    picture = step(picture)
                return np.array(picture, dtype=np.uint8)
    except OSError as error:
        if error.errno is not None and error.filename is not None:
            return Problem("unreadable", error.strerror or str(error))
        return Problem("corrupt", " ".join(str(error).split())[:200])
    except Exception as error:  # whatever a decoder throws costs this picture only
        return Problem("corrupt", f"{type(error).__name__}: {' '.join(str(error).split())[:200]}")
