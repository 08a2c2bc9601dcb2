"""Every reader against files made here: facts, picture, text; and what broken ones give instead."""

from __future__ import annotations

import os
import struct
import tempfile
from collections.abc import Callable
from pathlib import Path

import pillow_heif
import pytest
from hypothesis import given
from hypothesis import strategies as st
from media_files import archive, atom, drawing, exif, packet, pdf
from PIL import Image

from albumsd.core import kinds
from albumsd.core.facts import Camera, CaptureTime, Position, Problem
from albumsd.media import pictures
from albumsd.media.errors import MediaError
from albumsd.media.facts import check_decodable, fallback, read, text_of
from albumsd.media.limits import DEFAULT, Limits
from albumsd.media.readers import MODULES, all_readers, reader
from albumsd.media.readers.jxl import header
from albumsd.media.readers.text import html_text
from albumsd.media.sniff import BY_EXTENSION, extension_of, sniff
from albumsd.media.source import Source
from albumsd.media.tiff_parts import missing_bytes

TAKEN = {36867: "2024:04:13 18:22:05"}
RED, BLUE = (220, 20, 20), (20, 20, 220)


def picture(path: Path, side: int = 1600, limits: Limits = DEFAULT) -> pictures.Picture:
    with Source(path) as source:
        preview = reader(sniff(source.head, source.name).reader or "").preview
        assert preview is not None
        made = preview(source, side, limits)
    assert made is not None
    return made


def near(pixel: object, colour: tuple[int, int, int]) -> bool:
    return isinstance(pixel, tuple) and all(abs(a - b) < 40 for a, b in zip(pixel, colour, strict=False))


def text(path: Path, limit: int = 10_000) -> str | None:
    with Source(path) as source:
        return text_of(source, limit)


def reasons(path: Path, limits: Limits = DEFAULT) -> list[str]:
    with Source(path) as source:
        facts = read(path)
        return [problem.reason for problem in (*facts.problems, *check_decodable(source, facts, limits))]


def test_every_reader_says_what_it_is() -> None:
    for name, found in zip(MODULES, all_readers(), strict=True):
        assert found.name == name
        assert found.help.endswith(".")
        assert BY_EXTENSION[extension_of(found.example)][2] == name
    assert {entry[2] for entry in BY_EXTENSION.values()} == {*MODULES, None}


def test_names_mean_the_same_before_and_after_the_content_is_read() -> None:
    for extension, (kind, mime) in kinds.EXTENSIONS.items():
        assert BY_EXTENSION[extension][:2] == (mime, kind), extension


SAVED = [
    ("a.png", "PNG", {}),
    ("a.webp", "WEBP", {"lossless": True}),
    ("a.tif", "TIFF", {}),
    ("a.avif", "AVIF", {}),
    ("a.jpg", "JPEG", {}),
]


@pytest.mark.parametrize(("name", "kind", "options"), SAVED)
@pytest.mark.parametrize("turn", [1, 3, 6, 8])
def test_pictures_are_upright_everywhere(
    tmp_path: Path, name: str, kind: str, options: dict[str, object], turn: int
) -> None:
    path = tmp_path / name
    drawing(128, 96).save(path, kind, exif=exif(image={274: turn, 271: "Canon"}, photo=TAKEN), **options)
    facts = read(path)
    size = (96, 128) if turn in (6, 8) else (128, 96)
    assert (facts.width, facts.height) == size
    assert facts.captured == CaptureTime("2024-04-13T18:22:05", None, "exif")
    assert facts.camera == Camera("Canon")
    image = picture(path).image
    assert image.size == size
    corner = {1: (8, 8), 3: (size[0] - 8, size[1] - 8), 6: (size[0] - 8, 8), 8: (8, size[1] - 8)}[turn]
    assert near(image.getpixel(corner), RED)
    assert near(image.getpixel((size[0] - 1 - corner[0], size[1] - 1 - corner[1])), BLUE)


