"""What systemd hears on ``$NOTIFY_SOCKET``: READY=1 once the kernel talks to us, WATCHDOG=1 while the loop turns."""

from __future__ import annotations

import os
import socket
from contextlib import suppress

import trio


def notify(text: str) -> None:
    """Send ``text``; nothing happens where systemd does not listen."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address or address[0] not in "/@":
        return
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
        sender.connect("\0" + address[1:] if address[0] == "@" else address)
        sender.send(text.encode())


async def watchdog() -> None:
    """Runs in the loop: when the loop hangs, systemd hears nothing and starts the process again."""
    wanted = os.environ.get("WATCHDOG_USEC", "")
    if not wanted.isdigit() or not int(wanted):
        return
    while True:
        notify("WATCHDOG=1")
        await trio.sleep(int(wanted) / 2e6)
