"""The pool: a poison file costs only itself, and the queue goes on."""

from __future__ import annotations

import errno
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import wait
from pathlib import Path
from typing import Any

import pytest

from albumsd.core.facts import Facts
from albumsd.media import pool as pool_module
from albumsd.media import sandbox, wire
from albumsd.media.facts import describe
from albumsd.media.limits import MIB, Limits
from albumsd.media.pool import DecoderPool, PoolFailed, TaskFailed

LIMITS = Limits(memory=512 * MIB)


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch) -> Iterator[DecoderPool]:
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    with DecoderPool(1, LIMITS, task_modules=["media_poison"]) as made:
        yield made


def pid(pool: DecoderPool) -> int:
    return int(pool.submit("noise", b"x").result(30)["pid"])


def problem(pool: DecoderPool, task: str, seconds: float | None = None) -> tuple[str, str]:
    with pytest.raises(TaskFailed) as caught:
        pool.submit(task, b"/x", seconds=seconds).result(30)
    return caught.value.problem.reason, caught.value.problem.detail


def test_the_noise_of_libraries_never_reaches_the_protocol(pool: DecoderPool) -> None:
    answers = [pool.submit("noise", b"/a/\xff\xe9 b").result(30) for _ in range(3)]
    assert {answer["path"] for answer in answers} == {"/a/\xff\xe9 b"}


@pytest.mark.parametrize(
    ("task", "seconds", "reason"),
    [("hang", 0.2, "timeout"), ("crash", None, "crash"), ("leave", None, "crash"), ("eat", None, "memory")],
)
def test_poison_costs_only_itself(
    pool: DecoderPool, jpeg: Callable[..., Path], task: str, seconds: float | None, reason: str
) -> None:
    before = pid(pool)
    path = jpeg()
    poisoned = pool.submit(task, b"/poison", seconds=seconds)
    behind = [pool.submit("facts", str(path)) for _ in range(20)]
    with pytest.raises(TaskFailed) as caught:
        poisoned.result(30)
    assert caught.value.problem.reason == reason
    assert {answer.result(30)["facts"]["width"] for answer in behind} == {64}
    assert pid(pool) != before


def test_of_requests_sent_ahead_only_the_one_at_work_is_to_blame(
    monkeypatch: pytest.MonkeyPatch, jpeg: Callable[..., Path]
) -> None:
    """With poison allowed to wait in the child like headers do, those behind it are done by the next child."""
    from albumsd.media import pool as module

    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    monkeypatch.setitem(module.AHEAD, "leave", 8)
    path = str(jpeg())
    with DecoderPool(1, LIMITS, task_modules=["media_poison"]) as pool:
        pid(pool)
        futures = [pool.submit("leave" if number % 4 == 2 else "facts", path) for number in range(24)]
        wait(futures, 60)
        for number, future in enumerate(futures):
            if number % 4 == 2:
                assert isinstance(future.exception(), TaskFailed)
            else:
                assert future.result()["facts"]["kind"] == "photo"


