"""Laws: what is shown is a function of what was read, not of its order; and `changes` tells all of it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from albumsd.core.facts import Camera, CaptureTime, Companion, Exposure, Facts, Position, Problem
from albumsd.store import assets, changes, clusters, files, readings, sources, suggestions

TEXT = st.text(max_size=12)
TIMES = st.builds(
    CaptureTime,
    st.sampled_from(["2024-04-13T18:22:05", "1999-12-31T23:59:59", "2020-02-29T00:00:00"]),
    st.sampled_from([None, "+02:00", "-09:30"]),
    st.sampled_from(["exif", "gps", "video", "xmp", "takeout", "name", "folder", "mtime"]),
)
NUMBER = st.none() | st.floats(0, 1e6, allow_nan=False)
FACTS = st.builds(
    Facts,
    kind=st.sampled_from(["photo", "video", "document", "other"]),
    mime=st.sampled_from(["image/jpeg", "video/mp4"]),
    width=st.none() | st.integers(1, 10**5),
    captured=st.none() | TIMES,
    captured_others=st.lists(TIMES, max_size=2).map(tuple),
    position=st.none() | st.builds(Position, st.floats(-90, 90), st.floats(-180, 180), NUMBER),
    camera=st.none() | st.builds(Camera, st.none() | TEXT, st.none() | TEXT, st.none() | TEXT),
    exposure=st.none() | st.builds(Exposure, NUMBER, NUMBER, st.none() | st.integers(0, 10**6), NUMBER, NUMBER, st.none() | st.booleans()),
    duration_s=NUMBER,
    rating=st.none() | st.integers(-1, 5),
    tags=st.lists(TEXT, max_size=3).map(tuple),
    title=st.none() | TEXT,
    description=st.none() | TEXT,
    companions=st.lists(st.builds(Companion, TEXT, st.none() | TEXT, st.none() | st.integers(0, 9)), max_size=2).map(tuple),
    content_id=st.none() | TEXT,
    pages=st.none() | st.integers(0, 9),
    flags=st.lists(st.sampled_from(["raw", "motion", "screenshots"]), max_size=2).map(tuple),
    problems=st.lists(st.builds(Problem, st.sampled_from(["corrupt", "empty"]), TEXT), max_size=2).map(tuple),
)  # fmt: skip


@given(FACTS)
def test_facts_come_back_from_the_database_as_they_were(facts: Facts) -> None:
    assert readings.from_text(readings.to_text(facts)) == facts


def test_an_empty_reading_is_short_and_unknown_fields_are_no_error() -> None:
    assert readings.to_text(Facts()) == "{}"
    assert readings.from_text('{"kind": "photo", "aura": 3}') == Facts(kind="photo")


def test_half_a_character_is_stored_as_a_question_mark(lib: Any) -> None:
    (one,) = lib.arrive("x.jpg")
    lib.facts(one, Facts(kind="photo", title="a \ud83d b", tags=("\udcff",), camera=Camera("\ud800", None, "\ud800")))
    with lib.db.write() as tx:
        assets.set_text(tx, one, "words \ud83d here")
    assert lib.db.value("SELECT title FROM asset") == "a ? b"
    assert lib.db.value("SELECT text FROM content_text") == "words ? here"


SHOWN = """
    size live copies kind local offset origin mtime_ns year month week day mime width height duration_s rating camera lens
    aperture shutter_s iso focal_mm lat lon country region city hood title problem
