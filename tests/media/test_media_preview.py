"""Previews and thumbnails: their sizes and places, that they carry nothing, and that half of one is never seen."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from media_files import LISBON, archive, drawing, packet, pdf
from PIL import Image

from albumsd.media import preview
from albumsd.media.errors import MediaError
from albumsd.media.limits import DEFAULT
from albumsd.media.source import Source

SHA = "ab" + "0" * 62


def make(path: Path, previews: Path) -> preview.Made | None:
    with Source(path) as source:
        return preview.make(source, previews, SHA, DEFAULT)


def test_both_pictures_from_one_file(jpeg: Callable[..., Path], tmp_path: Path) -> None:
    path = jpeg(size=(2400, 1800), image={271: "Canon", 274: 6}, gps=LISBON, xmp=packet('xmp:Rating="5"'))
    before = path.read_bytes(), os.stat(path).st_mtime_ns
    made = make(path, tmp_path / "previews")
    assert made is not None
    assert (made.preview_size, made.thumbnail_size) == ((1200, 1600), (240, 320))
    big, small = preview.preview_path(tmp_path / "previews", SHA), preview.thumbnail_path(tmp_path / "previews", SHA)
    assert (str(big.relative_to(tmp_path)), small.name) == (f"previews/ab/{SHA}.webp", f"{SHA}.thumb.webp")
    assert (made.preview_bytes, made.thumbnail_bytes) == (big.stat().st_size, small.stat().st_size)
    for file, size in ((big, made.preview_size), (small, made.thumbnail_size)):
        with Image.open(file) as image:
            assert (image.format, image.size) == ("WEBP", size)
            assert not {"exif", "xmp", "icc_profile"} & set(image.info)
            assert image.convert("RGB").getpixel((size[0] - 5, 5))[0] > 150
        assert b"EXIF" not in file.read_bytes()
    assert sorted(os.listdir(big.parent)) == sorted([big.name, small.name])
    assert (path.read_bytes(), os.stat(path).st_mtime_ns) == before


def test_small_pictures_are_not_blown_up(jpeg: Callable[..., Path], tmp_path: Path) -> None:
    made = make(jpeg(size=(100, 60)), tmp_path / "p")
    assert made is not None
    assert (made.preview_size, made.thumbnail_size) == ((100, 60), (100, 60))


def test_very_long_pictures_keep_a_pixel(tmp_path: Path) -> None:
    drawing(5000, 40).resize((5000, 1)).save(tmp_path / "line.png")
    made = make(tmp_path / "line.png", tmp_path / "p")
    assert made is not None
    assert (made.preview_size, made.thumbnail_size) == ((1600, 1), (320, 1))


def test_videos_and_documents_have_pictures(video: Callable[..., Path], tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(pdf())
    for path in (video(size=(640, 480)), tmp_path / "a.pdf"):
        assert make(path, tmp_path / "p") is not None


def test_text_has_no_picture(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("words")
    (tmp_path / "a.bin").write_bytes(b"\0\1\2")
    docx = archive(tmp_path / "a.docx", {"[Content_Types].xml": "<T/>", "word/document.xml": "<w/>"})
    assert [make(path, tmp_path / "p") for path in (tmp_path / "a.txt", tmp_path / "a.bin", docx)] == [None, None, None]
    assert not (tmp_path / "p").exists()


def test_the_thumbnail_that_a_document_carries(tmp_path: Path) -> None:
    drawing(200, 100).save(tmp_path / "t.png")
    parts = {
        "mimetype": "application/vnd.oasis.opendocument.text",
        "Thumbnails/thumbnail.png": (tmp_path / "t.png").read_bytes(),
    }
    made = make(archive(tmp_path / "a.odt", parts), tmp_path / "p")
    assert made is not None
    assert made.preview_size == (200, 100)


def test_a_cut_photo_is_shown_and_told(jpeg: Callable[..., Path], tmp_path: Path) -> None:
    path = jpeg(size=(800, 600))
    path.write_bytes(path.read_bytes()[:-2000])
    made = make(path, tmp_path / "p")
    assert made is not None
    assert [problem.reason for problem in made.problems] == ["truncated"]


def test_broken_and_empty_files(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"\xff\xd8\xff\xe0" + b"\0" * 100)
    (tmp_path / "b.jpg").touch()
    for name, reason in (("a.jpg", "corrupt"), ("b.jpg", "empty")):
        with pytest.raises(MediaError) as caught:
            make(tmp_path / name, tmp_path / "p")
        assert caught.value.problem.reason == reason


def test_a_full_disk_leaves_nothing_half(
    jpeg: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(preview.os, "replace", refuse)
    with pytest.raises(OSError):
        make(jpeg(), tmp_path / "p")
    assert [name for _, _, names in os.walk(tmp_path / "p") for name in names] == []


def test_what_a_killed_process_left_is_used_by_the_next(
    jpeg: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(_: int) -> None:
        raise KeyboardInterrupt  # like SIGKILL, nothing is tidied

    path = jpeg()
    with monkeypatch.context() as patch:
        patch.setattr(preview.os, "fsync", die)
        with pytest.raises(KeyboardInterrupt):
            make(path, tmp_path / "p")
    (left,) = (tmp_path / "p" / SHA[:2]).iterdir()
    assert left.name.startswith(".")
    left.write_bytes(b"x" * 100_000)  # longer than what comes
    made = make(path, tmp_path / "p")
    assert made is not None
    small, big = preview.thumbnail_path(tmp_path / "p", SHA), preview.preview_path(tmp_path / "p", SHA)
    assert sorted(left.parent.iterdir()) == [small, big]
    assert (small.stat().st_size, big.stat().st_size) == (made.thumbnail_bytes, made.preview_bytes)


def test_a_preview_is_on_the_disk_before_it_has_its_name(
    jpeg: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[str, int]] = []
    sync, rename = os.fsync, os.replace
    monkeypatch.setattr(preview.os, "fsync", lambda fd: (told.append(("sync", os.fstat(fd).st_size)), sync(fd)))
    monkeypatch.setattr(
        preview.os, "replace", lambda old, new: (told.append(("name", os.stat(old).st_size)), rename(old, new))
    )
    made = make(jpeg(), tmp_path / "p")
    assert made is not None
    assert told == [(what, size) for size in (made.thumbnail_bytes, made.preview_bytes) for what in ("sync", "name")]


def test_the_shape_of_a_picture() -> None:
    one = preview.dhash(drawing(640, 480))
    assert len(one) == 8
    assert one == preview.dhash(drawing(320, 240))
    other = preview.dhash(drawing(640, 480).transpose(Image.Transpose.FLIP_LEFT_RIGHT))
    assert (int.from_bytes(one, "big") ^ int.from_bytes(other, "big")).bit_count() > 8


def test_wide_colours_become_srgb(tmp_path: Path) -> None:
    """A picture with an inverting profile: if it is used, the preview differs from the numbers in the file."""
    from PIL import ImageCms

    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    drawing(64, 48).save(tmp_path / "srgb.png", icc_profile=lab)
    made = make(tmp_path / "srgb.png", tmp_path / "p")
    assert made is not None
    with Image.open(preview.preview_path(tmp_path / "p", SHA)) as image:
        assert abs(image.convert("RGB").getpixel((5, 5))[0] - 220) < 25
