"""``embed``: the vectors by which an asset is found by its meaning: what pictures show, what documents say.

A video has a vector for each of its frames, a document for each piece of its text.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

from albumsd.store import embeddings, lookups
from albumsd.store.database import Tx
from albumsd.store.embeddings import Identity, Part
from albumsd.store.scanning import Subject

from .. import pictures
from ..stage import Stage, Tools, Work, done

PIECES = 8
PIECE_WORDS = 60
"""Text towers read about 75 tokens, and a word is somewhat more than one."""
PIECE_CHARS = 480
"""Of scripts that write no spaces."""


def pieces(title: str | None, text: str) -> list[str]:
    """The beginning of a document in up to PIECES pieces; its title stands before the first."""
    chopped = (word[at : at + PIECE_CHARS] for word in text.split() for at in range(0, len(word), PIECE_CHARS))
    found: list[list[str]] = [[]]
    chars = 0
    for word in chopped:
        if found[-1] and (len(found[-1]) == PIECE_WORDS or chars + len(word) > PIECE_CHARS):
            if len(found) == PIECES:
                break
            found.append([])
            chars = 0
        found[-1].append(word)
        chars += len(word) + 1
    if title and title.strip():
        found[0].insert(0, title.strip())
    return [" ".join(piece) for piece in found if piece]


def _wants(subject: Subject) -> bool:
    return subject.kind != "other"


def _begin(tx: Tx, work: Work, tools: Tools) -> Sequence[Future[Any]]:
    """An item of its text, if it has one, else of its pictures."""
    subject, alone = work.subject, work.job.attempts > 0
    if subject.kind == "document":
        words = lookups.first_words(tx, subject.asset, 2 * PIECES * PIECE_CHARS)
        texts = pieces(*words) if words and words[1].strip() else []
        if texts:
            work.extra = "text"
            return [tools.brain.submit("embed", {"texts": texts}, weight=len(texts), alone=alone)]
    seen = pictures.frames(tx, subject, tools.previews, tools.reframed)
    if not seen:
        picture = pictures.of(tx, subject, tools.previews, tools.brain.input_px)
        seen = [picture] if picture else []
    if not seen:
        return [done({})]
    work.extra = "image"
    item = {"pictures": [os.fspath(path) for path in seen]}
    return [tools.brain.submit("embed", item, weight=len(seen), alone=alone)]


def _apply(tx: Tx, work: Work, answers: Sequence[Any]) -> int:
    found = answers[0]
    if found:
        model = Identity(found["key"], found["name"], int(found["dimensions"]))
        parts = [Part(work.extra, base64.b64decode(vector, validate=True)) for vector in found["vectors"]]
        embeddings.put(tx, work.job.asset, model, parts)
    return work.job.asset


STAGE = Stage(
    name="embed",
    version=1,
    help="Looks at the small picture, at frames of a video, at the words of a document, for a search by meaning.",
    example="search/dog on the beach finds IMG_2041.HEIC, which nobody has described",
    where="brain",
    needs=("text", "preview"),
    wants=_wants,
    begin=_begin,
    apply=_apply,
)
