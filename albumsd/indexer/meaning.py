"""What is asked of brain: which of its stages, of which assets again, and what becomes of their jobs while it is away.

brain says in its row of ``process`` under which fingerprint it would do each of its stages now, or None where it has no
model for it. From that follows:

* a stage without fingerprint is not asked for: its jobs are withdrawn, results stay. As long as brain has never said
  anything, the settings decide: with a model chosen, jobs wait for brain;
* another fingerprint than the one the whole library was last asked under: a *pass* goes through all assets, newest
  first, and asks for each that has no result under this one. What was made under it before is not made again, so going
  back to a model costs little;
* once everything is embedded under the new model, the vectors of the others are dropped (``dropping``).

brain may work with another model before its row says so. What it answers then is not what the stage makes now, so such
a stage rests until the row says something else, or for ``PAUSE_S``.

brain that is away is waited for ``PATIENCE_S``; then what is open is parked (``jobs.AWAY``), so that nobody waits for
it, and opened when brain is back. What brain says it has no model for is parked likewise (``jobs.NO_MODEL``), until it
says something else.

Belongs to the runner's thread. ``step`` does a little of whatever is due, in one short transaction. How far a pass has
come is not remembered: after a restart it begins again, and passes over what is asked for already.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence

from albumsd.core.config import Config
from albumsd.store import embeddings, jobs, model_jobs, processes, scanning
from albumsd.store.database import Database, Tx
from albumsd.store.jobs import Job
from albumsd.store.processes import Process

from .announced import EMBED, Announced
from .brain_lane import BATCH, BATCH_CUDA, INPUT_PX, BrainLane
from .dropping import Dropping
from .stage import Stage
from .wishes import Stamp, Wishes

PATIENCE_S = 20.0
LOOK_S = 1.0
"""So often brain's row is read, and a brain that is away asked whether it is back."""
RETRY_S = 300.0
"""After this, what brain said it has no model for is asked once more."""
PAUSE_S = 2.0
"""After this, what brain did under another fingerprint than it announces is asked for again: its row lags a second."""
ASTRAY_S = 30.0
"""After this, brain has gone back from a model that it never announced, and what that has embedded is done again."""
PAGE = 500
NEWEST = ("~", 0)

Follow = Callable[[Tx, int], None]


