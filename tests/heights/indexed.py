"""A library of a few drawn files, indexed for real: scan, decoders in their processes, previews on the disk."""

from __future__ import annotations

import os
from pathlib import Path

from PIL import Image

from albumsd.core import config as settings
from albumsd.indexer.once import index_once
from albumsd.store import sources
from albumsd.store.database import Database

PATIENCE_S = 60.0
"""Laws are about what is answered, not how fast: a search gets this long, whatever else the machine has to do."""


class Indexed:
    """Below ``top``: photos/ (the source), library/, mount/."""

    def __init__(self, top: Path) -> None:
        self.top, self.photos = top, top / "photos"
        (self.photos / "Trip").mkdir(parents=True)
        own = {"mount": str(top / "mount"), "workers": 2, "nice": 0, "search_deadline_s": PATIENCE_S}
        self.config = settings.load(top / "library", overrides=own)
        self.database = Database(self.config.database, create=True)
        sources.add(self.database, self.config, self.photos, "photos")

    def picture(self, name: str, colour: str, camera: str = "") -> Path:
        path = self.photos / name
        image = Image.new("RGB", (64, 48), colour)
        exif = image.getexif()
        if camera:
            exif[0x0110] = camera
            gps = exif.get_ifd(0x8825)
            gps.update({1: "N", 2: (38.0, 42.0, 0.0), 3: "W", 4: (9.0, 8.0, 0.0)})
        image.save(path, exif=exif)
        return path

    def draw(self) -> None:
        self.picture("Trip/IMG_20240413_182205 beach.jpg", "red", "Pixel 7")
        self.picture("Trip/IMG_20240414_101500 harbour.jpg", "green", "Pixel 7")
        self.picture("IMG_20230102_030405 tower.png", "blue")
        (self.photos / "garden notes.txt").write_text("What grows in the garden.\n" * 700)
        (self.photos / "garden notes, a copy.txt").write_bytes((self.photos / "garden notes.txt").read_bytes())
        (self.photos / os.fsdecode(b"2022-01-01 caf\xe9.jpg")).write_bytes(b"\xff\xd8\xff no picture at all")

    def index(self) -> None:
        index_once(self.database, self.config, rescan=True)

    def originals(self) -> set[bytes]:
        return {path.read_bytes() for path in self.photos.rglob("*") if path.is_file()}

    def close(self) -> None:
        self.database.close()
