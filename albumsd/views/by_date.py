"""By month of capture."""

from .view import MONTH, YEAR, View

VIEW = View(
    name="by-date",
    help="Everything by year and month of capture, by the clock at the place where it was taken.",
    example="2024/2024-04/IMG_1.jpg",
    group=(YEAR, MONTH),
)
