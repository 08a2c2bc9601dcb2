"""By country, region, city and neighbourhood."""

from .view import Level, View

VIEW = View(
    name="by-place",
    help="Everything with a position by country, region, city and, where the data has one, neighbourhood.",
    example="Portugal/Lisboa/Lisbon/IMG_1.jpg",
    group=(Level("country"), Level("region"), Level("city"), Level("hood", optional=True)),
)
