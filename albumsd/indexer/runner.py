"""Phase two: the jobs. Claims them, keeps the decoders busy, stores what comes back.

One thread runs it and owns its ``Database``. A job is claimed (leased), begun (``Stage.begin`` starts futures), and
when the last of its futures is there it comes back through a queue; its result, the end of the job and the jobs that
follow are one transaction, many jobs to a transaction of about 40 ms. So a kill at any moment loses a lease, no more.

What goes wrong, and what becomes of the job:

* the content is bad in a way that will not change → the problem is stored, the job is done;
* the decoder died, took too long, ran out of memory, or the file could not be read → once more, then failed, with the
  problem;
* the source is not online → parked until it is; the file is not what its row says → parked until its folder was
  looked at;
* nothing was read for too long → the drive hangs: parked, its thread given up, the source is to be checked and held
  back (``stalls``) with all that was begun in it;
* albumsd itself failed → logged, counted as a failure like any other.
"""

from __future__ import annotations

import logging
import queue
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

from albumsd.core.config import Config
from albumsd.core.errors import AlbumsdError
from albumsd.core.facts import Problem
from albumsd.store import assets, files, jobs, readings, scanning
from albumsd.store.database import BATCH_S, Database, Tx
from albumsd.store.jobs import Job

from .gather import Gather
from .lane import Lane
from .pace import Meter, Pressure
from .stage import OWN_FAULT, RETRIED, FileChanged, Stage, Submit, Tools, Work
from .stages import all_stages, switched_off
from .stages.facts import given_up
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


class Calls(NamedTuple):
    """Whom the runner tells: after each commit; that a source is to be checked; that a folder is to be looked at."""

    committed: Callable[[], None] = lambda: None
    doubt: Callable[[int], None] = lambda source: None
    look_again: Callable[[int, bytes], None] = lambda source, path: None


