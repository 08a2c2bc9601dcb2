"""The demo library: what is in it, that it is what it says it is, and that it is the same every time."""

from __future__ import annotations

import hashlib
import io
import os
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import av
import docx
import exifread
import numpy as np
import pillow_heif
import pypdf
import pytest
from PIL import Image, UnidentifiedImageError

from albumsd.demo import papers, story
from albumsd.demo.draw import render
from albumsd.demo.library import DemoFile, DemoLibrary, build
from albumsd.demo.world import CAMERAS, CITIES
from albumsd.media.places import Gazetteer

pillow_heif.register_heif_opener()


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> DemoLibrary:
    return build(tmp_path_factory.mktemp("demo") / "library", seed=1, scenes=30)


def _open(demo: DemoLibrary, file: DemoFile) -> bytes:
    return Path(os.fsdecode(os.path.join(os.fsencode(demo.folder), file.path))).read_bytes()


def _whole(demo: DemoLibrary, kind: str) -> list[DemoFile]:
    return [file for file in demo.files if file.kind == kind and file.broken is None]


def test_manifest_lists_every_file_once(demo: DemoLibrary) -> None:
    found = {
        os.path.relpath(os.path.join(top, name), os.fsencode(demo.folder))
        for top, _, names in os.walk(os.fsencode(demo.folder))
        for name in names
    }
    assert Counter(found) == Counter(file.path for file in demo.files)
    assert len(demo.files) >= 90


def test_the_whole_story_is_large_enough() -> None:
    shots = story.shots(1)
    assert len(shots) >= 240
    assert {shot.when.year for shot in shots} == set(range(2015, 2025))
    assert len({shot.city.name for shot in shots}) >= 12
    assert {shot.camera for shot in shots} == set(CAMERAS)
    assert len({shot.when for shot in shots}) == len(shots)
    assert not {(shot.scene.colour, shot.scene.object) for shot in shots} & story.ABSENT
    assert {shot.scene.object for shot in shots if shot.scene.ground == "beach"} >= {"dog"}


def test_cities_are_where_the_gazetteer_says() -> None:
    gazetteer = Gazetteer.load(None)
    for city in CITIES.values():
        for lat, lon in city.points:
            place = gazetteer.lookup(lat, lon)
            assert place is not None
            assert (place.city, place.country) == (city.name, city.country)


def test_photos_decode_and_their_exif_says_what_the_manifest_says(demo: DemoLibrary) -> None:
    checked = Counter[str]()
    for file in _whole(demo, "photo"):
        data = _open(demo, file)
        with Image.open(io.BytesIO(data)) as picture:
            picture.load()
            assert max(picture.size) <= 1280
        tags = exifread.process_file(io.BytesIO(data), details=False)
        if file.origin != "exif":
            assert "EXIF DateTimeOriginal" not in tags
            continue
        assert str(tags["EXIF DateTimeOriginal"])[:7].replace(":", "-") == file.month
        assert str(tags["Image Model"]) == file.camera
        assert "EXIF LensModel" in tags
        assert ("GPS GPSLatitude" in tags) == (file.city is not None)
        checked[os.path.splitext(file.path)[1].decode().lower()] += 1
    assert set(checked) == {".jpg", ".heic"}
    assert checked[".heic"] >= 4


def test_videos_say_when_and_where(demo: DemoLibrary) -> None:
    videos = _whole(demo, "video")
    assert {file.path[-4:] for file in videos} == {b".mp4", b".mov"}
    for file in videos:
        with av.open(io.BytesIO(_open(demo, file)), "r") as container:
            frames = list(container.decode(video=0))
            assert len(frames) >= 12
            assert file.scene is not None
            light = frames[0].to_ndarray(format="rgb24").mean()
            assert abs(light - np.asarray(render(file.scene, 1, (160, 120)), np.float64).mean()) < 30
            metadata = container.metadata
            assert metadata["creation_time"][:7] == file.month
            assert any(key.lower().startswith(("location", "com.apple.quicktime.location")) for key in metadata)


def test_duplicates_are_exactly_the_files_with_equal_hashes(demo: DemoLibrary) -> None:
    by_hash: dict[str, set[bytes]] = {}
    for file in demo.files:
        by_hash.setdefault(hashlib.sha256(_open(demo, file)).hexdigest(), set()).add(file.path)
    equal = sorted(sorted(paths) for paths in by_hash.values() if len(paths) > 1)
    groups = demo.duplicates()
    assert equal == sorted(sorted(file.path for file in group) for group in groups.values())
    assert len(groups) >= 5
    assert max(len(group) for group in groups.values()) == 3
    folders = [{os.path.dirname(file.path) for file in group} for group in groups.values()]
    assert all(len(places) == len(group) for places, group in zip(folders, groups.values(), strict=True))


