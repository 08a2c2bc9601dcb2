"""What is asked of brain: which of its stages, of which assets again, and what becomes of their jobs while it is away.

brain says in its row of ``process`` under which fingerprint it would do each of its stages now, or None where it has no
model for it. From that follows:

* a stage without fingerprint is not asked for: its jobs are withdrawn, results stay. As long as brain has never said
  anything, the settings decide: with a model chosen, jobs wait for brain;
* another fingerprint than the one the whole library was last asked under: a *pass* goes through all assets, newest
  first, and asks for each that has no result under this one. What was made under it before is not made again, so going
  back to a model costs little;
* once everything is embedded under the new model, the vectors of the others are dropped.

brain that is away is waited for ``PATIENCE_S``; then what is open is parked (``jobs.AWAY``), so that nobody waits for
it, and opened when brain is back. What brain says it has no model for is parked likewise (``jobs.NO_MODEL``), until it
says something else.

Belongs to the runner's thread. ``step`` does a little of whatever is due, in one short transaction. How far a pass has
come is not remembered: after a restart it begins again, and passes over what is asked for already.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future

from albumsd.core.config import Config
from albumsd.store import embeddings, jobs, model_jobs, processes, scanning
from albumsd.store.database import Database, Tx
from albumsd.store.jobs import Job
from albumsd.store.model_jobs import Fingerprints

from .brain_lane import BATCH, BATCH_CUDA, INPUT_PX, BrainLane
from .lane import alone
from .stage import Stage

PATIENCE_S = 20.0
LOOK_S = 1.0
"""So often brain's row is read, and a brain that is away asked whether it is back."""
RETRY_S = 300.0
"""After this, what brain said it has no model for is asked once more."""
PAGE = 500
FAILED_SHARE = 0.05
"""Of a new model more failures than this share are no reason to drop the vectors of the old one."""
NEWEST = ("~", 0)
EMBED = "embed"

Follow = Callable[[Tx, int], None]


