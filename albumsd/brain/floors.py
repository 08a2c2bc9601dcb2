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
rows of the sample: alike is what is nearer than 49 in 50 pairs. Both need a study; before that ``outlier`` stands in.
Of a kind with fewer than ``FEWEST`` rows nothing is found: the text index finds a lone document.

All here is arithmetic on arrays, and reads nothing but two numbers of a model's weights; ``calibration`` remembers and
asks the model. A floor costs n x dimensions multiplications (1 ms), whatever the size of the library.
"""

from __future__ import annotations

import logging
import math
import random
from dataclasses import dataclass

import numpy as np

from albumsd.ml.folders import Model

from .sentences import Floats

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
_AT_ONCE = 256
"""Queries whose floors are found at once: 4 MB of cosines."""
_BLOCK = 512
"""So few rows OpenBLAS does not spread over threads, which on a busy machine wait 5 ms for each other."""

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


def cosines(queries: Floats, rows: Floats) -> Floats:
    """(n, m) of unit vectors ``queries`` (n, d) with ``rows`` (m, d)."""
    if len(queries) > 1:
        return queries @ rows.T
    out = np.empty((len(queries), len(rows)), np.float32)
    for query, line in zip(queries, out, strict=True):
        for begin in range(0, len(rows), _BLOCK):
            np.dot(rows[begin : begin + _BLOCK], query, out=line[begin : begin + _BLOCK])
    return out


@dataclass(frozen=True, eq=False)
class Study:
    """What was learned from the rows of one kind. ``sample`` (n, d) unit rows; the numbers as in the module's text."""

    sample: Floats
    gap: float
    cap: float
    reach: float

    def floors(self, queries: Floats) -> Floats:
        """(n,) for the unit vectors ``queries`` (n, d) of texts."""
        out = np.empty(len(queries), np.float32)
        for begin in range(0, len(queries), _AT_ONCE):
            part = slice(begin, begin + _AT_ONCE)
            low, middle = np.quantile(cosines(queries[part], self.sample), _QUANTILES, axis=1)
            out[part] = np.minimum(np.minimum(middle, low + self.gap), self.cap) + self.reach
        return out


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


# ------------------------------------------------------------------------- what comes with a model


def fixed(model: Model, decides: tuple[float, float] | None) -> dict[tuple[Kind, Kind], float]:
    """Floors by (kind of query, kind of row) that come with the model: ways 1 and 2. Empty for one that only ranks.

    ``decides``: its ``sigmoid``.
    """
    floors: dict[tuple[Kind, Kind], float] = {}
    try:
        given = model.notes.get("calibration", {}).get("floors", {})
        floors = {(of, row): float(given[f"{of}-{row}"]) for of in KINDS for row in KINDS if f"{of}-{row}" in given}
    except (AttributeError, TypeError, ValueError):
        log.warning("%s: the floors in its notes are not {kind-kind: number}", model.name)
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