""".split()  # noqa: SIM905
CONTENT = Facts(
    kind="photo", mime="image/jpeg", width=40, height=30, captured=CaptureTime("2024-04-13T18:22:05", "+02:00", "exif"),
    position=Position(38.7, -9.1), camera=Camera("Canon", "Canon EOS R5", "RF 35"), tags=("dog", "sea"), title="One", flags=("raw",),
)  # fmt: skip
BESIDE = [
    Facts(captured=CaptureTime("2001-01-01T10:00:00", None, "takeout"), rating=4, tags=("dog", "sand"), title="Beside"),
    Facts(captured=CaptureTime("2002-01-01T10:00:00", None, "xmp"), rating=2, tags=("sun",), description="another one"),
    Facts(position=Position(1.0, 2.0), rating=3, caption="their own words"),
]
COPIES = ["2015/a.jpg", "2016-05/b.jpg", "x/20110203_101112.jpg"]


def _state(lib: Any) -> tuple[Any, ...]:
    columns = ", ".join(f'"{column}"' for column in SHOWN)
    (asset,) = [row[0] for row in lib.db.all("SELECT id FROM asset WHERE live")]
    found = lib.db.one("SELECT title, path, context, body, suggested FROM document WHERE asset=?", (asset,))
    name_words = lib.name(asset).replace(".", " ").replace("~", " ").lower()
    return (
        lib.db.one(f"SELECT {columns} FROM asset WHERE id=?", (asset,)),
        lib.db.all("SELECT facet, value FROM asset_facet WHERE asset=? ORDER BY 1, 2", (asset,)),
        (found[0].removeprefix(name_words.replace("_", " ")), *found[1:5]),
        lib.db.value("SELECT size FROM preview WHERE asset=?", (asset,)),
    )


def _play(empty: Path, made: type, order: list[int], beside: list[Facts | None], stages: list[int]) -> tuple[Any, ...]:
    """Copies of one content arrive in ``order``, each read whole; the stages of the content come in the order ``stages``."""
    folder = Path(tempfile.mkdtemp())
    try:
        shutil.copytree(empty, folder / "library")
        lib = made(folder / "library")
        content: int | None = None
        for number, copy in enumerate(order):
            (asset,) = lib.arrive(COPIES[copy], mtime_ns=1_500_000_000_000_000_000 + copy * 10**15)
            told = beside[copy]
            with lib.db.write() as tx:
                if told:
                    readings.put_sidecar(tx, lib.file(COPIES[copy]), told)
                assets.store_facts(tx, asset, CONTENT)
            content = lib.identify(asset, "content")
            if number == 0:
                steps: list[Callable[[Any, int], object]] = [
                    lambda tx, a: assets.set_place(tx, a, ("Portugal", "Lisboa", "Lisbon", "Alfama", 38.7, -9.1)),
                    lambda tx, a: assets.set_preview(tx, a, 999, 99, 40, 30, b"12345678"),
                    lambda tx, a: assets.set_text(tx, a, "Words of the text"),
                    lambda tx, a: assets.store_facts(tx, a, CONTENT),
                    assets.refresh,
                    lambda tx, a: suggestions.set_tags(tx, a, [("Sand", 0.9), ("grass", 0.5)], "m"),
                    lambda tx, a: suggestions.set_caption(tx, a, "a dog in the grass", "m"),
                ]
                for step in stages:
                    with lib.db.write() as tx:
                        steps[step](tx, content)
        lib.check()
        state = _state(lib)
        lib.db.close()
        return state
    finally:
        shutil.rmtree(folder)


def test_the_order_of_copies_and_stages_does_not_show(empty_library: Path, lib: Any) -> None:
    made = type(lib)

    @settings(max_examples=25)
    @given(
        st.permutations(range(3)),
        st.lists(st.sampled_from([None, *BESIDE]), min_size=3, max_size=3),
        st.permutations(range(7)),
    )
    def law(order: list[int], beside: list[Facts | None], stages: list[int]) -> None:
        first = _play(empty_library, made, [0, 1, 2], beside, [0, 1, 2, 3, 4, 5, 6])
        assert _play(empty_library, made, order, beside, stages) == first

    law()


class _Library(RuleBasedStateMachine):
    """Whatever is done: `changes` says it, rows agree, and no id comes twice."""

    empty: Path
    made: type
    PATHS = ("a/x.jpg", "b/x.jpg", "a/y:.jpg", "c/x.jpg")

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        shutil.copytree(self.empty, self.folder / "library")
        self.lib = self.made(self.folder / "library")
        self.gen = changes.latest(self.lib.db)
        self.told: dict[int, changes.Shown] = {}
        self.ids: set[int] = set()
        self.settled: dict[int, str] = {}

    def teardown(self) -> None:
        self.lib.check()
        self.lib.db.close()
        shutil.rmtree(self.folder)

    def there(self, path: str) -> bool:
        folder, _, name = path.encode().rpartition(b"/")
        sql = "SELECT 1 FROM file f JOIN folder d ON d.id=f.folder WHERE d.path=? AND f.name=?"
        return self.lib.db.value(sql, (folder, name)) is not None

    @rule(path=st.sampled_from(PATHS))
    def comes_or_goes(self, path: str) -> None:
        if self.there(path):
            self.lib.vanish(path)
        else:
            (new,) = self.lib.arrive(path)
            assert new not in self.ids, "an id came twice"
            self.ids.add(new)

    @rule(path=st.sampled_from(PATHS), size=st.integers(1, 3))
    def changes_in_place(self, path: str, size: int) -> None:
        if self.there(path):
            self.ids.add(self.lib.change(path, size=size))

    @rule(path=st.sampled_from(PATHS), content=st.sampled_from(["one", "two"]))
    def is_hashed(self, path: str, content: str) -> None:
        if self.there(path):
            asset = self.lib.identify(self.lib.asset(path), content)
            with self.lib.db.write() as tx:
                sources.resolve_moved(tx, asset)

    @rule(path=st.sampled_from(PATHS), facts=st.sampled_from([CONTENT, *BESIDE, Facts(problems=(Problem("empty"),))]))
    def is_read(self, path: str, facts: Facts) -> None:
        if self.there(path):
            self.lib.facts(self.lib.asset(path), facts)

    @rule(path=st.sampled_from(PATHS), tags=st.sampled_from([(), ("dog",), ("SUN", "moon")]))
    def is_seen_by_a_model(self, path: str, tags: tuple[str, ...]) -> None:
        if self.there(path):
            with self.lib.db.write() as tx:
                suggestions.set_tags(tx, self.lib.asset(path), [(tag, 0.5) for tag in tags], "m")
                suggestions.set_caption(tx, self.lib.asset(path), " ".join(tags), "m")

    @rule(chosen=st.lists(st.sampled_from(PATHS)), label=st.sampled_from(["one", "two", None]))
    def is_put_together(self, chosen: list[str], label: str | None) -> None:
        rows = [(self.lib.asset(path), label, 0.0, 0.0) for path in chosen if self.there(path)]
        clusters.replace(self.lib.db, None, rows)

    @rule(path=st.sampled_from(PATHS), there=st.sampled_from(PATHS))
    def moves(self, path: str, there: str) -> None:
        if self.there(path) and not self.there(there):
            folder, _, name = there.encode().rpartition(b"/")
            with self.lib.db.write() as tx:
                files.move(
                    tx,
                    self.lib.file(path),
                    files.ensure_folder(tx, self.lib.source, folder),
                    files.Entry(name, 1, 7, 0),
                )

    @rule(path=st.sampled_from(PATHS), back=st.booleans())
    def is_held(self, path: str, back: bool) -> None:
        if self.there(path):
            with self.lib.db.write() as tx:
                known = self.lib.known(path)
                if back:
                    files.settle_stat(tx, known.id, files.Entry(known.name, known.size, known.mtime_ns, known.inode))
                else:
                    files.hold(tx, [known.id])

    @invariant()
    def changes_tell_everything(self) -> None:
        rows = changes.since(self.lib.db, self.gen)
        assert rows is not None
        now = self.lib.snapshots()
        fresh: set[int] = set()
        for row in rows:
            if row.what == "arrived":
                fresh |= set(range(row.first, row.last + 1))
            elif row.what == "changed":
                if row.first in fresh and row.first not in self.told and row.old is not None:
                    self.told[row.first] = row.old  # what it was when it arrived is read from the rows
                assert self.told.get(row.first) == row.old, row
                if row.new is None:
                    self.told.pop(row.first, None)
                else:
                    self.told[row.first] = row.new
            self.gen = row.gen
        for asset in fresh:
            if asset in now:
                self.told.setdefault(asset, now[asset])
        assert self.told == now

    @invariant()
    def a_hashed_asset_keeps_its_name_while_it_is_shown(self) -> None:
        rows = self.lib.db.all("SELECT id, name, name LIKE '%~new%' FROM asset WHERE sha256 IS NOT NULL AND live")
        assert not any(row[2] for row in rows)


def test_changes_tell_everything_that_happens(empty_library: Path, lib: Any) -> None:
    _Library.empty, _Library.made = empty_library, type(lib)
    run_state_machine_as_test(_Library, settings=settings(max_examples=30, stateful_step_count=25))
