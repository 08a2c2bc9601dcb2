"""One table of kinds of files that cameras, phones, scanners and programs make: what each is, how large, and that its picture is its own."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import pillow_heif
import pytest
from media_files import exif
from PIL import Image, ImageCms, ImageStat

from albumsd.media.facts import check_decodable, read
from albumsd.media.limits import DEFAULT
from albumsd.media.readers import reader
from albumsd.media.sniff import sniff
from albumsd.media.source import Source

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # as the worker does

W, H = 320, 240


def scene() -> Image.Image:
    """A bright sky over a dark ground, with colours: its mean and its spread are its own."""
    sky = Image.linear_gradient("L").resize((W, H))
    return Image.merge(
        "RGB", (sky.transpose(Image.Transpose.ROTATE_180), sky, Image.radial_gradient("L").resize((W, H)))
    )


def still(form: str, mode: str = "RGB", **options: Any) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        scene().convert(mode).save(path, form, **options)

    return make


def deep(form: str, *, order: str = "<", mode: str = "I;16") -> Callable[[Path], None]:
    """16 bits of grey."""

    def make(path: Path) -> None:
        grey = scene().convert("L").tobytes()
        Image.frombytes(mode, (W, H), struct.pack(f"{order}{len(grey)}H", *(value * 257 for value in grey))).save(
            path, form
        )

    return make


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def deep_colour(path: Path) -> None:
    """RGB with 16 bits each, which Pillow reads and cannot write."""
    rows = scene().tobytes()
    body = b"".join(
        b"\0" + bytes(b for value in rows[at : at + 3 * W] for b in (value, value)) for at in range(0, len(rows), 3 * W)
    )
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + png_chunk(b"IHDR", struct.pack(">IIBBBBB", W, H, 16, 2, 0, 0, 0))
        + png_chunk(b"IDAT", zlib.compress(body))
        + png_chunk(b"IEND", b"")
    )


def floats(path: Path) -> None:
    Image.frombytes(
        "F", (W, H), struct.pack(f"{W * H}f", *(value / 255 for value in scene().convert("L").tobytes()))
    ).save(path, "TIFF")


def inverted_cmyk(path: Path) -> None:
    """As Photoshop writes it: four inverted channels, and an Adobe marker that says so."""
    scene().convert("CMYK").save(path, "JPEG", quality=90)


def seen_through(path: Path) -> None:
    """A palette with a transparent entry."""
    image = scene().quantize(64)
    image.save(path, "PNG", transparency=63)


def moving(form: str, **options: Any) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        scene().save(path, form, save_all=True, append_images=[scene().rotate(180), scene()], duration=100, **options)

    return make


def odd_frames(path: Path) -> None:
    """A GIF whose further frames are smaller than its screen, as those of screen recorders."""
    parts = scene().convert("P"), scene().resize((80, 60)).convert("P")
    parts[0].save(path, "GIF", save_all=True, append_images=parts[1:], disposal=2, loop=0)


def heic(number: int = 1, **options: Any) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        file = pillow_heif.from_pillow(scene())
        for _ in range(1, number):
            file.add_from_pillow(scene())
        file.save(path, quality=90, **options)

    return make


def with_profile(path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    scene().save(path, "JPEG", quality=95, icc_profile=profile)


def wrong_offsets(path: Path) -> None:
    """EXIF that promises values far beyond its end, in any format."""
    block = bytearray(exif(image={271: "Canon", 272: "Canon EOS 5D Mark IV"}, photo={36867: "2024:04:13 18:22:05"}))
    at = block.index(struct.pack(">HH", 272, 2))
    block[at + 8 : at + 12] = struct.pack(">I", 0xFFFFFF00)
    if path.suffix == ".heic":
        pillow_heif.from_pillow(scene()).save(path, quality=90, exif=bytes(block))
    else:
        scene().save(path, exif=bytes(block))


def odd_xmp(encoding: str) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        from media_files import packet

        scene().save(path, "JPEG", xmp=packet('xmp:Rating="4"').encode(encoding))

    return make


def sphere(path: Path) -> None:
    from media_files import packet

    scene().resize((W, W // 2)).save(
        path,
        "JPEG",
        quality=95,
        xmp=packet('GPano:ProjectionType="equirectangular" GPano:UsePanoramaViewer="True"').encode(),
    )


def two_pictures(path: Path) -> None:
    scene().save(path, "MPO", quality=95, save_all=True, append_images=[scene().resize((80, 60))])


def film(
    codec: str, form: str | None = None, pixels: str = "yuv420p", size: tuple[int, int] = (W, H)
) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        with av.open(str(path), "w", format=form) as container:
            stream = container.add_stream(codec, rate=25)
            stream.width, stream.height, stream.pix_fmt, stream.bit_rate = *size, pixels, 2_000_000
            for _ in range(10):
                container.mux(stream.encode(av.VideoFrame.from_image(scene().resize(size))))
            container.mux(stream.encode())

    return make


def scan(path: Path) -> None:
    """A PDF that is only a picture."""
    scene().save(path, "PDF", resolution=72.0)


TABLE: list[tuple[str, Callable[[Path], None], str, str]] = [
    ("cmyk.jpg", inverted_cmyk, "photo", "image/jpeg"),
    ("grey.jpg", still("JPEG", "L"), "photo", "image/jpeg"),
    ("progressive.jpg", still("JPEG", progressive=True), "photo", "image/jpeg"),
    ("profile.jpg", with_profile, "photo", "image/jpeg"),
    ("offsets.jpg", wrong_offsets, "photo", "image/jpeg"),
    *((f"offsets.{end}", wrong_offsets, "photo", f"image/{end}") for end in ("png", "webp", "avif", "heic")),
    ("xmp16.jpg", odd_xmp("utf-16"), "photo", "image/jpeg"),
    ("xmp16be.jpg", odd_xmp("utf-16-be"), "photo", "image/jpeg"),
    ("xmp8.jpg", odd_xmp("utf-8-sig"), "photo", "image/jpeg"),
    ("sphere.jpg", sphere, "photo", "image/jpeg"),
    ("two.jpg", two_pictures, "photo", "image/jpeg"),
    ("IMG-20240413-WA0001.jpg", still("JPEG", quality=70), "photo", "image/jpeg"),
    ("one.png", still("PNG", "1"), "photo", "image/png"),
    ("grey.png", still("PNG", "L"), "photo", "image/png"),
    ("la.png", still("PNG", "LA"), "photo", "image/png"),
    ("rgba.png", still("PNG", "RGBA"), "photo", "image/png"),
    ("palette.png", still("PNG", "P"), "photo", "image/png"),
    ("through.png", seen_through, "photo", "image/png"),
    ("deep.png", deep("PNG"), "photo", "image/png"),
    ("deepcolour.png", deep_colour, "photo", "image/png"),
    ("moving.png", moving("PNG"), "photo", "image/png"),
    ("moving.webp", moving("WEBP"), "photo", "image/webp"),
    ("moving.gif", moving("GIF"), "photo", "image/gif"),
    ("odd.gif", odd_frames, "photo", "image/gif"),
    ("moving.avif", moving("AVIF"), "photo", "image/avif"),
    ("lossless.webp", still("WEBP", "RGBA", lossless=True), "photo", "image/webp"),
    ("pages.tif", moving("TIFF"), "photo", "image/tiff"),
    ("fax.tif", still("TIFF", "1", compression="group4"), "photo", "image/tiff"),
    ("packed.tif", still("TIFF", compression="tiff_lzw"), "photo", "image/tiff"),
    ("jpeg.tif", still("TIFF", compression="jpeg"), "photo", "image/tiff"),
    ("cmyk.tif", still("TIFF", "CMYK"), "photo", "image/tiff"),
    ("lab.tif", still("TIFF", "LAB"), "photo", "image/tiff"),
    ("deep.tif", deep("TIFF"), "photo", "image/tiff"),
    ("deepbig.tif", deep("TIFF", order=">", mode="I;16B"), "photo", "image/tiff"),
    ("floats.tif", floats, "photo", "image/tiff"),
    ("big.tif", still("TIFF", big_tiff=True), "photo", "image/tiff"),
    ("one.bmp", still("BMP"), "photo", "image/bmp"),
    ("one.jp2", still("JPEG2000"), "photo", "image/jp2"),
    ("one.tga", still("TGA"), "photo", "image/x-tga"),
    ("one.ppm", still("PPM"), "photo", "image/x-portable-pixmap"),
    ("one.heic", heic(), "photo", "image/heic"),
    ("burst.heic", heic(3), "photo", "image/heic"),
    ("one.avif", still("AVIF"), "photo", "image/avif"),
    ("VID.3gp", film("h263", size=(352, 288)), "video", "video/3gpp"),
    ("MOV.3gp", film("mpeg4"), "video", "video/3gpp"),
    ("00001.MTS", film("mpeg2video", "mpegts"), "video", "video/mp2t"),
    ("a.webm", film("libvpx"), "video", "video/webm"),
    ("b.webm", film("libvpx-vp9"), "video", "video/webm"),
    ("a.mkv", film("mpeg4"), "video", "video/x-matroska"),
    ("a.avi", film("mjpeg", pixels="yuvj420p"), "video", "video/x-msvideo"),
    ("GX010001.MP4", film("mpeg4"), "video", "video/mp4"),
    ("GL010001.LRV", film("mpeg4", "mp4"), "video", "video/mp4"),
    ("VID_20240413_182205_00_001.insv", film("mpeg4", "mp4"), "video", "video/mp4"),
    ("DJI_0001.MOV", film("mjpeg", pixels="yuvj422p"), "video", "video/quicktime"),
    ("a.wmv", film("wmv2"), "video", "video/x-ms-wmv"),
    ("a.flv", film("flv1"), "video", "video/x-flv"),
    ("a.mpg", film("mpeg2video", "mpeg"), "video", "video/mpeg"),
    ("scan.pdf", scan, "document", "application/pdf"),
]


@pytest.mark.parametrize(("name", "make", "kind", "mime"), TABLE, ids=[row[0] for row in TABLE])
def test_every_kind_is_what_it_is_and_shows_its_own_picture(
    tmp_path: Path, name: str, make: Callable[[Path], None], kind: str, mime: str
) -> None:
    path = tmp_path / name
    make(path)
    facts = read(path)
    size = {"VID.3gp": (384, 288), "sphere.jpg": (W, W // 2), "scan.pdf": (None, None)}.get(name, (W, H))
    if name == "VID.3gp":  # its pixels are not square
        assert facts.height == 288
    else:
        assert (facts.width, facts.height) == size
    assert (facts.kind, facts.mime) == (kind, mime)
    with Source(path) as source:
        assert (*facts.problems, *check_decodable(source, facts, DEFAULT)) == ()
        preview = reader(sniff(source.head, source.name).reader or "").preview
        assert preview is not None
        picture = preview(source, 1600 if kind != "document" else W, DEFAULT)
    assert picture is not None
    shown, want = picture.image, scene()
    assert shown.mode == "RGB"
    if kind != "document" and name != "VID.3gp":
        assert shown.size == size
    grey, told = shown.convert("L"), want.convert("L")
    loose = 30 if name in ("through.png", "fax.tif", "one.png") else 12
    assert abs(ImageStat.Stat(grey).mean[0] - ImageStat.Stat(told).mean[0]) < loose
    if name not in ("fax.tif", "one.png"):
        assert abs(ImageStat.Stat(grey).stddev[0] - ImageStat.Stat(told).stddev[0]) < loose
    if any(part in name for part in ("grey", "la.", "deep.", "deepbig", "floats", "fax", "one.png")):
        return
    for got, expected in zip(ImageStat.Stat(shown).mean, ImageStat.Stat(want).mean, strict=True):
        assert abs(got - expected) < 2 * loose


def test_what_was_filled_into_a_form_is_drawn(tmp_path: Path) -> None:
    from media_files import pdf
    from pypdf import PdfReader, PdfWriter
    from pypdf.generic import ArrayObject, BooleanObject, DictionaryObject, FloatObject, NameObject, TextStringObject

    (tmp_path / "empty.pdf").write_bytes(pdf())
    writer = PdfWriter(clone_from=PdfReader(tmp_path / "empty.pdf"))
    names = {"/Type": "/Annot", "/Subtype": "/Widget", "/FT": "/Tx"}
    field = DictionaryObject({NameObject(key): NameObject(value) for key, value in names.items()})
    field[NameObject("/V")] = TextStringObject("Jane Doe")
    field[NameObject("/T")] = TextStringObject("name")
    field[NameObject("/Rect")] = ArrayObject([FloatObject(side) for side in (100, 300, 300, 320)])
    widget = writer._add_object(field)
    writer.pages[0][NameObject("/Annots")] = ArrayObject([widget])
    form = {NameObject("/Fields"): ArrayObject([widget]), NameObject("/NeedAppearances"): BooleanObject(True)}
    writer._root_object[NameObject("/AcroForm")] = DictionaryObject(form)
    writer.write(tmp_path / "form.pdf")
    preview = reader("pdf").preview
    assert preview is not None
    darkest = {}
    for name in ("empty.pdf", "form.pdf"):
        with Source(tmp_path / name) as source:
            picture = preview(source, 792, DEFAULT)
        assert picture is not None
        darkest[name] = picture.image.convert("L").crop((95, 470, 305, 495)).getextrema()[0]
    assert darkest["empty.pdf"] > 200
    assert darkest["form.pdf"] < 100


def test_what_else_they_say(tmp_path: Path) -> None:
    odd_xmp("utf-16")(tmp_path / "a.jpg")
    odd_xmp("utf-8-sig")(tmp_path / "b.jpg")
    assert [read(tmp_path / name).rating for name in ("a.jpg", "b.jpg")] == [4, 4]
    for name in ("c.jpg", "c.png", "c.webp", "c.avif", "c.heic"):
        wrong_offsets(tmp_path / name)
        found = read(tmp_path / name).captured
        assert found is not None, name
        assert found.local == "2024-04-13T18:22:05"
    sphere(tmp_path / "d.jpg")
    assert "panoramas" in read(tmp_path / "d.jpg").flags


def test_previews_of_a_transparent_palette_are_white_there(tmp_path: Path) -> None:
    image = Image.new("P", (40, 40), 0)
    image.putpalette([0, 0, 0, 255, 0, 0] + [0] * 762)
    image.paste(1, (0, 0, 20, 40))
    packed = io.BytesIO()
    image.save(packed, "PNG", transparency=0)
    (tmp_path / "a.png").write_bytes(packed.getvalue())
    with Source(tmp_path / "a.png") as source:
        preview = reader("png").preview
        assert preview is not None
        picture = preview(source, 40, DEFAULT)
    assert picture is not None
    assert (picture.image.getpixel((5, 5)), picture.image.getpixel((35, 5))) == ((255, 0, 0), (255, 255, 255))
