"""How good the search is: `make eval`.

    run.py                                       the demo library, drawn, indexed and asked; writes build/eval.json
    run.py --pictures DIR --captions FILE        your pictures with captions, such as Flickr30k, with your model
           --model FOLDER|NAME:FILE [--library DIR] [--most N]

The first prints a table: recall and nDCG of the text ranking, of the ranking by meaning, and of what is shown, which is
their fusion; on judged queries about the drawn pictures, on queries out of the drawn papers, and how many nonsense
queries find nothing. Nothing passes or fails here. Exit code 1 when it could not be measured, 2 for bad arguments.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import captions
import judged
import metrics
from subject import NotMeasured, Ranking, Subject

from albumsd.demo import library as drawn
from albumsd.demo import model as demo_model

ROOT = Path(__file__).resolve().parents[2]
LIBRARY_SEED = 11
"""Not that of ``albumsd demo``, at which people looked when they chose the floor of the demo's model."""
JUDGED, PAPERS, NONSENSE = 50, 30, 20
DEPTHS = (1, 5, 10)
PARTS = Ranking._fields
Scores = dict[str, dict[str, float | None]]


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="run.py", description="Measure how good search is.", formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=__doc__.partition("\n\n")[2],
    )  # fmt: skip
    parser.add_argument(
        "--json", type=Path, default=ROOT / "build" / "eval.json", metavar="FILE", help="where the figures go"
    )
    parser.add_argument("--seed", type=int, default=1, help="other queries about the same demo library (1)")
    parser.add_argument("--verbose", action="store_true", help="print every query with its figures")
    own = parser.add_argument_group("your own pictures")
    own.add_argument("--pictures", type=Path, metavar="DIR", help="a folder of pictures")
    own.add_argument("--captions", type=Path, metavar="FILE", help="what is on them (token file or CSV)")
    own.add_argument("--model", metavar="MODEL", help="an open_clip model: a folder, or NAME:FILE")
    own.add_argument(
        "--library", type=Path, metavar="DIR", help="keep the index there, to measure again without indexing"
    )
    own.add_argument(
        "--most", type=int, default=1000, metavar="N", help="at most N captions, chosen by the seed (1000)"
    )
    arguments = parser.parse_args(argv)
    if any((arguments.pictures, arguments.captions, arguments.model)) and not all(
        (arguments.pictures, arguments.captions, arguments.model)
    ):
        parser.error("--pictures, --captions and --model go together")
    return arguments


def score(rankings: Iterable[tuple[Ranking, frozenset[str]]], unjudged: frozenset[str] = frozenset()) -> Scores:
    """``{part: {ndcg10, recall1, recall5, recall10}}``, means over queries. ``unjudged`` contents do not count."""
    rows: dict[str, dict[str, list[float]]] = {}
    for ranking, relevant in rankings:
        for part, ranked in zip(PARTS, ranking, strict=True):
            seen = [one for one in ranked if one not in unjudged]
            figures = {"ndcg10": metrics.ndcg(seen, relevant, 10)}
            figures |= {f"recall{k}": metrics.recall(seen, relevant, k) for k in DEPTHS}
            for name, value in figures.items():
                rows.setdefault(part, {}).setdefault(name, []).append(value)
    return {part: {name: metrics.mean(values) for name, values in row.items()} for part, row in rows.items()}


def table(title: str, scores: Mapping[str, Mapping[str, float | None]]) -> str:
    """The figures of one set of queries, a line per part."""
    columns = ("ndcg10", *(f"recall{k}" for k in DEPTHS))
    heads = ("nDCG@10", *(f"recall@{k}" for k in DEPTHS))
    lines = [title, f"  {'':<10}" + "".join(f"{head:>11}" for head in heads)]
    for part, row in scores.items():
        lines.append(f"  {part:<10}" + "".join(f"{row[column] or 0.0:>11.3f}" for column in columns))
    return "\n".join(lines)


