"""core.words: the table of what is one word, and that SQLite's tokenizer agrees with every token."""

from __future__ import annotations

import unicodedata

import apsw
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from albumsd.core.words import MAX_CHARS, words

ANY_TEXT = st.text(st.characters(), max_size=60)  # lone surrogates too


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("", []),
        ("IMG_1234.jpg", ["img", "1234", "jpg"]),
        ("IMG1234", ["img1234"]),
        ("Warranty-letter (2).PDF", ["warranty", "letter", "2", "pdf"]),
        ("Łódź", ["lodz"]),
        ("cafe\u0301 CAFÉ", ["cafe", "cafe"]),
        ("Straße", ["strasse"]),
        ("Tromsø Þór Æble Œuvre", ["tromso", "thor", "aeble", "oeuvre"]),
        ("İstanbul ısı", ["istanbul", "isi"]),
        ("Ελλάδα Київ", ["ελλαδα", "киів"]),
        ("don't", ["don", "t"]),
        ("foto\u00adalbum", ["fotoalbum"]),
        ("ﬁle ½ m² Ｆｕｌｌ", ["file", "1", "2", "m2", "full"]),
        ("東京タワー2024年", ["東", "京", "タ", "ワ", "ー", "2024", "年"]),
        ("ばか はか", ["ば", "か", "は", "か"]),
        ("ﾊﾞｽ", ["バ", "ス"]),
        ("서울 시청", ["서", "울", "시", "청"]),
        ("ภาษา2", ["ภ", "า", "ษ", "า", "2"]),
        ("🐶 \x00 \ud800 — _", []),
        ("x" * 70, ["x" * 64]),
        ("é" * 70, ["e" * 64]),
        ("a1" * 40 + " b", ["a1" * 32, "b"]),
    ],
)
def test_words(text: str, want: list[str]) -> None:
    assert words(text) == want


@given(ANY_TEXT)
@example("q\u0345\u0301")
@example("ϓ́ ᾳ̈ ẞ ŉ ǰ")
def test_words_of_words_are_themselves(text: str) -> None:
    found = words(text)
    assert words(" ".join(found)) == found
    assert all(0 < len(token) <= MAX_CHARS for token in found)


@given(ANY_TEXT)
def test_the_form_of_unicode_does_not_matter(text: str) -> None:
    want = words(text)
    for form in ("NFC", "NFD"):
        assert words(unicodedata.normalize(form, text)) == want


@given(st.text(st.characters(max_codepoint=127)))
def test_the_fast_path_for_ascii_agrees_with_the_other(text: str) -> None:
    assert words(text) == words(text + " é")[:-1]


def _sqlite_tokens(text: str) -> list[str]:
    tokenizer = apsw.Connection(":memory:").fts5_tokenizer("unicode61", ["remove_diacritics", "2"])
    found = tokenizer(text.encode(), apsw.FTS5_TOKENIZE_DOCUMENT, None, include_offsets=False, include_colocated=False)
    return [str(token) for token in found]


@given(ANY_TEXT)
def test_sqlite_cuts_and_changes_no_token(text: str) -> None:
    assert _sqlite_tokens(" ".join(words(text))) == words(text)


def test_sqlite_agrees_on_every_letter_of_the_basic_plane() -> None:
    letters = [chr(code) for code in range(0x10000) if unicodedata.category(chr(code))[0] in "LN"]
    found = words(" ".join(f"q{letter}z" for letter in letters))
    assert len(found) > 50_000
    assert _sqlite_tokens(" ".join(found)) == found
