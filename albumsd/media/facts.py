"""The door for one file: what is in it (``read``), whether its pixels decode (``check_decodable``), and its words.

``read`` never raises for what a file contains: metadata that was found is returned even when the picture is broken,
and what is wrong is a problem beside it. It runs decoders in this process, so only the worker and tests call it;
``describe`` is for everybody else and works through a pool of children. Importing this module imports no decoder.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ..core import capture, namedates
from ..core.facts import Companion, Facts, Kind, Problem
from . import wire
from .errors import MediaError, explain
from .hashing import sha256_file
from .limits import DEFAULT, Limits
from .pool import DecoderPool, TaskFailed
from .readers import reader
from .sniff import BY_EXTENSION, Guess, sniff
from .source import Source

to_json = wire.to_json

_PROVEN_BY_CONTENT = frozenset({"jpeg", "png", "webp", "gif", "pdf", "office"})
_DAMAGED = frozenset({"truncated", "corrupt"})
_CHECK_SIDE = 320
_CHECK_CHARS = 4096
_FOLDERS = 6


def guess_file(path: bytes | str, *, follow: bool = False) -> Guess:
    """What ``path`` is, by its first bytes and its name; by its name alone when it cannot be opened."""
    try:
        with Source(path, follow=follow) as source:
            return sniff(source.head, source.name)
    except MediaError:
        return sniff(b"", os.path.basename(os.fsencode(path)))


def fallback(path: bytes | str, problem: Problem, *, follow: bool = False) -> Facts:
    """The facts of a file that no decoder survived: the kind of its type, and the problem. Decodes nothing."""
    guess = guess_file(path, follow=follow)
    return Facts(kind=guess.kind, mime=guess.mime, problems=(problem,))


def read(path: bytes | str, limits: Limits = DEFAULT, *, follow: bool = False) -> Facts:
    """What the bytes of ``path`` say: headers only. Never raises for a file's content or absence."""
    try:
        with Source(path, follow=follow) as source:
            return read_source(source)
    except MediaError as error:
        return fallback(path, error.problem)


def read_source(source: Source) -> Facts:
    """``read`` for an open source."""
    guess = sniff(source.head, source.name)
    if source.size == 0:
        problems = () if guess.kind == "other" or guess.reader == "text" else (Problem("empty", "no bytes"),)
        return Facts(kind=guess.kind, mime=guess.mime, problems=problems)
    if guess.by == "name" and guess.reader in _PROVEN_BY_CONTENT:
        return Facts(kind=guess.kind, mime=guess.mime, problems=(_not_what_it_says(guess),))
    if guess.reader is None:
        unread = guess.kind != "other" and guess.mime != "image/svg+xml"
        problems = (Problem("no-decoder", f"nothing here reads {guess.mime}"),) if unread else ()
        return Facts(kind=guess.kind, mime=guess.mime, problems=problems)
    try:
        return reader(guess.reader).facts(source, guess)
    except MemoryError:
        raise
    except Exception as error:  # a library met bytes that it was not made for
        problem = explain(error)
        if guess.by == "name" and problem.reason == "corrupt":
            problem = _not_what_it_says(guess)
        return Facts(kind=guess.kind, mime=guess.mime, problems=(problem,))


def _not_what_it_says(guess: Guess) -> Problem:
    return Problem("not-what-it-says", f"the name says {guess.mime}, the content does not")


def check_decodable(source: Source, facts: Facts, limits: Limits) -> tuple[Problem, ...]:
    """The problems that show only when the file is really decoded: its picture, or the text of a document.

    Facts with a problem of their own are checked too: a picture with damaged metadata may be whole.
    """
    guess = sniff(source.head, source.name)
    known = {problem.reason for problem in facts.problems}
    if guess.reader is None or source.size == 0 or known & {"not-what-it-says", "empty", "encrypted", "no-decoder"}:
        return ()
    decoder = reader(guess.reader)
    found: tuple[Problem, ...] = ()
    try:
        if decoder.preview is not None:
            picture = decoder.preview(source, _CHECK_SIDE, limits)
            found = picture.problems if picture is not None else ()
        elif decoder.text is not None:
            decoder.text(source, _CHECK_CHARS)
    except MemoryError:
        raise
    except Exception as error:
        found = (explain(error),)
    if known & _DAMAGED:
        known |= _DAMAGED  # said once is enough
    return tuple(problem for problem in found if problem.reason not in known)