def test_near_duplicates_look_alike(demo: DemoLibrary) -> None:
    groups = demo.near_duplicates()
    assert len(groups) == 7
    for group in groups.values():
        assert len(group) == 2
        marks = []
        for file in group:
            with Image.open(io.BytesIO(_open(demo, file))) as picture:
                upright = picture.rotate(-90, expand=True) if picture.getexif().get(0x0112) == 6 else picture
                marks.append(upright.convert("L").resize((8, 8), Image.Resampling.BOX).tobytes())
        assert max(abs(one - other) for one, other in zip(*marks, strict=True)) <= 12


def test_names_that_hurt_are_there(demo: DemoLibrary) -> None:
    paths = [file.path for file in demo.files]
    names = Counter(os.path.basename(path) for path in paths)
    assert names[b"IMG_0001.JPG"] >= 2
    assert any(b"\xe9 " in path for path in paths)
    praca = [path for path in paths if os.path.basename(path).startswith(b"Pra")]
    assert len({os.path.basename(path) for path in praca}) == len(praca) == 2
    assert any("🎂" in path.decode("utf-8", "replace") for path in paths)


def test_tags_are_embedded_or_beside(demo: DemoLibrary) -> None:
    sidecars = {file.about: _open(demo, file) for file in demo.files if file.role == "sidecar"}
    tagged = [file for file in demo.files if file.tags]
    assert len(sidecars) >= 2
    assert len(tagged) > len(sidecars)
    for file in tagged:
        where = sidecars.get(file.path) or _open(demo, file)
        assert f'xmp:Rating="{file.rating}"'.encode() in where
        assert all(f"<rdf:li>{tag}</rdf:li>".encode() in where for tag in file.tags)


def test_papers_hold_their_text(demo: DemoLibrary) -> None:
    text = {}
    for file in _whole(demo, "document"):
        data = _open(demo, file)
        if file.path.endswith(b".pdf"):
            text[file.path] = pypdf.PdfReader(io.BytesIO(data)).pages[0].extract_text()
        elif file.path.endswith(b".docx"):
            text[file.path] = "\n".join(paragraph.text for paragraph in docx.Document(io.BytesIO(data)).paragraphs)
        else:
            text[file.path] = data.decode()
    for paper in (*papers.PAPERS, *papers.NOTES, papers.LETTER):
        found = " ".join(text[paper.path.encode()].split())
        for line in (paper.title, *paper.lines):
            assert " ".join(line.split()) in found
    assert len([path for path in text if path.endswith(b".pdf")]) >= 5


def test_broken_files_are_broken(demo: DemoLibrary) -> None:
    broken = {file.broken: file for file in demo.files if file.broken}
    assert set(broken) == {"corrupt", "truncated", "empty"}
    for file in broken.values():
        with pytest.raises((UnidentifiedImageError, OSError, ValueError, EOFError)):
            Image.open(io.BytesIO(_open(demo, file))).load()
    assert _open(demo, broken["empty"]) == b""


def test_dates_without_exif(demo: DemoLibrary) -> None:
    """A month from the name stands in the name; one from the modification time is that of the file."""
    assert {file.origin for file in demo.files} == {"exif", "video", "name", "mtime", None}
    for file in demo.files:
        name = os.path.basename(file.path).decode("utf-8", "replace")
        if file.origin == "name":
            assert file.month is not None
            assert file.month.replace("-", "") in name.replace("-", "")
        elif file.origin == "mtime" or (file.kind == "document"):
            path = os.path.join(os.fsencode(demo.folder), file.path)
            assert f"{datetime.fromtimestamp(os.stat(path).st_mtime, UTC):%Y-%m}" == file.month


def test_the_same_seed_gives_the_same_library(demo: DemoLibrary, tmp_path: Path) -> None:
    again = build(tmp_path, seed=1, scenes=30)
    assert again.files == demo.files
    for file in demo.files:
        assert _open(demo, file) == _open(again, file), file.path
        one, other = (os.stat(os.path.join(os.fsencode(made.folder), file.path)) for made in (demo, again))
        assert one.st_mtime_ns == other.st_mtime_ns


def test_another_seed_gives_another_story() -> None:
    assert story.shots(1) == story.shots(1)
    assert story.shots(1) != story.shots(2)


def test_refuses_a_folder_that_holds_something(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(FileExistsError):
        build(tmp_path, scenes=24)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    with pytest.raises(ValueError, match="24"):
        build(tmp_path / "new", scenes=3)
