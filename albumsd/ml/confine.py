"""What the model's process may not do: outlive its parent, open a network socket. Called once, at its start."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import sys

_PR_SET_PDEATHSIG = 1
_OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TOKENIZERS_PARALLELISM": "false",
}


def die_with_parent(parent: int) -> None:
    """SIGKILL for this process when the thread that started it ends. ``parent`` is the pid it was started by."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(0)


def stay_offline() -> None:
    """No library may fetch anything: they are told so, and every socket of Python's but AF_UNIX is refused."""
    os.environ.update(_OFFLINE)
    sys.addaudithook(_refuse)


def _refuse(event: str, arguments: tuple[object, ...]) -> None:
    if event == "socket.__new__" and arguments[1] != socket.AF_UNIX:
        raise PermissionError("albumsd opens no network socket")
