"""One file from the network: resumed where it stopped, and checked before it counts.

What came so far is in ``NAME.part``. A further try asks for the rest by ``Range``; a server that gives the whole file
again is taken at its word. Which file it was at the time needs no memory: the whole is checked at the end, and a file
that is wrong after a resume is fetched once more from its beginning.

The hash to check against is, strongest first, the one that is pinned, and the one that the server announces. The hub
announces, on the redirect to where the bytes are, ``X-Linked-Etag`` (SHA-256 of a large file) and ``X-Linked-Size``;
the ``ETag`` of a small file is its name in git, the SHA-1 of ``blob SIZE NUL`` and the bytes. Weights without a SHA-256
are not taken.
"""

from __future__ import annotations

import errno
import hashlib
import http.client
import os
import re
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from albumsd import __version__

TIMEOUT_S = 30.0
"""Silence of a server after which a try is over."""
TRIES = 5
"""So often in a row a connection may break without having brought anything."""
CHUNK = 1 << 20
SPARE = 64 << 20
"""Bytes that stay free on the disk."""

Progress = Callable[[int, int | None], None]
"""Bytes so far, and of how many if that is known."""


class Failed(Exception):
    """Says what is wrong. ``network``: another try, later, may help, and goes on where this one stopped."""

    def __init__(self, why: str, network: bool = False) -> None:
        super().__init__(why)
        self.network = network


class NotThere(Failed):
    """The server has no such file."""


@dataclass(slots=True)
class Announced:
    """What a server said of a file on the way to its bytes. ``sha256`` and ``git`` in hex, or empty."""

    sha256: str = ""
    git: str = ""
    size: int | None = None

    def hear(self, headers: Any) -> None:
        """Headers of one answer; what an earlier one said stands."""
        tag = (headers.get("X-Linked-Etag") or headers.get("ETag") or "").removeprefix("W/").strip('"')
        if not self.sha256 and re.fullmatch("[0-9a-f]{64}", tag):
            self.sha256 = tag
        if not self.git and re.fullmatch("[0-9a-f]{40}", tag):
            self.git = tag
        size = headers.get("X-Linked-Size") or ""
        if self.size is None and size.isdecimal():
            self.size = int(size)