class Runner:
    """Give it a Database, call ``step`` until ``idle``."""

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
        self._tools = Tools(decode, self._lane.submit, config.previews, config.library / "cache")
        self._room = {"child": OPEN_FILES_PER_CHILD * config.workers, "thread": 16, "here": 64}
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

    # -------------------------------------------------------------------------------------------- start

    def open_outdated(self) -> int:
        """Open the jobs that older versions did, and give every live asset what new stages want. How many.

        And what a drive that hung was to blame for, for a new start may find it well.
        """
        with self._database.write() as tx:
            jobs.unpark_hung(tx)
            opened = jobs.retry_timeouts(tx)
        for stage in self._off:
            with self._database.write() as tx:
                jobs.switch_off(tx, stage.name)
                scanning.forget_stage(tx, stage.name)  # so that it is asked for everywhere once it is on again
        for stage in self._stages:
            with self._database.write() as tx:
                jobs.switch_on(tx, stage.name)
            after = 0
            while rows := jobs.outdated(self._database, stage.name, stage.version, after, 500):
                after = rows[-1][0]
                with self._database.write() as tx:
                    subjects = [(asset, jobs.day_number(local)) for _, asset, local in rows]
                    jobs.open_jobs(tx, stage.name, stage.version, subjects)
                opened += len(rows)
            if scanning.stage_version(self._database, stage.name) != stage.version:
                with self._database.write() as tx:
                    jobs.raise_version(tx, stage.name, stage.version)
                opened += self._open_new(stage)
                with self._database.write() as tx:
                    scanning.remember_stage(tx, stage.name, stage.version)
        return opened

    def _open_new(self, stage: Stage) -> int:
        """A stage that this library has not seen: ask for it wherever what it needs is done."""
        after, opened = 0, 0
        if stage is self.first:
            return 0
        while ids := scanning.assets_without(self._database, stage.name, after, 500):
            after = ids[-1]
            before = jobs.open_count(self._database)
            self._database.batches(ids, self.follow)
            opened += jobs.open_count(self._database) - before
        return opened

    # --------------------------------------------------------------------------------------------- work

    def step(self, wait_s: float) -> bool:
        """Begin what there is room for, wait up to ``wait_s`` for answers, store them. False: nothing to do."""
        for source in self._stalls.back():
            with self._database.write() as tx:
                jobs.unpark_hung(tx, source)
        paused = self._pressure is not None and self._pressure.pause()
        claimed = 0 if paused else self._fill()
        late = self._give_up_hung()
        back = self._collect(wait_s if self._begun else 0)
        if back:
            self._store(back)
        return bool(claimed or late or back or self._begun)

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

    def _fill(self) -> int:
        claimed = 0
        for lane in ("thread", "here", "child"):
            used = sum(1 for work in self._begun.values() if self._by_name[work.job.stage].where == lane)
            room = self._room[lane] - used
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

    def _urgent_first(self, lane: str) -> list[Stage]:
        """The stages of a lane that have open jobs, in order; those with something a person looks at come first."""
        waiting = []
        for stage in self._stages:
            if stage.where == lane:
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
        places = scanning.present(self._database, files.locations(self._database, job.asset))
        online = [place for place in places if place.state == "online"]
        if not online:
            return "its drive is not here" if places else "its file is missing"
        good = [place for place in online if not self._stalls.held_back(place)]
        if not good:
            self._stalls.remember(online[0])
            return jobs.HUNG
        good.sort(key=self._stalls.suspect)
        work = Work(job, subject, good[0], good[1:])
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

    # -------------------------------------------------------------------------------------------- store

    def _store(self, works: list[Work]) -> None:
        start, most = 0, len(works)
        while start < len(works):
            done = 0
            try:
                with self._database.write() as tx:
                    end = time.monotonic() + BATCH_S
                    while start + done < len(works) and done < most:
                        self._apply(tx, works[start + done])
                        done += 1
                        if time.monotonic() > end:
                            break
            except AlbumsdError:
                raise
            except Exception:
                if done:
                    most = done  # without the one that failed, which then comes first
                    continue
                log.exception("the result of %s could not be stored", works[start].job.stage)
                works[start].answers = [OWN_FAULT]
                with self._database.write() as tx:
                    self._failed(tx, works[start], OWN_FAULT)
                done = 1
            for work in works[start : start + done]:
                self._begun.pop(work.job.id, None)
                self.meter.count(self._by_name[work.job.stage].where, work.job.stage)
            start += done
            most = len(works)
            self._calls.committed()

    def _apply(self, tx: Tx, work: Work) -> None:
        if not jobs.exists(tx, work.job):
            return
        first = work.answers[0]
        if isinstance(first, FileChanged):
            self._changed(tx, work)
        elif isinstance(first, Problem):
            self._problem(tx, work, first)
        else:
            if work.subject.problem in RETRIED:
                self._well_again(tx, work.job)
            asset = self._by_name[work.job.stage].apply(tx, work, work.answers)
            jobs.finish(tx, work.job)
            self._stalls.answered(work.at)
            self._place_again(tx, work, asset)
            self.follow(tx, asset)

    def _changed(self, tx: Tx, work: Work) -> None:
        jobs.park(tx, work.job, jobs.WAITS)
        self._calls.doubt(work.at.source)
        folder = scanning.folder_of(tx, work.at.file)
        if folder is not None:
            self._calls.look_again(work.at.source, folder)

    def _problem(self, tx: Tx, work: Work, problem: Problem) -> None:
        if problem.reason == "cancelled":
            jobs.put_back(tx, work.job)
        elif problem.reason in RETRIED or problem == OWN_FAULT:
            self._failed(tx, work, problem)
        else:
            self._note(tx, work, problem)
            jobs.finish(tx, work.job)
            self.follow(tx, work.job.asset)

    def _failed(self, tx: Tx, work: Work, problem: Problem) -> None:
        if not jobs.exists(tx, work.job):
            return
        if jobs.fail(tx, work.job, f"{problem.reason}: {problem.detail}"):
            self._note(tx, work, problem)
            self.follow(tx, work.job.asset)

    def _note(self, tx: Tx, work: Work, problem: Problem) -> None:
        if work.job.stage == self.first.name:
            given_up(tx, work.job.asset, work.subject.name, problem)
        else:
            assets.set_problem(tx, work.job.asset, problem.reason, problem.detail)

    def _well_again(self, tx: Tx, job: Job) -> None:
        """What was bad luck is over, unless another stage still has it."""
        facts = readings.of_asset(tx, job.asset)
        if facts and not any("failed" in states for states in jobs.of_asset(tx, job.asset).values()):
            left = tuple(problem for problem in facts.problems if problem.reason not in RETRIED)
            assets.store_facts(tx, job.asset, replace(facts, problems=left))

    def _place_again(self, tx: Tx, work: Work, asset: int) -> None:
        """The position is another one than before: what was found for the old one says nothing."""
        stage = self._by_name.get("place")
        if stage is None or work.job.stage == stage.name:
            return
        subject = scanning.subject(tx, asset)
        if (
            subject
            and subject.place is None
            and stage.wants(subject)
            and "done" in jobs.of_asset(tx, asset).get("place", ())
        ):
            jobs.open_jobs(tx, stage.name, stage.version, [(asset, jobs.day_number(subject.local))])

    def follow(self, tx: Tx, asset: int) -> None:
        """Open the jobs of an asset that can be done now and never were."""
        subject = scanning.subject(tx, asset)
        if subject is None or not subject.live:
            return
        states = jobs.of_asset(tx, asset)
        ended = {name for name, found in states.items() if found & {"done", "failed"}}
        for stage in self._stages:
            if stage.name not in states and ended.issuperset(stage.needs) and stage.wants(subject):
                if stage.name != "hash" and subject.sha256 is None:
                    continue
                jobs.open_jobs(tx, stage.name, stage.version, [(asset, jobs.day_number(subject.local))])
