"""The child process in which models run: ``python -m albumsd.ml.worker``. The only one that imports torch.

Messages as in ``frames``. In: ``{know: description}``, ``{load: key}``, ``{id, kind, key, items, busy}``, ``{cancel:
id}``. Out: first ``{ready: true}``; of models ``{model, state, why | info}``; ``{begin: id}`` before each unit of work
(and when it goes on after texts that came in between) and after it ``{id, first, count, problems: [[index, reason,
detail]]}`` with the vectors as float32 rows (zeros where there is a problem), or with ``captions``; ``{id, failed:
why}`` ends a call. The end of standard input ends this.

Descriptor 1 is moved away first, so that no library can write into the protocol. Threads: this one runs the models; one
reads requests; one loads models; a few decode pictures.
"""

from __future__ import annotations

import argparse
import os
import sys
import threading
import warnings
from concurrent.futures import Future, ThreadPoolExecutor
from typing import IO, Any

import numpy as np

from ..core.facts import Problem
from . import clip, pictures
from .confine import die_with_parent, stay_offline
from .desk import Call, Desk, Unit
from .dtype import NAMES
from .errors import ModelFailed
from .frames import pack, receive
from .shelf import Loaded, Shelf

_DECODERS = (4, 16)
"""At most so many decoding threads beside a model on the CPU, and on CUDA."""

_SWITCH_S = 0.0005
"""A decoding thread gives the interpreter back after this long: the model's thread needs it often, and shortly."""


class Answers:
    """The way to the parent. Any thread may send."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream, self._lock = stream, threading.Lock()

    def send(self, header: dict[str, Any], payload: bytes = b"") -> None:
        with self._lock:
            try:
                self._stream.write(pack(header, payload))
                self._stream.flush()
            except BrokenPipeError:
                os._exit(0)  # the parent is gone


class Work:
    """Runs units, on all cores, or on all but one while the caller says that others are decoding."""

    def __init__(self, answers: Answers, desk: Desk, threads: int) -> None:
        self._answers, self._desk, self._threads = answers, desk, threads
        self._used = 0

    def run(self, unit: Unit) -> None:
        call = unit.call
        self._answers.send({"begin": call.id})
        try:
            self._use(unit.model, self._threads_for(unit))
            header, payload = self._answer(unit)
        except Exception as error:
            why = error.why if isinstance(error, ModelFailed) else f"{type(error).__name__}: {error}"[:400]
            self._desk.cancel(call.id)
            self._answers.send({"id": call.id, "failed": why})
            return
        self._desk.done(unit)
        self._answers.send({"id": call.id, "first": unit.first, "count": len(unit.items), **header}, payload)

    def _answer(self, unit: Unit) -> tuple[dict[str, Any], bytes]:
        model: Any = unit.model
        if unit.call.kind == "texts":
            rows = model.texts(unit.items)
            if not np.isfinite(rows).all():
                raise ModelFailed("it makes no vector of a text: its weights are no good")
            return {"problems": []}, rows.tobytes()
        good = [index for index, item in enumerate(unit.items) if not isinstance(item, Problem)]
        bad = {index: item for index, item in enumerate(unit.items) if isinstance(item, Problem)}
        pixels = [unit.items[index] for index in good]
        if unit.call.kind == "captions":
            lines = [""] * len(unit.items)
            written = model.captions(pixels, lambda: self._texts_first(unit)) if pixels else []
            for index, line in zip(good, written):
                lines[index] = line
            return {"problems": _listed(bad), "captions": lines}, b""
        vectors = np.zeros((len(unit.items), model.dimensions), dtype=np.float32)
        if pixels:
            vectors[good] = model.pictures(pixels)
        nothing = ~np.isfinite(vectors).all(axis=1)
        vectors[nothing] = 0
        bad |= {int(index): Problem("corrupt", "the model makes no vector of it") for index in np.flatnonzero(nothing)}
        return {"problems": _listed(bad)}, vectors.tobytes()

    def _texts_first(self, unit: Unit) -> None:
        """Answer the texts that wait while captions are written, then go on with these."""
        texts = self._desk.texts()
        if texts is None:
            return
        while texts is not None:
            self.run(texts)
            texts = self._desk.texts()
        self._use(unit.model, self._threads_for(unit))
        self._answers.send({"begin": unit.call.id})

    def _threads_for(self, unit: Unit) -> int:
        return self._threads - 1 if unit.call.busy else self._threads

    def _use(self, model: Loaded, threads: int) -> None:
        if self._used != threads:
            model.use_threads(threads)
            self._used = threads


def _listed(problems: dict[int, Problem]) -> list[list[Any]]:
    return [[index, problem.reason, problem.detail] for index, problem in sorted(problems.items())]


def _read(requests: IO[bytes], shelf: Shelf, desk: Desk) -> None:
    while (message := receive(requests)) is not None:
        header, _ = message
        if "know" in header:
            shelf.know(header["know"])
        elif "load" in header:
            shelf.want(header["load"])
        elif "cancel" in header:
            desk.cancel(header["cancel"])
        else:
            shelf.want(header["key"])
            desk.add(Call(**header))
    os._exit(0)


def _decoder(threads: int) -> Any:
    """A pool that is as large as the device deserves, made when the first picture comes."""
    pools: list[ThreadPoolExecutor] = []

    def decode(model: Loaded, path: str) -> Future[pictures.Pixels | Problem]:
        if not pools:
            most = _DECODERS[model.info["device"] != "cpu"]
            pools.append(ThreadPoolExecutor(min(most, max(1, threads)), "decoder"))
        return pools[0].submit(pictures.load, path, model.geometry)

    return decode


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="albumsd.ml.worker")
    parser.add_argument("--parent", type=int, required=True)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int, default=0, help="0: as many as there are cores")
    parser.add_argument("--dtype", choices=("auto", *NAMES), default="auto")
    parser.add_argument("--nice", type=int, default=0)
    options = parser.parse_args(argv)
    os.umask(0o077)
    die_with_parent(options.parent)
    stay_offline()
    if options.nice:
        os.nice(options.nice)
    requests, answers = os.fdopen(os.dup(0), "rb"), Answers(os.fdopen(os.dup(1), "wb"))
    os.dup2(2, 1)
    silence = os.open(os.devnull, os.O_RDONLY)
    os.dup2(silence, 0)
    os.close(silence)
    warnings.simplefilter("ignore")
    sys.setswitchinterval(_SWITCH_S)
    cores = len(os.sched_getaffinity(0))
    threads = min(options.threads, cores) if options.threads > 0 else cores
    shelf = Shelf(lambda wanted: clip.load({**wanted, "dtype": options.dtype}, options.device, threads), answers.send)
    desk = Desk(shelf, _decoder(cores))
    shelf.wake, shelf.drop = desk.wake, desk.drop
    answers.send({"ready": True})
    threading.Thread(target=_read, args=(requests, shelf, desk), name="requests", daemon=True).start()
    work = Work(answers, desk, threads)
    while True:
        work.run(desk.next())


if __name__ == "__main__":
    sys.exit(main())
