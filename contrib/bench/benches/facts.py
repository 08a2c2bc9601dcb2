"""Reading the headers of photographs, against exiftool: one process of each for all files."""

from __future__ import annotations

import io
import json
import random
import subprocess
import sys
from pathlib import Path
from statistics import median

from harness import timing
from harness.bench import Bench, Context
from harness.table import Row


def _photograph() -> bytes:
    """A JPEG of some hundred KB without EXIF: noise over a gradient, so that it compresses like a picture."""
    from PIL import Image

    noise = Image.frombytes("RGB", (800, 600), random.Random(3).randbytes(800 * 600 * 3)).resize((2000, 1500))
    slope = Image.linear_gradient("L").resize((2000, 1500)).convert("RGB")
    out = io.BytesIO()
    Image.blend(slope, noise, 0.3).save(out, "JPEG", quality=85)
    return out.getvalue()


def _exif(number: int) -> bytes:
    """What a phone writes: camera, exposure, time with offset, position."""
    from PIL import Image
    from PIL.ExifTags import IFD, Base
    from PIL.TiffImagePlugin import IFDRational

    exif = Image.Exif()
    exif[Base.Make], exif[Base.Model], exif[Base.Orientation] = "Google", "Pixel 7", 1
    exif.get_ifd(IFD.Exif).update(
        {
            Base.DateTimeOriginal: f"2019:07:{number % 28 + 1:02d} 12:{number // 60 % 60:02d}:{number % 60:02d}",
            Base.OffsetTimeOriginal: "+02:00",
            Base.FNumber: IFDRational(18, 10),
            Base.ExposureTime: IFDRational(1, number % 900 + 30),
            Base.ISOSpeedRatings: 100,
            Base.FocalLength: IFDRational(543, 100),
        }
    )
    exif.get_ifd(IFD.GPSInfo).update({1: "N", 2: (38.0, 42.0, number % 60), 3: "W", 4: (9.0, 8.0, number % 60)})
    return exif.tobytes()


def photographs(folder: Path, count: int) -> list[Path]:
    """``count`` JPEGs with different EXIF around the same pixels."""
    folder.mkdir()
    pixels = _photograph()
    paths = []
    for number in range(count):
        exif = _exif(number)
        exif = exif if exif.startswith(b"Exif") else b"Exif\0\0" + exif
        path = folder / f"PXL_{number:06d}.jpg"
        path.write_bytes(pixels[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + pixels[2:])
        paths.append(path)
    return paths


def run(context: Context) -> list[Row]:
    from albumsd.media.facts import read

    count = context.size(400, 100)
    paths = photographs(context.scratch / "photos", count)
    command = [sys.executable, "-m", "albumsd", "facts", "--json", *map(str, paths)]
    found = json.loads(subprocess.run(command, check=True, capture_output=True, timeout=120).stdout)
    assert all(row["captured"]["offset"] == "+02:00" and row["position"] for row in found), "the readers miss the EXIF"

    def readers() -> None:
        for path in paths:
            read(str(path))

    def exiftool() -> None:
        subprocess.run(["exiftool", "-fast2", "-json", "-q", *paths], check=True, stdout=subprocess.DEVNULL)

    times = timing.interleaved(
        {
            "albumsd": readers,
            "command": lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL),
            "exiftool": exiftool,
        },
        context.size(7, 3),
        first_is_warming=True,
    )
    against = "exiftool -fast2"
    return [
        Row(
            "facts of one JPEG, by the readers of one process", median(times["albumsd"]) / count, "s",
            median(times["exiftool"]) / count, against, timing.ratio(times["albumsd"], times["exiftool"]),
        ),
        Row(
            f"albumsd facts --json of {count} JPEGs, which also hashes and decodes them", median(times["command"]), "s",
            median(times["exiftool"]), against, timing.ratio(times["command"], times["exiftool"]),
        ),
    ]  # fmt: skip


BENCH = Bench("facts", "What readers find in JPEGs, against exiftool.", "run.py --only facts", run)
