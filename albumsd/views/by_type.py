"""By what it is."""

from .view import MONTH, YEAR, Level, View

VIEW = View(
    name="by-type",
    help="Photos, videos, documents, raw files, screenshots, panoramas and what else there is, then by date.",
    example="videos/2024/2024-04/VID_1.mp4",
    group=(Level("type"), YEAR, MONTH),
)
