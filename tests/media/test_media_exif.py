"""Facts of JPEGs: times, places, cameras, stars and tags, from EXIF, XMP and IPTC, whole and broken."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from media_files import LISBON, atom, bag, drawing, exif, packet

from albumsd.core.facts import Camera, CaptureTime, Companion, Exposure, Position
from albumsd.media.exif import content_identifier, read_exif
from albumsd.media.facts import read
from albumsd.media.iptc import read_iptc
from albumsd.media.xmp import read_sidecar, read_xmp

Jpeg = Callable[..., Path]
TAKEN = {36867: "2024:04:13 18:22:05"}


def test_a_whole_photo(jpeg: Jpeg) -> None:
    path = jpeg(
        image={271: "Google\0", 272: " Pixel 8 ", 274: 6, 270: "Sunset"},
        photo={
            **TAKEN,
            36881: "+02:00",
            36880: "-05:00",
            33437: 1.8,
            33434: 1 / 120,
            34855: 125,
            37386: 6.9,
            41989: 24,
            37385: 16,
            42036: "Wide",
        },
        gps=LISBON,
    )
    facts = read(path)
    assert (facts.kind, facts.mime, facts.width, facts.height, facts.orientation) == ("photo", "image/jpeg", 48, 64, 6)
    assert facts.captured == CaptureTime("2024-04-13T18:22:05", "+02:00", "exif")
    assert facts.camera == Camera("Google", "Pixel 8", "Wide")
    assert facts.exposure == Exposure(1.8, 0.00833333, 125, 6.9, 24.0, False)
    assert facts.position == Position(38.7139, -9.1334, 12.5)
    assert facts.description == "Sunset"
    assert facts.problems == ()


@pytest.mark.parametrize(
    ("photo", "want"),
    [
        ({**TAKEN}, ("2024-04-13T18:22:05", None)),
        ({**TAKEN, 36880: "+02:00"}, ("2024-04-13T18:22:05", None)),  # OffsetTime is that of the last change
        ({**TAKEN, 36881: "   "}, ("2024-04-13T18:22:05", None)),
        ({**TAKEN, 36868: "2020:01:01 00:00:01"}, ("2024-04-13T18:22:05", None)),
        ({36868: "2024:04:13 18:22:05", 36882: "+09:00"}, ("2024-04-13T18:22:05", "+09:00")),
        ({36867: "0000:00:00 00:00:00", 36868: "2024:04:13 18:22:05"}, ("2024-04-13T18:22:05", None)),
        ({36867: "2024-04-13T18:22:05+01:00"}, ("2024-04-13T18:22:05", "+01:00")),
        ({36867: "1962:08:05 10:00:00"}, ("1962-08-05T10:00:00", None)),
        ({36867: "0000:00:00 00:00:00"}, None),
        ({36867: "    :  :     :  :  "}, None),
        ({36867: "2099:01:01 10:00:00"}, None),
        ({36867: "2024:02:31 10:00:00"}, None),
        ({36867: "2024:04:13"}, None),
    ],
)
def test_when_it_was_taken(jpeg: Jpeg, photo: dict[int, str], want: tuple[str, str | None] | None) -> None:
    found = read(jpeg(image={306: "2011:11:11 11:11:11"}, photo=photo)).captured
    assert found == (CaptureTime(*want, "exif") if want else None)


@pytest.mark.parametrize(
    ("gps", "want"),
    [
        (LISBON, (38.7139, -9.1334)),
        ({**LISBON, 1: "S", 3: "E"}, (-38.7139, 9.1334)),
        ({key: value for key, value in LISBON.items() if key not in (1, 3)}, None),
        ({key: value for key, value in LISBON.items() if key != 3}, None),
        ({1: "N", 2: LISBON[2]}, None),
        ({1: "N", 2: (0.0, 0.0, 0.0), 3: "E", 4: (0.0, 0.0, 0.0)}, None),
        ({1: "N", 2: (91.0, 0.0, 0.0), 3: "E", 4: (9.0, 0.0, 0.0)}, None),
        ({1: "N", 2: (5.0, 30.0, 0.0), 3: "E", 4: (0.0, 0.0, 0.0)}, (5.5, 0.0)),
        ({1: "", 2: LISBON[2], 3: "", 4: LISBON[4]}, None),
    ],
)
def test_where_it_was_taken(jpeg: Jpeg, gps: dict[int, Any], want: tuple[float, float] | None) -> None:
    found = read(jpeg(gps=gps)).position
    assert (found and (found.lat, found.lon)) == (pytest.approx(want) if want else None)


def _rational(*pairs: tuple[int, int]) -> bytes:
    return b"".join(struct.pack(">II", *pair) for pair in pairs)


@pytest.mark.parametrize("seconds", [(0, 0), (1, 0)])
@pytest.mark.parametrize("degrees", [(0, 0), (7, 0)])
def test_a_coordinate_of_zero_over_zero_is_no_place(
    jpeg: Jpeg, degrees: tuple[int, int], seconds: tuple[int, int]
) -> None:
    values = [b"N\0\0\0", _rational(degrees, (42, 1), seconds), b"W\0\0\0", _rational((9, 1), (8, 1), (0, 1))]
    gps_at = 8 + 2 + 12 + 4
    data_at = gps_at + 2 + 4 * 12 + 4
    entries, data = b"", b""
    for tag, value in zip((1, 2, 3, 4), values, strict=True):
        if len(value) <= 4:
            entries += struct.pack(">HHI", tag, 2, 2) + value
        else:
            entries += struct.pack(">HHII", tag, 5, 3, data_at + len(data))
            data += value
    block = (
        b"MM\0*\0\0\0\x08"
        + struct.pack(">HHHII", 1, 0x8825, 4, 1, gps_at)
        + b"\0" * 4
        + struct.pack(">H", 4)
        + entries
        + b"\0" * 4
        + data
    )
    assert read_exif(b"Exif\0\0" + block).position is None


def test_gps_time_is_told_at_the_place(jpeg: Jpeg) -> None:
    facts = read(jpeg(gps={**LISBON, 7: (17.0, 22.0, 5.0), 29: "2024:04:13"}))
    assert facts.captured == CaptureTime("2024-04-13T18:22:05", "+01:00", "gps")


def test_gps_time_without_a_place_is_utc(jpeg: Jpeg) -> None:
    assert read(jpeg(gps={7: (17.0, 22.0, 5.0), 29: "2024:04:13"})).captured == CaptureTime(
        "2024-04-13T17:22:05", "+00:00", "gps"
    )


def test_gps_time_needs_its_date(jpeg: Jpeg) -> None:
    assert read(jpeg(gps={**LISBON, 7: (17.0, 22.0, 5.0)})).captured is None


def test_the_day_of_a_tokyo_morning_is_tokyos(jpeg: Jpeg) -> None:
    tokyo = {1: "N", 2: (35.0, 41.0, 0.0), 3: "E", 4: (139.0, 41.0, 0.0), 7: (1.0, 0.0, 0.0), 29: "2024:04:13"}
    assert read(jpeg(gps=tokyo)).captured == CaptureTime("2024-04-13T10:00:00", "+09:00", "gps")


def test_exif_beats_gps_beats_xmp(jpeg: Jpeg) -> None:
    gps = {**LISBON, 7: (17.0, 22.0, 5.0), 29: "2024:04:13"}
    xmp = packet('xmp:CreateDate="2001-01-01T01:01:01"')
    facts = read(jpeg(photo={36867: "2024:04:13 18:00:00"}, gps=gps, xmp=xmp))
    assert facts.captured == CaptureTime("2024-04-13T18:00:00", None, "exif")
    assert [claim.origin for claim in facts.captured_others] == ["gps", "xmp"]


@pytest.mark.parametrize(
    ("attributes", "elements", "want"),
    [
        ('xmp:CreateDate="2024-04-13T18:22:05.17+02:00"', "", ("2024-04-13T18:22:05", "+02:00")),
        ("", "<photoshop:DateCreated>2024-04-13T18:22:05Z</photoshop:DateCreated>", ("2024-04-13T18:22:05", "+00:00")),
        (
            'xmp:CreateDate="2007-01-01T00:00:00" photoshop:DateCreated="2024-04-13T18:22:05"',
            "",
            ("2024-04-13T18:22:05", None),
        ),
        (
            'exif:DateTimeOriginal="2024-04-13T18:22:05" photoshop:DateCreated="2024-04-13T18:22:05-06:00"',
            "",
            ("2024-04-13T18:22:05", "-06:00"),
        ),
        ('xmp:CreateDate="2009:11:28 13:42:39"', "", ("2009-11-28T13:42:39", None)),
        ('photoshop:DateCreated="1950-05-05"', "", ("1950-05-05T00:00:00", None)),
        ('xmp:ModifyDate="2024-04-13T18:22:05" xmp:MetadataDate="2024-04-13T18:22:05"', "", None),
        ('xmp:CreateDate="171546-01-01T00:00:00"', "", None),
    ],
)
def test_dates_of_xmp(attributes: str, elements: str, want: tuple[str, str | None] | None) -> None:
    claims = read_xmp(packet(attributes, elements).encode()).claims
    assert claims == ([CaptureTime(*want, "xmp")] if want else [])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be", "utf-16", "utf-8-sig"])
def test_xmp_of_every_encoding(encoding: str, tmp_path: Path) -> None:
    text = '<?xml version="1.0" encoding="UTF-16"?>\n' + packet('xmp:Rating="4"', bag("dc:subject", "Výlet"))
    path = tmp_path / "a.jpg.xmp"
    path.write_bytes(text.encode(encoding))
    facts = read_sidecar(path)
    assert (facts.rating, facts.tags) == (4, ("Výlet",))


def test_tags_stars_and_words_of_xmp() -> None:
    elements = (
        bag("dc:subject", "Travel", " travel ", "Lisbon") + bag("lr:hierarchicalSubject", "Places|Portugal|Lisbon", "People|Ana")
        + bag("digiKam:TagsList", "Places/Alfama")
        + '<dc:title><rdf:Alt><rdf:li xml:lang="x-default">The title</rdf:li></rdf:Alt></dc:title>'
        + "<dc:description><rdf:Alt><rdf:li>Two\nlines</rdf:li></rdf:Alt></dc:description>"
    )  # fmt: skip
    found = read_xmp(
        packet('xmp:Rating="-1" exif:GPSLatitude="38,42.834N" exif:GPSLongitude="9,8.004W"', elements).encode()
    )
    assert found.tags == ("Travel", "travel", "Lisbon", "Lisbon", "Ana", "Alfama")
    assert (found.rating, found.title, found.description) == (-1, "The title", "Two\nlines")
    assert found.position == Position(38.7139, -9.1334)


@pytest.mark.parametrize(("stars", "want"), [("5", 5), ("0", 0), ("-1", -1), ("6", None), ("x", None), ("3.0", 3)])
def test_stars(stars: str, want: int | None) -> None:
    assert read_xmp(packet(f'xmp:Rating="{stars}"').encode()).rating == want


@given(st.binary(max_size=300))
def test_any_bytes_are_read_without_harm(data: bytes) -> None:
    for parse in (read_exif, read_xmp, read_iptc):
        parse(data)
        parse(b"MM\0*\0\0\0\x08" + data)
        parse(b"8BIM\x04\x04\0\0" + data)


@given(st.integers(min_value=0, max_value=2000), st.binary(min_size=1, max_size=8))
def test_damaged_exif_is_read_without_harm(at: int, damage: bytes) -> None:
    block = bytearray(exif(image={271: "Canon"}, photo=TAKEN, gps=LISBON))
    at %= len(block)
    block[at : at + len(damage)] = damage
    read_exif(bytes(block))


def test_xml_bombs_are_not_expanded() -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>' + packet(
        elements="<dc:format>&b;</dc:format>"
    )
    assert read_xmp(bomb.encode()).tags == ()


def test_iptc_keywords_and_dates(jpeg: Jpeg) -> None:
    def record(number: int, value: bytes) -> bytes:
        return b"\x1c\x02" + bytes([number]) + struct.pack(">H", len(value)) + value

    iim = (
        record(25, "Fête".encode())
        + record(25, b"Yard")
        + record(5, b"Title")
        + record(55, b"20240413")
        + record(60, b"182205+0200")
    )
    block = b"8BIM\x04\x04\0\0" + struct.pack(">I", len(iim)) + iim
    found = read_iptc(block)
    assert (found.tags, found.title, found.claims) == (
        ("Fête", "Yard"),
        "Title",
        [CaptureTime("2024-04-13T18:22:05", "+02:00", "xmp")],
    )
    assert (
        read_iptc(b"8BIM\x04\x04\0\0" + struct.pack(">I", len(record(60, b"182205"))) + record(60, b"182205")).claims
        == []
    )
    path = jpeg()
    raw = path.read_bytes()
    segment = b"Photoshop 3.0\0" + block
    path.write_bytes(raw[:2] + b"\xff\xed" + struct.pack(">H", len(segment) + 2) + segment + raw[2:])
    assert read(path).tags == ("Fête", "Yard")


def test_windows_writes_its_own_tags(jpeg: Jpeg) -> None:
    facts = read(
        jpeg(
            image={
                0x4746: 4,
                0x9C9B: "Título".encode("utf-16-le") + b"\0\0",
                0x9C9E: "a; b".encode("utf-16-le") + b"\0\0",
            }
        )
    )
    assert (facts.rating, facts.title, facts.tags) == (4, "Título", ("a", "b"))


def test_apples_content_identifier() -> None:
    value = b"9B539AB8-A668-4FA6-9207-EB653A5E7E3C\0"
    note = b"Apple iOS\0\0\x01MM" + struct.pack(">H", 1) + struct.pack(">HHII", 0x11, 2, len(value), 32) + b"\0" * 4
    assert content_identifier(note + value) == "9B539AB8-A668-4FA6-9207-EB653A5E7E3C"
    assert content_identifier(note[:20]) is None
    assert content_identifier(b"") is None


MP4 = atom(b"ftyp", b"isom\0\0\0\0isom") + atom(b"mdat", b"x" * 40)


def test_motion_photos(jpeg: Jpeg) -> None:
    google = read(
        jpeg("google.jpg", trailer=MP4, xmp=packet(f'GCamera:MicroVideo="1" GCamera:MicroVideoOffset="{len(MP4)}"'))
    )
    size = (
        (jpeg("plain.jpg", xmp=packet(f'GCamera:MicroVideo="1" GCamera:MicroVideoOffset="{len(MP4)}"'))).stat().st_size
    )
    assert google.companions == (Companion("motion", offset=size),)
    assert google.kind == "photo"
    assert "motion" in google.flags


def test_samsungs_motion_photos(jpeg: Jpeg) -> None:
    size = jpeg("plain.jpg").stat().st_size
    block = b"\0\0\x30\x0a" + struct.pack("<I", 16) + b"MotionPhoto_Data" + MP4
    directory = b"SEFH" + struct.pack("<II", 107, 1) + b"\0\0\x30\x0a" + struct.pack("<II", len(block), len(block))
    facts = read(jpeg("s.jpg", trailer=block + directory + struct.pack("<I", len(directory)) + b"SEFT"))
    assert facts.companions == (Companion("motion", offset=size + 24),)


def test_a_motion_photo_without_its_video_is_a_photo(jpeg: Jpeg) -> None:
    assert read(jpeg(xmp=packet('GCamera:MotionPhoto="1" GCamera:MicroVideoOffset="4000"'))).companions == ()
    assert read(jpeg(trailer=MP4)).companions == ()


@pytest.mark.parametrize(
    ("name", "tags", "flags"),
    [
        ("Screenshot_2024-04-13-18-22-05.jpg", {}, ("screenshots",)),
        ("Bildschirmfoto 2024-04-13 um 18.22.05.jpg", {}, ("screenshots",)),
        ("a.jpg", {"photo": {0x9286: b"ASCII\0\0\0Screenshot"}}, ("screenshots",)),
        ("sunscreenshotel.jpg", {}, ()),
        ("a.jpg", {}, ()),
    ],
)
def test_screenshots(jpeg: Jpeg, name: str, tags: dict[str, Any], flags: tuple[str, ...]) -> None:
    assert read(jpeg(name, **tags)).flags == flags


def test_panoramas(jpeg: Jpeg) -> None:
    camera = {"image": {271: "Canon"}}
    assert read(jpeg("p.jpg", (1500, 500), **camera)).flags == ("panoramas",)
    assert read(jpeg("drawn.jpg", (1500, 500))).flags == ()
    assert read(jpeg("n.jpg", (1500, 1000), **camera)).flags == ()
    assert read(jpeg("g.jpg", xmp=packet('GPano:ProjectionType="equirectangular"'))).flags == ("panoramas",)


def test_metadata_survives_broken_pixels(jpeg: Jpeg) -> None:
    path = jpeg(image={271: "Canon"}, photo=TAKEN)
    raw = path.read_bytes()
    path.write_bytes(raw[: raw.index(b"\xff\xdb")])
    facts = read(path)
    assert facts.captured == CaptureTime("2024-04-13T18:22:05", None, "exif")
    assert [problem.reason for problem in facts.problems] == ["corrupt"]


def test_the_drawing_is_what_the_tests_think(jpeg: Jpeg) -> None:
    assert drawing().getpixel((5, 5)) == (220, 20, 20)
