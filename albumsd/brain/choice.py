"""Which models there are to work with: what the settings name, whether it is there, and whose vectors answer.

*chosen* is the model of the setting ``model``: new vectors are made with it. *answering* is the one whose vectors
queries are compared with: the chosen one once it has looked at (nearly) everything that another one has, else that
other one, as long as its folder is still there. So changing the model keeps answering while the library is embedded
anew.

``Watch`` reads the settings again when their file changed, and a model's folder when something in it changed:
`albumsd models use`, and a stick that is plugged in, need no restart. Describing a model reads its weights once (they
are hashed), a second for half a gigabyte: so ``look`` belongs in a thread that nobody waits for, and everybody else
takes ``current``, a value that is replaced and never changed.

Where a model that vectors were made with was found is kept in ``cache/models.json``; without that file only models
of the folder ``models`` are found again.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from albumsd.core import config as configuration
from albumsd.core import weights
from albumsd.core.config import Config
from albumsd.core.errors import AlbumsdError
from albumsd.ml import folders
from albumsd.ml.folders import Model

log = logging.getLogger(__name__)

ENOUGH = 0.95
"""The chosen model answers when it has seen so much of what the other one has: some files are gone since."""
NO_CAPTIONS = "{name} writes no captions: the setting `captioner` is for a CoCa"
FOR_THE_DEMO = "{name} knows only the world of the demo and is not used for a library of yours"

Describe = Callable[[str, Path], Model]
Stamp = tuple[tuple[str, int, int], ...]


class Choice(NamedTuple):
    """``why``: one sentence, for a person, why there is no ``model`` (``captioner``); None when there is one, and for a
    captioner also when none is wanted. ``known``: False before the first look; then nothing of it counts."""

    config: Config
    model: Model | None
    why: str | None
    captioner: Model | None = None
    captioner_why: str | None = None
    known: bool = True


class Known(NamedTuple):
    """Vectors that there are (``store.embeddings``), and how many assets they are of."""

    id: int
    key: str
    assets: int


class Watch:
    """The current ``Choice``. ``look`` and ``find`` are for one thread; ``current`` is for all."""

    def __init__(self, config: Config, describe: Describe = folders.describe, installed: bool | None = None) -> None:
        """``installed``: whether there is what runs models; None: look."""
        self._describe = describe
        self._installed = weights.installed() if installed is None else installed
        self._file = configuration.settings_file(config)
        self._settings = _stamp(self._file)
        self._described: dict[str, tuple[Stamp, Model | AlbumsdError]] = {}
        self._places = config.library / "cache" / "models.json"
        self.current = Choice(config, None, "the model has not been looked at yet", known=False)

    def look(self) -> Choice:
        """Read again what changed."""
        config = self.current.config
        stamp = _stamp(self._file)
        if stamp != self._settings:
            try:
                config = configuration.reread(config)
                self._settings = stamp
            except AlbumsdError as error:  # half written, or a mistake: what was read before stays
                log.warning("the settings cannot be read again: %s", error)
        model, why = self._get(config, config["model"])
        captioner, captioner_why = self._get(config, config["captioner"]) if config["captioner"] else (None, None)
        if captioner and captioner.kind != "coca":
            captioner_why = NO_CAPTIONS.format(name=captioner.name)
            captioner = None
        self.current = Choice(config, model, why, captioner, captioner_why)
        if model:
            self._keep(model)
        return self.current

    def _get(self, config: Config, spec: str) -> tuple[Model | None, str | None]:
        if not spec:
            return None, weights.WITHOUT
        if not self._installed:
            return None, weights.NOT_INSTALLED
        try:
            model = self._described_now(config, spec)
        except AlbumsdError as error:
            return None, str(error)
        if model.notes.get("purpose") == "demo" and not config["demo"]:
            return None, FOR_THE_DEMO.format(name=model.name)
        return model, None

    def _described_now(self, config: Config, spec: str) -> Model:
        stamp = _stamp(*_places_of(spec, config.models))
        known = self._described.get(spec)
        if not known or known[0] != stamp:
            try:
                known = stamp, self._describe(spec, config.models)
            except AlbumsdError as error:
                known = stamp, error
            self._described[spec] = known
        if isinstance(known[1], AlbumsdError):
            raise known[1]
        return known[1]

    def answering(self, known: Sequence[Known], working: bool) -> tuple[int, Model] | None:
        """Whose vectors answer, with the id of its rows. ``working``: the chosen model has not seen all it will see."""
        chosen = self.current.model
        if chosen is None:
            return None
        mine = next((row for row in known if row.key == chosen.key), None)
        others = sorted((row for row in known if row.key != chosen.key and row.assets), key=lambda row: -row.assets)
        for row in others:
            if mine and mine.assets and (not working or mine.assets >= ENOUGH * row.assets):
                break
            if model := self._find(row.key):
                return row.id, model
        return (mine.id, chosen) if mine and mine.assets else None

    def _find(self, key: str) -> Model | None:
        """The model of that key, where it was found before, or in the folder of models."""
        config = self.current.config
        for spec in dict.fromkeys([self._kept().get(key, ""), key.rpartition("@")[0]]):
            if spec:
                model, _ = self._get(config, spec)
                if model and model.key == key:
                    return model
        return None

    def _kept(self) -> dict[str, str]:
        with suppress(OSError, ValueError):
            kept = json.loads(self._places.read_text("utf-8"))
            if isinstance(kept, dict):
                return {key: spec for key, spec in kept.items() if isinstance(spec, str)}
        return {}

    def _keep(self, model: Model) -> None:
        kept = self._kept()
        if kept.get(model.key) != model.spec:
            with suppress(OSError):  # only a convenience
                self._places.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                beside = self._places.with_suffix(".new")
                beside.write_text(json.dumps({**kept, model.key: model.spec}, indent=1), "utf-8")
                beside.replace(self._places)


def _places_of(spec: str, models: Path) -> list[Path]:
    """Where ``spec`` may lie: a folder, a name in the folder of models, a checkpoint behind its architecture."""
    text = spec.removeprefix("local-dir:")
    file = text.partition(":")[2]
    whole = [Path(os.path.expanduser(text))] if "/" in text else [models / text]
    return [*whole, models / os.path.expanduser(file)] if file else whole


def _stamp(*paths: Path) -> Stamp:
    """Changes when one of the files, or a file in one of the folders, does."""
    found: list[tuple[str, int, int]] = []
    for path in paths:
        with suppress(OSError):
            for each in sorted(path.iterdir()) if path.is_dir() else [path]:
                stat = each.stat()
                found.append((str(each), stat.st_mtime_ns, stat.st_size))
    return tuple(found)
