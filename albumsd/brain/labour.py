"""What brain does for the indexer: vectors, tags and captions of a batch of assets. It computes and writes nothing.

    {"ask": "embed", "items": [{"pictures": [path, …]} or {"texts": [text, …]}, …], "busy": bool}
        ->  {"key", "name", "dimensions", "items": [{"vectors": [base64 of float16 LE, …]} or {"problem": […]}, …]}
    {"ask": "tags", "items": [{"asset": id}, …]}
        ->  {"of": fingerprint, "name", "items": [{"tags": [[tag, score], …]}, …]}
    {"ask": "caption", "items": [{"asset": id, "picture": path or null}, …], "busy": bool}
        ->  {"of": fingerprint, "name", "items": [{"caption": text or null} or {"problem": […]}, …]}

Each answers ``{"none": sentence}`` when there is no model for it, or it cannot be loaded. A model that dies of a batch
fails the call: the indexer then asks for each asset alone. ``busy``: decoders want the processor too. A fingerprint
says all that a result depends on; a problem is [reason, detail].
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from albumsd.core.facts import Problem
from albumsd.ml.errors import ModelFailed
from albumsd.ml.folders import Model
from albumsd.store import embeddings

from .choice import Choice
from .mind import Mind
from .phrases import Vector
from .readers import Readers
from .tagger import Tagging

Answer = dict[str, Any]

WORK_S = 840.0
"""Less than the indexer waits for a call: loading a model from a slow disk, then a batch on a slow machine."""


class _None(Exception):
    """There is no model for it; the text says why."""


class Labour:
    """Safe for several threads."""

    def __init__(self, mind: Mind, tagging: Tagging, readers: Readers) -> None:
        self._mind = mind
        self._tagging = tagging
        self._readers = readers
        self._leaving = False

    def answer(self, asked: Answer) -> Answer:
        """One answer to ``embed``, ``tags`` or ``caption``. Raises ModelFailed, NotReady, ValueError."""
        choice, items, busy = self._mind.standing.choice, asked["items"], bool(asked.get("busy"))
        try:
            if asked["ask"] == "embed":
                return self._embed(choice, items, busy)
            if asked["ask"] == "tags":
                return self._tags(choice, items)
            return self._captions(choice, items, busy)
        except _None as none:
            return {"none": str(none)}
        except ModelFailed:
            if self._leaving:
                raise SystemExit from None  # says nothing: who asked takes it that brain is away, and blames no file
            raise

    def stages(self) -> dict[str, str | None]:
        """Stage -> fingerprint; None when nobody does it."""
        choice = self._mind.standing.choice
        tags = self._tagging.fingerprint(choice) if choice.model else None
        return {"embed": choice.model.key if choice.model else None, "tags": tags, "caption": self._captioned(choice)}

    def leave(self) -> None:
        """brain is about to end: what is in work will fail, and nobody shall hear why."""
        self._leaving = True

    @contextmanager
    def _working(self, model: Model) -> Iterator[None]:
        """A model that cannot be loaded is as good as none."""
        try:
            yield
        except ModelFailed as error:
            if not self._leaving and self._mind.host.state(model) == "failed":
                raise _None(str(error)) from None
            raise

    # ------------------------------------------------------------------------------------------ embed

    def _embed(self, choice: Choice, items: Sequence[Answer], busy: bool) -> Answer:
        model = _model(choice)
        host = self._mind.host
        paths = [path for item in items for path in item.get("pictures", ())]
        texts = [text for item in items for text in item.get("texts", ())] if _reads(model) else []
        with self._working(model):
            pictures = iter(host.encode_images(model, paths, WORK_S, busy=busy))
            words = iter(host.encode_texts(model, texts, WORK_S))
        parts = []
        for item in items:
            found = [next(pictures) for _ in item.get("pictures", ())]
            found += [next(words) for _ in item.get("texts", ())] if _reads(model) else []
            parts.append(_part(found))
        return {"key": model.key, "name": model.name, "dimensions": model.dimensions, "items": parts}

    # ------------------------------------------------------------------------------- tags, captions

    def _tags(self, choice: Choice, items: Sequence[Answer]) -> Answer:
        of, tags = self._tagged(choice, items)
        return {"of": of, "name": _model(choice).name, "items": [{"tags": found} for found in tags]}

    def _tagged(self, choice: Choice, items: Sequence[Answer]) -> tuple[str, list[list[tuple[str, float]]]]:
        """The tags of each asset by its vectors; none of one that has none."""
        model, of = _model(choice), self._tagging.fingerprint(choice)
        if of is None:
            raise _None(self._tagging.why(choice))
        parts = []
        with self._readers.lend(WORK_S) as reader:
            number = embeddings.model_id(reader, model.key)
            for item in items:
                rows = embeddings.of_asset(reader, int(item["asset"]), number) if number is not None else []
                seen = [np.frombuffer(row.vector, "<f2").astype(np.float32) for row in rows if row.tower == "image"]
                parts.append(np.array(seen, np.float32).reshape(len(seen), model.dimensions))
        with self._working(model):
            return of, self._tagging.tags(choice, parts)

    def _captioned(self, choice: Choice) -> str | None:
        if choice.config["captioner"]:
            return choice.captioner.key if choice.captioner else None
        form = self._tagging.template(choice) if choice.model else None
        tags = self._tagging.fingerprint(choice) if form is not None else None
        return f"{tags}+{hashlib.sha256(form.encode()).hexdigest()[:12]}" if tags and form else None

    def _captions(self, choice: Choice, items: Sequence[Answer], busy: bool) -> Answer:
        of = self._captioned(choice)
        if of is None:
            waits = self._tagging.why(choice) if self._tagging.template(choice) else None
            raise _None(choice.captioner_why or choice.why or waits or "no captioner is chosen")
        if choice.captioner is None:
            tags = self._tagged(choice, items)[1]
            lines = [{"caption": self._tagging.sentence(choice, found)} for found in tags]
            return {"of": of, "name": _model(choice).name, "items": lines}
        paths = [item["picture"] for item in items if item.get("picture")]
        with self._working(choice.captioner):
            found = iter(self._mind.host.captions(choice.captioner, paths, WORK_S, busy=busy))
        parts = [_line(next(found)) if item.get("picture") else {"caption": None} for item in items]
        return {"of": of, "name": choice.captioner.name, "items": parts}


def _model(choice: Choice) -> Model:
    if choice.model is None:
        raise _None(choice.why)
    return choice.model


def _reads(model: Model) -> bool:
    """Whether its text tower knows the language of documents: notes may say that it does not."""
    return bool(model.notes.get("documents", True))


def _part(found: Sequence[Vector | Problem]) -> Answer:
    """The vectors of one item. Frames that cannot be read are left out, unless that leaves nothing."""
    problems = [each for each in found if isinstance(each, Problem)]
    vectors = [each for each in found if not isinstance(each, Problem)]
    if problems and not vectors:
        return {"problem": [problems[0].reason, problems[0].detail]}
    return {"vectors": [base64.b64encode(np.asarray(each, "<f2").tobytes()).decode() for each in vectors]}


def _line(found: str | Problem) -> Answer:
    return {"problem": [found.reason, found.detail]} if isinstance(found, Problem) else {"caption": found or None}
