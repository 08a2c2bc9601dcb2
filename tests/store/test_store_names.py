"""Shown names: unique, legal, stable; and what by-folder/ shows of names that cannot be shown."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

import pytest

from albumsd.core import names
from albumsd.store import files, naming


def arrive(lib: Any, folder: bytes, raw: list[bytes]) -> None:
    with lib.db.write() as tx:
        fid = files.ensure_folder(tx, lib.source, folder)
        files.arrive(tx, fid, folder, [files.Entry(name, 1, 1_700_000_000_000_000_000, 0) for name in raw], 1)


def test_the_plain_name_goes_to_the_first_and_the_second_gets_its_hash(lib: Any) -> None:
    one, two = lib.arrive("a/IMG_1.jpg", "b/img_1.JPG")
    assert lib.name(one) == "IMG_1.jpg"
    assert re.fullmatch(r"img_1~new[0-9a-f]{4}\.JPG", lib.name(two))
    assert lib.identify(two, "two") == two
    assert lib.name(two) == f"img_1~{lib.sha('two').hex()[:4]}.JPG"
    lib.identify(one, "one")
    assert lib.name(one) == "IMG_1.jpg"


def test_many_of_one_name_in_one_batch_and_across_batches(lib: Any) -> None:
    for folder in (b"a", b"b", b"c"):
        arrive(lib, folder, [b"x.jpg", b"X.JPG", b"X.jpg"])
    shown = lib.names()
    assert len({names.name_key(name) for name in shown}) == len(shown) == 9
    for number in range(1, 10):
        lib.identify(number, f"content {number}")
    settled = lib.names()
    assert len({names.name_key(name) for name in settled}) == 9
    assert sum("~" not in name for name in settled) == 1
    assert not any("~new" in name for name in settled)


def test_the_same_path_in_many_sources_never_runs_out_of_names(lib: Any) -> None:
    for number in range(40):
        lib.arrive("a/x.jpg", source=lib.add_source(f"s{number}"))
    assert len(set(lib.names())) == 40


def test_a_longer_suffix_when_four_digits_are_taken(lib: Any) -> None:
    digits = lib.sha("two").hex()
    lib.arrive("a/x.jpg", f"c/x~{digits[:4]}.jpg", f"c/x~{digits[:5]}.jpg")
    (two,) = lib.arrive("b/x.jpg")
    lib.identify(two, "two")
    assert lib.name(two) == f"x~{digits[:6]}.jpg"


def test_a_name_that_became_free_before_the_hash_is_given(lib: Any) -> None:
    _, two = lib.arrive("a/x.jpg", "b/x.jpg")
    lib.vanish("a/x.jpg")
    lib.identify(two, "two")
    assert lib.name(two) == "x.jpg"


def test_a_file_renamed_before_its_hash_keeps_the_name_it_was_shown_under(lib: Any) -> None:
    (one,) = lib.arrive("a/x.jpg")
    with lib.db.write() as tx:
        files.move(tx, lib.file("a/x.jpg"), files.ensure_folder(tx, lib.source, b"b"), files.Entry(b"y.jpg", 1, 1, 0))
    lib.identify(one, "one")
    assert lib.name(one) == "x.jpg"


def test_a_name_with_a_space_before_its_extension_is_legal_and_stays(lib: Any) -> None:
    (one,) = lib.arrive("a/Scan 1 .pdf")
    lib.identify(one, "one")
    assert lib.name(one) == "Scan 1 .pdf"
    assert names.sanitise("Scan 1 .pdf") == "Scan 1 .pdf"


def test_no_file_can_be_called_what_an_asset_is_called_in_between(lib: Any) -> None:
    assert all(names.sanitise(naming.between(asset)) != naming.between(asset) for asset in (1, 25))
    lib.arrive("a/x.jpg")
    arrive(lib, b"b", [b"x.jpg", b"3.settling~", b"4.settling~", b"5.settling~", b"x.jpg~new0000"])
    for number in range(1, 7):
        lib.identify(number, f"content {number}")
    assert "4.settling~" in lib.names()


ODD = [
    b"\xff\xfe caf\xe9.jpg", b"caf\xe9.jpg", b"a\x01b\x1f.jpg", b"a:b.jpg", b"a?b.jpg", b"a*b.jpg", b"a_b.jpg",
    unicodedata.normalize("NFD", "Ådé.jpg").encode(), unicodedata.normalize("NFC", "Ådé.jpg").encode(),
    b"con.jpg", b"CON", b"lpt1.txt", b"_con.jpg", b".hidden.jpg", b"...", b". .", b" ", b"trailing. ", b"trailing",
    b"new\nline.jpg", b"tab\t.jpg", "\u202e.jpg".encode(), "\ufffd.jpg".encode(), b"\xf0.jpg", b"x" * 255,
    b"x" * 251 + b".jpg", ("é" * 127).encode(), ("日" * 84).encode() + b"jpg", b"x" * 240 + b":1.jpg", b"x" * 240 + b"?1.jpg",
    b"~new0000.jpg", b"~.jpg", b"a\\b.jpg", b"a<b>c|d\".jpg", b"\x7f.jpg", "e\u0301\u0301\u0301.jpg".encode(), b"-rf",
]  # fmt: skip


def legal(name: str) -> bool:
    return (
        not re.search(r'[\x00-\x1f\x7f-\x9f/\\:*?"<>|]', name)
        and name not in ("", ".", "..")
        and name[0] not in ". "
        and name[-1] not in ". "
        and len(name.encode()) <= 225
        and unicodedata.normalize("NFC", name) == name
    )


@pytest.mark.parametrize("one_by_one", [False, True])
@pytest.mark.parametrize("backwards", [False, True])
def test_odd_names_become_legal_and_unique_in_the_library_and_in_their_folder(
    lib: Any, one_by_one: bool, backwards: bool
) -> None:
    odd = ODD[::-1] if backwards else ODD
    for batch in [[name] for name in odd] if one_by_one else [odd]:
        arrive(lib, b"a", batch)
    shown = lib.names()
    assert len(shown) == len(ODD)
    assert all(legal(name) for name in shown), [name for name in shown if not legal(name)]
    assert len({names.name_key(name) for name in shown}) == len(ODD)
    in_folder = lib.shown("a")
    assert set(in_folder) == set(ODD)
    assert len(set(in_folder.values())) == len(ODD)
    assert all(legal(name) for name in in_folder.values())
    if not one_by_one:
        assert in_folder[b"a_b.jpg"] == "a_b.jpg", "a real name goes before those that stand in"
    for number in range(1, len(ODD) + 1):
        lib.identify(number, f"content {number}")
    assert all(legal(name) for name in lib.names())


def test_a_real_name_that_comes_after_a_stand_in_makes_way(lib: Any) -> None:
    lib.arrive("a/x:1.jpg")
    assert lib.shown("a") == {b"x:1.jpg": "x_1.jpg"}
    lib.arrive("a/x_1.jpg")
    shown = lib.shown("a")
    assert shown[b"x:1.jpg"] == "x_1.jpg"
    assert re.fullmatch(r"x_1~[0-9a-f]{4}\.jpg", shown[b"x_1.jpg"])


def test_files_and_folders_of_one_folder_are_told_apart(lib: Any) -> None:
    lib.arrive("a/x:1")
    with lib.db.write() as tx:
        files.ensure_folder(tx, lib.source, b"a/x_1")
        files.ensure_folder(tx, lib.source, b"a/x?1")
    lib.arrive("a/y/inner.jpg", "a/y?")
    with lib.db.write() as tx:
        files.ensure_folder(tx, lib.source, b"a/z:")
    lib.arrive("a/z_")
    shown = lib.shown("a")
    assert len(set(shown.values())) == len(shown) == 7
    assert shown[b"x:1"] == "x_1"
    assert shown[b"z:"] == "z_"


def test_a_rename_onto_the_same_legal_name_keeps_it(lib: Any) -> None:
    lib.arrive("a/x:1.jpg")
    with lib.db.write() as tx:
        files.move(
            tx, lib.file("a/x:1.jpg"), files.ensure_folder(tx, lib.source, b"a"), files.Entry(b"x?1.jpg", 1, 1, 0)
        )
    assert lib.shown("a") == {b"x?1.jpg": "x_1.jpg"}


def test_two_files_that_were_swapped(lib: Any) -> None:
    one, two = lib.arrive("a/1.jpg", "a/2.jpg")
    folder = files.folder_id(lib.db, lib.source, b"a")
    with lib.db.write() as tx:
        moves = [
            (lib.file("a/1.jpg"), folder, files.Entry(b"2.jpg", 1000, 1, 0)),
            (lib.file("a/2.jpg"), folder, files.Entry(b"1.jpg", 1000, 1, 0)),
        ]
        files.move_around(tx, moves)
    assert (lib.asset("a/1.jpg"), lib.asset("a/2.jpg")) == (two, one)
    assert (lib.name(one), lib.name(two)) == ("1.jpg", "2.jpg")


def test_a_tree_as_deep_as_a_path_can_be(lib: Any) -> None:
    path = b"/".join([b"d"] * 2000)
    lib.arrive(path + b"/x.jpg")
    assert lib.db.value("SELECT count(*) FROM folder") == 2001
    top = files.folder_id(lib.db, lib.source, b"d")
    with lib.db.write() as tx:
        assert not files.remove_folder(tx, top)
    lib.vanish(path + b"/x.jpg")
    with lib.db.write() as tx:
        assert files.remove_folder(tx, top)
    assert lib.db.value("SELECT count(*) FROM folder") == 1


def test_a_folder_goes_with_what_is_below_it_unless_files_are_held(lib: Any) -> None:
    lib.arrive("a/b/x.jpg", "a!/x.jpg")
    with lib.db.write() as tx:
        files.ensure_folder(tx, lib.source, b"a/c/d")
        top = files.folder_id(tx, lib.source, b"a")
        assert not files.remove_folder(tx, top)
        assert files.folder_id(tx, lib.source, b"a/c") is None
    lib.vanish("a/b/x.jpg")
    with lib.db.write() as tx:
        assert files.remove_folder(tx, top)
        assert files.remove_folder(tx, top), "a folder that is not there is gone"
        assert files.folder_id(tx, lib.source, b"a!") is not None


@pytest.mark.parametrize("name", [n for n in ODD if b"/" not in n])
def test_the_quick_way_to_a_legal_name_says_what_the_slow_one_says(name: bytes) -> None:
    assert files.legal(name) == names.sanitise(names.decode(name))
