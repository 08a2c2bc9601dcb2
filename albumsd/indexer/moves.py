"""Which file moved where: a pure decision over what one scan found different.

A row and an entry with the same inode, size and mtime are the same file. A file whose old path is gone, or holds
another file now, has moved; an entry whose twin still stands at its own path is a hard link. A move onto a path whose
old occupant did not itself move away is no move but a change of that path (a save by rename), so that the new content
becomes the successor of the old one.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from albumsd.store.files import Entry
from albumsd.store.scanning import Placed

Key = tuple[int, int, int]
Move = tuple[Placed, bytes, Entry]
"""The row, the folder where it stands now, and what the disk says there."""


@dataclass
class News:
    """What a scan could not judge at once."""

    gone: list[Placed] = field(default_factory=list)
    changed: list[tuple[Placed, Entry]] = field(default_factory=list)
    suspects: list[tuple[bytes, Entry, bool]] = field(default_factory=list)  # new names with a known inode; fresh?
    away: list[Placed] = field(default_factory=list)  # not met, or held as missing: they may have moved, nothing else


@dataclass
class Plan:
    """What is to be done, in this order: ``steps``, ``swaps``, ``links``, ``changed``, ``gone``."""

    steps: list[list[Move]] = field(default_factory=list)  # each group's targets are free once the earlier are done
    swaps: list[Move] = field(default_factory=list)  # targets are each other's old paths
    links: list[tuple[bytes, Entry]] = field(default_factory=list)  # new names
    changed: list[tuple[Placed, Entry]] = field(default_factory=list)
    gone: list[Placed] = field(default_factory=list)
    again: set[bytes] = field(default_factory=set)

    @property
    def moved(self) -> int:
        return sum(map(len, self.steps)) + len(self.swaps)


def _key(inode: int, size: int, mtime_ns: int) -> Key | None:
    return (inode, size, mtime_ns) if inode else None


def resolve(news: News) -> Plan:
    """Decide. The order of what is in ``news`` has no influence."""
    free: dict[Key, list[Placed]] = {}
    for row in [*news.gone, *news.away, *(row for row, entry in news.changed if row.known.inode != entry.inode)]:
        key = _key(row.known.inode, row.known.size, row.known.mtime_ns)
        if key:
            free.setdefault(key, []).append(row)
    for rows in free.values():
        rows.sort(key=lambda row: row.path, reverse=True)
    moves: list[Move] = []
    unmatched: list[tuple[bytes, Entry, bool]] = []
    for path, entry, fresh in sorted(news.suspects):
        twin = _take(free, entry)
        if twin is None:
            unmatched.append((path, entry, fresh))
        else:
            moves.append((twin, path, entry))
    occupants = {(row.folder, row.known.name): row for row, _ in news.changed}
    for row, entry in news.changed:
        other = _take(free, entry, but=row)
        if other is not None:
            moves.append((other, row.folder, entry))
    moves = _possible(moves, occupants)
    moved = {row.known.id for row, _, _ in moves}
    arrived_at = {(path, entry.name) for _, path, entry in moves}
    plan = Plan()
    for path, entry, fresh in unmatched:
        if fresh:
            plan.again.add(path)
        else:
            plan.links.append((path, entry))
    for row, entry in news.changed:
        if (row.folder, row.known.name) in arrived_at:
            continue
        if row.known.id in moved:
            plan.links.append((row.folder, entry))
        else:
            plan.changed.append((row, entry))
    plan.gone = [row for row in news.gone if row.known.id not in moved]
    _order(plan, moves, occupants)
    return plan


def _take(free: dict[Key, list[Placed]], entry: Entry, but: Placed | None = None) -> Placed | None:
    key = _key(entry.inode, entry.size, entry.mtime_ns)
    rows = free.get(key) if key else None
    if not rows or (but is not None and rows[-1].known.id == but.known.id):
        return None
    return rows.pop()


def _possible(moves: list[Move], occupants: dict[tuple[bytes, bytes], Placed]) -> list[Move]:
    """Without those whose target is occupied by a row that stays where it is."""
    while True:
        moved = {row.known.id for row, _, _ in moves}
        kept = [m for m in moves if (o := occupants.get((m[1], m[2].name))) is None or o.known.id in moved]
        if len(kept) == len(moves):
            return kept
        moves = kept


def _order(plan: Plan, moves: list[Move], occupants: dict[tuple[bytes, bytes], Placed]) -> None:
    waiting = {row.known.id for row, _, _ in moves}
    while moves:
        ready = [m for m in moves if (o := occupants.get((m[1], m[2].name))) is None or o.known.id not in waiting]
        if not ready:
            plan.swaps = moves
            return
        plan.steps.append(ready)
        waiting -= {row.known.id for row, _, _ in ready}
        moves = [m for m in moves if m[0].known.id in waiting]
