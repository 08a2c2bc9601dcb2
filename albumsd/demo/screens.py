"""Screenshots of a telephone: a chat, the weather, a timetable, drawn with the font that Pillow carries."""

from __future__ import annotations

import io
import random

from PIL import Image, ImageDraw, ImageFont

_SIZE = (540, 1080)
_SCREENS: tuple[tuple[str, tuple[int, int, int], tuple[str, ...]], ...] = (
    (
        "Marta",
        (44, 120, 96),
        ("Are you at the station?", "Almost, two minutes", "I have the umbrellas", "Perfect, see you!"),
    ),
    ("Weather", (58, 118, 196), ("Hamburg 18°", "Rain from 15:00", "Tomorrow 21°, sunny", "Wind 4, south west")),
    (
        "Departures",
        (60, 60, 84),
        (
            "08:14  Berlin  platform 7",
            "08:26  Bremen  platform 3",
            "08:41  Lübeck  platform 9",
            "09:02  Paris  platform 12",
        ),
    ),
    ("Shopping", (176, 92, 60), ("[x] coffee beans", "[ ] lemons", "[ ] cinnamon", "[ ] dog food")),
)


def screenshot(index: int, rng: random.Random) -> bytes:
    """A PNG without any metadata; what it shows goes round with ``index``."""
    title, colour, rows = _SCREENS[index % len(_SCREENS)]
    picture = Image.new("RGB", _SIZE, (242, 242, 246))
    draw = ImageDraw.Draw(picture)
    large, small = ImageFont.load_default(36), ImageFont.load_default(26)
    draw.rectangle((0, 0, _SIZE[0], 130), fill=colour)
    draw.text((32, 64), title, font=large, fill=(255, 255, 255))
    draw.text((430, 18), f"{rng.randrange(7, 23):02d}:{rng.randrange(60):02d}", font=small, fill=(255, 255, 255))
    for row, text in enumerate(rows):
        top, left = 170 + row * 120, 28 if row % 2 == 0 or index % 4 else 120
        draw.rounded_rectangle(
            (left, top, left + 392, top + 92), 24, fill=(255, 255, 255) if row % 2 == 0 else (214, 232, 252)
        )
        draw.text((left + 24, top + 28), text, font=small, fill=(40, 40, 52))
    for bar in range(7):
        tall = rng.randrange(30, 220)
        draw.rounded_rectangle((40 + bar * 68, 980 - tall, 84 + bar * 68, 980), 10, fill=colour)
    draw.rounded_rectangle((190, 1048, 350, 1056), 4, fill=(30, 30, 36))
    sink = io.BytesIO()
    picture.save(sink, "PNG")
    return sink.getvalue()