@pytest.mark.parametrize("turn", [1, 6])
def test_heic_is_turned_once(tmp_path: Path, turn: int) -> None:
    path = tmp_path / "a.heic"
    pillow_heif.from_pillow(drawing(128, 96)).save(
        path,
        exif=exif(
            image={274: turn, 271: "Apple"}, photo=TAKEN, gps={1: "N", 2: (38.0, 0.0, 0.0), 3: "W", 4: (9.0, 0.0, 0.0)}
        ),
    )
    facts = read(path)
    size = (96, 128) if turn == 6 else (128, 96)
    assert (facts.kind, facts.mime, facts.width, facts.height) == ("photo", "image/heic", *size)
    assert facts.captured == CaptureTime("2024-04-13T18:22:05", None, "exif")
    assert facts.position == Position(38.0, -9.0)
    image = picture(path).image
    assert image.size == size
    assert near(image.getpixel((size[0] - 8, 8) if turn == 6 else (8, 8)), RED)


def test_a_cut_heic_says_so(tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole.heic", tmp_path / "cut.heic"
    pillow_heif.from_pillow(drawing(256, 256)).save(whole, quality=95)
    cut.write_bytes(whole.read_bytes()[:-300])
    assert reasons(whole) == []
    assert reasons(cut)[0] == "truncated"


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16", "I", "CMYK", "RGB"])
def test_every_mode_becomes_rgb(tmp_path: Path, mode: str) -> None:
    path = tmp_path / ("a.tif" if mode in ("CMYK", "I") else "a.png")
    grey = drawing(100, 60, "L")
    if mode in ("I;16", "I"):
        image = Image.frombytes("I;16", grey.size, b"".join(struct.pack("<H", value * 256) for value in grey.tobytes()))
        image = image if mode == "I;16" else image.convert("I")
    else:
        image = drawing(100, 60, mode)
    image.save(path)
    small = picture(path, 50).image
    assert (small.mode, small.size) == ("RGB", (50, 30))
    assert min(small.getpixel((45, 5))) > 200
    assert min(small.getpixel((5, 5))) < 128


def test_what_is_transparent_becomes_white(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.new("RGBA", (40, 40), (0, 0, 0, 0)).save(path)
    assert picture(path).image.getpixel((9, 9)) == (255, 255, 255)


def test_big_odd_pictures_are_shrunk_in_bands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.png"
    drawing(1200, 901, "1").save(path)
    whole = picture(path, 100).image
    monkeypatch.setattr(pictures, "BANDED_PIXELS", 1000)
    banded = picture(path, 100).image
    assert banded.size == whole.size == (100, 75)
    assert all(
        abs(a - b) < 40
        for a, b in zip(
            whole.convert("L").resize((10, 10)).tobytes(), banded.convert("L").resize((10, 10)).tobytes(), strict=True
        )
    )


def test_too_many_pixels_are_refused(tmp_path: Path) -> None:
    for name in ("a.png", "a.jpg", "a.webp", "a.gif", "a.avif", "a.tif"):
        path = tmp_path / name
        drawing(100, 60).save(path)
        assert reasons(path, Limits(pixels=5000)) == ["too-large"], name


def test_large_webp_goes_through_ffmpeg(tmp_path: Path) -> None:
    path = tmp_path / "a.webp"
    drawing(400, 300).save(path, quality=90)
    image = picture(path, 100, Limits(memory=1 << 20)).image
    assert image.size == (100, 75)
    assert near(image.getpixel((8, 8)), RED)


def test_wrong_names(tmp_path: Path) -> None:
    drawing().save(tmp_path / "png.jpg", "PNG")
    pillow_heif.from_pillow(drawing()).save(tmp_path / "a.heic")
    os.rename(tmp_path / "a.heic", tmp_path / "heic.jpg")
    drawing().save(tmp_path / "jpeg", "JPEG")
    (tmp_path / "text.jpg").write_text("not a picture")
    (tmp_path / "text.mp4").write_text("not a video either")
    assert read(tmp_path / "png.jpg").mime == "image/png"
    assert (read(tmp_path / "heic.jpg").mime, read(tmp_path / "heic.jpg").width) == ("image/heic", 64)
    assert read(tmp_path / "jpeg").mime == "image/jpeg"
    assert (read(tmp_path / "text.jpg").kind, reasons(tmp_path / "text.jpg")) == ("photo", ["not-what-it-says"])
    assert (read(tmp_path / "text.mp4").kind, reasons(tmp_path / "text.mp4")) == ("video", ["not-what-it-says"])


@pytest.mark.parametrize(
    ("name", "kind"),
    [("a.jpg", "photo"), ("a.heic", "photo"), ("a.mov", "video"), ("a.pdf", "document"), ("a.cr2", "photo")],
)
def test_empty_files_keep_the_kind_of_their_name(tmp_path: Path, name: str, kind: str) -> None:
    path = tmp_path / name
    path.touch()
    facts = read(path)
    assert (facts.kind, [problem.reason for problem in facts.problems]) == (kind, ["empty"])


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.gif", "a.tif"])
def test_cut_pictures_show_what_they_have(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    noise = Image.effect_noise((300, 200), 90).convert("P" if name == "a.gif" else "RGB")
    noise.save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    facts = read(path)
    assert (facts.kind, facts.width, facts.height) == ("photo", 300, 200)
    assert len(reasons(path)) == 1
    if name in ("a.jpg", "a.png"):
        made = picture(path)
        assert made.image.size == (300, 200)
        assert [problem.reason for problem in made.problems] == ["truncated"]


@pytest.mark.parametrize(
    "name",
    [
        "a.jpg",
        "a.png",
        "a.webp",
        "a.gif",
        "a.tif",
        "a.avif",
        "a.bmp",
        "a.heic",
        "a.mp4",
        "a.pdf",
        "a.docx",
        "a.jxl",
        "a.cr2",
        "a.cr3",
        "a.raf",
    ],
)
def test_garbage_behind_a_true_beginning_is_a_problem_and_never_an_exception(tmp_path: Path, name: str) -> None:
    heads = {
        "a.jpg": b"\xff\xd8\xff\xe1\xff\xffExif\0\0", "a.png": b"\x89PNG\r\n\x1a\n", "a.webp": b"RIFF\xff\xff\xff\xffWEBP", "a.gif": b"GIF89a", "a.tif": b"II*\0\x08\0\0\0\xff\xff",
        "a.avif": b"\0\0\0\x1cftypavif", "a.bmp": b"BM\0\0\0\0\0\0\0\0", "a.heic": b"\0\0\0\x18ftypheic", "a.mp4": b"\0\0\0\x18ftypisom", "a.pdf": b"%PDF-1.4\n",
        "a.docx": b"PK\x03\x04", "a.jxl": b"\xff\x0a", "a.cr2": b"II*\0\x10\0\0\0CR\x02\0", "a.cr3": b"\0\0\0\x18ftypcrx ", "a.raf": b"FUJIFILMCCD-RAW ",
    }  # fmt: skip
    path = tmp_path / name
    for tail in (b"", b"\0" * 500, bytes(range(256)) * 4, b"\xff" * 500):
        path.write_bytes(heads[name] + tail)
        facts = read(path)
        assert facts.kind == BY_EXTENSION[name[2:]][1]
        assert reasons(path), tail[:4]


def test_animations(tmp_path: Path) -> None:
    frames = [drawing(), drawing().transpose(Image.Transpose.FLIP_LEFT_RIGHT)]
    for name in ("a.gif", "a.webp", "a.png", "a.avif"):
        frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:])
        assert read(tmp_path / name).flags == ("animated",), name
        assert picture(tmp_path / name).image.size == (64, 48)


def test_texts_of_png(tmp_path: Path) -> None:
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text("Creation Time", "2007:02:13 06:34:38")
    info.add_text("Software", "gnome-screenshot")
    info.add_itxt("XML:com.adobe.xmp", packet('xmp:Rating="3"'), zip=True)
    info.add_text("Title", "Density", zip=True)
    drawing().save(tmp_path / "a.png", pnginfo=info)
    facts = read(tmp_path / "a.png")
    assert (facts.rating, facts.title, facts.flags) == (3, "Density", ("screenshots",))
    assert facts.captured == CaptureTime("2007-02-13T06:34:38", None, "xmp")


def test_raw_shows_its_embedded_preview(tmp_path: Path) -> None:
    """A TIFF structure that is no RAW LibRaw knows, with a JPEG inside, as a cut NEF is."""
    big = tmp_path / "preview.jpg"
    drawing(800, 600).save(big, "JPEG")
    path = tmp_path / "a.nef"
    path.write_bytes(exif(image={271: "NIKON", 274: 6}, photo=TAKEN)[6:] + b"\0" * 100 + big.read_bytes())
    facts = read(path)
    assert (facts.kind, facts.mime, facts.flags) == ("photo", "image/x-nikon-nef", ("raw",))
    assert facts.captured == CaptureTime("2024-04-13T18:22:05", None, "exif")
    made = picture(path, 400)
    assert made.image.size == (300, 400)
    assert near(made.image.getpixel((290, 10)), RED)
    assert made.problems


def test_tables_tell_what_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    drawing(300, 200).save(path)
    raw = path.read_bytes()
    for length, missing in ((len(raw), 0), (len(raw) - 5000, None), (9, None)):
        path.write_bytes(raw[:length])
        with Source(path) as source:
            found = missing_bytes(source)
        assert found == missing if missing is not None else found > 0


@given(st.binary(max_size=200))
def test_any_table_is_walked_to_an_end(data: bytes) -> None:
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"II*\0\x08\0\0\0" + data)
        file.flush()
        with Source(file.name) as source:
            assert missing_bytes(source) >= 0


