"""What a decoder process may not do: eat all memory, open sockets, start programs, outlive its parent.

Linux only, and best effort step by step: limits by setrlimit; death with the parent by prctl; sockets, exec, ptrace
and io_uring (which can open sockets) denied by a seccomp filter on x86-64 and AArch64, and with them all calls of any
other architecture that the kernel runs (elsewhere the filter is left out). Called once, at the
start of a worker.
"""

from __future__ import annotations

import ctypes
import os
import platform
import resource
import signal
import struct

from .limits import MIB

_PR_SET_PDEATHSIG, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 1, 22, 38
_FILTER_MODE = 2
_ALLOW, _DENY_EACCES = 0x7FFF0000, 0x00050000 | 13
_LOAD, _JUMP_EQUAL, _JUMP_FROM, _RETURN = 0x20, 0x15, 0x35, 0x06
_X32 = 0x40000000
"""The bit of the numbers of a second table of calls that x86-64 has; no other call has so high a number."""
_IO_URING = (425, 426, 427)
# audit architecture and the numbers of: socket, socketpair, connect, bind, execve, execveat, ptrace, process_vm_readv
_SYSCALLS = {
    "x86_64": (0xC000003E, (41, 53, 42, 49, 59, 322, 101, 310, *_IO_URING)),
    "aarch64": (0xC00000B7, (198, 199, 203, 200, 221, 281, 117, 270, *_IO_URING)),
}
_LARGEST_FILE = 512 * MIB
_ADDRESS_ROOM = 2048 * MIB
"""Address space beyond the memory limit: libraries, mapped data, reserved and untouched arenas."""


def limit_resources(memory: int, nice: int) -> None:
    """Memory as private data and address space, no core dumps, no huge files, ``nice`` more than the parent."""
    for what, value in (
        (resource.RLIMIT_DATA, memory),
        (resource.RLIMIT_AS, memory + _ADDRESS_ROOM),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, _LARGEST_FILE),
    ):
        _, hard = resource.getrlimit(what)
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(what, (value, value))
    if nice:
        os.nice(nice)


def die_with_parent(parent: int) -> None:
    """SIGKILL for this process when its parent thread ends. ``parent`` is the pid it was started by."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(0)


def seccomp_filter(machine: str) -> list[tuple[int, int, int, int]]:
    """The steps ``(code, jump if true, jump if false, operand)`` for a machine by its uname, none if unknown."""
    known = _SYSCALLS.get(machine)
    if known is None:
        return []
    architecture, numbers = known
    refused = [(_JUMP_FROM, _X32), *((_JUMP_EQUAL, number) for number in numbers)]
    steps = [(_LOAD, 0, 0, 4), (_JUMP_EQUAL, 0, len(refused) + 2, architecture), (_LOAD, 0, 0, 0)]
    steps += [(code, len(refused) - index, 0, operand) for index, (code, operand) in enumerate(refused)]
    return [*steps, (_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _DENY_EACCES)]


def deny_system_calls() -> bool:
    """Sockets, programs and debugging answer EACCES from now on, also in threads. False where there is no filter."""
    steps = seccomp_filter(platform.machine())
    if not steps:
        return False
    program = b"".join(struct.pack("=HBBI", *step) for step in steps)
    buffer = ctypes.create_string_buffer(program, len(program))
    header = ctypes.create_string_buffer(struct.pack("@HxxxxxxP", len(steps), ctypes.addressof(buffer)))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        return False
    return bool(libc.prctl(_PR_SET_SECCOMP, _FILTER_MODE, ctypes.byref(header), 0, 0) == 0)
