"""From which likeness on a vector is no accident: the least cosine with a query, for each kind of row.

Without a floor the 200 nearest pictures of any words are an answer, also of words that mean nothing. A floor belongs
to a model (cosines of one say nothing about another) and, for most models, to the library. Three ways, the first that
can be had:

1. **The model's notes** (``albumsd.json``: ``"calibration": {"floors": {"text-image": 0.31, "image-image": 0.7}}``):
   who made the model measured it.
2. **A model that decides for itself**: one trained with a sigmoid for each pair (SigLIP, arXiv:2303.15343) has a logit
   scale t and bias b among its weights, and "fits" means sigmoid(t cos + b) >= p, so cos >= (ln(p / (1 - p)) - b) / t.
   p is ``PROBABILITY``, not 1/2: b has learned that of a batch of 32 000 texts one is right.
3. **Any other CLIP**, which only ranks: its cosines depend on the words (long sentences lie lower than short ones) and
   on the pictures (some are near to everything). Both are measured with a *bank* of texts that no picture shows:
   invented words and sentences about what cannot be seen. For a query q, over a sample x of the library,

       floor(q) = usual(q) + reach,     usual(q) = min(median of cos(q, x), tenth percentile + gap, cap)

   ``usual`` is what q has with pictures that it has nothing to do with. That is the median, unless q fits much of the
   library: hence the tenth percentile and the ``gap`` that texts of the bank have between the two, and ``cap``, the
   largest median that a text of the bank can have (mean and two standard deviations). ``reach`` is how far above the
   usual a text of the bank gets with its best picture: the ``SURE`` quantile over the bank, ``MARGIN`` standard
   deviations more for the pictures that the sample lacks, and ``sigma (sqrt(2 ln N) - sqrt(2 ln n))`` for a library of
   N rows of which n were looked at (the growth of the largest of n normal values). Scores relative to a bank of other
   queries are the idea of querybank normalisation (arXiv:2112.12777) and of CSLS (arXiv:1710.04087).

   What this cannot do: a model that takes "a purple dog" for nearly the same as "a red dog" stays so under any floor.

Rows are of pictures or of texts (documents); the two lie apart, so each kind has its own sample and its own floor. The
floor for a query that is itself a picture (``like=``) is, without notes, the ``ALIKE`` quantile of the cosines of two
rows of the sample: alike is what is nearer than 49 in 50 pairs. Both need ``learn`` to have been called; before that
``outlier`` stands in. Of a kind with fewer than ``FEWEST`` rows nothing is found: the text index finds a lone document.

All here is arithmetic on arrays; ``Floors`` alone remembers, reads the store and asks the model. A floor costs
n x dimensions multiplications (1 ms), whatever the size of the library.
"""

from __future__ import annotations

import json
import logging
import math
import random
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from albumsd.ml.folders import Model
from albumsd.store.database import Tx

from .mirror import Mirror
from .sentences import Floats, Sentences, TextTower

log = logging.getLogger(__name__)

Kind = str
KINDS: tuple[Kind, ...] = ("image", "text")

PROBABILITY = 0.01
SAMPLE = 4096
SURE = 0.9
MARGIN = 0.5
ALIKE = 0.98
FEWEST = 4
"""Rows of a kind, at least, from which anything is learned."""
OUTLIER, OUTLIER_ROWS = 4.0, 16
_SMALL_LIBRARY = 1000
_QUANTILES = (0.1, 0.5)
_PAIRS = 1024
_AGAIN = 0.1

_UNSEEN = """
the committee postponed its decision; a derivative of the function; terms and conditions apply; the meaning of the word;
an average of the last three years; in accordance with the previous agreement; he changed his mind about it;
the opposite of what was said; a question of principle; the cause of the delay; interest on the remaining debt;
a proof by contradiction; the right to be heard; nobody knew the reason; an exception to the rule;
what would have happened otherwise; the theory of probability; a promise to pay; the end of the argument;
a matter of opinion; it depends on the circumstances; the value of the variable; the sum of all squares;
a legal obligation; the former definition; an unfounded claim; the notion of truth; the following paragraph;
a rhetorical question; to whom it may concern; a change of plan; the rate of inflation
"""


