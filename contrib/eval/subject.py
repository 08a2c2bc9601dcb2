"""The library that is measured: indexed and ranked by albumsd's own processes, asked through brain's socket.

``Subject`` starts indexer and brain of one library (nothing is mounted: what ``search/<query>/`` lists is what brain
answers), waits until nothing is left to index, and ends both. ``rank`` gives contents by SHA-256 in the order in which
they are shown, and in the orders of the two parts alone.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

from albumsd.core import clock
from albumsd.core import config as configuration
from albumsd.core.errors import NotReady
from albumsd.ipc import calls
from albumsd.store.database import Reader

INDEX_S = 24 * 3600
WARM_S = 300.0
ANSWER_S = 30.0


class NotMeasured(Exception):
    """The processes did not do what was to be measured; the message says what."""


class Ranking(NamedTuple):
    """SHA-256 in hex, best first: as shown, by words alone, by meaning alone."""

    fusion: list[str]
    text: list[str]
    meaning: list[str]


class Subject:
    """A context manager: the processes run inside it. ``settings`` go into the library's config.toml."""

    def __init__(self, library: Path, pictures: Path, settings: Mapping[str, Any]) -> None:
        self._library, self._pictures, self._settings = library, pictures, settings
        self._running: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Subject:
        self._library.mkdir(mode=0o700, parents=True, exist_ok=True)
        lines = [f"{name} = {json.dumps(value)}" for name, value in self._settings.items()]
        (self._library / "config.toml").write_text("\n".join(lines) + "\n")
        config = configuration.load(self._library)
        if not config.database.exists():
            self._run("add", f"Pictures={self._pictures}")
        with (self._library / "eval.log").open("ab") as log:
            for process in ("indexer", "brain"):
                self._running.append(
                    subprocess.Popen(self._words(process), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
                )
        try:
            self._run("wait", "--timeout", str(INDEX_S))
            self._socket = config.run / "brain.sock"
            self._names = self._contents(config.database)
            self._warm()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def _end(self) -> None:
        for process in self._running:
            process.terminate()
        for process in self._running:
            with suppress(subprocess.TimeoutExpired):
                process.wait(20)
            process.kill()
            process.wait()

    def _words(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "albumsd", words[0], "--library", os.fspath(self._library), *words[1:]]

    def _run(self, *words: str) -> None:
        done = subprocess.run(self._words(*words), capture_output=True, text=True, check=False)
        if done.returncode:
            raise NotMeasured(f"albumsd {' '.join(words)} ended with {done.returncode}: {done.stderr.strip()}")

    @staticmethod
    def _contents(database: Path) -> dict[int, str]:
        with Reader(database) as reader:
            return {row[0]: row[1].hex() for row in reader.all("SELECT id, sha256 FROM asset WHERE sha256 IS NOT NULL")}

    def _warm(self) -> None:
        """Until the model answers: a first question makes it load."""
        end = time.monotonic() + WARM_S
        while self._ask("anything at all").get("late"):
            if time.monotonic() > end:
                raise NotMeasured(f"the model was not loaded within {WARM_S:.0f} s: {self.status()}")
            time.sleep(0.2)

    def status(self) -> dict[str, Any]:
        return calls.ask(self._socket, {"ask": "status"}, ANSWER_S)

    def _ask(self, text: str, limit: int = 500) -> dict[str, Any]:
        question = {
            "ask": "rank",
            "query": text,
            "today": clock.today(),
            "limit": limit,
            "parts": True,
            "deadline_s": ANSWER_S,
        }
        try:
            return calls.ask(self._socket, question, ANSWER_S + 5)
        except (NotReady, calls.CallFailed) as error:
            raise NotMeasured(f"brain did not answer {text!r}: {error}") from None

    def rank(self, text: str) -> Ranking:
        """Three orders of contents for a query. Raises NotMeasured."""
        answer = self._ask(text)
        parts = answer["parts"]
        shown = [hit[0] for hit in answer["hits"]]
        return Ranking(self._shas(shown), self._shas(parts["text"]), self._shas(parts["meaning"]))

    def _shas(self, assets: Sequence[int]) -> list[str]:
        return [self._names[asset] for asset in assets if asset in self._names]
