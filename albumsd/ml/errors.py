"""What a caller of a model can meet. Errors in what the person chose (no such folder, unfit files) are in core."""

from __future__ import annotations

from ..core.errors import AlbumsdError


class ModelFailed(AlbumsdError):
    """The model does not run: {why}"""

    exit_code = 3

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__(why=why)
