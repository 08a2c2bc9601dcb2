"""``describe``, behind ``albumsd facts``: the whole answer for a list of files, good and bad, through child processes."""

from __future__ import annotations

import hashlib
import json
import os
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from media_files import LISBON, exif, packet, pdf

from albumsd.core.facts import CaptureTime, Position
from albumsd.media.errors import MediaError
from albumsd.media.facts import describe, read
from albumsd.media.hashing import sha256_file
from albumsd.media.limits import DEFAULT, MIB, Limits
from albumsd.media.sniff import sniff
from albumsd.media.source import open_fd
from albumsd.media.tasks import TASKS
from albumsd.media.wire import to_json
from albumsd.media.xmp import read_sidecar

KEYS = {
    "path", "sha256", "kind", "mime", "width", "height", "orientation", "captured", "position", "camera", "exposure", "duration_s", "rating",
    "tags", "title", "description", "caption", "companions", "text_chars", "problems",
}  # fmt: skip


def test_describe_answers_for_every_file_in_order(jpeg: Callable[..., Path], tmp_path: Path) -> None:
    good = jpeg("IMG_20240413_182205.jpg", gps=LISBON)
    odd = tmp_path / os.fsdecode(b"caf\xe9.jpg")
    odd.write_bytes(good.read_bytes())
    cut, letter, absent = tmp_path / "cut.jpg", tmp_path / "a.pdf", tmp_path / "absent.mov"
    cut.write_bytes(jpeg("big.jpg", size=(400, 300)).read_bytes()[:-900])
    letter.write_bytes(pdf())
    found = describe([good, odd, os.fsencode(cut), str(letter), absent], Limits(memory=700 * MIB))
    assert json.loads(json.dumps(found)) == found
    assert all(set(entry) >= KEYS for entry in found)
    assert [entry["path"] for entry in found] == [os.fsdecode(path) for path in (good, odd, cut, letter, absent)]
    assert found[0]["sha256"] == found[1]["sha256"] == hashlib.sha256(good.read_bytes()).hexdigest()
    assert found[0]["captured"] == {"local": "2024-04-13T18:22:05", "offset": None, "origin": "name"}
    assert found[0]["position"] == {"lat": 38.7139, "lon": -9.1334, "alt": 12.5}
    assert [[problem["reason"] for problem in entry["problems"]] for entry in found] == [
        [],
        [],
        ["truncated"],
        [],
        ["unreadable"],
    ]
    assert (found[3]["kind"], found[3]["text_chars"], found[3]["title"]) == ("document", 15, "Washing machine")
    assert (found[4]["kind"], found[4]["sha256"], found[4]["captured"]) == ("video", None, None)


def test_who_asks_for_an_empty_file_is_told_that_it_is_empty(tmp_path: Path) -> None:
    names = ("a.jpg", "a.txt", "a.bin", "a.mov", "nothing")
    for name in names:
        (tmp_path / name).touch()
    found = describe([tmp_path / name for name in names], Limits(memory=700 * MIB))
    assert [[problem["reason"] for problem in entry["problems"]] for entry in found] == [["empty"]] * len(names)
    assert read(tmp_path / "a.txt").problems == ()  # in a library an empty note is no problem


def test_what_is_no_file_is_neither_opened_nor_hashed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    from albumsd.media import facts, source

    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "folder.png").mkdir()
    with socket.socket(socket.AF_UNIX) as listening:
        monkeypatch.chdir(tmp_path)
        listening.bind("socket.heic")
    paths = [tmp_path / "pipe.jpg", tmp_path / "folder.png", tmp_path / "socket.heic", Path("/dev/zero")]
    found = describe(paths, Limits(memory=700 * MIB))
    no_file = ("unreadable", "it is not a regular file")
    told = [[(problem["reason"], problem["detail"]) for problem in entry["problems"]] for entry in found]
    assert told == [[no_file], [("unreadable", "it is a folder")], [no_file], [no_file]]
    assert {entry["sha256"] for entry in found} == {None}
    monkeypatch.setattr(source, "open_fd", lambda path: pytest.fail(f"{path} was opened"))
    for path in paths:
        assert facts._sha256(os.fsencode(path)) is None


