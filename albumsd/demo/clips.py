"""Short videos: a camera pans over a drawn scene, and the container says when and where."""

from __future__ import annotations

import io
from datetime import timedelta

import av
import numpy as np

from .draw import render
from .story import Shot

_RATE = 12
_SIZE = (480, 352)
_ENCODER = {
    "preset": "veryfast",
    "crf": "28",
    "threads": "1",
    # With its look-ahead x264 does not give the same bytes each time.
    "x264-params": "sync-lookahead=0:rc-lookahead=0:no-mbtree=1",
}


def clip(shot: Shot, suffix: str, seconds: float = 2.0) -> bytes:
    """An H.264 video, ``.mp4`` or ``.mov``, without sound; ``creation_time`` in UTC and ISO 6709 ``location``."""
    wide = render(shot.scene, shot.seed, (_SIZE[0] * 4 // 3, _SIZE[1]))
    frames = round(seconds * _RATE)
    sink = io.BytesIO()
    utc = shot.when - timedelta(hours=shot.offset_h)
    apple = suffix == ".mov"
    options = {"fflags": "+bitexact"} | ({"movflags": "use_metadata_tags"} if apple else {})
    with av.open(sink, "w", format=suffix[1:], options=options) as container:
        container.metadata["creation_time"] = f"{utc:%Y-%m-%dT%H:%M:%S}.000000Z"
        place = f"{shot.lat:+08.4f}{shot.lon:+09.4f}/"
        container.metadata["com.apple.quicktime.location.ISO6709" if apple else "location"] = place
        if apple:
            container.metadata["com.apple.quicktime.make"] = "Apple"
            container.metadata["com.apple.quicktime.model"] = "iPhone 12 Pro"
        stream = container.add_stream("libx264", rate=_RATE, options=_ENCODER)
        stream.width, stream.height, stream.pix_fmt = *_SIZE, "yuv420p"
        stream.codec_context.thread_count = 1
        for index in range(frames):
            left = round((wide.width - _SIZE[0]) * index / max(1, frames - 1))
            pixels = np.asarray(wide.crop((left, 0, left + _SIZE[0], _SIZE[1])))
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode(None))
    return sink.getvalue()
