"""Phase two: the jobs. Claims them, keeps the decoders busy, has what comes back stored (``results``).

One thread runs it and owns its ``Database``. A job is claimed (leased), begun (``Stage.begin`` starts futures), and
when the last of its futures is there it comes back through a queue.

What cannot be begun now, or does not come back:

* the source is not online → parked until it is;
* nothing was read for too long → the drive hangs: parked, its thread given up, the source is to be checked and held
  back (``stalls``) with all that was begun in it;
* a picture of ours that brain is to look at was lost → parked until it is made again.
"""

from __future__ import annotations

import logging
import queue
import time
from collections import Counter
from collections.abc import Callable, Sequence

from albumsd.core.config import Config
from albumsd.search.run import SOCKET
from albumsd.store import files, jobs, model_jobs, scanning
from albumsd.store.database import Database
from albumsd.store.jobs import Job

from . import outdated
from .brain_lane import BrainAway, BrainLane, NoModel
from .follow import Follow
from .gather import Gather
from .lane import Lane
from .meaning import Meaning
from .pace import Meter, Pressure
from .results import Calls, Results
from .stage import OWN_FAULT, PreviewLost, Stage, Submit, Tools, Work
from .stages import all_stages, switched_off
from .stalls import Stalls

log = logging.getLogger(__name__)

LEASE_S = 3600.0
HASH_THREADS = 2
LOOK_THREADS = 4
PATIENCE_S = 60.0
LOOK_S = 5.0
"""For so long a look at a file may take, when its job is done."""
OPEN_FILES_PER_CHILD = 12
"""Jobs begun per decoder: enough that none waits for the database, few enough that what is looked at comes soon."""


