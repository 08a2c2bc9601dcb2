"""By camera and year."""

from .view import YEAR, Level, View

VIEW = View(
    name="by-camera",
    help="Everything by the camera that took it, then by year.",
    example="samsung SM-S921U/2024/IMG_1.jpg",
    group=(Level("camera"), YEAR),
)