def test_raw_that_hides_its_tiff(tmp_path: Path) -> None:
    block = exif(image={271: "Panasonic"}, photo=TAKEN)[6:]
    order = block[:2]
    (tmp_path / "a.orf").write_bytes((b"IIRO" if order == b"II" else b"MMOR") + block[4:])
    assert read(tmp_path / "a.orf").captured == CaptureTime("2024-04-13T18:22:05", None, "exif")
    canon = bytes.fromhex("85c0b687820f11e08111f4ce462b6a48")
    one, two, gps = (
        exif(image={271: "Canon"})[6:],
        exif(image=TAKEN)[6:],
        exif(image={1: "N", 2: (5.0, 0.0, 0.0), 3: "E", 4: (6.0, 0.0, 0.0)})[6:],
    )
    moov = atom(b"moov", atom(b"uuid", canon, atom(b"CMT1", one), atom(b"CMT2", two), atom(b"CMT4", gps)))
    (tmp_path / "a.cr3").write_bytes(atom(b"ftyp", b"crx \0\0\0\1crx isom") + moov)
    facts = read(tmp_path / "a.cr3")
    assert (facts.camera, facts.captured) == (Camera("Canon"), CaptureTime("2024-04-13T18:22:05", None, "exif"))
    assert facts.position == Position(5.0, 6.0)


