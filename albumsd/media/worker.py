"""The child process in which files of the world are decoded: ``python -m albumsd.media.worker``.

Requests come on standard input, answers leave on standard output, each a 4-byte big-endian length and that much
JSON: ``{id, task, path, ...}`` (``path`` one character per byte) in, ``{id, ok}`` or ``{id, problem: [reason,
detail]}`` out, in the order of the requests; before all others ``{ready: pid}``. Descriptor 1 is moved away first,
so that no library can write into the protocol; what libraries say goes to standard error, which the parent
discards. The process is single-threaded but for the threads of the decoders.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
import warnings
from collections.abc import Mapping
from typing import IO

from .errors import MediaError, explain
from .limits import Limits
from .sandbox import deny_system_calls, die_with_parent, limit_resources
from .tasks import TASKS, Task
from .wire import path_from_wire


def receive(stream: IO[bytes]) -> dict[str, object] | None:
    """The next request; None at the end of the stream."""
    header = stream.read(4)
    if len(header) < 4:
        return None
    message: dict[str, object] = json.loads(stream.read(int.from_bytes(header, "big")).decode("utf-8", "surrogatepass"))
    return message


def send(stream: IO[bytes], message: Mapping[str, object]) -> None:
    data = json.dumps(message, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")
    stream.write(len(data).to_bytes(4, "big") + data)
    stream.flush()


def answer(request: dict[str, object], tasks: Mapping[str, Task], limits: Limits) -> dict[str, object]:
    """The answer to one request. Never raises for what a task does, except for leaving the process."""
    number = request.pop("id")
    if isinstance(request.get("path"), str):
        request["path"] = path_from_wire(str(request["path"]))
    try:
        return {"id": number, "ok": tasks[str(request.pop("task"))].run(request, limits)}
    except MediaError as error:
        problem = error.problem
    except Exception as error:  # whatever a decoder throws costs this file only
        problem = explain(error)
    return {"id": number, "problem": [problem.reason, problem.detail]}


def serve(requests: IO[bytes], answers: IO[bytes], tasks: Mapping[str, Task], limits: Limits) -> None:
    """Say that the worker is ready, then answer until the requests end."""
    send(answers, {"ready": os.getpid()})
    while (request := receive(requests)) is not None:
        send(answers, answer(request, tasks, limits))


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="albumsd.media.worker")
    parser.add_argument("--limits", required=True, help="Limits as JSON")
    parser.add_argument("--nice", type=int, default=0)
    parser.add_argument("--parent", type=int, required=True)
    parser.add_argument("--tasks", action="append", default=[], help="A module with further TASKS")
    options = parser.parse_args(argv)
    limits = Limits.from_json(json.loads(options.limits))
    os.umask(0o077)
    die_with_parent(options.parent)
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    silence = os.open(os.devnull, os.O_RDONLY)
    os.dup2(silence, 0)
    os.close(silence)
    warnings.simplefilter("ignore")
    sys.setrecursionlimit(2000)
    tasks = {task.name: task for task in TASKS}
    for name in options.tasks:
        tasks.update({task.name: task for task in importlib.import_module(name).TASKS})
    limit_resources(limits.memory, options.nice)
    deny_system_calls()
    serve(requests, answers, tasks, limits)
    return 0


if __name__ == "__main__":
    sys.exit(main())
