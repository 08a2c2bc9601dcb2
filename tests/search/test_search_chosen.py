"""search.chosen: whether a model is chosen is brain's to say; the settings tell when it is away or has not looked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from albumsd.core import clock
from albumsd.core import config as configuration
from albumsd.search import chosen
from albumsd.store import processes
from albumsd.store.database import Database
from albumsd.store.processes import Pulse

LOOKED = {"embed": None, "tags": None, "caption": None}
TABLE: list[tuple[str, dict[str, Any] | None, bool]] = [
    ("", None, False),
    ("some", None, True),
    ("", {"model": "some", "stages": LOOKED | {"embed": "some@1"}}, True),
    ("some", {"model": None, "why": "the stick is away", "stages": LOOKED}, False),
    ("", {"model": None, "why": "not looked yet", "stages": None}, False),
    ("some", {"model": None, "why": "not looked yet", "stages": None}, True),
]


@pytest.mark.parametrize(("setting", "said", "want"), TABLE)
def test_who_knows_whether_a_model_is_chosen(
    empty: Database, tmp_path: Path, setting: str, said: dict[str, Any] | None, want: bool
) -> None:
    config = configuration.load(tmp_path, overrides={"model": setting})
    pulse = Pulse("brain")
    if said:
        assert pulse.beat(empty, "ready", **said)
    assert chosen.is_chosen(empty, config, clock.now_ns()) is want
    with empty.write() as tx:
        pulse.stop(tx)
    assert chosen.is_chosen(empty, config, 0) is bool(setting), "after a clean stop there is no word"


def test_the_later_of_a_dead_brain_and_the_settings_holds(
    empty: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = configuration.load(tmp_path, overrides={"model": ""})
    before = clock.now_ns()
    assert Pulse("brain").beat(empty, "ready", model="some", stages=LOOKED)
    monkeypatch.setattr(processes, "born", lambda _: None)
    assert chosen.is_chosen(empty, config, before - 1)
    assert not chosen.is_chosen(empty, config, clock.now_ns())
