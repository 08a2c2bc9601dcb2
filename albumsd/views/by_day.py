"""By day of capture."""

from .view import DAY, MONTH, YEAR, View

VIEW = View(
    name="by-day",
    help="Everything by year, month and day of capture.",
    example="2024/2024-04/2024-04-13/IMG_1.jpg",
    group=(YEAR, MONTH, DAY),
)