def _invented(count: int) -> list[str]:
    """Words of no language, one to four in a text; the same each time."""
    rng = random.Random("words that nobody uses")
    heads, tails, ends = "bdfghjklmnprstvwxz", "aeiou", ("", "x", "n", "rg", "sk", "mp", "lt", "z")

    def word() -> str:
        return "".join(rng.choice(heads) + rng.choice(tails) for _ in range(rng.randint(1, 3))) + rng.choice(ends)

    return [" ".join(word() for _ in range(rng.randint(1, 4))) for _ in range(count)]


BANK: tuple[str, ...] = (
    *(" ".join(text.split()) for text in _UNSEEN.split(";")),
    *_invented(32),
    *(f"a photo of {words}" for words in _invented(48)[32:]),
)
"""Texts that no picture shows."""


# ------------------------------------------------------------------------------------- the arithmetic


def absolute(scale: float, bias: float, probability: float = PROBABILITY) -> float:
    """The cosine at which sigmoid(scale cos + bias) is ``probability``. ``scale`` as multiplied, not its logarithm."""
    return (math.log(probability / (1 - probability)) - bias) / scale


def outlier(scores: Floats) -> float:
    """What lies far above the usual: the median and OUTLIER deviations, by the lower half, where no hits are.

    Infinite for fewer than OUTLIER_ROWS scores.
    """
    if len(scores) < OUTLIER_ROWS:
        return math.inf
    low, middle = np.quantile(scores, (0.16, 0.5))
    return float(middle + OUTLIER * (middle - low))


@dataclass(frozen=True, eq=False)
class Study:
    """What was learned from the rows of one kind. ``sample`` (n, d) unit rows; the numbers as in the module's text."""

    sample: Floats
    gap: float
    cap: float
    reach: float

    def floor(self, query: Floats) -> float:
        """For the unit vector ``query`` (d,) of a text."""
        low, middle = np.quantile(self.sample @ query, _QUANTILES)
        return min(float(middle), float(low) + self.gap, self.cap) + self.reach


def study(sample: Floats, bank: Floats, rows: int) -> Study | None:
    """``sample`` (n, d) out of ``rows`` rows of one kind, ``bank`` (b, d): unit vectors. None: too few."""
    if len(sample) < FEWEST or not len(bank):
        return None
    scores = sample @ bank.T
    low, middle = np.quantile(scores, _QUANTILES, axis=0)
    gap, cap = float(np.median(middle - low)), float(middle.mean() + 2 * middle.std())
    usual = np.minimum(np.minimum(middle, low + gap), cap)
    whole = max(rows, len(sample), _SMALL_LIBRARY)
    growth = math.sqrt(2 * math.log(whole)) - math.sqrt(2 * math.log(len(sample)))
    deviation = float(np.median(scores.std(axis=0)))
    reach = float(np.quantile(scores.max(axis=0) - usual, SURE)) + deviation * (MARGIN + growth)
    return Study(sample, gap, cap, reach)


def alike(one: Floats, other: Floats) -> float | None:
    """The ALIKE quantile of the cosines of rows (n, d) with rows (m, d), without those of a row with itself.

    None when there are too few.
    """
    if min(len(one), len(other)) < FEWEST:
        return None
    cosines = one[:_PAIRS] @ other[:_PAIRS].T
    apart = cosines[cosines < 0.9999]
    return float(np.quantile(apart, ALIKE)) if len(apart) else None


# --------------------------------------------------------------------------------------- for a brain


@dataclass(frozen=True, eq=False)
class Calibration:
    """What is known of one model: ``fixed`` floors by (kind of query, kind of row), and studies of ``rows`` rows."""

    fixed: Mapping[tuple[Kind, Kind], float]
    studies: Mapping[Kind, Study]
    rows: int = 0

    def floor(self, query: Floats, of: Kind, row: Kind) -> float | None:
        """None: nothing is known."""
        if (of, row) in self.fixed:
            return self.fixed[of, row]
        return self.studies[row].floor(query) if of == "text" and row in self.studies else None


