"""What is known of each model's floors, at this moment and in this library: ``floors`` is the arithmetic.

A ``Calibration`` is a value that ``learn`` replaces. It is kept in the cache beside the bank's vectors, so that a brain
that starts again has the same floors at once; what is damaged, or was learned from another bank, is learned again.

Tags of a model whose floors the library decides depend on the study. ``number`` stands for it in their fingerprint:
coarse, so that the library is tagged anew when it has doubled and not with every picture. It is None, and tags wait,
until ENOUGH rows were studied, or as many as there are and no more will come soon.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
import math
import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from albumsd.core.errors import AlbumsdError
from albumsd.ml.folders import Model

from . import floors, sentences
from .floors import BANK, FEWEST, KINDS, SAMPLE, Kind, Study
from .mirror import Mirror
from .sentences import Floats, Sentences, TextTower

log = logging.getLogger(__name__)

ENOUGH = 1024
_AGAIN = 0.1
"""A library is studied again when it has changed by this share."""
_SEED = 1
_FORM = hashlib.sha256(json.dumps(["1", *BANK]).encode()).hexdigest()[:12]
"""Of what is kept: another form, or another bank, is another text."""


@dataclass(frozen=True, eq=False)
class Calibration:
    """``fixed`` floors by (kind of query, kind of row) and ``sigmoid`` came with the model (``floors``); ``likes``, by
    kind of row, and ``studies`` were learned from ``rows`` rows."""

    fixed: Mapping[tuple[Kind, Kind], float]
    sigmoid: tuple[float, float] | None = None
    likes: Mapping[Kind, float] = dataclasses.field(default_factory=dict)
    studies: Mapping[Kind, Study] = dataclasses.field(default_factory=dict)
    rows: int = 0
    number: int | None = None

    @property
    def is_fixed(self) -> bool:
        """Whether the floor between words and pictures has nothing to do with the library."""
        return ("text", "image") in self.fixed

    def floors(self, queries: Floats, of: Kind, row: Kind) -> Floats | None:
        """(n,) for unit vectors (n, d) of a kind; None: nothing is known."""
        floor = self.fixed.get((of, row), self.likes.get(row) if of == "image" else None)
        if floor is not None:
            return np.full(len(queries), floor, np.float32)
        return self.studies[row].floors(queries) if of == "text" and row in self.studies else None


class Floors:
    """The floors of all models in use. ``learn`` is for one thread, which may wait; the rest is for any."""

    def __init__(self, tower: TextTower, folder: Path) -> None:
        """``folder``: the cache."""
        self.sentences = Sentences(tower, folder)
        self._folder = folder
        self._lock = threading.Lock()
        self._known: dict[str, Calibration] = {}

    def floors(self, mirror: Mirror, vector: Floats, kind: Kind) -> dict[Kind, float]:
        """The least cosine with ``vector`` (of an image or a text) that is no accident, for rows of each kind."""
        known = self.calibration(mirror.model)
        found = {row: known.floors(vector[None], kind, row) for row in KINDS}
        out = {row: float(each[0]) for row, each in found.items() if each is not None}
        if len(out) < len(KINDS):
            usual = math.inf
            if not known.rows:
                usual = floors.outlier(floors.cosines(vector[None], mirror.index.sample(SAMPLE, _SEED)[1])[0])
            return {row: out.get(row, usual) for row in KINDS}
        return out

    def calibration(self, model: Model) -> Calibration:
        """What is known of a model at this moment."""
        with self._lock:
            known = self._known.get(model.key)
            if known is None:
                decides = floors.sigmoid(model)
                known = _read(self._file(model), Calibration(floors.fixed(model, decides), decides), model.dimensions)
                self._known[model.key] = known
            return known

    def learn(self, mirror: Mirror, settled: bool = False) -> bool:
        """Study the library, again when it has changed by a tenth since; whether something is new.

        ``settled``: no more rows will come soon. Encodes the bank once for each model, while that is in memory for
        other reasons; of a library that is settled and was never studied, also by waking it.
        """
        before, size = self.calibration(mirror.model), len(mirror.index)
        known: Calibration | None = before
        if size >= FEWEST and abs(size - before.rows) > _AGAIN * before.rows:
            known = self._studied(mirror, before, wake=settled and before.number is None and not before.is_fixed)
        if known is None:
            return False
        if size and not known.is_fixed:
            known = dataclasses.replace(known, number=coarse(known.number, known.rows, settled))
        if known.rows == before.rows and known.number == before.number:
            return False
        with self._lock:
            self._known[mirror.model.key] = known
        try:
            _write(self._file(mirror.model), known)
        except OSError as error:
            log.warning("what was learned of %s cannot be kept: %s", mirror.model.name, error)
        return True

    def forget(self, keys: Collection[str]) -> None:
        """Remove what is kept of all models but these."""
        sentences.sweep(self._folder, ("bank", "tags", "study"), keys)

    def _studied(self, mirror: Mirror, known: Calibration, wake: bool) -> Calibration | None:
        """None while the bank is not to be had."""
        model, size = mirror.model, len(mirror.index)
        bank: Floats | None = np.empty((0, model.dimensions), np.float32)
        if not all(("text", row) in known.fixed for row in KINDS):
            try:
                bank = self.sentences.get(model, "bank", BANK, wake)
            except AlbumsdError:  # the host has said why, and it is tried again
                return None
        if bank is None:
            return None
        ids, vectors = mirror.index.sample(len(KINDS) * SAMPLE, _SEED)
        of_texts = np.isin(ids, mirror.texts())
        parts = {"image": vectors[~of_texts], "text": vectors[of_texts]}
        studies, likes = {}, {}
        for row in KINDS:
            found = floors.study(_thin(parts[row]), bank, round(size * len(parts[row]) / max(1, len(ids))))
            if found is not None:
                studies[row] = found
            alike = floors.alike(_thin(parts["image"]), _thin(parts[row]))
            if alike is not None:
                likes[row] = alike
        return dataclasses.replace(known, likes=likes, studies=studies, rows=size)

    def _file(self, model: Model) -> Path:
        return self._folder / sentences.file_name("study", model.key)


def coarse(before: int | None, rows: int, settled: bool) -> int | None:
    """A number that changes when ``rows`` doubles or falls below a quarter; None as long as there is too little.

    While there is less than ENOUGH, and more to come, it stays what it was.
    """
    if rows < ENOUGH and not settled:
        return before
    now = rows.bit_length()
    return before if before is not None and before - 1 <= now <= before else now


def _thin(rows: Floats) -> Floats:
    """At most SAMPLE of them, evenly."""
    return rows[:: max(1, math.ceil(len(rows) / SAMPLE))]


def _write(file: Path, known: Calibration) -> None:
    about = {
        "form": _FORM,
        "rows": known.rows,
        "number": known.number,
        "likes": dict(known.likes),
        "studies": {row: [study.gap, study.cap, study.reach] for row, study in known.studies.items()},
    }
    samples: dict[str, NDArray[np.generic]] = {r: s.sample.astype(np.float16) for r, s in known.studies.items()}
    sentences.write(file, about=np.array(json.dumps(about)), **samples)


def _read(file: Path, known: Calibration, dimensions: int) -> Calibration:
    """``known`` with what is kept of it, if that is any good."""
    kept = sentences.read(file)
    try:
        about = json.loads(str(kept["about"]))
        if about["form"] != _FORM:
            return known
        studies = {row: Study(kept[row].astype(np.float32), *map(float, of)) for row, of in about["studies"].items()}
        rows, number, likes = int(about["rows"]), about["number"], about["likes"]
    except (ValueError, KeyError, TypeError, AttributeError):
        return known
    if any(study.sample.shape[1:] != (dimensions,) or not len(study.sample) for study in studies.values()):
        return known
    return dataclasses.replace(known, likes=likes, studies=studies, rows=rows, number=number)
