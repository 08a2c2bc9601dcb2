"""By ISO week of capture."""

from .view import WEEK, Level, View

VIEW = View(
    name="by-week",
    help="Everything by ISO week of capture; the first days of January may lie in the last week of the year before.",
    example="2024/2024-W15/IMG_1.jpg",
    group=(Level("week_year"), WEEK),
)