@pytest.fixture
def starts(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What the next starts of a child do: "dies", an OSError, or, when there is none left, what they should."""
    plan: list[object] = []
    popen = subprocess.Popen

    def start(command: list[str], **how: Any) -> object:
        what = plan.pop(0) if plan else None
        if isinstance(what, OSError):
            raise what
        return popen(["false"] if what == "dies" else command, **how)

    monkeypatch.setattr(pool_module, "_REST_S", 0.01)
    monkeypatch.setattr(pool_module.subprocess, "Popen", start)
    return plan


@pytest.mark.parametrize("what", ["dies", OSError(errno.EAGAIN, "no processes left")])
def test_a_child_that_cannot_start_blames_no_file(
    starts: list[object], what: object, jpeg: Callable[..., Path]
) -> None:
    starts += [what] * (pool_module.STARTS - 1)
    path = str(jpeg())
    with DecoderPool(1, LIMITS) as pool:
        futures = [pool.submit("facts", path) for _ in range(3)]
        assert {future.result(30)["facts"]["kind"] for future in futures} == {"photo"}
        pool.check()
    assert starts == []


@pytest.mark.parametrize("what", ["dies", OSError(errno.EAGAIN, "no processes left")])
def test_a_pool_whose_children_never_start_fails(starts: list[object], what: object) -> None:
    starts += [what] * 100
    with DecoderPool(2, LIMITS) as pool:
        futures = [pool.submit("facts", b"/x") for _ in range(20)]
        for future in futures:
            exception = future.exception(30)
            assert isinstance(exception, TaskFailed)
            assert exception.problem.reason == "cancelled", "the one reason that is not the file's"
        with pytest.raises(PoolFailed, match=r"status 1|no processes left"):
            pool.check()
        late = pool.submit("facts", b"/x").exception(0)
        assert isinstance(late, TaskFailed)
        assert late.problem.reason == "cancelled"
    assert len(starts) >= 100 - 2 * pool_module.STARTS


def test_one_child_that_works_is_reason_to_hope(
    starts: list[object], monkeypatch: pytest.MonkeyPatch, jpeg: Callable[..., Path]
) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    path = str(jpeg())
    with DecoderPool(2, LIMITS, task_modules=["media_poison"]) as pool:
        hanging = pool.submit("hang", b"/x", seconds=60)
        end = time.monotonic() + 30
        while not any(worker.ready for worker in pool._workers):
            assert time.monotonic() < end
        starts += ["dies"] * (pool_module.STARTS + 2)
        later = pool.submit("facts", path)  # for the second child, as the first is busy
        assert later.result(30)["facts"]["kind"] == "photo"
        assert starts == []
        assert not hanging.done()
        pool.check()


def test_describing_says_that_nothing_can_be_decoded(starts: list[object], jpeg: Callable[..., Path]) -> None:
    starts += ["dies"] * 100
    with pytest.raises(PoolFailed):
        describe([str(jpeg())])


def test_an_exception_in_a_task_is_a_problem_and_the_child_lives(pool: DecoderPool) -> None:
    before = pid(pool)
    assert problem(pool, "fail") == ("corrupt", "ValueError: a library fell over")
    assert problem(pool, "hash") == ("unreadable", "No such file or directory")
    assert pid(pool) == before


@pytest.mark.skipif(platform.machine() not in ("x86_64", "aarch64"), reason="the filter exists for these only")
def test_a_decoder_opens_no_socket_and_starts_no_program(pool: DecoderPool) -> None:
    found = pool.submit("escape", b"/x").result(30)
    if platform.machine() != "x86_64":
        del found["x32"]
    assert found == dict.fromkeys(found, "EACCES")  # the filter's own; a kernel without io_uring says something else
    assert {"socket", "unix", "program", "io_uring"} <= found.keys()


def _filtered(machine: str, architecture: int, number: int) -> int:
    """What the filter answers, step by step as the kernel takes them."""
    steps, at, loaded = sandbox.seccomp_filter(machine), 0, 0
    while True:
        code, if_true, if_false, operand = steps[at]
        at += 1
        if code == 0x06:
            return operand
        if code == 0x20:
            loaded = {0: number, 4: architecture}[operand]
        else:
            at += if_true if {0x15: loaded == operand, 0x35: loaded >= operand}[code] else if_false


@pytest.mark.parametrize(
    ("machine", "own", "foreign", "socket", "read"),
    [("x86_64", 0xC000003E, 0x40000003, 41, 0), ("aarch64", 0xC00000B7, 0x40000028, 198, 63)],
)
def test_what_the_filter_of_each_machine_refuses(machine: str, own: int, foreign: int, socket: int, read: int) -> None:
    allowed, denied = 0x7FFF0000, 0x00050000 | 13
    assert _filtered(machine, own, read) == allowed
    for number in (socket, 425, 426, 427, 0x40000000, 0x40000000 | read, 0xFFFFFFFF):
        assert _filtered(machine, own, number) == denied, number
    assert _filtered(machine, foreign, read) == denied
    assert sandbox.seccomp_filter("riscv64") == []


def test_a_child_is_replaced_after_its_share_of_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    with DecoderPool(1, LIMITS, task_modules=["media_poison"], recycle=3) as pool:
        pids = [pid(pool) for _ in range(7)]
    assert [pids.count(number) for number in dict.fromkeys(pids)] == [3, 3, 1]


def test_close_kills_what_hangs_and_answers_everybody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    pool = DecoderPool(2, LIMITS, task_modules=["media_poison"])
    pid(pool)
    futures = [pool.submit("hang", b"/x") for _ in range(5)]
    children = pool.pids()
    assert children
    pool.close()
    for future in futures:
        exception = future.exception(timeout=10)
        assert isinstance(exception, TaskFailed)
        assert exception.problem.reason == "cancelled"
    for child in children:
        with pytest.raises(ProcessLookupError):
            os.kill(child, 0)
    with pytest.raises(RuntimeError):
        pool.submit("facts", b"/x")


def test_two_children_share_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    with DecoderPool(2, LIMITS, task_modules=["media_poison"]) as pool:
        hanging = pool.submit("hang", b"/x", seconds=20)
        assert {pid(pool) for _ in range(5)}
        assert not hanging.done()


def test_a_cancelled_task_is_not_done(pool: DecoderPool) -> None:
    hanging = pool.submit("hang", b"/x", seconds=0.3)
    later = pool.submit("noise", b"/x")
    assert later.cancel()
    assert isinstance(hanging.exception(30), TaskFailed)
    assert pid(pool)


def test_the_parent_meets_no_decoder() -> None:
    code = (
        "import sys, albumsd.media.pool, albumsd.media.facts, albumsd.media.hashing, albumsd.media.wire\n"
        "bad = {'PIL', 'numpy', 'av', 'exifread', 'pillow_heif', 'rawpy', 'pypdfium2', 'timezonefinder'} & set(sys.modules)\n"
        "sys.exit(repr(bad) if bad else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert done.returncode == 0, done.stderr


def test_facts_survive_the_wire() -> None:
    from albumsd.core.facts import Camera, CaptureTime, Companion, Exposure, Position, Problem

    whole = Facts(
        kind="photo", mime="image/jpeg", width=4, height=3, orientation=6, captured=CaptureTime("2024-04-13T18:22:05", None, "exif"),
        captured_others=(CaptureTime("2024-04-13T00:00:00", "+02:00", "xmp"),), position=Position(1.5, -2.5, None), camera=Camera("a", None, "c"),
        exposure=Exposure(1.8, 0.01, 100, 4.2, 26.0, False), duration_s=1.5, rating=0, tags=("ä", "b"), title="t", description="d", caption="c",
        companions=(Companion("motion", None, 5), Companion("live", "/\udcff", None)), content_id="x", pages=0, text_chars=0, flags=("raw",),
        problems=(Problem("truncated", "y"),),
    )  # fmt: skip
    assert wire.from_wire(wire.to_wire(whole)) == whole
    assert wire.from_wire(wire.to_wire(Facts())) == Facts()
    assert wire.path_from_wire(wire.path_to_wire(b"/\xff\n\xe9")) == b"/\xff\n\xe9"
