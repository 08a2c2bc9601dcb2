"""What arrived last."""

from albumsd.query.tree import Newest

from .view import View

VIEW = View(
    name="recent",
    help="The 500 files that arrived last.",
    example="IMG_1.jpg",
    selection=Newest(500),
)
