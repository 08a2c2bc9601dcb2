"""Stages that are switched off and on again, and places far from any town."""

from __future__ import annotations

from dataclasses import replace

import pytest

from albumsd.core import config as settings
from albumsd.core.errors import ConfigError
from albumsd.indexer.stages import ALWAYS, all_stages, switched_off
from albumsd.indexer.stages.place import elsewhere
from albumsd.store import jobs


def off(library, stages: str):
    library.config = settings.load(library.config.library, overrides={**library.config.values, "stages_off": stages})


def test_a_stage_that_is_off_does_nothing_and_is_made_up_for_when_it_is_on(library) -> None:
    off(library, "text, preview")
    library.put("letter.txt", "a warranty letter")
    library.index()
    assert set(jobs.counts(library.database)) == {"facts", "hash"}
    off(library, "")
    library.index()
    assert jobs.counts(library.database)["text"]["done"] == 1
    assert library.database.value("SELECT text FROM content_text") == "a warranty letter"


def test_open_jobs_of_a_stage_that_is_switched_off_are_parked(library) -> None:
    library.put("letter.txt", "a warranty letter")
    library.index()
    with library.database.write() as tx:
        tx.run("DELETE FROM job WHERE stage='text'")
        jobs.open_jobs(tx, "text", 1, [(library.asset("letter.txt"), 1)])
    off(library, "text")
    library.index()
    assert jobs.counts(library.database)["text"] == {"open": 0, "done": 0, "failed": 0, "parked": 1}
    off(library, "")
    library.index()
    assert jobs.counts(library.database)["text"]["done"] == 1


@pytest.mark.parametrize("name", [*sorted(ALWAYS), "nosuch", "text,nosuch"])
def test_what_cannot_be_switched_off_is_a_clear_error(library, name: str) -> None:
    off(library, name)
    with pytest.raises(ConfigError, match="place, text, preview"):
        switched_off(library.config)


def test_every_stage_but_the_first_names_what_it_needs() -> None:
    first, *others = all_stages()
    assert first.needs == ()
    assert all(stage.needs for stage in others)
    assert replace(first, version=first.version + 1) != first


@pytest.mark.parametrize(
    ("lat", "lon", "cell"),
    [(-37.37, 122.03, "37°S 122°E"), (0.2, -0.3, "0°N 0°E"), (45.5, -30.6, "46°N 31°W"), (89.9, 179.9, "90°N 180°E")],
)
def test_a_position_far_from_any_town_is_somewhere_too(lat: float, lon: float, cell: str) -> None:
    assert elsewhere(lat, lon)[:4] == ("Elsewhere", "Far from any town", cell, "")
