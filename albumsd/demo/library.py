"""Builds the demo library: a folder of files such as a person has after ten years, and what is true about each of them.

``build`` draws everything itself and writes only below the folder it is given. The same seed and the same encoders
give the same bytes and the same modification times. What was made is returned as a ``DemoLibrary``, never saved:
tests, the tour and the evaluation compare albumsd's answers with it.

What is in it, besides the scenes of ``story``: exact and near duplicates, names that exist many times, Unicode in both
normal forms and a name that is no UTF-8, sidecars and embedded XMP, screenshots, panoramas, messenger pictures without
EXIF, scans that only their modification time dates, videos, papers, and three broken files.
"""

from __future__ import annotations

import errno
import io
import os
import random
import unicodedata
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from PIL import Image, ImageOps

from ..core.facts import Kind
from . import labels, papers, screens, story
from .clips import clip
from .draw import caption, render
from .encode import heic, jpeg
from .story import Shot
from .truth import DemoFile, DemoLibrary
from .world import CAMERAS, CITIES, Style

__all__ = ["DemoFile", "DemoLibrary", "build"]


def build(folder: Path, seed: int = 1, scenes: int | None = None) -> DemoLibrary:
    """Draws the library into ``folder``, which is made if it is missing and must be empty.

    ``scenes`` (at least 24) draws fewer of the everyday and holiday pictures; the rest (about 70 files) is always made.
    Raises FileExistsError when something is in the folder, ValueError for too few scenes.
    """
    if scenes is not None and scenes < 24:
        raise ValueError("a demo library needs at least 24 scenes")
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise FileExistsError(errno.EEXIST, "the folder for the demo library is not empty", str(folder))
    shots = story.shots(seed)
    if scenes is not None and scenes < len(shots):
        shots = [shots[index * len(shots) // scenes] for index in range(scenes)]
    maker = _Maker(folder, seed)
    maker.photos(shots)
    maker.unicode_names()
    maker.duplicates()
    maker.near_duplicates()
    maker.sidecars()
    maker.panoramas()
    maker.videos()
    maker.messenger_pictures()
    maker.screenshots()
    maker.scans()
    maker.documents()
    maker.broken()
    return DemoLibrary(folder, tuple(maker.files))


class _Maker:
    """Writes files and keeps the list of them. Each step has random numbers of its own and disturbs no other."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.seed = os.fsencode(folder), seed
        self.files: list[DemoFile] = []
        self._shots: dict[bytes, Shot] = {}
        self._counters: dict[str, int] = {}

    def _rng(self, what: str) -> random.Random:
        return random.Random(f"{what} {self.seed}")

    def _write(self, file: DemoFile, data: bytes, when: datetime) -> bool:
        """Writes one file with the modification time ``when`` (UTC). False if this filesystem refuses the name."""
        path = os.path.join(self.folder, file.path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        try:
            with open(path, "xb") as sink:
                sink.write(data)
        except OSError as error:
            if error.errno in (errno.EILSEQ, errno.EINVAL) and not file.path.isascii():
                return False
            raise
        stamp = int(when.replace(tzinfo=UTC).timestamp()) * 10**9
        os.utime(path, ns=(stamp, stamp))
        self.files.append(file)
        return True

    def _read(self, file: DemoFile) -> bytes:
        with open(os.path.join(self.folder, file.path), "rb") as source:
            return source.read()

    def _change(self, old: DemoFile, new: DemoFile) -> None:
        self.files[self.files.index(old)] = new

    def _name(self, shot: Shot) -> str:
        """As the camera would call it. Compact and DSLR begin again in every folder: IMG_0001.JPG exists many times."""
        suffix = CAMERAS[shot.camera].suffix
        if shot.camera == "pixel":
            utc = shot.when - timedelta(hours=shot.offset_h)
            return f"PXL_{utc:%Y%m%d_%H%M%S}{shot.seed % 1000:03d}{suffix}"
        key = "iphone" if shot.camera == "iphone" else f"{shot.camera} {shot.folder}"
        self._counters[key] = self._counters.get(key, 1000 if shot.camera == "iphone" else 0) + 1
        return f"{'DSC' if shot.camera == 'dslr' else 'IMG'}_{self._counters[key]:04d}{suffix}"

    def _truth(self, shot: Shot, path: str, kind: Kind = "photo") -> DemoFile:
        camera = CAMERAS[shot.camera]
        return DemoFile(
            path=path.encode(),
            kind=kind,
            month=shot.month,
            origin="exif",
            city=shot.city.name if camera.gps else None,
            camera=camera.model,
            scene=shot.scene,
            caption=caption(shot.scene),
        )

    def _photo(self, shot: Shot, path: str, upright: bool = True) -> DemoFile:
        """Draws a shot; one in ten JPEGs lies on its side and says so in EXIF, one in eight carries XMP."""
        camera, rng = CAMERAS[shot.camera], random.Random(shot.seed)
        truth, packet = self._truth(shot, path), b""
        if rng.random() < 0.12:
            tags, rating = (shot.scene.object, shot.scene.ground), rng.randint(3, 5)
            title = f"{shot.scene.object.capitalize()} in {shot.city.name}"
            packet = labels.xmp(tags, rating, title, f"Taken in {shot.city.name}, {shot.city.country}.")
            truth = replace(truth, tags=tags, rating=rating, title=title)
        if camera.suffix == ".HEIC":
            data = heic(render(shot.scene, shot.seed, camera.size), labels.exif(shot), packet)
        elif upright and rng.random() < 0.1:
            picture = render(shot.scene, shot.seed, (camera.size[1], camera.size[0]))
            data = jpeg(picture.transpose(Image.Transpose.ROTATE_90), labels.exif(shot, 6), packet)
        else:
            data = jpeg(render(shot.scene, shot.seed, camera.size), labels.exif(shot), packet)
        if self._write(truth, data, shot.when - timedelta(hours=shot.offset_h)):
            self._shots[truth.path] = shot
        return truth

    def photos(self, shots: list[Shot]) -> None:
        for shot in sorted(shots, key=lambda shot: shot.when):
            self._photo(shot, f"{shot.folder}/{self._name(shot)}")

    def _extra(self, rng: random.Random, city: str, day: str, camera: Style, folder: str) -> Shot:
        place = CITIES[city]
        scene, when = story.scene_at(place, datetime.fromisoformat(day), rng)
        lat, lon = rng.choice(place.points)
        return Shot(scene, place, lat, lon, when, place.offset(when), camera, folder, rng.randrange(1 << 30))

    def unicode_names(self) -> None:
        rng = self._rng("unicode")
        composed, decomposed = (unicodedata.normalize(form, "Praça do Comércio.jpg") for form in ("NFC", "NFD"))
        for city, day, folder, name in (
            ("Lisbon", "2018-07-12", "Holiday Lisbon 2018", composed),
            ("Lisbon", "2021-09-04", "Lisbon again 2021", decomposed),
            ("Tokyo", "2023-04-06", "Tokyo 2023", "東京タワー.jpg"),
            ("Hamburg", "2022-05-14", "Camera Roll/2022", "Birthday 🎂 party.jpg"),
            ("Reykjavík", "2019-09-09", "Iceland ring road", "Þingvellir & Öxará.jpg"),
        ):
            camera: Style = "pixel" if int(day[:4]) >= 2021 else "compact"
            self._photo(self._extra(rng, city, day, camera, folder), f"{folder}/{name}")
        shot = self._extra(rng, "Paris", "2015-05-10", "compact", "Paris 2015")
        truth = replace(self._truth(shot, ""), path=b"Paris 2015/caf\xe9 terrasse.jpg")
        data = jpeg(render(shot.scene, shot.seed, CAMERAS["compact"].size), labels.exif(shot))
        self._write(truth, data, shot.when - timedelta(hours=shot.offset_h))

    def duplicates(self) -> None:
        """Eight groups of exact copies in other folders, some under other names; one group of three."""
        rng, originals = self._rng("duplicates"), [file for file in self.files if file.path in self._shots]
        chosen = sorted(rng.sample(range(len(originals)), 8))
        for number, index in enumerate(chosen):
            original, group = originals[index], f"same-{number + 1}"
            shot, data = self._shots[original.path], self._read(originals[index])
            self._change(original, replace(original, same=group))
            name = original.path.rsplit(b"/", 1)[1]
            copies = [b"Backup old laptop/" + original.path]
            if number % 3 == 1:
                copies = [self._free(f"Best of {shot.when.year}/".encode(), name)]
            elif number % 3 == 2:
                copies = [b"Sent to Marta/" + str(number).encode() + b" " + name.lower()]
            if number == 0:
                copies.append(b"Best of all/favourite" + os.path.splitext(name)[1])
            for path in copies:
                self._write(replace(original, path=path, same=group), data, shot.when + timedelta(days=30))

    def _free(self, folder: bytes, name: bytes) -> bytes:
        """The name in the folder, with ``(2)`` where it is taken, as a file manager does it."""
        taken = {file.path for file in self.files}
        stem, suffix = os.path.splitext(name)
        tries = (folder + stem + (b" (%d)" % n if n > 1 else b"") + suffix for n in range(1, len(taken) + 2))
        return next(path for path in tries if path not in taken)

    def near_duplicates(self) -> None:
        """Six pictures sent smaller, without EXIF but dated by their name; one small copy that kept its EXIF."""
        rng = self._rng("near")
        originals = [
            f for f in self.files if f.path in self._shots and f.same is None and f.path.lower().endswith(b".jpg")
        ]
        for number, index in enumerate(sorted(rng.sample(range(len(originals)), 7))):
            original, group = originals[index], f"near-{number + 1}"
            shot = self._shots[original.path]
            self._change(original, replace(original, near=group))
            picture = ImageOps.exif_transpose(Image.open(io.BytesIO(self._read(original))))
            picture.thumbnail((640, 640))
            small = replace(original, same=None, near=group, tags=(), rating=None, title=None)
            if number == 6:
                stem = os.path.splitext(original.path)[0]
                small = replace(small, path=stem + b" small.jpg")
                data = jpeg(picture, labels.exif(shot), quality=70)
            else:
                path = f"WhatsApp Images/IMG-{shot.when:%Y%m%d}-WA{number:04d}.jpg".encode()
                small = replace(small, path=path, origin="name", city=None, camera=None)
                picture.info.clear()
                data = jpeg(picture, quality=62)
            self._write(small, data, shot.when + timedelta(days=1))

    def sidecars(self) -> None:
        """XMP beside four pictures of the DSLR, in both customs: ``DSC_0001.xmp`` and ``DSC_0001.JPG.xmp``."""
        plain = [
            f
            for f in self.files
            if f.path in self._shots and f.path.endswith(b".JPG") and not f.tags and f.same is None and f.near is None
        ]
        dslr = [file for file in plain if self._shots[file.path].camera == "dslr"][:4]
        for number, file in enumerate(dslr):
            shot, rating = self._shots[file.path], 2 + number
            tags = (shot.scene.colour + " things", shot.city.name, "print this" if number == 0 else "selected")
            beside = (os.path.splitext(file.path)[0] if number % 2 == 0 else file.path) + b".xmp"
            self._change(file, replace(file, tags=tags, rating=rating))
            self._write(DemoFile(beside, "other", role="sidecar", about=file.path), labels.xmp(tags, rating), shot.when)

    def panoramas(self) -> None:
        rng = self._rng("panoramas")
        for city, day, folder in (
            ("Lisbon", "2021-09-05", "Lisbon again 2021"),
            ("Cape Town", "2022-01-12", "Cape Town 2022"),
            ("Tokyo", "2023-04-08", "Tokyo 2023"),
        ):
            shot = self._extra(rng, city, day, "pixel", folder)
            picture = render(shot.scene, shot.seed, (1280, 360))
            truth = replace(self._truth(shot, f"{folder}/{self._name(shot).removesuffix('.jpg')}.PANO.jpg"), title=None)
            data = jpeg(picture, labels.exif(shot), labels.xmp(panorama=True))
            self._write(truth, data, shot.when - timedelta(hours=shot.offset_h))

    def videos(self) -> None:
        rng = self._rng("videos")
        for city, day, folder, name in (
            ("Lisbon", "2018-07-14", "Holiday Lisbon 2018", "MVI_0031.mp4"),
            ("New York City", "2019-05-06", "New York 2019", "MVI_0047.mp4"),
            ("Marrakesh", "2020-02-10", "Marrakesh", "IMG_0907.mov"),
            ("Cape Town", "2022-01-14", "Cape Town 2022", "PXL_20220114_video.mp4"),
            ("Hamburg", "2023-06-18", "Camera Roll/2023", "IMG_0951.mov"),
            ("Sydney", "2023-12-27", "Australia 2023-24", "IMG_0972.mov"),
        ):
            style: Style = "iphone" if name.endswith(".mov") else "pixel"
            shot = self._extra(rng, city, day, style, folder)
            truth = self._truth(shot, f"{folder}/{name}", "video")
            model = CAMERAS["iphone"].model if style == "iphone" else None
            truth = replace(truth, origin="video", city=city, camera=model)
            self._write(truth, clip(shot, name[-4:]), shot.when - timedelta(hours=shot.offset_h))

    def messenger_pictures(self) -> None:
        rng = self._rng("messenger")
        for number in range(6):
            day = datetime(2017 + number, rng.randrange(1, 13), rng.randrange(2, 27), 12)
            shot = self._extra(rng, "Hamburg", f"{day:%Y-%m-%d}", "compact", "WhatsApp Images")
            truth = self._truth(shot, f"WhatsApp Images/IMG-{day:%Y%m%d}-WA{900 + number:04d}.jpg")
            truth = replace(truth, origin="name", city=None, camera=None)
            self._write(truth, jpeg(render(shot.scene, shot.seed, (640, 480)), quality=70), day + timedelta(days=2))

    def screenshots(self) -> None:
        rng = self._rng("screenshots")
        for number in range(8):
            day = datetime(
                2018 + number % 7, rng.randrange(1, 13), rng.randrange(2, 27), rng.randrange(8, 22), 20, number
            )
            name = f"Screenshot_{day:%Y%m%d-%H%M%S}.png" if number % 2 else f"Screenshot {day:%Y-%m-%d at %H.%M.%S}.png"
            truth = DemoFile(f"Screenshots/{name}".encode(), "photo", f"{day:%Y-%m}", "name")
            self._write(truth, screens.screenshot(number, rng), day)

    def scans(self) -> None:
        """Old paper pictures: no EXIF, no date in the name; the modification time is all there is."""
        rng = self._rng("scans")
        for name, stamp in (
            ("grandmother's garden.jpg", "2016-03-15"),
            ("scan0001.jpg", "2016-03-16"),
            ("scan0002.png", "2020-11-15"),
        ):
            shot = self._extra(rng, "Hamburg", stamp, "compact", "Scans")
            sepia = ImageOps.colorize(
                render(shot.scene, shot.seed, (800, 600)).convert("L"), (44, 30, 20), (250, 236, 208)
            )
            sink = io.BytesIO()
            ImageOps.expand(sepia, 24, (250, 246, 236)).save(sink, "PNG" if name.endswith("png") else "JPEG")
            truth = DemoFile(f"Scans/{name}".encode(), "photo", stamp[:7], "mtime")
            self._write(truth, sink.getvalue(), datetime.fromisoformat(stamp) + timedelta(hours=12))

    def documents(self) -> None:
        for paper in (*papers.PAPERS, papers.LETTER, *papers.NOTES):
            if paper.path.endswith(".pdf"):
                data = papers.pdf(paper)
            else:
                data = papers.letter(paper) if paper is papers.LETTER else papers.note(paper)
            truth = DemoFile(paper.path.encode(), "document", paper.date[:7], title=paper.title.removeprefix("# "))
            self._write(truth, data, datetime.fromisoformat(paper.date) + timedelta(hours=12))

    def broken(self) -> None:
        rng, day = self._rng("broken"), datetime(2019, 8, 20, 12)
        shot = self._extra(rng, "Hamburg", "2020-08-20", "iphone", "Camera Roll/2020")
        whole = heic(render(shot.scene, shot.seed, (800, 600)), labels.exif(shot))
        junk = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00" + rng.randbytes(20_000)
        for path, data, what in (
            ("Camera Roll/2019/IMG_0404.JPG", junk, "corrupt"),
            ("Camera Roll/2020/IMG_0405.HEIC", whole[: len(whole) * 2 // 5], "truncated"),
            ("Camera Roll/2019/IMG_0406.JPG", b"", "empty"),
        ):
            self._write(DemoFile(path.encode(), "photo", broken=what), data, day)
