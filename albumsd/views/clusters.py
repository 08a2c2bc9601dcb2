"""By likeness."""

from .view import Level, View

VIEW = View(
    name="clusters",
    help="Pictures that look alike, put together by the model; empty without one.",
    example="dog on a beach/IMG_1.jpg",
    group=(Level("cluster"),),
)
