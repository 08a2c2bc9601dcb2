"""docs/performance.md: the figures of one run, and how to read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .bench import Bench
from .table import Row, as_markdown

_HEAD = """\
# Performance

Measured by `make bench ARGS=--write`, which wrote this page. `ARGS=--quick` gives a first look in some minutes,
`ARGS="--only listing"` one part, `ARGS="--json FILE"` the figures for a program. `contrib/bench/` says how it is done.

How to read it:

- A **ratio** is ours to the baseline's. The two take turns in one run on one machine, and the ratio is the median of
  the ratios of the turns, so what else the machine does hits both. Figures alone say little about another machine.
- **Warm**: done once just before. **Cold**: the kernel has forgotten all names and attributes (`echo 2 > drop_caches`)
  and the mount's pages of the files (`posix_fadvise`); the source's own pages stay in memory. **The disk cold too**:
  everything forgotten (`echo 3`). Making the kernel forget needs root; without it those rows are missing.
- **bindfs** is Debian's, with its own defaults, on libfuse 2: no readdirplus, one thread, requests of 128 KiB.
- `find` is `find -printf '%s %T@ %p\\n' > /dev/null`; `exiftool` is one process for all files (`-fast2 -json`).
- Text searches of the generated libraries use words as unevenly common as those of a language.
- **Targets** are those of the project's design. "NO" is a figure that does not reach its target in this run.
"""


def document(about: Mapping[str, str], sections: Sequence[tuple[Bench, Sequence[Row]]]) -> str:
    """The whole page."""
    parts = [_HEAD, "## The machine\n", "\n".join(f"- {what}: {text}" for what, text in about.items()) + "\n"]
    for bench, rows in sections:
        table = as_markdown(rows) if rows else "Not measured."
        parts.append(f"## {bench.name.capitalize()}\n\n{bench.help}\n\n{table}\n")
    return "\n".join(parts)