class Meaning:
    """``stages``: those of brain that are not switched off."""

    def __init__(self, database: Database, config: Config, stages: Sequence[Stage], lane: BrainLane) -> None:
        self._database, self._config, self._lane = database, config, lane
        self._stages = tuple(stages)
        self._known = {stage.name: model_jobs.fingerprints(database, stage.name) for stage in stages}
        self._looked = float("-inf")
        self._pid: int | None = None
        self._passes: dict[str, tuple[str, int]] = {}  # stage: the asset its pass has come to, as (day, id)
        self._withdraw: set[str] = set()
        self._parked = False  # what is open is being parked: brain has been away for too long
        self._refused: dict[
            str, float
        ] = {}  # stage: until when it is not asked for, because brain said it has no model
        counts = jobs.counts(database)
        # Stages with parked jobs to open again, as after any start:
        self._unpark = {stage for stage in self._known.keys() & counts.keys() if counts[stage]["parked"]}
        self._drop: Future[int] | None = None
        self._drop_due = True
        self._awake = True

    # ------------------------------------------------------------------------------- what the runner asks

    def asked(self, stage: str) -> bool:
        """Whether a stage of brain is asked for at all."""
        known = self._known.get(stage)
        if known is None:
            return False
        if known.now == "":
            return bool(self._config["model"] or (stage == "caption" and self._config["captioner"]))
        return known.now is not None

    def version(self, stage: str) -> int:
        """Under which number its results are made now."""
        known = self._known[stage]
        return known.numbers.get(known.now or "", 0)

    def ready(self, stage: str) -> bool:
        """Whether jobs of a stage may be begun."""
        return self.asked(stage) and not self._parked and stage not in self._refused and self._lane.away_s() is None

    def waiting(self) -> bool:
        """Whether open jobs wait for brain, and somebody may wait for them."""
        return any(self.asked(stage) and jobs.top(self._database, stage) is not None for stage in self._known)

    # ---------------------------------------------------------------------------- what the runner tells

    def superseded(self, tx: Tx, job: Job, fingerprint: str) -> bool:
        """Whether a result comes too late: made under another fingerprint than that of now, for an asset that has one
        of now. Its job is gone then, and nothing is to be stored."""
        return not self.is_now(tx, job, fingerprint) and model_jobs.superfluous(tx, job, self.version(job.stage))

    def is_now(self, tx: Tx, job: Job, fingerprint: str) -> bool:
        """Whether a result was made under the fingerprint that brain announces."""
        return self._number(tx, self._stage(job.stage), fingerprint) == self.version(job.stage)

    def finished(self, tx: Tx, job: Job, fingerprint: str) -> None:
        """A result was stored that was made under this fingerprint, maybe not the one that it was asked under."""
        model_jobs.finished_by(tx, job, self._number(tx, self._stage(job.stage), fingerprint))
        self._drop_due = True

    def _stage(self, name: str) -> Stage:
        return next(stage for stage in self._stages if stage.name == name)

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
        key = self._key()
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
        if row is not None and isinstance(row.detail.get("stages"), dict):
            said = row.detail["stages"]
            if row.pid != self._pid:
                self._pid = row.pid
                self._unrefuse(self._known)
            self._lane.batch = BATCH_CUDA if str(row.detail.get("device") or "").startswith("cuda") else BATCH
            self._lane.input_px = int(row.detail.get("input_px") or INPUT_PX)
            for stage in self._stages:
                self._announced(stage, said.get(stage.name))
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

    def _unrefuse(self, stages: Sequence[str] | dict[str, Fingerprints]) -> None:
        for stage in list(stages):
            if self._refused.pop(stage, None) is not None:
                self._unpark.add(stage)

    def _announced(self, stage: Stage, fingerprint: str | None) -> None:
        known = self._known[stage.name]
        now = None if fingerprint is None else _text(stage, fingerprint)
        if now == known.now:
            return
        with self._database.write() as tx:
            if fingerprint is None:
                scanning.forget_stage(tx, stage.name)  # so that it is asked for everywhere when there is a model again
            else:
                self._number(tx, stage, fingerprint)
            self._known[stage.name] = self._known[stage.name]._replace(now=now)
            model_jobs.remember_fingerprints(tx, stage.name, self._known[stage.name])
        self._unrefuse([stage.name])
        if now is None:
            self._passes.pop(stage.name, None)
            self._withdraw.add(stage.name)
        else:
            self._withdraw.discard(stage.name)
            self._passes.pop(stage.name, None)
            self._begin_pass(stage)

    def _begin_pass(self, stage: Stage) -> None:
        if scanning.stage_version(self._database, stage.name) != self.version(stage.name):
            self._passes.setdefault(stage.name, NEWEST)

    def _number(self, tx: Tx, stage: Stage, fingerprint: str) -> int:
        """The number of a fingerprint; a new one if it was never heard of."""
        known, text = self._known[stage.name], _text(stage, fingerprint)
        if text not in known.numbers:
            known = known._replace(numbers={**known.numbers, text: known.next}, next=known.next + 1)
            self._known[stage.name] = known
            model_jobs.remember_fingerprints(tx, stage.name, known)
        return known.numbers[text]

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
                with self._database.write() as tx:
                    scanning.remember_stage(tx, stage.name, version)
                self._drop_due = True
            return True
        return False

    # ------------------------------------------------------------------------------------------ old vectors

    def _key(self) -> str | None:
        """The key of the model that embeds now, as far as brain has said."""
        known = self._known.get(EMBED)
        return known.now.partition("/")[2] if known and known.now else None

    def _drop_old(self) -> bool:
        """Drop the vectors of other models when nothing is left to embed. In a thread: it may be a million."""
        if self._drop is not None:
            if not self._drop.done():
                return False
            self._drop, self._drop_due = None, True
        if not self._drop_due or self._passes or not (key := self._key()):
            return False
        counts = jobs.counts(self._database).get(EMBED, {})
        if counts.get("open") or counts.get("parked"):
            return False
        self._drop_due = False
        models = embeddings.models(self._database)
        new = next((model for model in models if model.key == key and model.assets), None)
        old = [model for model in models if model.key != key]
        if new is None or not old or counts.get("failed", 0) > FAILED_SHARE * new.assets:
            return False
        with self._database.write() as tx:
            known = self._known[EMBED]
            numbers = {text: number for text, number in known.numbers.items() if text == known.now}
            self._known[EMBED] = known._replace(numbers=numbers)
            model_jobs.remember_fingerprints(tx, EMBED, self._known[EMBED])
        self._drop = alone(_drop, self._config, [model.id for model in old])
        return True

    def dropping(self) -> bool:
        """Whether vectors of another model are being dropped."""
        return self._drop is not None and not self._drop.done()


def _text(stage: Stage, fingerprint: str) -> str:
    """What is remembered of a fingerprint: the code of the stage counts too."""
    return f"{stage.version}/{fingerprint}"


def _drop(config: Config, models: Sequence[int]) -> int:
    with Database(config.database) as database:
        return sum(embeddings.drop_model(database, model) for model in models)
