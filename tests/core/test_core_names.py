"""Names from the world, made fit to be shown."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from albumsd.core import names

ANY = st.text(st.characters(), max_size=300) | st.text("aA.~ :/\0é\u0301日e\ud800", max_size=300)


def legal(name: str) -> bool:
    return (
        bool(name)
        and not re.search(r'[\x00-\x1f\x7f-\x9f/\\:*?"<>|\ud800-\udfff]', name)
        and name[0] not in ". "
        and name[-1] not in ". "
        and len(name.encode("utf-8")) <= names.MAX_BYTES
        and unicodedata.is_normalized("NFC", name)
        and not re.match(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\.|\Z)", name, re.ASCII)
    )


@given(ANY)
@example(". .a")
@example(" . ")
@example("a" * 224 + " b.jpg")
@example("a" * 220 + ". .jpg")
@example("con.jpg")
@example("\ufffe.jpg")
def test_sanitise_makes_any_text_legal_and_leaves_legal_names_alone(text: str) -> None:
    once = names.sanitise(text)
    assert legal(once), once
    assert names.sanitise(once) == once


@pytest.mark.parametrize(
    ("name", "want"),
    [
        ("IMG_1.jpg", "IMG_1.jpg"),
        ("Scan 1 .pdf", "Scan 1 .pdf"),
        ("a/b\\c:d.jpg", "a_b_c_d.jpg"),
        ("..hidden", "hidden"),
        ("...", "unnamed"),
        ("", "unnamed"),
        ("ends. ", "ends"),
        ("CON", "_CON"),
        ("nul.tar.gz", "_nul.tar.gz"),
        ("console.log", "console.log"),
        ("e\u0301.jpg", "é.jpg"),
        ("line\nbreak\x00.jpg", "line_break_.jpg"),
        ("x" * 300 + ".jpeg", "x" * 220 + ".jpeg"),
        ("日" * 100 + ".jpg", "日" * 73 + ".jpg"),
    ],
)
def test_examples(name: str, want: str) -> None:
    assert names.sanitise(name) == want


@given(ANY.map(names.sanitise), st.text("0123456789abcdef", min_size=4, max_size=64))
def test_a_suffix_keeps_a_name_legal_and_its_extension(name: str, suffix: str) -> None:
    found = names.with_suffix(name, suffix)
    assert legal(found), found
    assert names.split(found)[1] == names.split(name)[1]
    assert f"~{suffix}" in found


@given(ANY)
def test_the_key_of_a_key_is_itself_and_case_and_form_do_not_matter(text: str) -> None:
    name = names.sanitise(text)
    key = names.name_key(name)
    assert names.name_key(key) == key
    assert names.name_key(unicodedata.normalize("NFD", name)) == key
    assert names.name_key(names.sanitise(name)) == key


@pytest.mark.parametrize(
    ("one", "other"), [("STRASSE", "straße"), ("É.JPG", "e\u0301.jpg"), ("ΣΊΣΥΦΟΣ", "σίσυφος"), ("Å", "Å")]
)
def test_names_that_are_the_same(one: str, other: str) -> None:
    assert names.name_key(one) == names.name_key(other)


@given(ANY.map(names.sanitise))
def test_the_key_is_the_same_however_a_program_normalises_the_name(name: str) -> None:
    assert names.name_key(unicodedata.normalize("NFD", name)) == names.name_key(name)


@pytest.mark.parametrize(
    ("name", "want"),
    [("a.jpg", ("a", ".jpg")), ("a.tar.gz", ("a.tar", ".gz")), ("none", ("none", "")), (".jpg", (".jpg", "")), ("v1. 2", ("v1. 2", "")), ("a.thirteenchars", ("a.thirteenchars", ""))],
)  # fmt: skip
def test_split(name: str, want: tuple[str, str]) -> None:
    assert names.split(name) == want


def test_bytes_that_are_no_text_can_be_shown() -> None:
    assert names.decode(b"caf\xe9") == "caf\ufffd"
