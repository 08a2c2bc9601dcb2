"""As it lies on disk."""

from .view import View

VIEW = View(
    name="by-folder",
    help="Each source with its folders and file names as they are on disk.",
    example="Photos/Holiday Lisbon/IMG_1.jpg",
    layout="disk",
)
