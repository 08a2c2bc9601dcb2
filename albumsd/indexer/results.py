"""What comes back, and what becomes of its job.

A result, the end of its job and the jobs that follow are one transaction, many jobs to a transaction of about 40 ms. So
a kill at any moment loses no more than the leases.

What goes wrong, and what becomes of the job:

* the content is bad in a way that will not change → the problem is stored, the job is done;
* the decoder died, took too long, ran out of memory, or the file could not be read → once more, then failed, with the
  problem;
* the file is not what its row says → parked until its folder was looked at;
* albumsd itself failed → logged, counted as a failure like any other;
* brain, whose work some stages are, failed at it → once more, then failed until the next start; nothing is wrong with
  the file. It is away, has no model, or answers as one that it has not announced → put back, and ``meaning`` decides
  what becomes of all such jobs.

Belongs to the runner's thread.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from albumsd.core.errors import AlbumsdError
from albumsd.core.facts import Problem
from albumsd.store import assets, jobs, readings, scanning
from albumsd.store.database import BATCH_S, Database, Tx
from albumsd.store.jobs import Job

from .announced import EMBED
from .brain_lane import BrainAway, NoModel, made_by
from .follow import Follow
from .meaning import Meaning
from .stage import OWN_FAULT, RETRIED, FileChanged, Stage, Work
from .stages.facts import given_up
from .stalls import Stalls

log = logging.getLogger(__name__)

PICTURE_FAULTS = frozenset(
    {"empty", "truncated", "corrupt", "unreadable", "not-what-it-says", "no-decoder", "too-large"}
)
"""What brain may find wrong with a picture of ours: it is made again."""


class Calls(NamedTuple):
    """Whom the runner tells: after each commit; that a source is to be checked; that a folder is to be looked at."""

    committed: Callable[[], None] = lambda: None
    doubt: Callable[[int], None] = lambda source: None
    look_again: Callable[[int, bytes], None] = lambda source, path: None


class Results:
    """``stages`` by name: those that are on, the first one first."""

    def __init__(
        self,
        database: Database,
        stages: Mapping[str, Stage],
        follow: Follow,
        meaning: Meaning,
        stalls: Stalls,
        calls: Calls,
    ) -> None:
        self._database, self._by_name, self._follow = database, stages, follow
        self._meaning, self._stalls, self._calls = meaning, stalls, calls
        self._first = next(iter(stages))

    def store(self, works: Sequence[Work]) -> Iterator[Sequence[Work]]:
        """Store what came back. Yields after each commit what it has ended."""
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
            yield works[start : start + done]
            start += done
            most = len(works)

    def preview_lost(self, work: Work) -> bool:
        """A picture of ours that brain was to look at is not there. Whether it is made again; else it is a failure."""
        with self._database.write() as tx:
            if self._preview_again(tx, work):
                return True
            self._failed(tx, work, Problem("preview", "its preview is lost and cannot be made again now"))
        return False

    def _apply(self, tx: Tx, work: Work) -> None:
        if not jobs.exists(tx, work.job):
            return
        first, stage = work.answers[0], self._by_name[work.job.stage]
        if isinstance(first, FileChanged):
            self._changed(tx, work)
        elif isinstance(first, BrainAway | NoModel):
            jobs.put_back(tx, work.job)
            if isinstance(first, NoModel):
                self._meaning.refused(stage.name)
        elif isinstance(first, Problem):
            self._problem(tx, work, first)
        else:
            if not work.places:
                self._thought(tx, work, stage)
                return
            if work.subject.problem in RETRIED:
                self._well_again(tx, work.job)
            asset = stage.apply(tx, work, work.answers)
            jobs.finish(tx, work.job)
            self._stalls.answered(work.at)
            self._place_again(tx, work, asset)
            self._meaning.came(tx, stage.name, asset)
            self._follow(tx, asset)

    def _thought(self, tx: Tx, work: Work, stage: Stage) -> None:
        """Store what brain answered. An empty answer: there was nothing to ask.

        brain may answer as one that it has not announced, or does not announce any more. Vectors say whose they are, so
        they are kept; what follows is asked for when brain has announced its change. All else says what holds of the
        asset now, and may have been made before there were vectors of that model: it is asked for once more.
        """
        found = work.answers[0]
        if not found:
            jobs.finish(tx, work.job)
            self._follow(tx, work.job.asset)
            return
        by = made_by(found)
        if self._meaning.superseded(tx, work.job, by):
            return
        now = self._meaning.is_now(tx, work.job, by)
        if stage.name != EMBED and not (now and work.version == self._meaning.version(stage.name)):
            jobs.put_back(tx, work.job)
            if not now:
                self._meaning.unannounced(stage.name)
            return
        asset = stage.apply(tx, work, work.answers)
        jobs.finish(tx, work.job)
        self._meaning.finished(tx, work.job, by)
        if now:
            self._follow(tx, asset)

    def _changed(self, tx: Tx, work: Work) -> None:
        jobs.park(tx, work.job, jobs.WAITS)
        self._calls.doubt(work.at.source)
        folder = scanning.folder_of(tx, work.at.file)
        if folder is not None:
            self._calls.look_again(work.at.source, folder)

    def _problem(self, tx: Tx, work: Work, problem: Problem) -> None:
        if problem.reason == "cancelled":
            jobs.put_back(tx, work.job)
        elif problem.reason in RETRIED or problem == OWN_FAULT or not work.places:
            self._failed(tx, work, problem)
        else:
            self._note(tx, work, problem)
            jobs.finish(tx, work.job)
            self._meaning.came(tx, work.job.stage, work.job.asset)
            self._follow(tx, work.job.asset)

    def _failed(self, tx: Tx, work: Work, problem: Problem) -> None:
        if not jobs.exists(tx, work.job):
            return
        last = jobs.fail(tx, work.job, f"{problem.reason}: {problem.detail}")
        if not work.places:  # it was brain's work: nothing is wrong with the file
            if not last and problem.reason in PICTURE_FAULTS and self._preview_again(tx, work):
                jobs.park(tx, work.job, jobs.PREVIEW)
        elif last:
            self._note(tx, work, problem)
            self._meaning.came(tx, work.job.stage, work.job.asset)
        if last:
            self._follow(tx, work.job.asset)

    def _preview_again(self, tx: Tx, work: Work) -> bool:
        """Ask for the small pictures of an asset again. Whether somebody will make them."""
        stage, asset = self._by_name.get("preview"), work.job.asset
        if stage is None:
            return False
        jobs.again(tx, stage.name, stage.version, asset, jobs.day_number(work.subject.local))
        return bool(jobs.of_asset(tx, asset).get(stage.name, set()) & {"open", "leased", "parked"})

    def _note(self, tx: Tx, work: Work, problem: Problem) -> None:
        if work.job.stage == self._first:
            given_up(tx, work.job.asset, work.subject.name, problem)
        else:
            assets.set_problem(tx, work.job.asset, problem.reason, problem.detail)

    def _well_again(self, tx: Tx, job: Job) -> None:
        """What was bad luck is over, unless another stage still has it."""
        facts = readings.of_asset(tx, job.asset)
        failed = {stage for stage, states in jobs.of_asset(tx, job.asset).items() if "failed" in states}
        if facts and all(self._by_name[stage].where == "brain" for stage in failed & self._by_name.keys()):
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
            self._follow.ask(tx, stage, subject)
