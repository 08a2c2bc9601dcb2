"""What a model says of an asset: tags and a caption. Results of the stages ``tags`` and ``caption``.

They stand beside what a person or a program wrote and never in its place: the tags that are shown are both together,
a person's caption is shown and a model's is not. Who said what can always be told (``readings.Suggestion``), in the
text about the asset and in the search document, where a model's words have a column of their own.

Everything goes through ``assets.refresh``; what is not new writes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from albumsd.core import names

from . import assets, changes, readings
from .database import Tx
from .readings import Suggestion

MAX_TAGS = 50
"""So many tags of one asset are kept, best first."""


def of_asset(tx: Tx, asset: int) -> Suggestion:
    """What models said of an asset, whatever a person says."""
    return readings.suggestion(tx, asset)


def set_tags(tx: Tx, asset: int, tags: Sequence[tuple[str, float]], by: str) -> bool:
    """A model has looked: these are its tags with their scores (greater is surer), maybe none.

    ``by``: the model as a person reads it. Tags become legal names; of two that are one folder the better stays.
    False when nothing is new. An asset that is gone meanwhile is no error.
    """
    best: dict[str, tuple[str, float]] = {}
    for tag, score in sorted(tags, key=lambda each: (-each[1], each[0])):
        if tag.strip():
            legal = names.sanitise(tag)
            best.setdefault(names.name_key(legal), (legal, round(float(score), 4)))
    had = readings.suggestion(tx, asset)
    return _set(tx, asset, had, had._replace(tags=tuple(best.values())[:MAX_TAGS], tags_by=_line(by)))


def set_caption(tx: Tx, asset: int, text: str | None, by: str) -> bool:
    """A model has looked: this is its caption, or it has none. As ``set_tags``."""
    had = readings.suggestion(tx, asset)
    return _set(tx, asset, had, had._replace(caption=_line(text or "") or None, caption_by=_line(by)))


def _line(text: str) -> str:
    return readings.storable(" ".join(text.split()))


def _set(tx: Tx, asset: int, had: Suggestion, said: Suggestion) -> bool:
    if said == had or tx.value("SELECT 1 FROM asset WHERE id=?", (asset,)) is None:
        return False
    old = changes.snapshot(tx, asset)
    readings.put_suggestion(tx, asset, said)
    assets.refresh(tx, asset, old, told=True)
    return True
