"""``make(specs)``: libraries made straight from rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from support.made import Made, Spec, fill

from albumsd.core import config as configuration
from albumsd.store.database import Database
from albumsd.vfs.tree import Tree


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Made]]:
    """``make(specs)``: a library with these files. May be called several times."""
    made: list[Made] = []

    def maker(specs: Sequence[Spec] = ()) -> Made:
        config = configuration.load(tmp_path / f"library{len(made)}", overrides={"mount": str(tmp_path / "mount")})
        database = Database(config.database, create=True)
        fill(database, specs)
        reader = database.reader()
        library = Made(config, database, reader, Tree(config, reader), list(specs))
        made.append(library)
        return library

    yield maker
    for library in made:
        library.close()
