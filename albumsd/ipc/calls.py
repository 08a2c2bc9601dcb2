"""One JSON line asked, one JSON line answered, over a stream socket.

``Server`` answers in threads of its own, so a slow answer holds up nobody else; its handler must be safe to call
from several threads. An exception in the handler becomes ``{"error": text}`` and ``ask`` raises ``CallFailed``.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from albumsd.core.errors import NotReady

from .addresses import short

log = logging.getLogger(__name__)

Handler = Callable[[dict[str, Any]], dict[str, Any]]
MAX_LINE = 16 * 1024 * 1024


class CallFailed(Exception):
    """The other process answered with an error."""


class Server:
    """Listens at ``path`` (0600) from construction until ``close``."""

    def __init__(self, path: Path, handler: Handler) -> None:
        self._path = path
        self._handler = handler
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.unlink(missing_ok=True)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        with short(path) as address:
            self._socket.bind(address)
        os.chmod(path, 0o600)
        self._socket.listen(64)
        self._thread = threading.Thread(target=self._accept, name=f"calls:{path.name}", daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        while True:
            try:
                peer, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(peer,), name=f"call:{self._path.name}", daemon=True).start()

    def _serve(self, peer: socket.socket) -> None:
        with peer, suppress(OSError, ValueError):
            peer.settimeout(30)
            with peer.makefile("rb") as lines:
                asked = lines.readline(MAX_LINE)
            if not asked:
                return
            try:
                answer = self._handler(json.loads(asked))
            except Exception as error:
                log.exception("call failed")
                answer = {"error": f"{type(error).__name__}: {error}"}
            peer.sendall(json.dumps(answer).encode() + b"\n")

    def close(self) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._path.unlink(missing_ok=True)


def ask(path: Path, request: dict[str, Any], timeout_s: float) -> dict[str, Any]:
    """The answer to ``request``. Raises NotReady when nobody listens or answers in time, CallFailed on its error."""
    deadline = time.monotonic() + timeout_s
    line = bytearray()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as peer:
        peer.settimeout(timeout_s)
        try:
            with short(path) as address:
                peer.connect(address)
            peer.sendall(json.dumps(request).encode() + b"\n")
            while not line.endswith(b"\n") and len(line) < MAX_LINE:
                peer.settimeout(max(0.001, deadline - time.monotonic()))
                part = peer.recv(65536)
                if not part:
                    break
                line += part
        except OSError:
            raise NotReady(what=path.stem, seconds=timeout_s) from None
    if not line.endswith(b"\n"):  # it died, before or while it answered
        raise NotReady(what=path.stem, seconds=timeout_s)
    answer: dict[str, Any] = json.loads(line)
    if "error" in answer:
        raise CallFailed(str(answer["error"]))
    return answer