def test_jpeg_xl_headers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from albumsd.media.readers import jxl

    monkeypatch.setattr(jxl, "has_decoder", lambda: False)
    small = 1 | (7 << 1) | (1 << 6) | (1 << 9)  # small, height 64, ratio 1:1, all defaults
    codestream = b"\xff\x0a" + small.to_bytes(8, "little")
    assert header(codestream) == ((64, 64), 1)
    assert header(b"nothing at all") is None
    (tmp_path / "a.jxl").write_bytes(codestream + b"\0" * 50)
    facts = read(tmp_path / "a.jxl")
    assert (facts.width, facts.height, [problem.reason for problem in facts.problems]) == (64, 64, ["no-decoder"])
    box = (
        atom(b"JXL ", b"\r\n\x87\n")
        + atom(b"ftyp", b"jxl \0\0\0\0jxl ")
        + atom(b"Exif", b"\0\0\0\0", exif(photo=TAKEN)[6:])
        + atom(b"jxlc", codestream, b"\0" * 50)
    )
    (tmp_path / "b.jxl").write_bytes(box)
    assert read(tmp_path / "b.jxl").captured == CaptureTime("2024-04-13T18:22:05", None, "exif")


# --- videos ---------------------------------------------------------------------------------------


def test_a_video(video: Callable[..., Path]) -> None:
    path = video(creation_time="2024-04-13T17:22:05Z")
    facts = read(path)
    assert (facts.kind, facts.mime, facts.width, facts.height, facts.duration_s) == ("video", "video/mp4", 64, 48, 1.0)
    assert facts.captured == CaptureTime("2024-04-13T17:22:05", "+00:00", "video")
    assert near(picture(path).image.getpixel((8, 8)), RED)
    assert reasons(path) == []


