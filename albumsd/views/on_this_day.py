"""This day in other years."""

from .view import TODAY, YEAR, View

VIEW = View(
    name="on-this-day",
    help="What was taken on this day of the year, by year.",
    example="2021/IMG_1.jpg",
    selection=TODAY,
    group=(YEAR,),
)