class Meaning:
    """``stages``: those of brain that are not switched off."""

    def __init__(self, database: Database, config: Config, stages: Sequence[Stage], lane: BrainLane) -> None:
        self._database, self._lane = database, lane
        self._stages = tuple(stages)
        self._known = Announced(database, config, stages)
        self._wishes = Wishes(config)
        self._dropping = Dropping(database, config)
        self._looked = float("-inf")
        self._pid: int | None = None
        self._passes: dict[str, tuple[str, int]] = {}  # stage: the asset its pass has come to, as (day, id)
        self._withdraw: set[str] = set()
        self._parked = False  # what is open is being parked: brain has been away for too long
        self._refused: dict[str, float] = {}  # stage that brain has no model for: until when it is not asked for
        self._resting: dict[str, float] = {}  # stage that brain does otherwise than announced: until when it rests
        self._astray: float | None = None  # vectors came of a model that is not announced: until when that may come
        self._unheard = False  # brain has announced another model, which is heard when nothing is being dropped
        counts = jobs.counts(database)
        # Stages with parked jobs to open again, as after any start:
        self._unpark = {stage for stage in self._known if stage in counts and counts[stage]["parked"]}
        self._awake = True

    # ------------------------------------------------------------------------------- what the runner asks

    def asked(self, stage: str) -> bool:
        """Whether a stage of brain is asked for at all."""
        return self._known.asked(stage)

    def version(self, stage: str) -> int:
        """Under which number its results are made now."""
        return self._known.version(stage)

    def ready(self, stage: str) -> bool:
        """Whether jobs of a stage may be begun."""
        if self._parked or stage in self._refused or stage in self._resting or self._lane.away_s() is not None:
            return False
        return self.asked(stage) and not (stage == EMBED and self._dropping.going_on())

    def waiting(self) -> bool:
        """Whether something is still to come from brain, or being dropped, and somebody may wait for it."""
        if self._unheard or self._dropping.going_on() or self._wishes.open(time.monotonic()):
            return True
        return any(self.asked(stage) and jobs.top(self._database, stage) is not None for stage in self._known)

    @property
    def settings_seen(self) -> Stamp | None:
        """The settings when it last looked whether brain follows them; None: not yet, or nothing is asked of brain."""
        return self._wishes.seen if self._stages else None

    def close(self) -> None:
        """Nothing more is dropped."""
        self._dropping.close()

    # ---------------------------------------------------------------------------- what the runner tells

    def superseded(self, tx: Tx, job: Job, fingerprint: str) -> bool:
        """Whether a result comes too late: made under another fingerprint than that of now, for an asset that has one
        of now. Its job is gone then, and nothing is to be stored."""
        return not self.is_now(tx, job, fingerprint) and model_jobs.superfluous(tx, job, self.version(job.stage))

    def is_now(self, tx: Tx, job: Job, fingerprint: str) -> bool:
        """Whether a result was made under the fingerprint that brain announces."""
        return self._known.number(tx, job.stage, fingerprint) == self.version(job.stage)

    def finished(self, tx: Tx, job: Job, fingerprint: str) -> None:
        """A result was stored that was made under this fingerprint, maybe not the one that it was asked under: then it
        is asked for once more when brain says no such thing by and by, also after a restart."""
        number = self._known.number(tx, job.stage, fingerprint)
        model_jobs.finished_by(tx, job, number)
        self._dropping.due = True
        if number != self.version(job.stage):
            scanning.forget_stage(tx, job.stage)
            self._astray = time.monotonic() + ASTRAY_S

    def unannounced(self, stage: str) -> None:
        """A result was not taken, for it was made under another fingerprint than that of now."""
        self._resting[stage] = time.monotonic() + PAUSE_S

    def refused(self, stage: str) -> None:
        """brain says that it has no model for this stage."""
        self._refused[stage] = time.monotonic() + RETRY_S

    def came(self, tx: Tx, stage: str, asset: int) -> None:
        """The stage has made something of an asset (again) that brain looks at: small pictures, or words."""
        model_jobs.unpark_asset(tx, asset, jobs.PREVIEW)
        if stage not in ("preview", "text") or not self.asked(EMBED):
            return
        done = any(
            record.stage == EMBED and record.state == "done" and record.version == self.version(EMBED)
            for record in model_jobs.records(tx, asset)
        )
        key = self._known.key()
        number = embeddings.model_id(tx, key) if key else None
        subject = scanning.subject(tx, asset)
        if done and subject and (stage == "text" or number is None or not embeddings.of_asset(tx, asset, number)):
            model_jobs.ask(tx, EMBED, self.version(EMBED), asset, jobs.day_number(subject.local))

    # --------------------------------------------------------------------------------------------- work

    def step(self, follow: Follow) -> bool:
        """Do a little of what is due. False: nothing is. ``follow`` asks for what an asset has no result of."""
        if not self._stages:
            return False
        now = time.monotonic()
        if now - self._looked >= LOOK_S:
            self._looked = now
            self._look(now)
        return self._park() or self._go_on(follow) or self._reopen() or self._drop_old()

    def _look(self, now: float) -> None:
        """Read what brain says of itself, and whether it is there."""
        row = processes.living(self._database).get("brain")
        self._wishes.look(row, now)
        self._unheard = False
        if row is not None and isinstance(row.detail.get("stages"), dict):
            self._heard(row, row.detail["stages"])
        self._resting = {stage: until for stage, until in self._resting.items() if now < until}
        if self._astray is not None and now > self._astray:
            self._astray = None
            self._passes[EMBED] = NEWEST
        self._unrefuse([stage for stage, until in self._refused.items() if now > until])
        if self._awake:
            self._awake = False
            for stage in self._stages:
                if self.asked(stage.name):
                    self._begin_pass(stage)
                elif stage.name in jobs.counts(self._database):
                    self._withdraw.add(stage.name)
        away = self._lane.away_s()
        if away is None:
            if self._parked:
                self._parked = False
                self._unpark |= set(self._known)
            return
        self._parked = self._parked or away > PATIENCE_S
        self._lane.probe()

    def _heard(self, row: Process, said: dict[str, str | None]) -> None:
        if row.pid != self._pid:
            self._pid = row.pid
            self._unrefuse(self._known)
        if self._dropping.going_on() and self._known.is_news(EMBED, said.get(EMBED)):
            self._unheard = True  # maybe a model whose vectors are going: first what is left of them must stay
            self._dropping.give_up()
            return
        self._lane.batch = BATCH_CUDA if str(row.detail.get("device") or "").startswith("cuda") else BATCH
        self._lane.input_px = int(row.detail.get("input_px") or INPUT_PX)
        for stage in self._stages:
            if self._known.is_news(stage.name, said.get(stage.name)):
                self._announced(stage, said.get(stage.name))

    def _unrefuse(self, stages: Iterable[str]) -> None:
        for stage in list(stages):
            if self._refused.pop(stage, None) is not None:
                self._unpark.add(stage)

    def _announced(self, stage: Stage, fingerprint: str | None) -> None:
        with self._database.write() as tx:
            self._known.announce(tx, stage.name, fingerprint)
        self._unrefuse([stage.name])
        self._resting.pop(stage.name, None)
        self._passes.pop(stage.name, None)
        if stage.name == EMBED:
            self._astray = None
        if fingerprint is None:
            self._withdraw.add(stage.name)
        else:
            self._withdraw.discard(stage.name)
            self._begin_pass(stage)

    def _begin_pass(self, stage: Stage) -> None:
        if scanning.stage_version(self._database, stage.name) != self.version(stage.name):
            self._passes.setdefault(stage.name, NEWEST)

    def _park(self) -> bool:
        """Park what nobody can do, withdraw what nobody asks for."""
        for stage in self._known:
            why = jobs.AWAY if self._parked else jobs.NO_MODEL if stage in self._refused else None
            if why and jobs.top(self._database, stage) is not None:
                with self._database.write() as tx:
                    return model_jobs.park_open(tx, stage, why, PAGE) > 0
        for stage in sorted(self._withdraw):
            with self._database.write() as tx:
                if model_jobs.withdraw(tx, stage, PAGE):
                    return True
            self._withdraw.discard(stage)
        return False

    def _reopen(self) -> bool:
        """Open what was parked for a reason that is over."""
        if self._parked:
            return False
        for stage in sorted(self._unpark - self._refused.keys()):
            with self._database.write() as tx:
                if model_jobs.unpark_some(tx, stage, (jobs.AWAY, jobs.NO_MODEL), PAGE):
                    return True
            self._unpark.discard(stage)
        return False

    def _go_on(self, follow: Follow) -> bool:
        """A page of a pass, in the order of the stages: an asset that is embedded anew is tagged anew after that."""
        for stage in self._stages:
            if stage.name not in self._passes:
                continue
            version = self.version(stage.name)
            rows = model_jobs.page(self._database, stage.name, version, *self._passes[stage.name], PAGE)
            self._database.batches([row[0] for row in rows if not row[2]], follow)
            with self._database.write() as tx:
                model_jobs.settle(tx, stage.name, version, [row[0] for row in rows if row[2]])
            if rows:
                self._passes[stage.name] = (rows[-1][1], rows[-1][0])
            else:
                del self._passes[stage.name]
                if stage.name != EMBED or self._astray is None:
                    with self._database.write() as tx:
                        scanning.remember_stage(tx, stage.name, version)
                self._dropping.due = True
            return True
        return False

    # ------------------------------------------------------------------------------------------ old vectors

    def _drop_old(self) -> bool:
        """Have what was lost of the vectors made again, then drop those of other models when nothing is left to do."""
        if self._dropping.ended():
            self._dropping.due = True
        if self._unheard or self._dropping.going_on() or self._passes or not (key := self._known.key()):
            return False
        unseen = self._dropping.unseen(key, self.version(EMBED))
        if unseen is not None:
            with self._database.write() as tx:
                for asset, local in unseen:
                    model_jobs.ask(tx, EMBED, self.version(EMBED), asset, jobs.day_number(local))
            return True
        if not self._dropping.due:
            return False
        self._dropping.due = False
        old = self._dropping.old(key)
        if old:
            with self._database.write() as tx:
                self._known.forget_others(tx)
            self._dropping.begin(old)
        return bool(old)
