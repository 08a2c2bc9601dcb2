"""The process ``brain``: answers questions at ``run/brain.sock`` until it is told to stop.

    {"ask": "rank", "query": text, "today": "YYYY-MM-DD", "limit": n, "deadline_s": seconds}
        ->  {"hits": [[asset, score, why], …], "late": whether meaning may find more when asked again}
        with "parts": true also {"parts": {"text": [asset, …], "meaning": [asset, …]}}: what each finds alone
    {"ask": "status"}
        ->  {"state": "ready", "documents", "model", "device", "why", "stages": {stage: fingerprint}, …}
    {"ask": "embed" | "tags" | "caption", …}  ->  see ``labour``

The socket appears when the words have been counted, so that the first answer is as quick as any; models and vectors
come later (``upkeep``), and until then words answer alone. Each question is answered in a thread of its own, with one
of a few read connections, which it has only while it reads. brain writes its own row of ``process``
(``store.processes``), from the main thread, which answers nobody, and the clusters.
"""

from __future__ import annotations

import logging
import signal
import threading
import time
from contextlib import ExitStack, suppress
from functools import partial
from typing import Any

from albumsd.core import clock
from albumsd.core.config import Config
from albumsd.core.errors import AlbumsdError
from albumsd.ipc import calls, locks
from albumsd.ml.host import ModelHost
from albumsd.query.parser import parse
from albumsd.search.run import SOCKET
from albumsd.store.database import Database
from albumsd.store.processes import Pulse

from . import fusion, meaning, ranker
from .calibration import Floors
from .choice import Watch
from .clusters import Clusters
from .labour import Labour
from .mind import Mind
from .readers import Readers
from .tagger import Tagging
from .upkeep import Upkeep

log = logging.getLogger(__name__)

PULSE_S = 1.0
"""How often the main thread looks whether its row is news, or due."""
ANSWER_S = 0.8
"""A search that does not say how long it waits has its answer after this."""
MODEL_NICE = 5
"""The model's process embeds beside a person's work, but a person waits for the words that it encodes: at niceness 10
and with the cores full, searches would mostly be late."""
RANKING_S = 0.15
"""What is left of the time when encoding is over: for the search of the vectors and the way back."""


class Brain:
    """What the socket answers. Safe for several threads."""

    def __init__(
        self,
        config: Config,
        host: ModelHost | None = None,
        watch: Watch | None = None,
        floors: Floors | None = None,
    ) -> None:
        """Counts the words. Raises LibraryMissing."""
        self._corpus = ranker.CorpusWatch(config.database)
        self._corpus.current()
        self._readers = Readers(config.database)
        nice = min(MODEL_NICE, config["nice"])
        host = host or ModelHost(config["model_idle_s"], config["device"], models=config.models, nice=nice)
        floors = floors or Floors(host, config.library / "cache")
        self.mind = Mind(config, host, watch or Watch(config), floors)
        self.tagging = Tagging(floors)
        self.labour = Labour(self.mind, self.tagging, self._readers)

    def answer(self, asked: dict[str, Any]) -> dict[str, Any]:
        """One answer. Raises QueryError for a bad query, ValueError for what is no question."""
        match asked.get("ask"):
            case "rank":
                return self._rank(asked)
            case "status":
                sizes = {"documents": self._corpus.current().documents, **self.mind.sizes()}
                return {"state": "ready", **sizes, **self.told()}
            case "embed" | "tags" | "caption":
                return self.labour.answer(asked)
        raise ValueError(f"no such question: {asked.get('ask')!r}")

    def _rank(self, asked: dict[str, Any]) -> dict[str, Any]:
        end = time.monotonic() + float(asked.get("deadline_s", ANSWER_S))
        query, today, limit = str(asked["query"]), str(asked.get("today") or clock.today()), int(asked["limit"])
        meant = self.mind.listen(query, today)  # is encoded while the words are looked for
        with self._readers.lend(end - time.monotonic()) as reader:
            text = ranker.ranking(reader, self._corpus.current(), parse(query, today), limit)
        heard = self.mind.hear(meant, end - RANKING_S) if meant else None
        sense, late = None, self.mind.is_waking()
        if heard is None:
            hits = fusion.fuse(text, None, limit, lambda asset: False)
        else:
            with self._readers.lend(end - time.monotonic()) as reader:
                sense = self.mind.sense(reader, heard, limit, end - RANKING_S)
                other = self.mind.standing.choice.captioner is not None
                hits = fusion.fuse(text, sense, limit, partial(meaning.has_seen, reader, heard.mirror), other)
            late = sense.late
        answer: dict[str, Any] = {"hits": hits, "late": late}
        if asked.get("parts"):
            seen = [hit.asset for hit in sense.hits] if sense else []
            answer["parts"] = {"text": [hit.asset for hit in text.hits], "meaning": seen}
        return answer

    def told(self) -> dict[str, Any]:
        """What brain says of itself, to who asks and in its row, which is written whenever this changes: so it holds no
        number that grows. ``stages`` is None as long as brain does not know."""
        choice, told = self.mind.standing.choice, self.mind.told()
        stages = self.labour.stages() if choice.known else None
        if choice.model and not self.tagging.vocabulary(choice):
            told["why"] = told["why"] or self.tagging.why(choice)
        return {**told, "stages": stages}

    def close(self) -> None:
        self.labour.leave()
        self.mind.close()
        self._readers.close()
        self._corpus.close()


def main(config: Config) -> int:
    """Rank for a library until SIGTERM or SIGINT. The exit code. Raises LibraryBusy and LibraryMissing."""
    stop = threading.Event()
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
    with ExitStack() as stack:
        lock = locks.ProcessLock(config.run, "brain")
        stack.callback(lock.release)
        database = stack.enter_context(Database(config.database))
        pulse = Pulse("brain")
        stack.callback(_leave, database, pulse)
        brain = Brain(config)
        stack.callback(brain.close)
        upkeep = Upkeep(config.database, brain.mind, Clusters(config, brain.mind, brain.tagging).step)
        stack.callback(upkeep.close)
        server = calls.Server(config.run / SOCKET, brain.answer)
        stack.callback(server.close)
        pulse.beat(database, "ready", **brain.told())
        log.info("ready")
        while not stop.wait(PULSE_S):
            pulse.beat(database, "ready", **brain.told())
    return 0


def _leave(database: Database, pulse: Pulse) -> None:
    """Clean or not: a row that cannot be taken away now is not believed when its process is gone."""
    with suppress(AlbumsdError), database.write() as tx:
        pulse.stop(tx)
