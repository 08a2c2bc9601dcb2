"""Datagrams without an answer. The receiver looks into the database; the text only says what for."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from pathlib import Path

from .addresses import short

MAX_BYTES = 16_384


def listen(path: Path) -> socket.socket:
    """A bound, non-blocking datagram socket at ``path`` (0600); an old one there is replaced."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.unlink(missing_ok=True)
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
    with short(path) as address:
        bound.bind(address)
    os.chmod(path, 0o600)
    return bound


def send(path: Path, text: str = "") -> bool:
    """Ping whoever listens at ``path``. False when nobody does or its queue is full; never waits."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK) as sender:
        with suppress(OSError), short(path) as address:
            sender.sendto(text.encode("utf-8", "surrogateescape")[:MAX_BYTES], address)
            return True
    return False


def drain(bound: socket.socket) -> list[str]:
    """All texts that wait at a socket of ``listen``."""
    texts = []
    with suppress(BlockingIOError):
        while True:
            texts.append(bound.recv(MAX_BYTES).decode("utf-8", "surrogateescape"))
    return texts
