"""Fetching a model for `albumsd models pull`: starts the one program that may use the network, and shows how it goes.

Nothing else starts it. It is told everything (``job``), so it needs no library and no settings.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any, TextIO

from albumsd.core.errors import FetchBroken, FetchFailed
from albumsd.core.weights import Weights, size_text


def job(weights: Weights, folder: Path, hub: str, sha256: str) -> dict[str, Any]:
    """What the program is told (``albumsd.fetch``). ``sha256``: of the weights, if the person knows it, else empty."""
    files = []
    for file in weights.files:
        given = sha256 if file.weights else ""
        files.append(
            {
                "names": file.names,
                "urls": [weights.url(name, hub) for name in file.names],
                "sha256s": [given or (file.sha256 if name == file.names[0] else "") for name in file.names],
                "weights": file.weights,
                "optional": file.optional,
            }
        )
    return {"folder": str(folder), "files": files}


def pull(wanted: dict[str, Any], out: TextIO | None) -> dict[str, Any]:
    """Run the program; ``{"folder", "bytes", "files": [{"name", "bytes", "sha256", "checked"}]}``.

    ``out``: where progress is shown; None: nowhere. Raises FetchFailed, FetchBroken.
    """
    done: dict[str, Any] = {"files": []}
    process = subprocess.Popen(
        [sys.executable, "-m", "albumsd.fetch"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin
    assert process.stdout
    try:
        with process.stdin as tell:
            json.dump(wanted, tell)
        for line in process.stdout:
            event = json.loads(line)
            _show(event, out)
            if "error" in event:
                process.wait()
                raise (FetchBroken if event["network"] else FetchFailed)(why=event["error"])
            if "got" in event:
                name = event.pop("got")
                done["files"].append({"name": name, **event})
            if "done" in event:
                done |= {"folder": event["done"], "bytes": event["bytes"]}
        process.wait()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    if "folder" not in done:
        raise FetchBroken(why=f"the program that fetches ended ({process.returncode})")
    return done


def _show(event: dict[str, Any], out: TextIO | None) -> None:
    if out is None:
        return
    live = out.isatty()
    if "file" in event and live:
        of = f" of {size_text(event['of'])}" if event["of"] else ""
        out.write(f"\r\x1b[K  {event['file']}  {size_text(event['at'])}{of}")
    elif "got" in event:
        out.write("\r\x1b[K" if live else "")
        out.write(f"  {event['got']}  {size_text(event['bytes'])}  SHA-256 {event['sha256']} ({event['checked']})\n")
    elif "error" in event and live:
        out.write("\n")
    out.flush()


def by_hand(weights: Weights, models: Path, hub: str, library: str = "") -> str:
    """How to do the same on a machine without internet; ``library``: the one that was named, not the usual one."""
    named = f" --library {shlex.quote(library)}" if library else ""
    lines = [
        "By hand, for a machine without internet. On one that has it, put these files into a folder",
        f"{weights.name} on a stick, under their own names:",
        "",
    ]
    for file in weights.files:
        for number, name in enumerate(file.names):
            either = "if there is no such: " if number else "if it is there: " if file.optional else ""
            lines.append(f"  {either}{weights.url(name, hub)}")
        if file.sha256:
            lines.append(f"      SHA-256 {file.sha256}")
    lines += [
        "",
        "Then, here:",
        "",
        f"  mkdir -p {shlex.quote(str(models))}",
        f"  cp -r /media/STICK/{weights.name} {shlex.quote(str(models))}/",
        f"  albumsd models use {weights.name}{named}",
    ]
    return "\n".join(lines)