class Floors:
    """The floors of all models in use. ``learn`` is for one thread, which may wait; the rest is for any.

    ``folder``: where the bank's vectors are kept, so that no model is woken for them at every start.
    """

    def __init__(self, tower: TextTower, folder: Path) -> None:
        self.sentences = Sentences(tower, folder)
        self._lock = threading.Lock()
        self._known: dict[str, Calibration] = {}

    def floors(self, mirror: Mirror, vector: Floats, kind: Kind) -> dict[Kind, float]:
        """The least cosine with ``vector`` (of an image or a text) that is no accident, for rows of each kind."""
        known = self.calibration(mirror.model)
        found = {row: known.floor(vector, kind, row) for row in KINDS}
        out = {row: floor for row, floor in found.items() if floor is not None}
        if known.rows:
            return {row: out.get(row, math.inf) for row in KINDS}
        if len(out) < len(KINDS):
            ids = mirror.index.ids()
            usual = outlier(mirror.index.get(ids[:: max(1, len(ids) // SAMPLE)]) @ vector)
            return {row: out.get(row, usual) for row in KINDS}
        return out

    def of_pictures(self, model: Model, texts: Floats) -> Floats | None:
        """The floors of rows of pictures for unit vectors (n, d) of texts, (n,); None while nothing is known."""
        known = self.calibration(model)
        each = [known.floor(vector, "text", "image") for vector in texts]
        return None if None in each else np.array(each, np.float32)

    def calibration(self, model: Model) -> Calibration:
        """What is known of a model at this moment."""
        with self._lock:
            known = self._known.get(model.key)
        if known is None:
            known = Calibration(fixed(model), {})
            with self._lock:
                known = self._known.setdefault(model.key, known)
        return known

    def learn(self, tx: Tx, mirror: Mirror) -> bool:
        """Study the library, again when it has changed by a tenth since; whether that was done.

        Encodes the bank once for each model, and only while that is in memory for other reasons.
        """
        model, size = mirror.model, len(mirror.index)
        known = self.calibration(model)
        if size < FEWEST or abs(size - known.rows) <= _AGAIN * known.rows:
            return False
        given = fixed(model)
        bank: Floats | None = np.empty((0, model.dimensions), np.float32)
        if not all(("text", row) in given for row in KINDS):
            bank = self.sentences.get(model, "bank", BANK, wake=False)
        if bank is None:
            return False
        parts = _sample(tx, mirror)
        looked = max(1, sum(map(len, parts.values())))
        studies = {}
        for row in KINDS:
            found = study(parts[row], bank, size * len(parts[row]) // looked)
            if found is not None:
                studies[row] = found
        likes = {("image", row): alike(parts["image"], parts[row]) for row in KINDS}
        learned = {pair: floor for pair, floor in likes.items() if floor is not None}
        with self._lock:
            self._known[model.key] = Calibration({**learned, **given}, studies, size)
        return True


def _sample(tx: Tx, mirror: Mirror) -> dict[Kind, Floats]:
    """Up to SAMPLE rows of each kind, spread evenly over all ids."""
    ids = mirror.index.ids()
    chosen = ids[:: max(1, len(ids) // (len(KINDS) * SAMPLE))]
    found = tx.all(
        "SELECT e.tower, e.vector FROM json_each(?) j CROSS JOIN embedding e ON e.id = j.value",
        (json.dumps(chosen.tolist()),),
    )
    parts = {}
    for kind in KINDS:
        vectors = b"".join(vector for tower, vector in found if tower == kind)
        parts[kind] = np.frombuffer(vectors, "<f2").reshape(-1, mirror.model.dimensions).astype(np.float32)[:SAMPLE]
    return parts


def fixed(model: Model) -> dict[tuple[Kind, Kind], float]:
    """Floors that come with the model: ways 1 and 2. Empty for a model that only ranks."""
    given = model.notes.get("calibration", {}).get("floors", {})
    floors = {(of, row): float(given[f"{of}-{row}"]) for of in KINDS for row in KINDS if f"{of}-{row}" in given}
    decides = sigmoid(model)
    if decides and ("text", "image") not in floors:
        floors["text", "image"] = absolute(*decides)
    return floors


def sigmoid(model: Model) -> tuple[float, float] | None:
    """(logit scale as multiplied, logit bias) of a model that has a bias, read from its safetensors.

    None for other models, and for weights that are a pickle: those are never opened here.
    """
    if model.weights.suffix != ".safetensors":
        return None
    try:
        from safetensors import SafetensorError, safe_open
    except ModuleNotFoundError:
        return None
    try:
        with safe_open(model.weights, framework="np") as weights:
            if not {"logit_bias", "logit_scale"} <= set(weights.keys()):
                return None
            scale, bias = (float(weights.get_tensor(name).reshape(())) for name in ("logit_scale", "logit_bias"))
            return math.exp(scale), bias
    except (OSError, SafetensorError, TypeError, ValueError):
        log.warning("%s: its logit scale and bias cannot be read", model.name)
        return None