def test_a_live_photo_names_its_video(
    video: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from PIL import Image

    value = b"9B539AB8-A668-4FA6-9207-EB653A5E7E3C\0"
    note = (
        b"Apple iOS\0\0\x01MM"
        + struct.pack(">H", 1)
        + struct.pack(">HHII", 0x11, 2, len(value), 32)
        + b"\0" * 4
        + value
    )
    Image.new("RGB", (9, 9)).save(tmp_path / "IMG_1.jpg", exif=exif(image={271: "Apple"}, photo={0x927C: note}))
    name = "com__apple__quicktime__content__identifier"
    video("IMG_1.mov", options={"movflags": "use_metadata_tags"}, **{name: value[:-1].decode()})
    video("IMG_1.mp4", options={"movflags": "use_metadata_tags"}, **{name: "another"})
    (entry,) = describe([tmp_path / "IMG_1.jpg"])
    assert (entry["kind"], entry["companions"]) == ("photo", [{"role": "live", "path": str(tmp_path / "IMG_1.mov")}])


def test_what_stands_around_the_bytes_comes_after_what_stands_in_them(
    jpeg: Callable[..., Path], tmp_path: Path
) -> None:
    folder = tmp_path / "2019-07 Wien"
    folder.mkdir()
    for name in ("a.jpg", "20180101_101010.jpg"):
        os.rename(jpeg(), folder / name)
    taken = jpeg("20170101_101010.jpg", photo={36867: "2024:04:13 18:22:05"})
    first, second, third = describe([folder / "a.jpg", folder / "20180101_101010.jpg", taken])
    assert first["captured"] == {"local": "2019-07-01T00:00:00", "offset": None, "origin": "folder"}
    assert second["captured"] == {"local": "2018-01-01T10:10:10", "offset": None, "origin": "name"}
    assert third["captured"]["origin"] == "exif"
    (bare,) = describe([folder / "a.jpg"], with_surroundings=False)
    assert bare["captured"] is None


@pytest.mark.parametrize("size", [0, 1, 5_000_000])
def test_hashes(tmp_path: Path, size: int) -> None:
    path = tmp_path / "a"
    path.write_bytes(bytes(range(256)) * (size // 256) + b"x" * (size % 256))
    want = (hashlib.sha256(path.read_bytes()).hexdigest(), size)
    assert sha256_file(path) == want
    fd = os.open(path, os.O_RDONLY)
    try:
        os.lseek(fd, min(size, 3), os.SEEK_SET)
        assert sha256_file(fd) == want
        assert os.lseek(fd, 0, os.SEEK_CUR) == min(size, 3)
    finally:
        os.close(fd)
    with pytest.raises(FileNotFoundError):
        sha256_file(tmp_path / "absent")


@pytest.mark.parametrize("task", ["facts", "hash", "preview", "text", "sidecar"])
def test_a_symbolic_link_is_followed_for_a_person_only(task: str, jpeg: Callable[..., Path], tmp_path: Path) -> None:
    """A scan lists no links: where one stands now, the file that was listed is gone."""
    content = {
        "text": b"words",
        "sidecar": packet('xmp:Rating="5"').encode(),
    }.get(task)
    file = jpeg()
    if content:
        file = tmp_path / f"a.{'txt' if task == 'text' else 'xmp'}"
        file.write_bytes(content)
    link = tmp_path / f"link{file.suffix}"
    link.symlink_to(file)
    run = next(one.run for one in TASKS if one.name == task)

    def ask(path: Path) -> object:
        answer = run({"path": os.fsencode(path), "previews": str(tmp_path / "p"), "sha256": "ab" * 32}, DEFAULT)
        return answer.get("facts", {}).get("problems", ())

    assert not ask(file)
    if task == "facts":
        assert ask(link)[0][0] == "unreadable"
    else:
        with pytest.raises(MediaError, match="unreadable"):
            ask(link)
    with pytest.raises(OSError, match="symbolic links"):
        open_fd(os.fsencode(link))
    (told,) = describe([str(link)])
    assert told["sha256"]
    assert not told.get("problems")


def test_summer_and_winter_at_one_place(jpeg: Callable[..., Path]) -> None:
    for day, offset in (("2024:07:01", "+01:00"), ("2024:12:01", "+00:00")):
        assert read(jpeg(gps={**LISBON, 7: (12.0, 0.0, 0.0), 29: day})).captured == CaptureTime(
            f"{day.replace(':', '-')}T{'13' if offset == '+01:00' else '12'}:00:00", offset, "gps"
        )


def test_sidecars(tmp_path: Path) -> None:
    from media_files import bag, packet

    from albumsd.media.errors import MediaError

    path = tmp_path / "a.xmp"
    path.write_text(
        packet(
            'xmp:CreateDate="2024-04-13T18:22:05+02:00" exif:GPSLatitude="1,0N" exif:GPSLongitude="2,0E"',
            bag("dc:subject", "x"),
        ),
        "utf-8",
    )
    facts = read_sidecar(path)
    assert (facts.captured, facts.position, facts.tags) == (
        CaptureTime("2024-04-13T18:22:05", "+02:00", "xmp"),
        Position(1, 2),
        ("x",),
    )
    path.write_text(packet('exif:GPSTimeStamp="2024-04-13T18:22:05Z"'), "utf-8")
    assert read_sidecar(path).captured == CaptureTime("2024-04-13T18:22:05", "+00:00", "xmp")
    for content, reason in (("", "empty"), ("no packet", "corrupt")):
        path.write_text(content)
        with pytest.raises(MediaError) as caught:
            read_sidecar(path)
        assert caught.value.problem.reason == reason


@given(st.binary(max_size=200), st.text(max_size=20))
def test_any_bytes_and_any_name_are_something(head: bytes, name: str) -> None:
    guess = sniff(head, name.encode("utf-8", "surrogateescape"))
    assert guess.kind in ("photo", "video", "document", "other")


def test_every_key_is_always_there(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"\0")
    assert set(to_json(tmp_path / "x", read(tmp_path / "x"), None)) >= KEYS