def _sha(path: str | os.PathLike[str] | bytes) -> str:
    with open(path, "rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def measure_demo(work: Path, seed: int, say: Any) -> tuple[dict[str, Any], list[str]]:
    """Draw, index, ask. The figures, and the tables to print."""
    truth = drawn.build(work / "Pictures", LIBRARY_SEED)
    by_path = {file.path: _sha(os.path.join(os.fsencode(truth.folder), file.path)) for file in truth.files}
    shown = {
        by_path[file.path]: file.scene for file in truth.files if file.scene and not file.broken and file.role is None
    }
    pictures = {by_path[file.path] for file in truth.files if file.kind in ("photo", "video")}
    unjudged = frozenset(pictures - set(shown))
    scenes = judged.scenes(shown, JUDGED, seed)
    papers = [
        judged.Query(query.text, frozenset(by_path[path.encode()] for path in query.relevant))
        for query in judged.documents(PAPERS, seed)
    ]
    nonsense = judged.nonsense(NONSENSE, seed)
    settings = {"model": os.fspath(demo_model.FOLDER), "demo": True}
    with Subject(work / "library", truth.folder, settings) as subject:
        asked = [(query, subject.rank(query.text)) for query in scenes]
        read = [(query, subject.rank(query.text)) for query in papers]
        strange = [(query, subject.rank(query.text)) for query in nonsense]
        status = subject.status()
    for query, ranking in asked:
        values = (metrics.ndcg([one for one in part if one not in unjudged], query.relevant, 10) for part in ranking)
        found = ", ".join(f"{name} {value:.2f}" for name, value in zip(PARTS, values, strict=True))
        say(f"  {query.text}: {found}; {len(ranking.fusion)} found, {len(query.relevant)} right")
    for query, ranking in strange:
        say(f"  {query.text}: {len(ranking.fusion)} found")
    on_pictures = score(((ranking, query.relevant) for query, ranking in asked), unjudged)
    on_papers = score((ranking, query.relevant) for query, ranking in read)
    empty = sum(not ranking.fusion for _, ranking in strange)
    figures: dict[str, Any] = {f"{part}.ndcg10": on_pictures[part]["ndcg10"] for part in PARTS}
    figures |= {"nonsense.empty": empty, "nonsense.tried": len(strange)}
    figures |= {"queries": len(asked), "documents.queries": len(read), "model": status.get("model"), "seed": seed}
    figures |= {f"documents.{part}.ndcg10": on_papers[part]["ndcg10"] for part in PARTS}
    figures |= {"pictures": on_pictures, "documents": on_papers}
    tables = [
        table(f"{len(asked)} judged queries about {len(shown)} drawn pictures", on_pictures),
        table(f"{len(read)} queries out of the drawn papers", on_papers),
        f"{empty} of {len(strange)} nonsense queries find nothing",
    ]
    return figures, tables


def measure_captions(arguments: argparse.Namespace, work: Path) -> tuple[dict[str, Any], list[str]]:
    """Each caption is a query, its picture the one answer. Raises BadCaptions, NotMeasured, OSError."""
    listed = captions.read(arguments.captions)
    listed = random.Random(arguments.seed).sample(listed, min(arguments.most, len(listed)))
    library = arguments.library or work / "library"
    with Subject(library, arguments.pictures, {"model": arguments.model}) as subject:
        rankings = []
        for caption in listed:
            path = arguments.pictures / caption.image
            rankings.append((subject.rank(caption.text), frozenset({_sha(path)})))
        status = subject.status()
    scores = score(rankings)
    figures: dict[str, Any] = {f"{part}.ndcg10": scores[part]["ndcg10"] for part in PARTS}
    figures |= {"queries": len(listed), "model": status.get("model"), "seed": arguments.seed, "captions": scores}
    return figures, [table(f"{len(listed)} captions, {status.get('model')}", scores)]


def main(argv: Sequence[str] | None = None) -> int:
    """The exit code."""
    arguments = _arguments(argv)
    with tempfile.TemporaryDirectory(prefix="albumsd-eval-") as scratch:
        try:
            if arguments.captions:
                figures, tables = measure_captions(arguments, Path(scratch))
            else:
                say = print if arguments.verbose else lambda _: None
                figures, tables = measure_demo(Path(scratch), arguments.seed, say)
        except (NotMeasured, captions.BadCaptions, OSError) as error:
            print(f"eval: {error}", file=sys.stderr)
            return 1
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(json.dumps(figures, indent=2) + "\n")
    print("\n\n".join(tables))
    print(f"\nwritten to {arguments.json}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
