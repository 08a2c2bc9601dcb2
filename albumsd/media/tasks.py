"""What a worker can do: one function per task, by name.

A task gets the request (plain data, with ``path`` as bytes) and the limits, and returns plain data for the answer.
It raises MediaError for what is wrong with a file; anything else it raises becomes a problem too. Further tasks
come from modules that the pool names (``TASKS`` in each); that is how tests bring tasks that hang and crash.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..core.facts import Problem
from .hashing import sha256_file
from .limits import Limits
from .source import Source
from .wire import to_wire

Request = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Task:
    name: str
    help: str
    run: Callable[[Request, Limits], Request]


def _facts(request: Request, limits: Limits) -> Request:
    from .facts import read

    return {"facts": to_wire(read(request["path"], limits, follow=request.get("follow", False)))}


def _hash(request: Request, limits: Limits) -> Request:
    with Source(request["path"]) as source:
        digest, size = sha256_file(source.fd)
    return {"sha256": digest, "size": size}


def _preview(request: Request, limits: Limits) -> Request:
    from .preview import make

    with Source(request["path"]) as source:
        made = make(source, Path(request["previews"]), request["sha256"], limits)
    if made is None:
        return {"made": None}
    return {
        "made": {
            "preview_bytes": made.preview_bytes,
            "preview_size": list(made.preview_size),
            "thumbnail_bytes": made.thumbnail_bytes,
            "thumbnail_size": list(made.thumbnail_size),
            "dhash": made.dhash.hex(),
            "problems": [[problem.reason, problem.detail] for problem in made.problems],
        }
    }


def _frames(request: Request, limits: Limits) -> Request:
    from .frames import make

    with Source(request["path"]) as source:
        return {"frames": make(source, Path(request["previews"]), request["sha256"], request["count"], limits)}


def _text(request: Request, limits: Limits) -> Request:
    from .facts import text_of

    with Source(request["path"]) as source:
        return {"text": text_of(source, limits.text)}


def _sidecar(request: Request, limits: Limits) -> Request:
    from .xmp import read_sidecar

    return {"facts": to_wire(read_sidecar(request["path"]))}


def _describe(request: Request, limits: Limits) -> Request:
    from .errors import MediaError
    from .facts import check_decodable, read_source, text_of

    with Source(request["path"], follow=True) as source:
        facts = read_source(source)
        problems = [*facts.problems, *check_decodable(source, facts, limits)]
        if source.size == 0 and not problems:  # in a library an empty note is nothing to see to; who asks is told
            problems.append(Problem("empty", "no bytes"))
        chars = None
        try:
            words = text_of(source, limits.text)
            chars = None if words is None else len(words)
        except MediaError as error:
            if error.problem.reason not in {problem.reason for problem in problems}:
                problems.append(error.problem)
    return {"facts": to_wire(replace(facts, problems=tuple(problems), text_chars=chars))}


TASKS: tuple[Task, ...] = (
    Task("facts", "Headers only: what the bytes of a file say.", _facts),
    Task("hash", "SHA-256 and size of a file.", _hash),
    Task("preview", "Write the preview and the thumbnail of a file.", _preview),
    Task("frames", "Write what a video shows at several moments.", _frames),
    Task("text", "The words of a document.", _text),
    Task("sidecar", "What an XMP sidecar says.", _sidecar),
    Task("describe", "Facts, decodability and the length of the text, for `albumsd facts`.", _describe),
)
