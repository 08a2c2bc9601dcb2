"""Exact duplicates."""

from albumsd.query.tree import Copies

from .view import View

VIEW = View(
    name="duplicates",
    help="One folder for each content that several files hold, with every copy in it.",
    example="IMG_1.jpg/IMG_1 [Photos∕2019].jpg",
    selection=Copies(2),
    layout="copies",
)
