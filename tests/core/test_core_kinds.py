"""What a file is by its name."""

from __future__ import annotations

import pytest

from albumsd.core import kinds


@pytest.mark.parametrize(
    ("name", "want"),
    [
        ("IMG_1.JPG", ("photo", "image/jpeg")),
        ("a.b.heic", ("photo", "image/heic")),
        ("clip.MOV", ("video", "video/quicktime")),
        ("letter.pdf", ("document", "application/pdf")),
        ("raw.CR3", ("photo", "image/x-canon-cr3")),
        ("jpg", kinds.OTHER),
        ("archive.tar.gz", kinds.OTHER),
        ("dot.", kinds.OTHER),
        ("", kinds.OTHER),
    ],
)
def test_by_extension(name: str, want: tuple[str, str]) -> None:
    assert kinds.of_name(name) == want


def test_the_tables_fit_together() -> None:
    assert all(extension == extension.lower() and "." not in extension for extension in kinds.EXTENSIONS)
    assert {kind for kind, _ in kinds.EXTENSIONS.values()} | {"other"} == set(kinds.TYPE_OF_KIND)