def text_of(source: Source, limit: int) -> str | None:
    """The words of a document; None for files that have no text. Raises MediaError."""
    guess = sniff(source.head, source.name)
    decoder = reader(guess.reader) if guess.reader else None
    if source.size == 0 or decoder is None or decoder.text is None:
        return None
    try:
        return decoder.text(source, limit)
    except (MediaError, MemoryError):
        raise
    except Exception as error:
        problem = explain(error)
        raise MediaError(problem.reason, problem.detail) from None


# --- for the command line ---------------------------------------------------------------------------


def around(path: bytes | str, facts: Facts) -> Facts:
    """Facts with what stands around the bytes: the file's name, its folders and its mtime join the claims of time."""
    whole = os.path.abspath(os.fsencode(path))
    folders, name = os.path.split(os.fsdecode(whole))
    claims = [*facts.captured_others, *([facts.captured] if facts.captured else [])]
    parts = [part for part in folders.split(os.sep) if part][::-1][:_FOLDERS]
    for claim in (namedates.from_name(name), namedates.from_folder(parts)):
        if claim:
            claims.append(claim)
    try:
        claims.append(namedates.from_mtime(os.stat(whole).st_mtime_ns))
    except OSError:
        pass
    chosen = capture.best(claims)
    others = tuple(sorted({claim for claim in claims if claim != chosen}, key=capture.order))
    return replace(facts, captured=chosen, captured_others=others)


def _live_video(path: bytes, facts: Facts, pool: DecoderPool) -> tuple[Companion, ...]:
    """The video of a Live Photo: beside it, same stem, same content identifier."""
    folder, name = os.path.split(path)
    stem = os.path.splitext(name)[0].lower()
    try:
        names = sorted(os.listdir(folder or b"."))
    except OSError:
        return ()
    for other in names:
        base, extension = os.path.splitext(other)
        kind: Kind = BY_EXTENSION.get(os.fsdecode(extension).lower().lstrip("."), ("", "other", None))[1]
        if kind != "video" or not (base.lower() == stem or base.lower().startswith(stem + b"_")):
            continue
        beside = os.path.join(folder, other)
        try:
            found = wire.from_wire(pool.submit("facts", beside, follow=True).result()["facts"])
        except TaskFailed:
            continue
        if found.content_id == facts.content_id:
            return (Companion("live", path=os.fsdecode(beside)),)
    return ()


def describe(
    paths: Sequence[bytes | str], limits: Limits = DEFAULT, *, with_surroundings: bool = True
) -> list[dict[str, Any]]:
    """One JSON object per path, in order, as ``albumsd facts --json`` prints them: hashed, decoded, with text counted.

    Works in child processes: a file that kills or stalls its decoder gets a problem, and the others their facts. What
    is absent, a folder, or no regular file has the problem ``unreadable``, and is neither read nor opened. A symbolic
    link is followed. Raises PoolFailed.
    """
    found: list[dict[str, Any]] = []
    with DecoderPool(size=max(1, min(len(paths), os.cpu_count() or 1, 4)), limits=limits) as pool:
        futures = [(os.fsencode(path), pool.submit("describe", path)) for path in paths]
        for path, future in futures:
            try:
                facts = wire.from_wire(future.result()["facts"])
            except TaskFailed as failure:
                facts = _survivors(path, failure.problem, pool)
            if facts.kind == "photo" and facts.content_id and not facts.companions:
                facts = replace(facts, companions=_live_video(path, facts, pool))
            pool.check()
            if with_surroundings:
                facts = around(path, facts)
            found.append(to_json(path, facts, _sha256(path)))
    return found


def _sha256(path: bytes) -> str | None:
    """The hash of a file, None if it cannot be read. Hashing decodes nothing: it needs no child and no deadline."""
    try:
        with Source(path, follow=True) as source:
            return sha256_file(source.fd)[0]
    except (OSError, MediaError):
        return None


def _survivors(path: bytes, problem: Problem, pool: DecoderPool) -> Facts:
    """What can still be told of a file whose decoding failed as a whole: what its headers say, or its kind."""
    try:
        facts = wire.from_wire(pool.submit("facts", path, follow=True).result()["facts"])
    except TaskFailed:
        return fallback(path, problem, follow=True)
    if problem.reason in {known.reason for known in facts.problems}:
        return facts
    return replace(facts, problems=(*facts.problems, problem))
