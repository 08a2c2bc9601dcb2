"""From a decoded picture of any kind to an upright RGB picture of a given size.

Every reader's ``preview`` ends here. The order saves work: decode reduced where the format can, shrink, then
convert colours, turn and flatten the small picture. Pictures too big to convert in one piece are shrunk in bands,
so that beside the decoded pixels only small copies exist.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import lru_cache
from typing import IO

from PIL import Image, ImageCms, ImageFile

from ..core.facts import Problem
from .errors import MediaError, explain
from .limits import Limits

Image.MAX_IMAGE_PIXELS = None  # the limit of the settings is checked in ``check_size``

BANDED_PIXELS = 40_000_000
_TURN = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(slots=True)
class Picture:
    """An upright RGB picture, and what was wrong on the way to it (a cut file still shows what it has)."""

    image: Image.Image
    problems: tuple[Problem, ...] = ()


def fit(width: int, height: int, long_side: int) -> tuple[int, int]:
    """The size with the same aspect whose long side is at most ``long_side``; never larger than it was."""
    scale = min(1.0, long_side / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def check_size(width: int, height: int, limits: Limits) -> None:
    """Raises MediaError ``too-large`` for more pixels than the limit, ``corrupt`` for none."""
    if width < 1 or height < 1:
        raise MediaError("corrupt", "a picture without pixels")
    if width * height > limits.pixels:
        raise MediaError(
            "too-large", f"{width} x {height} pixels; the limit is {limits.pixels // 1_000_000} megapixels"
        )


def load(image: Image.Image) -> tuple[Problem, ...]:
    """Decode. A picture that is cut or damaged on the way is decoded as far as it goes, and the problem is returned.

    Raises what Pillow raises when not even that works.
    """
    try:
        image.load()
        return ()
    except (OSError, SyntaxError, EOFError) as error:
        problem = explain(error)
    tolerant, ImageFile.LOAD_TRUNCATED_IMAGES = ImageFile.LOAD_TRUNCATED_IMAGES, True
    try:
        image.load()
    except (OSError, SyntaxError, EOFError, ValueError):
        raise MediaError(problem.reason, problem.detail) from None
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = tolerant
    return (problem,)


def _plain(image: Image.Image) -> Image.Image:
    """A mode that can be resized with filters: RGB, RGBA, L, LA or CMYK."""
    mode = image.mode
    if mode in ("RGB", "RGBA", "L", "LA", "CMYK", "RGBX", "RGBa", "La"):
        return image
    if mode in ("I;16", "I;16L", "I;16B", "I;16N"):
        return image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    if mode in ("I", "F"):
        low, high = image.getextrema()
        if not isinstance(low, (int, float)) or not isinstance(high, (int, float)):
            return image.convert("L")
        low, high = (0, 65535) if mode == "I" and low >= 0 and 255 < high <= 65535 else (min(low, 0), max(high, 1))
        scale = 255.0 / (high - low)
        return image.convert("F").point(lambda value: value * scale + -low * scale).convert("L")
    if mode in ("P", "PA"):
        return image.convert("RGBA" if mode == "PA" or "transparency" in image.info else "RGB")
    if mode == "1":
        return image.convert("L")
    return image.convert("RGB")


def shrink(image: Image.Image, long_side: int) -> Image.Image:
    """``image`` no larger than ``long_side``, in a mode of ``_plain``. Large odd modes are converted band by band."""
    target = fit(*image.size, long_side)
    width, height = image.size
    factor = min(width // max(1, target[0]), height // max(1, target[1])) // 2
    if factor >= 2 and width * height > BANDED_PIXELS:
        rows = max(1, 8_000_000 // width // factor) * factor
        small: Image.Image | None = None
        for top in range(0, height, rows):
            band = _plain(image.crop((0, top, width, min(height, top + rows)))).reduce(factor)
            if small is None:
                small = Image.new(band.mode, (band.width, -(-height // factor)))
            small.paste(band, (0, top // factor))
        if small is not None:
            small.info = image.info
            image = small
    image = _plain(image)
    if "transparency" in image.info and image.mode in ("RGB", "L"):
        image = image.convert("RGBA" if image.mode == "RGB" else "LA")
    if image.size == target:
        return image
    return image.resize(target, Image.Resampling.BILINEAR, reducing_gap=2.0)


@lru_cache(maxsize=64)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if "srgb" in ImageCms.getProfileDescription(source).lower():
            return None
        return ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """An opaque picture in sRGB; a profile that does not fit its picture is ignored."""
    if profile and image.mode in ("RGB", "CMYK", "L"):
        transform = _transform(profile, image.mode)
        if transform is not None:
            try:
                converted = ImageCms.applyTransform(image, transform)
            except (ImageCms.PyCMSError, ValueError):
                converted = None
            if converted is not None:
                return converted
    return image if image.mode == "RGB" else image.convert("RGB")


def flatten(image: Image.Image, profile: bytes | None) -> Image.Image:
    """RGB in sRGB, what was transparent on white."""
    if image.mode in ("LA", "RGBA", "La", "RGBa", "PA"):
        image = image.convert("RGBA")
        alpha = image.getchannel("A")
        colour = _to_srgb(image.convert("RGB"), profile)
        white = Image.new("RGB", image.size, (255, 255, 255))
        white.paste(colour, mask=alpha)
        return white
    return _to_srgb(image, profile)


def finish(
    image: Image.Image, long_side: int, orientation: int | None = None, problems: tuple[Problem, ...] = ()
) -> Picture:
    """Shrink, convert, turn upright. ``image`` is loaded; ``orientation`` 1 to 8 as in EXIF, None or 1 for upright."""
    profile = image.info.get("icc_profile")
    small = flatten(shrink(image, long_side), profile if isinstance(profile, bytes) else None)
    turn = _TURN.get(orientation or 1)
    if turn is not None:
        small = small.transpose(turn)
    return Picture(small, problems)


def by_pillow(
    file: IO[bytes], long_side: int, limits: Limits, orientation: int | None, formats: tuple[str, ...] | None = None
) -> Picture:
    """Open, decode (reduced, where the format can) and finish with Pillow."""
    try:
        image = Image.open(file, formats=formats)
    except (OSError, SyntaxError, ValueError, TypeError, IndexError, EOFError) as error:
        problem = explain(error)
        raise MediaError(problem.reason, problem.detail) from None
    check_size(*image.size, limits)
    wanted = fit(*image.size, long_side)
    image.draft(None, wanted)
    problems = load(image)
    return finish(image, long_side, orientation, problems)