def test_a_videos_time_is_told_at_its_place(video: Callable[..., Path]) -> None:
    path = video(
        "a.mov",
        creation_time="2024-04-13T17:22:05Z",
        location="+38.7139-009.1334+012.500/",
        options={"movflags": "use_metadata_tags"},
    )
    facts = read(path)
    assert facts.position == Position(38.7139, -9.1334, 12.5)
    assert facts.captured == CaptureTime("2024-04-13T18:22:05", "+01:00", "video")


def test_apples_creation_date_wins(video: Callable[..., Path]) -> None:
    keys = {
        "com__apple__quicktime__creationdate": "2019-02-12T15:27:12+0800",
        "com__apple__quicktime__make": "Apple",
        "com__apple__quicktime__content__identifier": "ABC-1",
    }
    path = video("a.mov", creation_time="2024-02-02T08:09:57Z", options={"movflags": "use_metadata_tags"}, **keys)
    facts = read(path)
    assert facts.captured == CaptureTime("2019-02-12T15:27:12", "+08:00", "video")
    assert (facts.camera, facts.content_id) == (Camera("Apple"), "ABC-1")


def test_makers_that_write_their_wall_clock(video: Callable[..., Path]) -> None:
    path = video(
        "a.mov",
        creation_time="2024-04-13T17:22:05Z",
        make="GoPro",
        location="+38.7139-009.1334/",
        options={"movflags": "use_metadata_tags"},
    )
    assert read(path).captured == CaptureTime("2024-04-13T17:22:05", None, "video")


@pytest.mark.parametrize("stamp", ["1904-01-01T00:00:00Z", "1970-01-01T00:00:00Z"])
def test_a_clock_that_was_never_set_is_no_date(video: Callable[..., Path], stamp: str) -> None:
    assert read(video(creation_time=stamp)).captured is None


@pytest.mark.parametrize("name", ["a.mkv", "a.avi", "a.mov"])
def test_other_containers(video: Callable[..., Path], name: str) -> None:
    path = video(name)
    facts = read(path)
    assert (facts.kind, facts.mime, facts.width) == ("video", BY_EXTENSION[name[2:]][0], 64)
    assert picture(path, 32).image.size == (32, 24)


def test_a_video_that_was_turned(video: Callable[..., Path]) -> None:
    path = video()
    raw = path.read_bytes()
    at = raw.index(b"tkhd") + 4 + 40
    turned = struct.pack(">9i", 0, 1 << 16, 0, -(1 << 16), 0, 0, 48 << 16, 0, 1 << 30)
    path.write_bytes(raw[:at] + turned + raw[at + 36 :])
    facts = read(path)
    assert (facts.width, facts.height) == (48, 64)
    image = picture(path).image
    assert image.size == (48, 64)
    assert near(image.getpixel((42, 6)), RED)


