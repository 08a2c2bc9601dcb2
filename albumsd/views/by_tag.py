"""By tag and year."""

from .view import YEAR, Level, View

VIEW = View(
    name="by-tag",
    help="Everything that has tags, by tag, then by year.",
    example="beach/2024/IMG_1.jpg",
    group=(Level("tag"), YEAR),
)
