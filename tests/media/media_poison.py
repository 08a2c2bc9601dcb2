"""Tasks for the pool's tests, run in its children: they hang, crash, eat memory, make noise and try to break out."""

from __future__ import annotations

import ctypes
import errno
import os
import signal
import socket
import subprocess
import sys

from albumsd.media.limits import Limits
from albumsd.media.tasks import Request, Task


def _hang(request: Request, limits: Limits) -> Request:
    signal.pause()
    return {}


def _crash(request: Request, limits: Limits) -> Request:
    ctypes.string_at(0)
    return {}


def _leave(request: Request, limits: Limits) -> Request:
    os._exit(7)


def _eat(request: Request, limits: Limits) -> Request:
    return {"got": len(bytearray(limits.memory * 2))}


def _noise(request: Request, limits: Limits) -> Request:
    print("x" * 100_000)
    sys.stdout.flush()
    os.write(1, b"\0\0\0\2{}" * 1000)
    os.write(2, b"noise")
    return {"pid": os.getpid(), "path": request["path"].decode("latin-1")}


def _fail(request: Request, limits: Limits) -> Request:
    raise ValueError("a library fell over")


def _escape(request: Request, limits: Limits) -> Request:
    found = {}
    for name, attempt in (
        ("socket", lambda: socket.socket(socket.AF_INET)),
        ("unix", lambda: socket.socket(socket.AF_UNIX)),
        ("program", lambda: subprocess.run([sys.executable, "-c", ""], check=False)),
        ("io_uring", lambda: _system_call(425, 1, None)),
        ("x32", lambda: _system_call(0x40000000 | 39)),
    ):
        try:
            attempt()
            found[name] = "allowed"
        except OSError as error:
            found[name] = type(error).__name__
            if isinstance(error, PermissionError):
                found[name] = errno.errorcode[error.errno or 0]
    return found


def _system_call(number: int, *arguments: object) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(ctypes.c_long(number), *arguments) < 0:
        raise OSError(ctypes.get_errno(), "refused")


TASKS = (
    Task("hang", "Never answers.", _hang),
    Task("crash", "Reads address 0.", _crash),
    Task("leave", "Ends its process.", _leave),
    Task("eat", "Wants twice the memory it may have.", _eat),
    Task("noise", "Writes where libraries write.", _noise),
    Task("fail", "Raises what no reader expects.", _fail),
    Task("escape", "Tries what a decoder may not do.", _escape),
)
