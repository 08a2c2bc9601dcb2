"""Files that were cut: whatever the format and wherever the cut, a problem says so, and what stands before the cut is kept."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import av
import pillow_heif
import pytest
from media_files import archive, exif, pdf
from PIL import Image

from albumsd.core.facts import CaptureTime
from albumsd.media import ends
from albumsd.media.containers import missing_tail
from albumsd.media.errors import MediaError
from albumsd.media.facts import check_decodable, read, text_of
from albumsd.media.limits import DEFAULT
from albumsd.media.source import Source

SHARES = (0.97, 0.9, 0.7, 0.5, 0.3)
TAKEN = {36867: "2024:04:13 18:22:05"}
BLOCK = exif(image={271: "Canon"}, photo=TAKEN)


@cache
def noise(turn: int = 0) -> Image.Image:
    return Image.effect_noise((160, 120), 90).convert("RGB").rotate(turn)


def _heic(path: Path) -> None:
    pillow_heif.from_pillow(noise()).save(path, exif=BLOCK)


def _burst(path: Path) -> None:
    file = pillow_heif.from_pillow(noise())
    for turn in (90, 180, 270):
        file.add_from_pillow(noise(turn).resize((160, 120)))
    file.save(path)


def _pillow(**options: Any) -> Callable[[Path], None]:
    return lambda path: noise().save(path, **options)


def _frames(path: Path) -> None:
    noise().save(path, save_all=True, append_images=[noise(turn).resize((160, 120)) for turn in (90, 180)])


def _film(codec: str = "mpeg4", form: str | None = None, **options: str) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        with av.open(str(path), "w", format=form, options=options) as container:
            stream = container.add_stream(codec, rate=12)
            stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
            for number in range(24):
                frame = av.VideoFrame.from_image(noise(number * 15 % 360).resize((160, 120)))
                container.mux(stream.encode(frame))
            container.mux(stream.encode())

    return make


def _pages(path: Path) -> None:
    path.write_bytes(pdf().replace(b"%PDF-1.4\n", b"%PDF-1.4\n%" + b"x" * 3000 + b"\n"))


def _letter(path: Path) -> None:
    archive(path, {"[Content_Types].xml": "<T/>", "word/document.xml": "<w/>" + str(list(range(5000)))})


MADE: dict[str, Callable[[Path], None]] = {
    "one.heic": _heic, "burst.heic": _burst, "one.jpg": _pillow(exif=BLOCK), "progressive.jpg": _pillow(progressive=True),
    "one.png": _pillow(exif=BLOCK), "moving.png": _frames, "one.webp": _pillow(), "lossless.webp": _pillow(lossless=True),
    "moving.webp": _frames, "one.gif": _pillow(), "moving.gif": _frames, "one.avif": _pillow(exif=BLOCK), "moving.avif": _frames,
    "one.tif": _pillow(), "lzw.tif": _pillow(compression="tiff_lzw"), "big.tif": _pillow(big_tiff=True), "pages.tif": _frames,
    "one.bmp": _pillow(), "one.jp2": _pillow(), "one.tga": _pillow(), "one.ppm": _pillow(),
    "a.mp4": _film(), "fast.mp4": _film(movflags="faststart"), "pieces.mp4": _film(movflags="frag_keyframe+empty_moov"), "a.mov": _film(),
    "fast.mov": _film(movflags="faststart"), "a.3gp": _film(), "a.mkv": _film(), "a.webm": _film("libvpx"), "a.avi": _film(), "a.wmv": _film("msmpeg4v3"),
    "a.mts": _film("mpeg2video", "mpegts"), "a.pdf": _pages, "a.docx": _letter,
}  # fmt: skip


def problems(path: Path) -> list[str]:
    with Source(path) as source:
        facts = read(path)
        return [problem.reason for problem in (*facts.problems, *check_decodable(source, facts, DEFAULT))]


@pytest.mark.parametrize("name", MADE)
def test_every_cut_file_says_so_and_no_whole_one(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    MADE[name](path)
    whole, facts = path.read_bytes(), read(path)
    assert problems(path) == []
    for share in SHARES:
        length = int(len(whole) * share)
        path.write_bytes(whole[: length + (name == "a.mts" and length % 188 == 0)])
        assert set(problems(path)) & {"truncated", "corrupt"}, f"{share:.0%}"
        left = read(path)
        assert (left.kind, left.mime) == (facts.kind, facts.mime), f"{share:.0%}"


@pytest.mark.parametrize(
    "name", ["one.heic", "one.avif", "one.jpg", "burst.heic", "moving.gif", "fast.mp4", "a.mkv", "one.webp"]
)
def test_what_stands_before_the_cut_is_kept(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    MADE[name](path)
    whole = read(path)
    raw = path.read_bytes()
    at = raw.find(b"2024:04:13 18:22:05")
    path.write_bytes(raw[: max(len(raw) // 2, at + 200 if at >= 0 else 0)])
    facts = read(path)
    assert (facts.width, facts.height) == (whole.width, whole.height) == (160, 120)
    assert facts.captured == whole.captured
    if at >= 0:
        assert facts.captured == CaptureTime("2024-04-13T18:22:05", None, "exif")


def test_the_first_picture_of_a_cut_burst_is_shown(tmp_path: Path) -> None:
    from albumsd.media.readers import reader

    path = tmp_path / "a.heic"
    _burst(path)
    path.write_bytes(path.read_bytes()[:-100])
    with Source(path) as source:
        preview = reader("heif").preview
        assert preview is not None
        made = preview(source, 320, DEFAULT)
    assert made is not None
    assert made.image.size == (160, 120)


def test_a_cut_video_inside_a_photo_is_told(tmp_path: Path, video: Callable[..., Path]) -> None:
    from media_files import packet

    film = video(frames=30).read_bytes()
    path = tmp_path / "PXL_1.jpg"
    noise().save(path, xmp=packet(f'GCamera:MicroVideo="1" GCamera:MicroVideoOffset="{len(film)}"').encode())
    still = path.read_bytes()
    path.write_bytes(still + film)
    assert (problems(path), [part.offset for part in read(path).companions]) == ([], [len(still)])
    path.write_bytes((still + film)[:-50])
    assert problems(path) == ["truncated"]


def test_what_phones_append_is_not_missing(tmp_path: Path) -> None:
    path = tmp_path / "a.heic"
    _heic(path)
    path.write_bytes(path.read_bytes() + b"\x7f\0\0\0SEFH" + b"x" * 40 + b"SEFT")
    with Source(path) as source:
        assert missing_tail(source) == 0
    assert problems(path) == []


@pytest.mark.parametrize(
    ("mime", "content", "is_cut"),
    [
        ("video/x-matroska", b"\x1aE\xdf\xa3\x80\x18S\x80g\x01\xff\xff\xff\xff\xff\xff\xff", False),  # live: no length
        ("video/x-matroska", b"\x1aE\xdf\xa3\x80\x18S\x80g\x88" + b"x" * 7, True),
        ("video/x-matroska", b"\x1aE\xdf\xa3\x80\x18S\x80g\x88" + b"x" * 8, False),
        ("video/x-msvideo", b"RIFF\0\0\0\0AVI " + b"x" * 9, False),  # never finished, but nothing is known
        ("video/x-msvideo", b"RIFF\x08\0\0\0AVI xxxxRIFF\x08\0\0\0AVIXxxx", True),
        ("video/mp2t", (b"G" + b"\0" * 187) * 4, False),
        ("video/mp2t", (b"\0\0\0\0G" + b"\0" * 187) * 4 + b"\0", True),
        ("application/pdf", b"%PDF-1.4\n%%EOF\n" + b"\0" * 5000, False),
        ("application/pdf", b"%PDF-1.4\n%%EOF\n" + b"x" * 5000, True),  # the first part of a linearized one
        ("image/gif", b"GIF89a\1\0\1\0\0\0\0!\xfe\3abc\0;rubbish", False),
        ("image/gif", b"GIF89a\1\0\1\0\0\0\0!\xfe\3ab", True),
        ("text/plain", b"", False),
    ],
)
def test_the_rules(tmp_path: Path, mime: str, content: bytes, is_cut: bool) -> None:
    (tmp_path / "x").write_bytes(content)
    with Source(tmp_path / "x") as source:
        assert (ends.cut(source, mime) is not None) == is_cut


BIG = b"<w:d xmlns:w='w'><w:p><w:t>" + b"A" * (17 << 20) + b"</w:t></w:p></w:d>"


@pytest.mark.parametrize("name", ["word/document.xml", "xl/sharedStrings.xml", "ppt/slides/slide1.xml", "content.xml"])
def test_bombs_are_told_with_their_limit_and_not_unpacked(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = {"w": "a.docx", "x": "a.xlsx", "p": "a.pptx", "c": "a.odt"}[name[0]]
    first = (
        {"mimetype": "application/vnd.oasis.opendocument.text"} if kind == "a.odt" else {"[Content_Types].xml": "<T/>"}
    )
    path = archive(tmp_path / kind, {**first, name: BIG})
    monkeypatch.setattr(zipfile.ZipFile, "open", lambda *_, **__: pytest.fail("it was unpacked"))
    with (
        Source(path) as source,
        pytest.raises(MediaError, match=r"17 MiB.*packed size; the limit is 200 times") as caught,
    ):
        text_of(source, DEFAULT.text)
    assert caught.value.problem.reason == "too-large"


def test_many_small_parts_are_a_bomb_too(tmp_path: Path) -> None:
    import random

    page = "<a:t>" + "".join(random.Random(1).choices("abcdefgh ", k=400_000)) + "</a:t>"
    path = archive(
        tmp_path / "a.pptx",
        {
            "[Content_Types].xml": "<T/>",
            **{f"ppt/slides/slide{n}.xml": f"<a:p xmlns:a='{n}'>{page}</a:p>" for n in range(25)},
        },
    )
    with Source(path) as source, pytest.raises(MediaError, match=r"too-large.*limit is 8 MiB, 8 times text_mib"):
        text_of(source, 1 << 20)


def test_a_document_whose_only_part_is_damaged_says_so(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.docx", {"[Content_Types].xml": "<T/>", "word/document.xml": b"\0" * 5000})
    with Source(path) as source, pytest.raises(MediaError, match=r"corrupt.*word/document.xml"):
        text_of(source, 1 << 20)
