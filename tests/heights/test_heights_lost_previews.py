"""Preview files that someone deleted, or that a power cut left damaged, come back when they are looked at."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from heights.drivers import OperationsDriver
from heights.indexed import Indexed

from albumsd.indexer import previews
from albumsd.indexer.process import Indexer
from albumsd.ipc import pings
from albumsd.store import jobs

Damage = Callable[[Path], object]


@pytest.fixture(scope="module")
def one_picture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Indexed]:
    made = Indexed(tmp_path_factory.mktemp("previews"))
    made.picture("a.png", "red")
    made.index()
    yield made
    made.close()


@pytest.fixture
def operations(one_picture: Indexed) -> Iterator[OperationsDriver]:
    made = OperationsDriver(one_picture.config)
    yield made
    made.close()


def open_errno(operations: OperationsDriver, path: tuple[str, ...]) -> int:
    try:
        operations.read(path)
    except OSError as error:
        return error.errno or -1
    return 0


def heard(library: Indexed, texts: list[str]) -> None:
    """What the indexer does when it hears the mount."""
    Indexer(library.config)._heard(library.database, texts)


PATH = ("previews", "by-folder", "photos", "a.png.webp")


@pytest.mark.parametrize(
    "damage",
    [Path.unlink, lambda path: path.write_bytes(b""), lambda path: path.write_bytes(path.read_bytes()[:-1]),
     lambda path: [part.unlink() for part in path.parent.iterdir()] and path.parent.rmdir()],
    ids=["deleted", "empty", "cut off", "with its folder"],
)  # fmt: skip
def test_a_lost_preview_is_made_again_and_its_name_stays(
    one_picture: Indexed, operations: OperationsDriver, damage: Damage
) -> None:
    library = one_picture
    names, whole = operations.list(PATH[:-1]), operations.read(PATH)
    (file,) = [path for path in library.config.previews.rglob("*.webp") if ".thumb." not in path.name]
    with pings.listen(library.config.run / "indexer.ping") as bell:
        damage(file)
        assert [open_errno(operations, PATH) for _ in range(3)] == [errno.ESTALE] * 3
        texts = pings.drain(bell)
    assert len(set(texts)) == 1
    assert texts[0].startswith("preview:")
    heard(library, texts)
    assert jobs.counts(library.database)["preview"]["open"] == 1
    assert operations.list(PATH[:-1]) == names
    library.index()
    assert operations.read(PATH) == whole
    assert file.with_name(file.stem + ".thumb.webp").is_file()
    assert operations.list(PATH[:-1]) == names
    assert jobs.counts(library.database)["preview"] == {"open": 0, "done": 1, "failed": 0, "parked": 0}


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(bytes(path.stat().st_size))])
def test_what_the_mount_cannot_see_is_seen_when_the_indexer_looks(one_picture: Indexed, damage: Damage) -> None:
    """A thumbnail, and zeros of the right length: once asked for, both files must be whole."""
    library = one_picture
    (thumb,) = library.config.previews.rglob("*.thumb.webp")
    whole = thumb.read_bytes()
    damage(thumb)
    heard(library, ["preview:1"])
    library.index()
    assert thumb.read_bytes() == whole


def test_nothing_begins_for_what_is_whole_unknown_waits_or_has_failed(one_picture: Indexed) -> None:
    library = one_picture
    heard(library, ["preview:1", "preview:999", "preview:", "preview:x", "preview:-1"])
    assert jobs.counts(library.database)["preview"]["open"] == 0
    (file,) = [path for path in library.config.previews.rglob("*.webp") if ".thumb." not in path.name]
    file.unlink()
    for state in ("parked", "failed"):
        with library.database.write() as tx:
            tx.run("UPDATE job SET state=? WHERE stage='preview'", (state,))
        heard(library, ["preview:1"])
        assert jobs.counts(library.database)["preview"][state] == 1
    with library.database.write() as tx:
        tx.run("UPDATE job SET state='done' WHERE stage='preview'")
    heard(library, ["preview:1,1", "preview:1"])
    assert jobs.counts(library.database)["preview"] == {"open": 1, "done": 1, "failed": 0, "parked": 0}
    library.index()
    assert file.is_file()


def test_a_stage_that_is_switched_off_stays_off(one_picture: Indexed) -> None:
    library = one_picture
    (thumb,) = library.config.previews.rglob("*.thumb.webp")
    whole = thumb.read_bytes()
    thumb.unlink()
    off = replace(library.config, values={**library.config.values, "stages_off": "preview"})
    assert previews.restore(library.database, off, [1]) == 0
    assert previews.restore(library.database, library.config, [1]) == 1
    with library.database.write() as tx:
        tx.run("DELETE FROM job WHERE stage='preview' AND state='open'")
    thumb.write_bytes(whole)