@dataclass(slots=True)
class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects, never from https to anything else, and hears what they announce."""

    announced: Announced = field(default_factory=Announced)

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        self.announced.hear(headers)
        if not newurl.startswith("https://") and not (
            newurl.startswith("http://") and req.full_url.startswith("http://")
        ):
            if fp:
                fp.close()
            raise Failed(f"{req.full_url} leads to {newurl}, where nothing is fetched from")
        return urllib.request.HTTPRedirectHandler.redirect_request(self, req, fp, code, msg, headers, newurl)


def fetch(url: str, target: Path, sha256: str, weights: bool, progress: Progress) -> tuple[str, str]:
    """Get ``url`` into ``target``; its SHA-256 and what it was checked against: 'pinned', 'announced', 'no hash known'.

    Raises NotThere, Failed. What came so far stays in ``target.part`` unless it is wrong.
    """
    part = target.with_name(target.name + ".part")
    resumed = part.exists() and part.stat().st_size > 0
    while True:
        announced = _bytes(url, part, weights and not sha256, progress)
        digest, git = _digests(part)
        wanted, by = (sha256, "pinned") if sha256 else (announced.sha256, "announced")
        if wanted:
            right = digest == wanted
        elif announced.git:
            right = git == announced.git
        else:
            right, by = True, "no hash known"
        if right:
            os.replace(part, target)
            return digest, by
        part.unlink()
        if not resumed:
            what = f"its SHA-256 is {digest}, not {wanted}" if wanted else f"it is not {announced.git}, as announced"
            raise Failed(f"{target.name} came wrong: {what}. Nothing of it was kept")
        resumed = False


def _digests(path: Path) -> tuple[str, str]:
    """SHA-256, and the name in git, of a file."""
    whole, blob = hashlib.sha256(), hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            whole.update(chunk)
            blob.update(chunk)
    return whole.hexdigest(), blob.hexdigest()


def _bytes(url: str, part: Path, hash_needed: bool, progress: Progress) -> Announced:
    """Bring ``part`` to its whole length, in as many tries as bring something."""
    fruitless = 0
    while True:
        before = part.stat().st_size if part.exists() else 0
        try:
            announced, whole = _try(url, part, before, hash_needed, progress)
            if whole:
                return announced
            why: object = "the connection ended early"
        except Failed:
            raise
        except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError, ssl.SSLError) as error:
            reason = getattr(error, "reason", None) or error
            if isinstance(reason, ssl.SSLCertVerificationError):
                raise Failed(f"{url}: the server cannot prove who it is ({reason.verify_message})") from None
            why = getattr(reason, "strerror", None) or reason
            if isinstance(error, urllib.error.URLError) and not isinstance(reason, TimeoutError):
                raise Failed(f"no way to {url} ({why})", network=True) from None
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise Failed(f"the disk of {part.parent} is full; what came so far stays there") from None
            raise Failed(f"{part}: {error.strerror}") from None
        after = part.stat().st_size if part.exists() else 0
        fruitless = 0 if after > before else fruitless + 1
        if fruitless >= TRIES:
            raise Failed(f"{url}: {why}, {TRIES} times in a row", network=True)


def _try(url: str, part: Path, begin: int, hash_needed: bool, progress: Progress) -> tuple[Announced, bool]:
    """One connection; whether the file is whole now."""
    if not url.startswith(("https://", "http://")):
        raise Failed(f"{url} is no address of the web")
    redirects = _Redirects()
    opener = urllib.request.build_opener(redirects)
    headers = {"User-Agent": f"albumsd/{__version__}", "Accept-Encoding": "identity"}
    if begin:
        headers["Range"] = f"bytes={begin}-"
    try:
        answer = opener.open(urllib.request.Request(url, headers=headers), timeout=TIMEOUT_S)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code in (404, 410):
            raise NotThere(f"{url} does not exist ({error.code} {error.reason})") from None
        if error.code == 416:  # nothing behind what is here already: the hash will tell
            return redirects.announced, True
        if error.code in (401, 403):
            raise Failed(f"{url} is only for some ({error.code} {error.reason}): fetch it by hand") from None
        later = error.code >= 500 or error.code in (408, 429)
        raise Failed(f"{url}: the server says {error.code} {error.reason}", network=later) from None
    with answer:
        announced = redirects.announced
        announced.hear(answer.headers)
        if hash_needed and not announced.sha256:
            raise Failed(f"{url}: the server announces no SHA-256, and none is known. If you know it: --sha256 HEX")
        at, whole = _range(answer, begin)
        if whole is None:
            whole = announced.size
        _room(part.parent, (whole or at) - at)
        return announced, _copy(answer, part, at, whole, progress)


def _range(answer: Any, begin: int) -> tuple[int, int | None]:
    """Where the bytes of an answer begin, and how long the file is."""
    length = answer.headers.get("Content-Length") or ""
    found = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", answer.headers.get("Content-Range") or "")
    if answer.status == 206 and found:
        if int(found[1]) != begin:
            raise Failed(f"{answer.url}: the server gives another part than it was asked for")
        return begin, int(found[2]) if found[2] != "*" else None
    return 0, int(length) if length.isdecimal() else None


def _room(folder: Path, wanted: int) -> None:
    space = os.statvfs(folder)
    free = space.f_bavail * space.f_frsize
    if free < wanted + SPARE:
        raise Failed(f"{folder} has {free / 1e6:,.0f} MB free, and {(wanted + SPARE) / 1e6:,.0f} MB are needed")


def _copy(answer: Any, part: Path, at: int, whole: int | None, progress: Progress) -> bool:
    """Write what comes; whether all came. Every byte that was read stays, also when the connection breaks."""
    with part.open("r+b" if at else "wb") as file:
        file.seek(at)
        progress(at, whole)
        while chunk := answer.read1(CHUNK):  # what is there: progress is told, and kept, piece by piece
            file.write(chunk)
            at += len(chunk)
            progress(at, whole)
        file.flush()
        os.fsync(file.fileno())
    if whole is not None and at > whole:
        raise Failed(f"{part.name} is longer than the server said")
    return whole is None or at == whole
