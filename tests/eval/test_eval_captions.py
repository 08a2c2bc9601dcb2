"""The shapes of captions files that contrib/eval reads."""

from __future__ import annotations

from pathlib import Path

import pytest


def _write(folder: Path, text: str) -> Path:
    path = folder / "captions"
    path.write_text(text, "utf-8")
    return path


def test_a_token_file(tmp_path: Path) -> None:
    import captions

    found = captions.read(_write(tmp_path, "1.jpg#0\tTwo men .\n1.jpg#1\tMen, in a garden\n\n2.jpg#0\tA dog\n"))
    assert found == [("1.jpg", "Two men ."), ("1.jpg", "Men, in a garden"), ("2.jpg", "A dog")]


def test_a_table_with_bars(tmp_path: Path) -> None:
    import captions

    text = "image_name| comment_number| comment\n1.jpg| 0| Two men, one dog\n1.jpg| 1| A garden\n"
    assert captions.read(_write(tmp_path, text)) == [("1.jpg", "Two men, one dog"), ("1.jpg", "A garden")]


def test_a_csv_with_quotes(tmp_path: Path) -> None:
    import captions

    text = 'filename,split,caption\na/1.jpg,test,"Two men, one dog"\n'
    assert captions.read(_write(tmp_path, text)) == [("a/1.jpg", "Two men, one dog")]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a,b\n1,2\n", "names no column"),
        ("1.jpg#0\tA dog\n2.jpg no tab\n", ":2: no tab"),
        ("image,caption\n1.jpg\n", ":2: 1 columns"),
        ("image,caption\n", "holds no captions"),
        ("", "names no column"),
    ],
)
def test_what_is_no_captions_file_says_where(tmp_path: Path, text: str, says: str) -> None:
    import captions

    with pytest.raises(captions.BadCaptions, match=says):
        captions.read(_write(tmp_path, text))
