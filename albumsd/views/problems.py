"""What could not be read."""

from .view import Level, View

VIEW = View(
    name="problems",
    help="Files that could not be fully read, by reason. They are kept and shown elsewhere all the same.",
    example="truncated/IMG_1.jpg",
    group=(Level("problem"),),
)
