"""Tags by comparing what a picture's vector is near to: the sentences of a vocabulary. And captions made of tags.

A tag's vector is the mean of the unit vectors of its prompts, made unit again. A picture's score for a tag is a number
from 0 to 1; of an asset with several vectors (frames of a video) it is that of their mean. Two ways:

* A model that **decides for itself** (``floors.sigmoid``, or floors in its notes): the score is
  sigmoid(t (cos - floor)), so 1/2 where the cosine is at the floor; t is its logit scale, at most SHARPEST.
* **Any other**: the score is the tag's share of a softmax, with logit scale CLIP_SCALE, over the tags of its group
  and the texts of ``floors.BANK``, which no picture shows: as in CLIP's own zero-shot classification
  (arXiv:2103.00020, section 3.1.2), but "none of these" is one of the answers. When the library has been studied, the
  cosine must also be above the floor that the tag would have as a query: that is each tag's own calibration, since
  words that are near to everything have a high floor.

A tag is given when its score is at least its threshold (the vocabulary's, else SURE), and of an exclusive group only
the best. At most MOST, best first.

``compose`` turns tags into a sentence by a *form* that a model's notes bring (``"caption"``), so the words are data::

    {"form": "{count} {colour} {object} {ground} {light}",  groups in braces; a group without a tag is left out
     "needs": ["object"],                                   no sentence without these
     "words": {"count": {"one": "a"}, "ground": {"beach": "on the beach"}},      what stands for a tag; else its name
     "plural": {"of": "object", "unless": {"count": ["one"]}, "words": {"fish": "fish"}}}

The plural of a word that is not in ``words`` ends in s; "a" becomes "an" before a vowel.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from albumsd.core.errors import ConfigError
from albumsd.ml.folders import Model

from . import vocabulary
from .calibration import Calibration, Floors
from .choice import Choice
from .floors import BANK
from .sentences import Floats
from .vocabulary import Vocabulary

log = logging.getLogger(__name__)

Tags = list[tuple[str, float]]

SURE = 0.5
MOST = 12
CLIP_SCALE = 100.0
"""The logit scale at which CLIP models stop training; their own is not read from weights that may be a pickle."""
SHARPEST = 100.0
_GROUP = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, eq=False)
class Tagger:
    """``words`` (t, d): a unit vector for each tag. Either ``floors`` (t,) and ``sharpness`` are set: the model decides
    for itself; or ``bank`` (b, d) is, and then ``floors`` may be."""

    vocabulary: Vocabulary
    words: Floats
    floors: Floats | None = None
    sharpness: float | None = None
    bank: Floats | None = None

    def _scores(self, vectors: Floats) -> Floats:
        """(n, t) from 0 to 1, for vectors (n, d)."""
        cosines = vectors @ self.words.T
        if self.sharpness is not None and self.floors is not None:
            logits = np.clip(self.sharpness * (cosines - self.floors), -60, 60)
            return np.asarray(1 / (1 + np.exp(-logits)), np.float32)
        bank = np.empty((len(vectors), 0), np.float32) if self.bank is None else vectors @ self.bank.T
        out = np.zeros_like(cosines)
        for places in self.vocabulary.groups.values():
            logits = CLIP_SCALE * np.concatenate([cosines[:, places], bank], axis=1)
            shares = np.exp(logits - logits.max(axis=1, keepdims=True))
            out[:, places] = (shares / shares.sum(axis=1, keepdims=True))[:, : len(places)]
        return out if self.floors is None else np.where(cosines >= self.floors, out, 0.0).astype(np.float32)

    def tags(self, parts: Sequence[Floats]) -> list[Tags]:
        """For each array (n, d) of the unit vectors of one asset its tags with scores, best first; none for n = 0."""
        seen = [number for number, vectors in enumerate(parts) if len(vectors)]
        out: list[Tags] = [[] for _ in parts]
        if seen:
            means = np.stack([parts[number].mean(axis=0) for number in seen])
            for number, scores in zip(seen, self._scores(means), strict=True):
                out[number] = self._given(scores)
        return out

    def _given(self, scores: Floats) -> Tags:
        given: list[tuple[float, int]] = []
        for group, places in self.vocabulary.groups.items():
            among = max(places, key=lambda at: scores[at]) if group in self.vocabulary.exclusive else None
            for at in places if among is None else [among]:
                least = self.vocabulary.tags[at].threshold
                if scores[at] >= (SURE if least is None else least):
                    given.append((float(scores[at]), at))
        given.sort(key=lambda pair: (-pair[0], pair[1]))
        return [(self.vocabulary.tags[at].name, round(score, 4)) for score, at in given[:MOST]]


def word_vectors(known: Vocabulary, encode: Callable[[list[str]], Floats]) -> Floats:
    """A unit vector for each tag (t, d): the mean of those of its prompts. ``encode``: texts to unit vectors."""
    prompts = [prompt for tag in known.tags for prompt in tag.prompts]
    vectors = encode(prompts)
    starts = np.cumsum([0, *(len(tag.prompts) for tag in known.tags)])[:-1]
    sums = np.add.reduceat(vectors, starts, axis=0)
    return np.asarray(sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-6), np.float32)


def compose(form: Mapping[str, Any], groups: Mapping[str, str]) -> str | None:
    """The sentence for tags by group; None when a group that it needs has no tag."""
    if any(group not in groups for group in form.get("needs", ())):
        return None
    words: Mapping[str, Mapping[str, str]] = form.get("words", {})
    said = {group: words.get(group, {}).get(tag, tag) for group, tag in groups.items()}
    plural = form.get("plural", {})
    of = plural.get("of")
    if of in said and not any(groups.get(group) in tags for group, tags in plural.get("unless", {}).items()):
        said[of] = plural.get("words", {}).get(said[of], said[of] + "s")
    text = " ".join(_GROUP.sub(lambda match: said.get(match[1], ""), str(form.get("form", ""))).split())
    return re.sub(r"\b([Aa])(?= [aeiouAEIOU])", r"\1n", text) or None


# --------------------------------------------------------------------------------------- for a brain


WRONG = "the vocabulary of tags cannot be read; the log of brain says why"
WAITS = "tags wait until enough pictures were seen to tell what is usual"


class Tagging:
    """The vocabulary in use, and its vectors under the models in use. Safe for several threads."""

    def __init__(self, floors: Floors) -> None:
        self._floors = floors
        self._files: dict[Path, tuple[tuple[int, int], Vocabulary]] = {}
        self._notes: tuple[Mapping[str, Any], Vocabulary | None] | None = None
        self._made: tuple[str, Calibration, Tagger] | None = None
        """The last Tagger, by the key of its model and what it was made of."""
        self._wrong: set[str] = set()

    def fingerprint(self, choice: Choice) -> str | None:
        """What tags depend on; None when there is no model or no usable vocabulary, or the library must be studied
        first (``calibration``). Asks no model."""
        known = self.vocabulary(choice)
        if choice.model is None or known is None:
            return None
        learned = self._floors.calibration(choice.model)
        of = f"{choice.model.key}+{known.fingerprint()}"
        if learned.is_fixed:
            return of
        return None if learned.number is None else f"{of}+{learned.number}"

    def why(self, choice: Choice) -> str:
        """Why there is no fingerprint though there is a model."""
        return WRONG if self.vocabulary(choice) is None else WAITS

    def tags(self, choice: Choice, parts: Sequence[NDArray[np.float32]]) -> list[Tags]:
        """For each array of unit vectors (n, dimensions) of one asset its tags with scores, best first.

        Raises ModelFailed and NotReady.
        """
        known = self.vocabulary(choice)
        if choice.model is None or known is None:
            return [[] for _ in parts]
        return self._tagger(choice.model, known).tags(parts)

    def template(self, choice: Choice) -> str | None:
        """The form of sentences that the model's notes give, as text; None: it composes none."""
        form = choice.model.notes.get("caption") if choice.model else None
        return json.dumps(form, sort_keys=True) if isinstance(form, dict) else None

    def sentence(self, choice: Choice, tags: Sequence[tuple[str, float]]) -> str | None:
        """A caption of tags; None when they make none."""
        form, known = self.template(choice), self.vocabulary(choice)
        if form is None or known is None:
            return None
        group_of = {tag.name: tag.group for tag in known.tags}
        best: dict[str, str] = {}
        for name, _ in sorted(tags, key=lambda pair: -pair[1]):
            if name in group_of:
                best.setdefault(group_of[name], name)
        return compose(json.loads(form), best)

    def naming(self, choice: Choice) -> str | None:
        """What ``names`` depends on; None when there are none. Asks no model."""
        known = self.vocabulary(choice)
        return f"{choice.model.key}+{known.naming()}" if choice.model and known else None

    def names(self, choice: Choice) -> tuple[list[str], Floats] | None:
        """The tags that may name a cluster and their unit vectors (n, d). Raises ModelFailed and NotReady."""
        known = self.vocabulary(choice)
        if choice.model is None or known is None:
            return None
        chosen = known.named()
        return [known.tags[place].name for place in chosen], self._vectors(choice.model, known)[chosen]

    def vocabulary(self, choice: Choice) -> Vocabulary | None:
        """That of the user's file, else of the model's notes, else the one that comes with albumsd.

        A file that is wrong is said once in the log, and no tags are made until it is right.
        """
        setting = str(choice.config["vocabulary"])
        file = Path(setting).expanduser() if setting else choice.config.library / vocabulary.FILE
        try:
            if setting or file.exists():
                return self._of_file(file)
            return (self._of_notes(choice.model) if choice.model else None) or self._of_file(vocabulary.DEFAULT)
        except (ConfigError, OSError) as error:
            if str(error) not in self._wrong:
                self._wrong.add(str(error))
                log.warning("no tags: %s", error)
            return None

    def _of_file(self, file: Path) -> Vocabulary:
        info = file.stat()
        stamp = info.st_size, info.st_mtime_ns
        held = self._files.get(file)
        if held is None or held[0] != stamp:
            held = self._files[file] = stamp, vocabulary.of_file(file)
        return held[1]

    def _of_notes(self, model: Model) -> Vocabulary | None:
        held = self._notes
        if held is None or held[0] is not model.notes:
            held = self._notes = model.notes, vocabulary.of_notes(model.notes, f"{model.name}/albumsd.json")
        return held[1]

    def _tagger(self, model: Model, known: Vocabulary) -> Tagger:
        """Made once for each state of vocabulary and floors. Raises ModelFailed and NotReady."""
        learned, made = self._floors.calibration(model), self._made
        if made is not None and made[0] == model.key and made[1] is learned and made[2].vocabulary is known:
            return made[2]
        words = self._vectors(model, known)
        floors = learned.floors(words, "text", "image")
        if learned.is_fixed:
            tagger = Tagger(known, words, floors, min(SHARPEST, learned.sigmoid[0] if learned.sigmoid else SHARPEST))
        else:
            tagger = Tagger(known, words, floors, None, self._texts(model, "bank", BANK))
        self._made = model.key, learned, tagger
        return tagger

    def _vectors(self, model: Model, known: Vocabulary) -> Floats:
        return word_vectors(known, lambda texts: self._texts(model, "tags", texts))

    def _texts(self, model: Model, name: str, texts: Sequence[str]) -> Floats:
        vectors = self._floors.sentences.get(model, name, texts)
        assert vectors is not None  # it may wake the model
        return vectors
