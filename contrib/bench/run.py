"""Measure, print one table, and write docs/performance.md.

    run.py [--only NAME ...] [--quick] [--json FILE] [--write]

Each benchmark runs in a process of its own with a deadline; one that fails or hangs costs its own rows. Nothing here
passes or fails by a figure: the table says which targets are met. Exit code 1 when a benchmark could not be run.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import benches
from harness import machine, processes, report, table
from harness.bench import Bench, Context
from harness.table import Row

_SUBREAPER = 36  # prctl(2): orphans of a benchmark become our children, so that we can find them
_LOG_CHARS = 3_000
DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "performance.md"


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    listed = "\n".join(f"  {bench.name:<14}{bench.help}" for bench in map(benches.load, benches.NAMES))
    parser = argparse.ArgumentParser(
        prog="run.py", description="Measure albumsd against what it is compared with.",
        epilog=f"benchmarks:\n{listed}", formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--only", nargs="+", action="extend", metavar="NAME", choices=benches.NAMES, help="only these")
    parser.add_argument("--quick", action="store_true", help="less of everything: some minutes in all")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the figures there too")
    parser.add_argument("--write", action="store_true", help="write docs/performance.md")
    parser.add_argument("--child", metavar="NAME", help=argparse.SUPPRESS)
    parser.add_argument("--scratch", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args(argv)


def _child(bench: Bench, scratch: Path, quick: bool) -> int:
    rows = bench.run(Context(scratch, quick))
    (scratch / "rows.json").write_text(json.dumps(table.as_data(rows)))
    return 0


def measure(bench: Bench, quick: bool) -> tuple[list[Row], str | None]:
    """The rows of one benchmark, and why there are none if it failed. Leaves no process, mount or file behind."""
    scratch = Path(tempfile.mkdtemp(prefix=f"albumsd-bench-{bench.name}-")).resolve()
    command = [sys.executable, os.path.abspath(__file__), "--child", bench.name, "--scratch", os.fspath(scratch)]
    child = subprocess.Popen([*command, "--quick"] if quick else command, start_new_session=True)
    try:
        code = child.wait(bench.deadline_s)
        if code:
            return [], f"ended with exit code {code}{_logs(scratch)}"
        return table.rows(json.loads((scratch / "rows.json").read_text())), None
    except subprocess.TimeoutExpired:
        return [], f"did not end within {bench.deadline_s:.0f} s{_logs(scratch)}"
    finally:
        processes.clear(scratch, [*processes.descendants(child.pid), *processes.descendants(os.getpid())])


def _logs(scratch: Path) -> str:
    """The end of what albumsd's processes have logged there. The mount, which may hang, is not entered."""
    texts = [
        (path, path.read_text("utf-8", "replace")[-_LOG_CHARS:])
        for path in [*scratch.glob("library*/*.log"), *scratch.glob("*/library/*.log")]
    ]
    return "".join(f"\n{path.name}:\n{text}" for path, text in texts if text)


def main(argv: Sequence[str] | None = None) -> int:
    arguments = _arguments(argv)
    if arguments.child:
        return _child(benches.load(arguments.child), arguments.scratch, arguments.quick)
    ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)
    missing = [program for program in ("bindfs", "exiftool", "find", "sha256sum") if not shutil.which(program)]
    if missing:
        print(f"bench: not installed: {', '.join(missing)}; `make bench` does that", file=sys.stderr)
        return 1
    about = machine.describe() | {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "sizes": "quick" if arguments.quick else "full",
    }
    print("\n".join(f"{what}: {text}" for what, text in about.items()), end="\n\n", flush=True)
    found: list[tuple[Bench, list[Row]]] = []
    failures: list[str] = []
    for name in arguments.only or benches.NAMES:
        bench = benches.load(name)
        began = time.monotonic()
        print(f"bench: {name} …", end=" ", file=sys.stderr, flush=True)
        rows, why = measure(bench, arguments.quick)
        print(why or f"{time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
        found.append((bench, rows))
        if why:
            failures.append(f"{name}: {why}")
    print(table.as_text([(bench.help, rows) for bench, rows in found]))
    print("".join(f"\nbench: {failure}" for failure in failures))
    if arguments.json:
        data = {"machine": about, "rows": {bench.name: table.as_data(rows) for bench, rows in found}}
        arguments.json.write_text(json.dumps(data, indent=1) + "\n")
    if arguments.write:
        DOCUMENT.write_text(report.document(about, found), "utf-8")
        print(f"bench: wrote docs/{DOCUMENT.name}", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    raise SystemExit(main())
