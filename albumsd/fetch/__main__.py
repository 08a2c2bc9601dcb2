"""python -m albumsd.fetch: what to do on standard input, how it goes on standard output (see the package)."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path
from typing import Any

from .download import Failed
from .place import put


def say(event: dict[str, Any]) -> None:
    """One line on standard output."""
    print(json.dumps(event), flush=True)


def main() -> int:
    """Do what standard input says; the exit code."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    wanted = json.load(sys.stdin)
    try:
        put(Path(wanted["folder"]), wanted["files"], say)
    except Failed as error:
        say({"error": str(error), "network": error.network})
        return 3 if error.network else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