def test_cut_videos(video: Callable[..., Path]) -> None:
    path = video(frames=40)
    raw = path.read_bytes()
    path.write_bytes(raw[: len(raw) // 2])
    assert (read(path).kind, reasons(path)) == ("video", ["truncated"])


# --- documents ------------------------------------------------------------------------------------


def test_a_pdf(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(pdf())
    facts = read(path)
    assert (facts.kind, facts.mime, facts.pages, facts.title) == ("document", "application/pdf", 1, "Washing machine")
    assert facts.captured == CaptureTime("2024-04-13T18:22:05", "+02:00", "xmp")
    assert text(path) == "warranty letter"
    assert text(path, 8) == "warranty"
    image = picture(path, 400).image
    assert image.height == 400
    assert image.width in (309, 310)
    assert min(image.convert("L").tobytes()) < 100


def test_locked_and_cut_pdfs(tmp_path: Path) -> None:
    from pypdf import PdfReader, PdfWriter

    (tmp_path / "a.pdf").write_bytes(pdf())
    writer = PdfWriter(clone_from=PdfReader(tmp_path / "a.pdf"))
    writer.encrypt("secret", algorithm="RC4-128")
    writer.write(tmp_path / "locked.pdf")
    assert reasons(tmp_path / "locked.pdf") == ["encrypted"]
    (tmp_path / "cut.pdf").write_bytes(b"%PDF-1.7\n1 0 obj\n<<")
    assert reasons(tmp_path / "cut.pdf") == ["truncated"]


CORE = '<cp:coreProperties xmlns:cp="c" xmlns:dc="d" xmlns:dcterms="t"><dc:title>Rent</dc:title><dcterms:created>2024-04-13T18:22:05Z</dcterms:created></cp:coreProperties>'


def test_office_documents(tmp_path: Path) -> None:
    types = {"[Content_Types].xml": "<Types/>", "docProps/core.xml": CORE}
    word = '<w:document xmlns:w="w"><w:body><w:p><w:r><w:t>Dear</w:t></w:r><w:r><w:tab/><w:t>landlord</w:t></w:r></w:p><w:p><w:r><w:t>second</w:t></w:r></w:p></w:body></w:document>'
    docx = archive(
        tmp_path / "a.docx",
        {**types, "word/document.xml": word, "word/footer1.xml": "<w:f xmlns:w='w'><w:p><w:t>foot</w:t></w:p></w:f>"},
    )
    assert text(docx) == "Dear landlord\nsecond\n\nfoot"
    facts = read(docx)
    assert (facts.title, facts.captured, facts.kind) == (
        "Rent",
        CaptureTime("2024-04-13T18:22:05", "+00:00", "xmp"),
        "document",
    )
    sheet = {
        "xl/sharedStrings.xml": "<sst><si><t>boiler</t></si><si><t>invoice</t></si></sst>",
        "xl/worksheets/sheet1.xml": "<s><row><c><f>SUM(A1)</f><v>3</v></c><c><is><t>inline</t></is></c></row></s>",
    }
    assert (text(archive(tmp_path / "a.xlsx", {**types, **sheet})) or "").split() == ["boiler", "invoice", "inline"]
    slides = {
        f"ppt/slides/slide{number}.xml": f"<a:p xmlns:a='a'><a:t>slide {number}</a:t></a:p>" for number in (10, 2)
    }
    pptx = archive(tmp_path / "a.pptx", {**types, **slides})
    assert ((text(pptx) or "").split("\n\n"), read(pptx).pages) == (["slide 2", "slide 10"], 2)
    odt = archive(
        tmp_path / "a.odt",
        {
            "mimetype": "application/vnd.oasis.opendocument.text",
            "content.xml": "<o><text:p xmlns:text='t'>Hello <text:span>there</text:span> again</text:p></o>",
        },
    )
    assert (text(odt), read(odt).mime) == ("Hello there again", "application/vnd.oasis.opendocument.text")
    assert text(docx, 6) == "Dear l"


def test_a_zip_bomb_is_not_unpacked(tmp_path: Path) -> None:
    path = archive(
        tmp_path / "a.docx",
        {"[Content_Types].xml": "<Types/>", "word/document.xml": b"<w>" + b" " * (20 << 20) + b"</w>"},
    )
    with pytest.raises(MediaError, match=r"too-large.*20 MiB.*limit is 200 times"):
        text(path, 1 << 20)
    billion = archive(
        tmp_path / "b.docx",
        {"[Content_Types].xml": "<T/>", "word/document.xml": '<!DOCTYPE x [<!ENTITY a "aaaa">]><w><p>&a;</p></w>'},
    )
    with pytest.raises(MediaError, match=r"corrupt.*entities"):
        text(billion)


def test_cut_office_documents(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.docx", {"[Content_Types].xml": "<Types/>", "word/document.xml": "<w/>"})
    path.write_bytes(path.read_bytes()[:-40])
    assert reasons(path) == ["truncated"]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.txt", b"plain", "plain"),
        ("README", "Grüße".encode(), "Grüße"),
        ("a.txt", "Grüße".encode("cp1252"), "Grüße"),
        ("a.txt", "Grüße".encode("utf-16"), "Grüße"),
        ("a.md", b"# Title\n\nwords", "# Title\n\nwords"),
        (
            "a.html",
            b"<html><title>T</title><script>no()</script><style>p{}</style><p>one<b>two</b></p>&eacute;</html>",
            "T\nonetwo\né",
        ),
        ("a.rtf", b"{\\rtf1\\ansi{\\fonttbl{\\f0 Arial;}}\\f0 Gr\\'fc\\u223?e\\par two}", "Grüße\ntwo"),
        ("a.csv", b"a,b\n1,2\n", "a,b\n1,2\n"),
        (
            "a.eml",
            b"From: a@b.c\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\nDate: Sat, 13 Apr 2024 18:22:05 +0200\n\nbody",
            "From: a@b.c\nSubject: Grüße\nDate: Sat, 13 Apr 2024 18:22:05 +0200\n\nbody",
        ),
    ],
)
def test_words_of_text(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    assert read(path).kind == "document"
    assert text(path) == words


def test_titles_of_text(tmp_path: Path) -> None:
    for name, content, title in (
        ("a.md", "Intro\n\n# The *title* #\n", "The *title*"),
        ("b.html", "<title> A\n b </title>", "A b"),
        ("c.eml", "Subject: Hi\n\nx", "Hi"),
    ):
        (tmp_path / name).write_text(content)
        assert read(tmp_path / name).title == title
    (tmp_path / "d.eml").write_text("Date: Sat, 13 Apr 2024 18:22:05 +0200\n\nx")
    assert read(tmp_path / "d.eml").captured == CaptureTime("2024-04-13T18:22:05", "+02:00", "xmp")
    assert html_text("<p>a<!-- b --></p>") == "a"


def test_files_that_nothing_reads(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"\0\1\2\3" * 10)
    (tmp_path / "a.json").write_text("{}")
    (tmp_path / "a.doc").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 100)
    assert (read(tmp_path / "a.bin").kind, reasons(tmp_path / "a.bin")) == ("other", [])
    assert (read(tmp_path / "a.json").kind, reasons(tmp_path / "a.json")) == ("other", [])
    assert (read(tmp_path / "a.doc").kind, reasons(tmp_path / "a.doc")) == ("document", ["no-decoder"])


def test_what_cannot_be_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "folder.png").mkdir()
    for name in ("pipe.jpg", "folder.png", "absent.heic"):
        facts = read(tmp_path / name)
        assert (facts.kind, [problem.reason for problem in facts.problems]) == ("photo", ["unreadable"])
    with pytest.raises(MediaError):
        Source(tmp_path / "absent")
    assert fallback(tmp_path / "absent.mov", Problem("crash")).kind == "video"
