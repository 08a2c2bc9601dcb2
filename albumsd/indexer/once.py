"""The whole work in one thread: look at every source, do every job, and come back when nothing is left.

What ``process`` does for as long as it lives, for those who need it once: tests, the bench, the demo, the command line.
The caller holds the process lock if anyone else may index the same library.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from albumsd.core.config import Config
from albumsd.media.limits import Limits
from albumsd.media.pool import DecoderPool
from albumsd.store import jobs, sources
from albumsd.store.database import Database

from .results import Calls
from .roots import Prober
from .runner import Runner
from .scan import Gone, Outcome, Scan
from .stage import Submit
from .stages import all_stages
from .volumes import Mounts


@dataclass
class Report:
    """What was done: one outcome per scan, by the source's name, in the order of the scans."""

    scans: list[tuple[str, Outcome]] = field(default_factory=list)
    states: dict[str, str] = field(default_factory=dict)


def index_once(
    database: Database,
    config: Config,
    *,
    rest_s: float = 0.0,
    rescan: bool = False,
    decode: Submit | None = None,
    committed: Callable[[], None] = lambda: None,
) -> Report:
    """Scan every source that is there and waits for it (all, with ``rescan``), then run all jobs to their end.

    With ``rest_s`` 0 every file counts as finished. ``decode`` replaces the pool of decoder processes. What was left by
    a killed run is taken up. Raises what the store raises, and PoolFailed when no decoder can be started.
    """
    report = Report()
    if decode is not None:
        _index(database, config, rest_s, rescan, decode, lambda: None, committed, report)
        return report
    with DecoderPool(config.workers, Limits.from_settings(config.values)) as pool:
        _index(database, config, rest_s, rescan, pool.submit, pool.check, committed, report)
    return report


def _index(
    database: Database,
    config: Config,
    rest_s: float,
    rescan: bool,
    decode: Submit,
    check: Callable[[], None],
    committed: Callable[[], None],
    report: Report,
) -> None:
    def stopped() -> bool:
        check()  # raises when no decoder can be started
        return False

    prober = Prober()
    look_again: dict[int, set[bytes]] = {}
    calls = Calls(committed, lambda source: None, lambda source, path: look_again.setdefault(source, set()).add(path))
    runner = Runner(database, config, decode, calls=calls)
    with database.write() as tx:
        jobs.release_all(tx)
        if rescan:
            sources.want_scan(tx)
    runner.open_outdated()
    try:
        wanted: dict[int, set[bytes]] | None = None
        while True:
            again = _look(database, config, prober, rest_s, wanted, committed, report)
            runner.run(stopped)
            for source, folders in look_again.items():
                again.setdefault(source, set()).update(folders)
            look_again.clear()
            if not again and not sources.scans_due(database):
                return
            wanted = again
            if rest_s:
                threading.Event().wait(min(rest_s, 1.0))
    finally:
        runner.stop()


def _look(
    database: Database,
    config: Config,
    prober: Prober,
    rest_s: float,
    wanted: dict[int, set[bytes]] | None,
    committed: Callable[[], None],
    report: Report,
) -> dict[int, set[bytes]]:
    """One look at the sources: whole scans that are due, and the ``wanted`` folders. Folders for the next look."""
    again: dict[int, set[bytes]] = {}
    for known in sources.all_sources(database):
        mounts = Mounts.now()
        report.states[known.name] = prober.check(database, known, mounts).state
        source = sources.by_name(database, known.name)
        if source.state != "online":
            continue
        folders = (wanted or {}).get(source.id)
        if not source.scan_due and not folders:
            continue
        scan = scan_of(database, config, source, prober, mounts, rest_s, committed)
        try:
            outcome = scan.whole() if source.scan_due else scan.some(folders or ())
        except Gone:
            report.states[source.name] = prober.check(database, source, Mounts.now()).state
            continue
        report.scans.append((source.name, outcome))
        if outcome.again:
            again[source.id] = outcome.again
        with database.write() as tx:
            jobs.unpark_waiting(tx, source.id)
    return again


def scan_of(
    database: Database,
    config: Config,
    source: sources.Source,
    prober: Prober,
    mounts: Mounts,
    rest_s: float,
    committed: Callable[[], None] = lambda: None,
    stopped: Callable[[], bool] = lambda: False,
) -> Scan:
    """A scan of ``source`` as both ways of indexing make it."""

    def still_online() -> bool:
        return prober.check(database, source, Mounts.now()).state == "online"

    first = all_stages()[0]
    return Scan(
        database,
        source,
        rest_s=rest_s,
        stage=(first.name, first.version),
        mounts=mounts,
        skip=mounts.ours(os.fsencode(config.mount)),
        still_online=still_online,
        committed=committed,
        stopped=stopped,
    )
