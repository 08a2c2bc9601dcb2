"""Frames of videos: which moments are shown, what is left out, and that a bad video costs little."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace

import av
import pytest
from PIL import Image, ImageDraw

from albumsd.media import frames
from albumsd.media.errors import MediaError
from albumsd.media.limits import DEFAULT
from albumsd.media.pool import DecoderPool
from albumsd.media.readers import video as video_reader
from albumsd.media.shelf import frame_path
from albumsd.media.source import Source

SHA = "cd" + "0" * 62
RATE = 10


def scene(number: int, size: tuple[int, int]) -> Image.Image:
    """One of sixteen pictures that look like no other: a bright square in one of 4 x 4 places, on slopes."""
    image = Image.linear_gradient("L").rotate(90 * (number % 4)).resize(size).convert("RGB").point(lambda v: v // 2)
    width, height = size[0] // 4, size[1] // 4
    left, top = number % 4 * width, number // 4 * height
    ImageDraw.Draw(image).rectangle((left, top, left + width, top + height), fill=(255, 255, 200))
    return image


def place(image: Image.Image) -> int:
    """Which ``scene`` a frame shows."""
    grey = image.convert("L").resize((4, 4), Image.Resampling.BOX)
    values = list(grey.tobytes())
    return values.index(max(values))


def film(path: Path, pictures: Sequence[Image.Image], gop: int = 5) -> Path:
    """A video with a tenth of a second for each picture and a keyframe every ``gop``."""
    with av.open(os.fspath(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = *pictures[0].size, "yuv420p"
        stream.codec_context.gop_size = gop
        stream.codec_context.bit_rate = 4_000_000
        for picture in pictures:
            for packet in stream.encode(av.VideoFrame.from_image(picture)):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return path


def scenes(numbers: Sequence[int], each: int = 10, size: tuple[int, int] = (640, 360)) -> list[Image.Image]:
    return [picture for number in numbers for picture in [scene(number, size)] * each]


def made(path: Path, previews: Path, count: int = 5) -> list[Image.Image]:
    """The frames that are written of a video."""
    with Source(path) as source:
        number = frames.make(source, previews, SHA, count, DEFAULT)
    found = []
    for at in range(1, number + 1):
        with Image.open(frame_path(previews, SHA, at)) as image:
            found.append(image.convert("RGB"))
    assert sorted(os.listdir(previews / SHA[:2])) == [f"{SHA}.f{at}.webp" for at in range(1, number + 1)]
    return found


def test_frames_are_spread_over_the_whole_video(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", scenes([0, 5, 10, 15, 3]))
    found = made(path, tmp_path / "p")
    assert [place(image) for image in found] == [0, 5, 10, 15, 3]
    assert {image.size for image in found} == {(427, 240)}


@pytest.mark.parametrize("gop", [12, 600])
def test_frames_between_keyframes_that_are_far_apart(tmp_path: Path, gop: int) -> None:
    path = film(tmp_path / "a.mp4", scenes([0, 5, 10, 15, 3]), gop=gop)
    assert [place(image) for image in made(path, tmp_path / "p")] == [0, 5, 10, 15, 3]


def test_black_frames_and_frames_that_were_there_are_left_out(tmp_path: Path) -> None:
    black = [Image.new("RGB", (640, 360))] * 10
    path = film(tmp_path / "a.mp4", black + scenes([6]) + black + scenes([6, 9]))
    assert [place(image) for image in made(path, tmp_path / "p")] == [6, 9]


def test_nothing_but_black_has_no_frame_and_what_stands_still_has_one(tmp_path: Path) -> None:
    assert made(film(tmp_path / "a.mp4", [Image.new("RGB", (64, 64))] * 20), tmp_path / "p") == []
    assert len(made(film(tmp_path / "b.mp4", scenes([7], 30)), tmp_path / "q")) == 1


def test_frames_of_an_earlier_try_go(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", scenes([0, 5, 10, 15, 3]))
    assert len(made(path, tmp_path / "p", 5)) == 5
    assert len(made(path, tmp_path / "p", 2)) == 2


def test_upright_and_never_blown_up(tmp_path: Path, video: Callable[..., Path]) -> None:
    path = film(tmp_path / "wide.mp4", scenes([0, 15], size=(1024, 128)))
    assert {image.size for image in made(path, tmp_path / "p")} == {(600, 75)}
    path = film(tmp_path / "small.mp4", scenes([0, 15], size=(64, 48)))
    assert {image.size for image in made(path, tmp_path / "q")} == {(64, 48)}


def test_what_is_no_video_has_no_frames(tmp_path: Path, jpeg: Callable[..., Path]) -> None:
    with Source(jpeg()) as source:
        assert frames.make(source, tmp_path / "p", SHA, 5, DEFAULT) == 0
    assert not (tmp_path / "p").exists()


def test_a_video_that_is_cut_shows_what_is_left(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mkv", scenes([0, 5, 10, 15, 3]))
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 3 // 5])
    found = [place(image) for image in made(path, tmp_path / "p")]
    assert found[:2] == [0, 5]
    assert 3 not in found


def test_a_video_without_an_index_is_a_media_error(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", scenes([0, 5]))
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with Source(path) as source, pytest.raises(MediaError) as caught:
        frames.make(source, tmp_path / "p", SHA, 5, DEFAULT)
    assert caught.value.problem.reason == "truncated"


def test_a_video_that_is_slow_to_decode_is_known_by_what_was_found_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = film(tmp_path / "a.mp4", scenes([0, 5, 10, 15, 3]))
    clock = iter(range(1000))
    monkeypatch.setattr(video_reader, "time", SimpleNamespace(monotonic=lambda: float(next(clock))))
    monkeypatch.setattr(video_reader, "_FRAMES_S", 2.5)
    with Source(path) as source:
        assert len(list(video_reader.frames(source, 5, 240, DEFAULT))) == 2


def test_the_task_of_the_decoders(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", scenes([0, 15]))
    with DecoderPool(1) as pool:
        future = pool.submit("frames", path, previews=os.fspath(tmp_path / "p"), sha256=SHA, count=3)
        assert future.result(60) == {"frames": 2}
