"""The cities and the cameras of the demo library: names, positions, zones; makers, lenses, habits. Data only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal


@dataclass(frozen=True, slots=True)
class City:
    """``name`` as the gazetteer has it; ``points`` in degrees; ``grounds`` that are likely there; offsets in hours."""

    name: str
    country: str
    points: tuple[tuple[float, float], ...]
    grounds: tuple[str, ...]
    winter: int
    summer: int

    def offset(self, when: datetime) -> int:
        """Hours ahead of UTC: ``summer`` from April to October, which in the south is the other half of their year."""
        return self.summer if 4 <= when.month <= 10 else self.winter


CITIES: dict[str, City] = {
    city.name: city
    for city in (
        City(
            "Hamburg",
            "Germany",
            ((53.5503, 10.0006), (53.5561, 9.9876), (53.5431, 9.9660)),
            ("road", "grass", "snow"),
            1,
            2,
        ),
        City(
            "Lisbon",
            "Portugal",
            ((38.7118, -9.1300), (38.6916, -9.2160), (38.7139, -9.1394)),
            ("beach", "road", "sea"),
            0,
            1,
        ),
        City("Paris", "France", ((48.8584, 2.2945), (48.8867, 2.3431), (48.8530, 2.3499)), ("road", "grass"), 1, 2),
        City("London", "United Kingdom", ((51.5007, -0.1246), (51.5390, -0.1426)), ("road", "grass"), 0, 1),
        City("Barcelona", "Spain", ((41.4036, 2.1744), (41.3809, 2.1893)), ("beach", "road", "sea"), 1, 2),
        City("Zermatt", "Switzerland", ((46.0207, 7.7491), (46.0163, 7.7460)), ("snow",), 1, 2),
        City("Reykjavík", "Iceland", ((64.1466, -21.9426), (64.1417, -21.9266)), ("snow", "sea", "grass"), 0, 0),
        City("Marrakesh", "Morocco", ((31.6258, -7.9891), (31.6417, -8.0032)), ("desert", "road"), 1, 1),
        City(
            "New York City",
            "United States",
            ((40.7484, -73.9857), (40.7061, -73.9969)),
            ("road", "grass", "snow"),
            -5,
            -4,
        ),
        City("Tokyo", "Japan", ((35.6586, 139.7454), (35.6595, 139.7005)), ("road", "grass"), 9, 9),
        City("Cape Town", "South Africa", ((-33.9249, 18.4241), (-33.9057, 18.4200)), ("beach", "sea", "grass"), 2, 2),
        City("Sydney", "Australia", ((-33.8568, 151.2153), (-33.8908, 151.2743)), ("beach", "sea", "road"), 11, 10),
        City("Rio de Janeiro", "Brazil", ((-22.9519, -43.2105), (-22.9711, -43.1822)), ("beach", "sea"), -3, -3),
    )
}

Style = Literal["compact", "dslr", "iphone", "pixel"]


@dataclass(frozen=True, slots=True)
class CameraModel:
    """How a camera writes. ``focal35_mm`` is the length on 35 mm film; ``gps``, ``offsets``: whether it knows those."""

    make: str
    model: str
    lens: str
    aperture: float
    focal_mm: float
    focal35_mm: int
    size: tuple[int, int]
    suffix: str
    gps: bool
    offsets: bool


CAMERAS: dict[Style, CameraModel] = {
    "compact": CameraModel(
        "Canon", "Canon PowerShot G7 X Mark II", "8.8-36.8 mm", 2.8, 8.8, 24, (1024, 768), ".JPG", True, False
    ),
    "dslr": CameraModel(
        "NIKON CORPORATION", "NIKON D750", "24.0-120.0 mm f/4.0", 4.0, 50.0, 50, (1080, 720), ".JPG", False, False
    ),
    "iphone": CameraModel(
        "Apple",
        "iPhone 12 Pro",
        "iPhone 12 Pro back triple camera 4.2mm f/1.6",
        1.6,
        4.2,
        26,
        (800, 600),
        ".HEIC",
        True,
        True,
    ),
    "pixel": CameraModel(
        "Google", "Pixel 6", "Pixel 6 back camera 6.81mm f/1.85", 1.85, 6.81, 24, (960, 720), ".jpg", True, True
    ),
}
