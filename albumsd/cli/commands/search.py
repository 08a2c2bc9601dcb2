"""albumsd search: the ranking that search/<query>/ shows.

What there is to say besides (meaning is late, or there is no model) goes to standard error, so that ``--json`` stays
a list of results.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from typing import Any

from albumsd.core import clock, weights
from albumsd.query.parser import parse
from albumsd.query.tree import Node, is_pure_filter, likes
from albumsd.search import chosen, likeness, run
from albumsd.store import lookups
from albumsd.store.database import Tx

from ..common import ask, load, positive, print_json, reader
from . import Command


def _configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("query", metavar="QUERY", nargs="+", help="words and terms; `albumsd help query` lists them")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--limit", metavar="N", type=positive, default=None, help="at most N results, 1 or more")
    parser.add_argument("--why", action="store_true", help="say why each was found: by its words, by its meaning")


def _run(arguments: argparse.Namespace) -> int:
    config = load(arguments)
    text = " ".join(word.strip() for word in arguments.query)
    with reader(config) as library:
        read_ns = clock.now_ns()
        model = chosen.is_chosen(library, config, read_ns)
        results = run.search(
            library,
            text,
            today=clock.today(),
            limit=arguments.limit or config["search_results"],
            brain=config.run / run.SOCKET,
            model=model,
            deadline_s=config["search_deadline_s"],
        )
        missing = "" if model else (chosen.told(library, read_ns) or {}).get("why") or weights.WITHOUT
        notes = _notes(missing, library, parse(text, clock.today()), results, arguments.why)
        mounted = ask(config, "mount", {"ask": "status"})
        rows: list[dict[str, Any]] = []
        for rank, hit in enumerate(results.hits, 1):
            asset = lookups.asset(library, hit.asset)
            if asset is None:
                continue
            rows.append(
                {
                    "rank": rank,
                    "path": os.fsdecode(lookups.first_path(library, asset.id) or b""),
                    "mount_path": f"{mounted['mount']}/search/{text}/{rank:03d} {asset.name}" if mounted else None,
                    "sha256": asset.sha256.hex() if asset.sha256 else None,
                    "score": hit.score,
                    "why": json.loads(hit.why),
                }
            )
    for note in notes:
        print(f"albumsd: {note}", file=sys.stderr)
    if arguments.json:
        print_json(rows)
        return 0
    if not rows:
        print("Nothing found.")
    for row in rows:
        print(f"{row['rank']:03d}  {row['path'].encode('utf-8', 'replace').decode()}")
        if arguments.why:
            from albumsd.vfs.info import why_text

            print(f"     {why_text(row['why'])}")
    return 0


def _notes(missing: str, library: Tx, node: Node, results: run.Results, why: bool) -> list[str]:
    """What a person should know of the results besides. ``missing``: why there is no meaning; empty: there is."""
    wanted = [like.reference for like in likes(node)]
    notes = [
        f"like={reference}: no file, or more than one, is called so" for reference in wanted
        if likeness.resolve(library, reference) is None
    ]  # fmt: skip
    if missing:
        if wanted or (why and not is_pure_filter(node)):
            notes.append(weights.words_only(missing))
    elif results.late and results.by == "brain":
        notes.append("meaning is not ready yet; these are found by their words: ask again in a moment")
    elif results.late:
        notes.append("meaning is missing, brain does not answer; these hold all words")
    return notes


COMMAND = Command(
    "search", "Search the library; prints the paths on disk, best first.", "albumsd search warranty letter --why",
    _configure, _run, dashes=True,
)  # fmt: skip
