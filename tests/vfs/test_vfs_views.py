"""Each view shows what its sentence says."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from support.made import Made, Spec, cluster

from albumsd.core.errors import NotFound
from albumsd.core.facts import Facts
from albumsd.store import assets, readings, sources, status
from albumsd.vfs.node import Content, Leaf

Maker = Callable[..., Made]

LISBON = ("Portugal", "Lisboa", "Lisbon", "")
ALFAMA = ("Portugal", "Lisboa", "Lisbon", "Alfama")


def test_by_date_uses_the_wall_clock_at_the_place(make: Maker) -> None:
    made = make([Spec(b"a.jpg", 1, captured="2024-04-13T00:10:00"), Spec(b"b.jpg", 2, captured="2023-12-31T23:50:00")])
    assert made.names("by-date") == ["2023", "2024"]
    assert made.names("by-date", "2024") == ["2024-04"]
    assert made.names("by-date", "2024", "2024-04") == ["a.jpg"]
    assert made.names("by-day", "2023", "2023-12") == ["2023-12-31"]


def test_a_month_stands_only_in_its_own_year(make: Maker) -> None:
    made = make([Spec(b"a.jpg", 1, captured="2024-04-13T00:10:00"), Spec(b"b.jpg", 2, captured="2023-12-31T23:50:00")])
    with pytest.raises(NotFound):
        made.at("by-date", "2023", "2024-04")


def test_the_last_days_of_december_may_be_a_week_of_the_next_year(make: Maker) -> None:
    made = make([Spec(b"a.jpg", 1, captured="2024-12-30T10:00:00")])
    assert made.names("by-date") == ["2024"]
    assert made.names("by-week") == ["2025"]
    assert made.names("by-week", "2025", "2025-W01") == ["a.jpg"]


def test_a_neighbourhood_is_a_folder_beside_the_files_of_the_city(make: Maker) -> None:
    made = make([Spec(b"a.jpg", 1, place=LISBON), Spec(b"b.jpg", 2, place=ALFAMA), Spec(b"c.jpg", 3)])
    assert made.names("by-place", "Portugal", "Lisboa", "Lisbon") == ["Alfama", "a.jpg"]
    assert made.names("by-place", "Portugal", "Lisboa", "Lisbon", "Alfama") == ["b.jpg"]


def test_by_type_lists_kinds_and_flags(make: Maker) -> None:
    made = make(
        [Spec(b"a.dng", 1, flags=("raw",)), Spec(b"b.mp4", 2, kind="video"), Spec(b"c.pdf", 3, kind="document")]
    )
    assert set(made.names("by-type")) == {"photos", "raw", "videos", "documents"}


def test_by_tag_shows_legal_names(make: Maker) -> None:
    made = make([Spec(b"a.jpg", 1, tags=("Familie/Oma", "Beach"))])
    assert made.names("by-tag") == ["Beach", "Familie_Oma"]


def test_by_tag_shows_what_a_model_suggests_beside_what_a_person_said(make: Maker) -> None:
    made = make(
        [
            Spec(b"a.jpg", 1, tags=("Beach",), suggested=("beach", "dog")),
            Spec(b"b.jpg", 2, suggested=("dog",), caption="a dog"),
        ]
    )
    assert made.names("by-tag") == ["Beach", "dog"]
    assert made.names("by-tag", "dog", "2020") == ["a.jpg", "b.jpg"]
    assert made.names("filter", "tag=dog -tag=beach", "by-date", "2020", "2020-09") == ["b.jpg"]
    assert made.names("filter", "has=caption", "by-date", "2020", "2020-09") == ["b.jpg"]


def test_clusters_are_folders_of_what_looks_alike(make: Maker) -> None:
    made = make([Spec(b"a.jpg", 1, cluster="dog/beach"), Spec(b"b.jpg", 2, cluster="cats"), Spec(b"c.jpg", 3)])
    assert made.names("clusters") == ["cats", "dog_beach"]
    assert made.names("clusters", "dog_beach") == ["a.jpg"]
    assert made.names("filter", "cluster=beach or cluster=cats", "by-date", "2020", "2020-09") == ["a.jpg", "b.jpg"]
    cluster(made.database, {1: "cats", 2: None})
    assert made.names("clusters") == ["cats"]
    assert made.names("clusters", "cats") == ["a.jpg"]
    assert "clusters" in made.names("previews")


def test_recent_shows_the_last_arrivals(make: Maker) -> None:
    made = make([Spec(b"%d.jpg" % number, number) for number in range(505)])
    shown = made.names("recent")
    assert len(shown) == 500
    assert "504.jpg" in shown
    assert "3.jpg" not in shown


def test_on_this_day_follows_the_clock(make: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    made = make([Spec(b"a.jpg", 1, captured="2021-11-20T10:00:00"), Spec(b"b.jpg", 2, captured="2021-11-21T10:00:00")])
    monkeypatch.setenv("ALBUMSD_NOW", "2026-11-20T12:00:00")
    assert made.names("on-this-day", "2021") == ["a.jpg"]
    monkeypatch.setenv("ALBUMSD_NOW", "2026-11-21T12:00:00")
    assert made.names("on-this-day", "2021") == ["b.jpg"]


def test_duplicates_name_the_source_of_every_copy(make: Maker) -> None:
    made = make([Spec(b"2019/IMG_1.jpg", 1), Spec(b"Backup/copy.jpg", 1, source=1), Spec(b"b.jpg", 2)])
    assert made.names("duplicates") == ["IMG_1.jpg"]
    assert made.names("duplicates", "IMG_1.jpg") == ["IMG_1 [Source 0∕2019].jpg", "copy [Source 1∕Backup].jpg"]


def test_copies_in_deep_folders_keep_legal_names(make: Maker) -> None:
    deep = b"/".join([("ordner" * 9).encode()] * 9)
    made = make([Spec(deep + b"/a/x.jpg", 1), Spec(deep + b"/b/x.jpg", 1)])
    shown = made.names("duplicates", "x.jpg")
    assert len(set(shown)) == 2
    assert all(len(name.encode()) <= 225 for name in shown)


def test_problems_are_listed_by_reason_and_stay_elsewhere(make: Maker) -> None:
    made = make([Spec(b"2019/a.jpg", 1, problem="truncated")])
    assert made.names("problems", "truncated") == ["a.jpg"]
    assert made.names("by-folder", "Source 0", "2019") == ["a.jpg"]


def test_by_folder_keeps_names_as_on_disk(make: Maker) -> None:
    made = make([Spec(b"a/IMG.jpg", 1), Spec(b"b/IMG.jpg", 2), Spec(b"b/\xff.jpg", 3)])
    assert made.names("by-folder", "Source 0") == ["a", "b"]
    assert made.names("by-folder", "Source 0", "b") == ["IMG.jpg", "�.jpg"]
    assert made.names("by-date", "2020", "2020-09")[0] == "IMG.jpg"


def test_a_provisional_asset_is_shown_by_its_provisional_date(make: Maker) -> None:
    made = make([Spec(b"IMG_20190501_101112.jpg", 1, hashed=False)])
    assert made.names("by-date", "2019", "2019-05") == ["IMG_20190501_101112.jpg"]


def test_previews_show_only_what_has_one(make: Maker) -> None:
    made = make([Spec(b"a.jpg", 1), Spec(b"b.jpg", 2, preview=False)])
    assert made.names("previews", "by-date", "2020", "2020-09") == ["a.jpg.webp"]


def test_a_page_without_previews_does_not_end_the_listing(make: Maker) -> None:
    made = make([Spec(b"%03d.jpg" % number, number, preview=number == 30) for number in range(31)])
    folder = made.folder("previews", "by-date", "2020", "2020-09")
    assert [entry.name for entry in made.listed(folder, 10)] == [b"030.jpg.webp"]
    disk = made.folder("previews", "by-folder", "Source 0")
    assert [entry.name for entry in made.listed(disk, 10)] == [b"030.jpg.webp"]


def test_the_root_says_what_to_type_while_there_is_no_source(make: Maker) -> None:
    made = make([Spec(b"a.jpg", 1)])
    leaf = made.at("README.txt")
    assert "by-date/" in leaf.text.decode()
    made.database.run("DELETE FROM source")
    assert "albumsd add" in made.at("README.txt").text.decode()


def test_each_copy_has_a_link_of_its_own(make: Maker) -> None:
    made = make([Spec(b"2019/IMG_1.jpg", 1), Spec(b"Backup/copy.jpg", 1, source=1)])

    def target(*path: str) -> bytes:
        leaf = made.at("links", *path)
        assert isinstance(leaf, Leaf)
        assert leaf.size == len(made.tree.link_target(made.reader, leaf))
        return made.tree.link_target(made.reader, leaf)

    assert target("by-folder", "Source 1", "Backup", "copy.jpg") == b"/nowhere/1/Backup/copy.jpg"
    assert target("duplicates", "IMG_1.jpg", "copy [Source 1∕Backup].jpg") == b"/nowhere/1/Backup/copy.jpg"
    assert target("by-date", "2019", "2019-01", "IMG_1.jpg") == b"/nowhere/0/2019/IMG_1.jpg"


def test_info_tells_what_a_sidecar_says(make: Maker) -> None:
    made = make([Spec(b"a.jpg", 1)])
    with made.database.write() as tx:
        readings.put_sidecar(tx, 1, Facts(tags=("Beach",), description="From the sidecar"))
        assets.refresh(tx, 1)
    leaf = made.at("info", "by-date", "2020", "2020-09", "a.jpg.txt")
    assert isinstance(leaf, Leaf)
    text = made.tree.content(made.reader, leaf).decode()
    assert "Beach" in text
    assert "From the sidecar" in text
    attributes = made.tree.xattrs(made.reader, leaf)
    assert (attributes[b"user.xdg.tags"], attributes[b"user.xdg.comment"]) == (b"Beach", b"From the sidecar")


def told(made: Made, name: str) -> tuple[dict[str, str], dict[bytes, bytes]]:
    """What info/ says of an asset, by label, and its attributes."""
    leaf = made.at("info", "by-date", "2020", "2020-09", f"{name}.txt")
    assert isinstance(leaf, Leaf)
    lines = made.tree.content(made.reader, leaf).decode().splitlines()
    found = dict(line.split(":", 1) for line in lines)
    return {label: text.strip() for label, text in found.items()}, made.tree.xattrs(made.reader, leaf)


def test_info_tells_who_said_what(make: Maker) -> None:
    spec = Spec(
        b"a.jpg", 1, tags=("Rex", "Beach"), suggested=("beach", "sea"), caption="a dog on sand", cluster="dogs outside"
    )
    made = make([spec])
    lines, attributes = told(made, "a.jpg")
    assert lines["Tags"] == "Beach, Rex"
    assert lines["Tags by Toy"] == "sea"
    assert lines["Caption by Toy"] == "a dog on sand"
    assert lines["Cluster"] == "dogs outside"
    assert "Caption" not in lines
    assert attributes[b"user.xdg.tags"] == b"Beach,Rex,sea"
    assert attributes[b"user.albumsd.caption"] == b"a dog on sand"


def test_a_persons_caption_is_the_one_that_is_shown(make: Maker) -> None:
    made = make([Spec(b"a.jpg", 1, caption="a dog on sand")])
    with made.database.write() as tx:
        readings.put_sidecar(tx, 1, Facts(caption="Rex on holiday"))
        assets.refresh(tx, 1)
    lines, attributes = told(made, "a.jpg")
    assert lines["Caption"] == "Rex on holiday"
    assert not [label for label in lines if label.endswith("by Toy")]
    assert attributes[b"user.albumsd.caption"] == b"Rex on holiday"
    assert b"user.xdg.tags" not in attributes


def test_no_size_changes_when_a_drive_goes_away(make: Maker) -> None:
    made = make([Spec(b"2019/IMG_1.jpg", 1), Spec(b"Backup/copy.jpg", 1, source=1)])
    skip = {"status", "sources", "README.txt"}

    def sizes() -> dict[tuple[tuple[str, ...], bytes], int]:
        return {
            (folder.path, entry.name): entry.node.size
            for folder, entry in made.walk(made.tree.root)
            if isinstance(entry.node, Leaf)
            and entry.node.content is not Content.LINK
            and not skip & {*folder.path[:1]}
            and entry.name != b"README.txt"
        }

    before = sizes()
    with made.database.write() as tx:
        sources.set_state(tx, 1, "offline", "its drive is not here")
    assert sizes() == before


def test_a_text_of_status_is_made_only_when_it_is_asked_for(make: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    made = make([Spec(b"a.jpg", 1)])
    assert made.folder("status").slow_lookup
    monkeypatch.setattr(status, "report", lambda *_: pytest.fail("the report was made for another text"))
    with pytest.raises(NotFound):
        made.at("status", "nosuch")
    assert made.at("sources", "Source 0.txt").size > 0