class Runner:
    """Give it a Database, call ``step`` until it says that there is nothing to do."""

    def __init__(
        self,
        database: Database,
        config: Config,
        decode: Submit,
        *,
        stages: Sequence[Stage] | None = None,
        calls: Calls | None = None,
        pressure: Pressure | None = None,
    ) -> None:
        self._database = database
        self._calls = calls or Calls()
        everyone = tuple(all_stages() if stages is None else stages)
        self._off = tuple(stage for stage in everyone if stage.name in switched_off(config))
        self._stages = tuple(stage for stage in everyone if stage not in self._off)
        self._by_name = {stage.name: stage for stage in self._stages}
        self._lane = Lane(HASH_THREADS, "hash")
        self._looks = Lane(LOOK_THREADS, "look")
        self._stalls = Stalls()
        self._brain = BrainLane(config.run / SOCKET)
        self._tools = Tools(
            decode,
            self._lane.submit,
            self._brain,
            config.previews,
            config.library / "cache",
            int(config["video_frames"]),
            set(),
        )
        self._room = {"child": OPEN_FILES_PER_CHILD * config.workers, "thread": 16, "here": 64}
        brains = [stage for stage in self._stages if stage.where == "brain"]
        self.meaning = Meaning(database, config, brains, self._brain)
        self.follow = Follow(everyone, self._stages, self.meaning)
        self._results = Results(database, self._by_name, self.follow, self.meaning, self._stalls, self._calls)
        self._begun: dict[int, Work] = {}
        self._back: queue.SimpleQueue[Work] = queue.SimpleQueue()
        self._pressure = pressure
        self._decode_s = float(config["decode_seconds"])
        self.meter = Meter()

    @property
    def first(self) -> Stage:
        return self._stages[0]

    def lanes(self) -> dict[str, str]:
        """``{stage: lane}``."""
        return {stage.name: stage.where for stage in self._stages}

    def open_outdated(self) -> int:
        """Open what older versions did and what new stages want, for a start. How many."""
        return outdated.open_all(self._database, self._stages, self._off, self.follow)

    # --------------------------------------------------------------------------------------------- work

    def step(self, wait_s: float) -> bool:
        """Begin what there is room for, wait up to ``wait_s`` for answers, store them. False: nothing to do."""
        for source in self._stalls.back():
            with self._database.write() as tx:
                jobs.unpark_hung(tx, source)
        asked = self.meaning.step(self.follow)
        paused = self._pressure is not None and self._pressure.pause()
        claimed = 0 if paused else self._fill()
        self._brain.flush(busy=self._used("child") > 0)
        late = self._give_up_hung()
        waiting = bool(self._begun) or self.meaning.waiting()
        back = self._collect(wait_s if waiting and not asked else 0)
        if back:
            self._store(back)
        return bool(asked or claimed or late or back or waiting)

    def run(self, stopped: Callable[[], bool] = lambda: False) -> None:
        """Do jobs until none is open, or ``stopped``."""
        while not stopped() and self.step(0.2):
            continue

    def stop(self) -> None:
        """Put back what was begun. Its answers, should they come, are ignored."""
        begun, self._begun = list(self._begun.values()), {}
        for work in begun:
            work.abandoned = True
        if begun:
            with self._database.write() as tx:
                for work in begun:
                    jobs.put_back(tx, work.job)
        self._lane.close()
        self._looks.close()
        self._brain.close()
        self.meaning.close()

    def _fill(self) -> int:
        claimed = 0
        self._room["brain"] = self._brain.room
        for lane in ("thread", "here", "child", "brain"):
            room = self._room[lane] - self._used(lane)
            if room < max(1, self._room[lane] // 3):
                continue
            for stage in self._urgent_first(lane):
                if room <= 0:
                    break
                with self._database.write() as tx:
                    found = jobs.claim(tx, stage.name, room, LEASE_S)
                self._park([(job, why) for job in found if (why := self._begin(stage, job))])
                room -= len(found)
                claimed += len(found)
        return claimed

    def _used(self, lane: str) -> int:
        return sum(1 for work in self._begun.values() if self._by_name[work.job.stage].where == lane)

    def _urgent_first(self, lane: str) -> list[Stage]:
        """The stages of a lane that have open jobs, in order; those with something a person looks at come first."""
        waiting = []
        for stage in self._stages:
            if stage.where == lane and (lane != "brain" or self.meaning.ready(stage.name)):
                top = jobs.top(self._database, stage.name)
                if top is not None:
                    waiting.append((top < jobs.LOOKED_AT, stage))
        return [stage for _, stage in sorted(waiting, key=lambda pair: pair[0])]

    def _park(self, parked: Sequence[tuple[Job, str]]) -> None:
        if parked:
            with self._database.write() as tx:
                for job, why in parked:
                    jobs.park(tx, job, why)

    def _begin(self, stage: Stage, job: Job) -> str | None:
        """Start a job. Why it is to be parked, if it is."""
        if job.id in self._begun:
            return None  # it outlasts its lease
        subject = scanning.subject(self._database, job.asset)
        if subject is None:
            return None  # the asset is gone, and the job with it
        if not stage.wants(subject):
            with self._database.write() as tx:
                jobs.finish(tx, job)
                self.follow(tx, job.asset)
            return None
        if stage.where == "brain":
            return self._begin_at_brain(stage, Work(job, subject, [], version=self.meaning.version(stage.name)))
        places = scanning.present(self._database, files.locations(self._database, job.asset))
        online = [place for place in places if place.state == "online"]
        if not online:
            return "its drive is not here" if places else "its file is missing"
        good = [place for place in online if not self._stalls.held_back(place)]
        if not good:
            self._stalls.remember(online[0])
            return jobs.HUNG
        good.sort(key=self._stalls.suspect)
        work = Work(job, subject, good)
        decoding = self._decode_s * OPEN_FILES_PER_CHILD  # the pool has a deadline of its own for each task
        work.patience_s = PATIENCE_S + (0 if stage.where == "thread" else decoding)
        work.alive()
        self._begun[job.id] = work
        try:
            work.futures = list(stage.begin(self._database, work, self._tools))
        except Exception:
            log.exception("stage %s could not begin", stage.name)
            work.answers = [OWN_FAULT]
            self._back.put(work)
            return None
        Gather(work, self._looks, self._back)
        return None

    def _begin_at_brain(self, stage: Stage, work: Work) -> str | None:
        if not self.follow.may(self._database, stage, work.subject):
            with self._database.write() as tx:
                model_jobs.take_back(tx, work.job)  # it is asked for again when what it needs is there
            return None
        self._begun[work.job.id] = work
        try:
            work.futures = list(stage.begin(self._database, work, self._tools))
        except PreviewLost:
            del self._begun[work.job.id]
            return jobs.PREVIEW if self._results.preview_lost(work) else None
        except Exception:
            log.exception("stage %s could not begin", stage.name)
            work.answers = [OWN_FAULT]
            self._back.put(work)
            return None
        Gather(work, None, self._back)
        return None

    def _collect(self, wait_s: float) -> list[Work]:
        """Everything that came back, after waiting for the first."""
        found: list[Work] = []
        try:
            found.append(self._back.get(timeout=wait_s) if wait_s > 0 else self._back.get_nowait())
            while True:
                found.append(self._back.get_nowait())
        except queue.Empty:
            return [work for work in found if not work.abandoned]

    def _give_up_hung(self) -> bool:
        """Free what waits for a drive that does not answer. Whether anything does."""
        now = time.monotonic()
        late = []
        for work in self._begun.values():
            if not work.places:
                continue  # brain is at it: its calls have an end of their own
            first = work.look or (work.futures[0] if work.futures else None)
            if work.answers or first is None or not (first.running() or first.done()):
                work.beat = now  # it waits for its turn: patience begins when it is at it
            elif now - work.beat > (LOOK_S if work.look else work.patience_s):
                late.append(work)
        if late:
            for work in late:
                self._stalls.hung(work.at)
            sources = {work.at.source for work in late}
            log.warning("files of source %s do not answer", ", ".join(map(str, sorted(sources))))
            ids = {work.job.id for work in late}
            lost = [w for w in self._begun.values() if w.job.id in ids or self._stalls.held_back(w.at)]
            self._abandon(lost)
            for source in sources:
                self._calls.doubt(source)
        return bool(late)

    def _abandon(self, works: Sequence[Work]) -> None:
        """Park what was begun, or put it back where the same content lies elsewhere too, and free its threads."""
        for work in works:
            work.abandoned = True
            del self._begun[work.job.id]
            self._stalls.remember(work.at)
            for future in work.futures:
                future.cancel()
        for work in works:  # only now, or a thread that is free would begin what is cancelled next
            if self._by_name[work.job.stage].where == "thread":
                self._lane.give_up(work.futures[0])
            if work.look is not None:
                self._looks.give_up(work.look)
        with self._database.write() as tx:
            for work in works:
                if any(not self._stalls.held_back(at) and not self._stalls.suspect(at) for at in work.others):
                    jobs.put_back(tx, work.job)
                else:
                    jobs.park(tx, work.job, jobs.HUNG)

    def _store(self, works: Sequence[Work]) -> None:
        for stored in self._results.store(works):
            ended: dict[str, Counter[str]] = {}
            for work in stored:
                self._begun.pop(work.job.id, None)
                if not isinstance(work.answers[0], BrainAway | NoModel):
                    ended.setdefault(self._by_name[work.job.stage].where, Counter())[work.job.stage] += 1
            for lane, numbers in ended.items():
                self.meter.counts(lane, numbers)
            self._calls.committed()
