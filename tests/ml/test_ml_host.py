"""The host: deadlines, deaths, priorities. The child is real, its models are not (``ml_fake``)."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ml_lead import FAKE, WAIT_S, Lead, made_up, pid_of
from PIL import Image

from albumsd.core.errors import NotReady
from albumsd.core.facts import Problem
from albumsd.ml import child, keeper, questions
from albumsd.ml.child import Patience
from albumsd.ml.errors import ModelFailed
from albumsd.ml.host import ModelHost

Make = Callable[..., ModelHost]
PLAIN = made_up("plain")


def later(run: Callable[[], Any]) -> Future[Any]:
    """What a thread of its own finds."""
    pool = ThreadPoolExecutor(1)
    try:
        return pool.submit(run)
    finally:
        pool.shutdown(wait=False)


def ended(pid: int) -> bool:
    """Wait for the end of a process that another thread reaps."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([process], [], [], WAIT_S)[0])
    finally:
        os.close(process)


def pictures(folder: Path, many: int, shade: int = 1) -> list[Path]:
    paths = [folder / f"{shade}-{number}.png" for number in range(many)]
    for path in paths:
        Image.new("RGB", (4 + many, 4), (shade, 0, 0)).save(path)
    return paths


def test_nothing_runs_before_something_is_asked(host_of: Make) -> None:
    host = host_of()
    assert pid_of(host) is None
    assert host.state(PLAIN) == "cold"
    assert host.info(PLAIN) is None
    assert host.encode_texts(PLAIN, [], 1).shape == (0, 2)
    assert host.encode_images(PLAIN, [], 1) == []
    assert pid_of(host) is None


def test_a_question_loads_the_model(host_of: Make) -> None:
    host = host_of()
    vectors = host.encode_texts(PLAIN, ["a", "empty"], WAIT_S)
    assert vectors.tolist() == [[1.0, 0.0], [0.0, 0.0]]
    assert vectors.dtype == np.float32
    assert host.state(PLAIN) == "warm"
    assert host.info(PLAIN) == {"device": "cpu", "dtype": "float32", "images_per_s": 7.0, "batch": 2}


def test_a_child_that_dies_at_rest_is_an_error_for_nobody(host_of: Make) -> None:
    """And what it had found out about the model is told to the next one."""
    host = host_of()
    for hinted in (0.0, 1.0, 1.0):
        assert host.encode_texts(PLAIN, ["a"], WAIT_S).tolist() == [[1.0, hinted]]
        os.kill(pid_of(host) or 0, signal.SIGKILL)


def test_a_death_costs_only_the_question_at_work(host_of: Make, lead: Lead, tmp_path: Path) -> None:
    host = host_of()
    host.encode_texts(PLAIN, ["a"], WAIT_S)
    at_work = later(lambda: host.encode_texts(PLAIN, ["gate"], WAIT_S))
    assert lead.next() == "text"
    behind = later(lambda: host.captions(PLAIN, pictures(tmp_path, 5), WAIT_S))
    before = pid_of(host) or 0
    os.kill(before, signal.SIGKILL)
    with pytest.raises(ModelFailed, match="SIGKILL, perhaps for want of memory"):
        at_work.result(WAIT_S)
    assert behind.result(WAIT_S) == ["9 wide"] * 5
    assert pid_of(host) not in (None, before)


@pytest.mark.parametrize(("text", "why"), [("die", "SIGKILL"), ("leave", "status 3: this is the reason")])
def test_a_text_that_kills_is_an_error_and_the_next_child_works(host_of: Make, text: str, why: str) -> None:
    host = host_of()
    for _ in range(4):  # what is asked does not make a model that loads count as failed
        with pytest.raises(ModelFailed, match=why):
            host.encode_texts(PLAIN, [text], WAIT_S)
    assert host.encode_texts(PLAIN, ["a"], WAIT_S).shape == (1, 2)


def test_what_a_model_raises_is_an_error_of_that_question(host_of: Make) -> None:
    host = host_of()
    before = host.encode_texts(PLAIN, ["a"], WAIT_S), pid_of(host)
    with pytest.raises(ModelFailed, match="ValueError: of no use"):
        host.encode_texts(PLAIN, ["raise"], WAIT_S)
    assert host.encode_texts(PLAIN, ["a"], WAIT_S).tolist() == before[0].tolist()
    assert pid_of(host) == before[1]


def test_the_noise_of_libraries_never_reaches_the_protocol(host_of: Make) -> None:
    assert host_of().encode_texts(PLAIN, ["noise", "a", "noise"], WAIT_S).shape == (3, 2)


def test_a_deadline_takes_the_question_back_and_leaves_the_child(host_of: Make, lead: Lead) -> None:
    host = host_of()
    host.encode_texts(PLAIN, ["a"], WAIT_S)
    before = pid_of(host)
    with pytest.raises(NotReady, match=r"the model plain did not answer within 0\.05 s"):
        host.encode_texts(PLAIN, ["gate", *["x"] * 15, "gate"], 0.05)  # two units of work
    assert lead.next() == "text"
    other = later(lambda: host.encode_texts(made_up("told"), ["a"], WAIT_S))
    assert lead.next() == "load told"  # so the child has heard all that was said before
    lead.let(1)
    assert host.encode_texts(PLAIN, ["a"], WAIT_S).shape == other.result(WAIT_S).shape == (1, 2)
    assert lead.nothing()
    assert pid_of(host) == before


def test_a_deadline_while_the_model_loads_leaves_it_loading(host_of: Make, lead: Lead) -> None:
    host, model = host_of(), made_up("told gated")
    with pytest.raises(NotReady):
        host.encode_texts(model, ["a"], 0.05)
    assert lead.next() == "load told gated"
    assert host.state(model) == "loading"
    lead.let(1)
    assert host.encode_texts(model, ["a"], WAIT_S).shape == (1, 2)


def test_a_child_that_hangs_is_ended(host_of: Make) -> None:
    host = host_of(patience=Patience(unit=0.2))
    host.encode_texts(PLAIN, ["a"], WAIT_S)
    before = pid_of(host) or 0
    with pytest.raises(ModelFailed, match=r"did not answer for 0\.2 s and was ended"):
        host.encode_texts(PLAIN, ["hang"], WAIT_S)
    assert ended(before)
    assert host.encode_texts(PLAIN, ["a"], WAIT_S).shape == (1, 2)


def test_a_load_that_hangs_fails_after_three_children(host_of: Make, lead: Lead) -> None:
    host, model = host_of(patience=Patience(load=0.2)), made_up("told gated")
    with pytest.raises(ModelFailed, match="did not answer"):
        host.encode_texts(model, ["a"], WAIT_S)
    assert [lead.next() for _ in range(3)] == ["load told gated"] * 3
    assert lead.nothing()
    assert host.state(model) == "failed"


def test_those_who_wait_for_a_model_go_to_the_next_child(host_of: Make, lead: Lead) -> None:
    host, model = host_of(), made_up("told gated")
    waiting = later(lambda: host.encode_texts(model, ["a"], WAIT_S))
    assert lead.next() == "load told gated"
    os.kill(pid_of(host) or 0, signal.SIGKILL)
    assert lead.next() == "load told gated"
    lead.let(1)
    assert waiting.result(WAIT_S).shape == (1, 2)


def test_a_model_whose_child_dies_three_times_has_failed(
    host_of: Make, lead: Lead, monkeypatch: pytest.MonkeyPatch
) -> None:
    host, model = host_of(), made_up("told dying")
    with pytest.raises(ModelFailed, match="status 3: this is the reason"):
        host.encode_texts(model, ["a"], WAIT_S)
    assert [lead.next() for _ in range(keeper.STARTS)] == ["load told dying"] * 3
    assert host.state(model) == "failed"
    assert host.why(model) == "its process ended with status 3: this is the reason"
    with pytest.raises(ModelFailed, match="this is the reason"):
        host.encode_texts(model, ["a"], WAIT_S)
    assert host.encode_texts(PLAIN, ["a"], WAIT_S).shape == (1, 2)
    assert lead.nothing()
    assert host.why(PLAIN) is None


def test_what_failed_is_tried_again_after_its_time(host_of: Make, lead: Lead, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(questions, "RETRY_S", 0.0)
    host, model = host_of(), made_up("told bad")
    for _ in range(2):
        with pytest.raises(ModelFailed, match="The model does not run: it is bad"):
            host.encode_texts(model, ["a"], WAIT_S)
        assert lead.next() == "load told bad"
    assert lead.nothing()


def test_a_program_that_does_not_start_is_a_failure(host_of: Make) -> None:
    with ModelHost(60, program=["/nowhere/python"]) as host, pytest.raises(ModelFailed, match="cannot be started"):
        host.encode_texts(PLAIN, ["a"], WAIT_S)


def test_the_child_ends_when_it_has_nothing_to_do(host_of: Make) -> None:
    host = host_of(idle_s=0.1)
    host.encode_texts(PLAIN, ["a"], WAIT_S)
    pid = pid_of(host)
    assert pid is None or ended(pid)
    assert host.encode_texts(PLAIN, ["a"], WAIT_S).shape == (1, 2)
    assert host.info(PLAIN) is not None


def test_a_long_question_is_no_idleness(host_of: Make, lead: Lead) -> None:
    host = host_of(idle_s=0.05)
    asked = later(lambda: host.encode_texts(PLAIN, ["gate"], WAIT_S))
    assert lead.next() == "text"
    with pytest.raises(NotReady):
        host.encode_texts(PLAIN, ["a"], 0.2)
    lead.let(1)
    assert asked.result(WAIT_S).shape == (1, 2)


def test_closing_ends_the_child_and_fails_what_is_open(host_of: Make, lead: Lead) -> None:
    host = host_of()
    asked = later(lambda: host.encode_texts(PLAIN, ["gate"], WAIT_S))
    assert lead.next() == "text"
    pid = pid_of(host) or 0
    host.close()
    with pytest.raises(ModelFailed, match="albumsd is stopping"):
        asked.result(WAIT_S)
    with pytest.raises(ModelFailed, match="albumsd is stopping"):
        host.encode_texts(PLAIN, ["a"], WAIT_S)
    assert ended(pid)


def test_the_child_dies_with_its_parent(lead: Lead) -> None:
    program = (
        "import sys; from ml_lead import FAKE, made_up, pid_of; from albumsd.ml.host import ModelHost\n"
        "host = ModelHost(60, program=FAKE); host.encode_texts(made_up('plain'), ['a'], 30)\n"
        "print(pid_of(host), flush=True); sys.stdin.read()"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.kill()
    assert ended(pid)


def test_texts_go_before_the_pictures_that_wait(host_of: Make, lead: Lead, tmp_path: Path) -> None:
    """A text that comes while one of a hundred batches runs is next once it has come, and not the last."""
    host, cores = host_of(), len(os.sched_getaffinity(0))
    embedding = later(lambda: host.encode_images(PLAIN, pictures(tmp_path, 200), WAIT_S))
    assert lead.next() == f"pictures 2 threads {cores}"
    text = later(lambda: host.encode_texts(PLAIN, ["gate"], WAIT_S))
    batches = 1
    lead.let(1)
    while lead.next() != "text":
        batches += 1
        lead.let(1)
    assert batches < 100
    lead.let(1)
    assert text.result(WAIT_S).shape == (1, 2)
    lead.let(100)
    assert len(embedding.result(WAIT_S)) == 200


def test_others_that_decode_get_a_core(host_of: Make, lead: Lead, tmp_path: Path) -> None:
    host = host_of()
    lead.let(1)
    host.encode_images(PLAIN, pictures(tmp_path, 1), WAIT_S, busy=True)
    assert lead.next() == f"pictures 1 threads {len(os.sched_getaffinity(0)) - 1}"


def test_a_bad_picture_is_a_problem_of_its_own(host_of: Make, lead: Lead, tmp_path: Path) -> None:
    good = pictures(tmp_path, 2)
    no_vector = pictures(tmp_path, 1, shade=99)
    (tmp_path / "cut.webp").write_bytes(b"RIFF\x10\0\0\0WEBPVP8 ")
    paths: list[Path | str] = [
        good[0],
        tmp_path / "gone.webp",
        tmp_path / "cut.webp",
        *no_vector,
        os.fsencode(good[1]).decode(),
    ]
    host = host_of()
    lead.let(3)
    found = host.encode_images(PLAIN, paths, WAIT_S)
    reasons = [one.reason if isinstance(one, Problem) else one.tolist() for one in found]
    assert reasons == [[1.0, 0.0], "unreadable", "corrupt", "corrupt", [1.0, 0.0]]
    assert found[1] == Problem("unreadable", "No such file or directory")
    assert found[3] == Problem("corrupt", "the model makes no vector of it")
    words = host.captions(PLAIN, paths, WAIT_S)
    assert [one if isinstance(one, str) else one.reason for one in words][:3] == ["6 wide", "unreadable", "corrupt"]


def test_names_that_are_no_text_are_opened(host_of: Make, lead: Lead, tmp_path: Path) -> None:
    strange = os.fsdecode(os.fsencode(tmp_path) + b"/\xff \n.png")
    Image.new("RGB", (7, 4)).save(strange, format="png")
    assert host_of().captions(PLAIN, [strange], WAIT_S) == ["7 wide"]


def test_the_old_model_answers_while_the_new_one_loads(host_of: Make, lead: Lead) -> None:
    host, new = host_of(), made_up("told gated")
    host.encode_texts(PLAIN, ["a"], WAIT_S)
    first = later(lambda: host.encode_texts(new, ["a"], WAIT_S))
    assert lead.next() == "load told gated"
    assert host.encode_texts(PLAIN, ["a"], WAIT_S).shape == (1, 2)
    assert (host.state(PLAIN), host.state(new)) == ("warm", "loading")
    lead.let(1)
    assert first.result(WAIT_S).shape == (1, 2)
    assert (host.state(PLAIN), host.state(new)) == ("warm", "warm")


def test_of_four_models_the_one_least_used_is_dropped(host_of: Make) -> None:
    host, one, two, three, four = host_of(), *(made_up(name) for name in ("one", "two", "three", "four"))
    for model in (one, two, three, one, four):
        host.encode_texts(model, ["a"], WAIT_S)
    assert [host.state(model) for model in (one, two, three, four)] == ["warm", "cold", "warm", "warm"]
    assert host.encode_texts(two, ["a"], WAIT_S).tolist() == [[1.0, 1.0]]
    assert [host.state(model) for model in (one, two, three, four)] == ["warm", "warm", "cold", "warm"]


def test_the_model_that_answers_texts_is_never_dropped(host_of: Make, tmp_path: Path) -> None:
    host, paths = host_of(), pictures(tmp_path, 1)
    host.encode_texts(PLAIN, ["a"], WAIT_S)
    others = [made_up(name) for name in ("one", "two", "three", "four")]
    for _ in range(2):
        for model in others:
            host.captions(model, paths, WAIT_S)
            assert host.state(PLAIN) == "warm"
    assert [host.state(model) for model in others] == ["cold", "cold", "warm", "warm"]


def test_a_text_waits_for_a_word_and_not_for_a_caption(host_of: Make, lead: Lead, tmp_path: Path) -> None:
    """One that comes while the first of 2,000 words is looked for is answered before the last."""
    host, wordy, cores = host_of(), made_up("wordy"), len(os.sched_getaffinity(0))
    host.encode_texts(PLAIN, ["a"], WAIT_S)
    writing = later(lambda: host.captions(wordy, pictures(tmp_path, 1), WAIT_S, busy=True))
    word = f"word threads {cores - 1}"
    assert lead.next() == word
    text = later(lambda: host.encode_texts(PLAIN, ["at"], WAIT_S))
    words = 1
    lead.let(1)
    while (said := lead.next()) != "text":
        assert said == word
        words += 1
        lead.let(1)
    assert words < 2000
    assert text.result(WAIT_S).shape == (1, 2)
    lead.let(2000 - words)
    assert [lead.next() for _ in range(2000 - words)] == [word] * (2000 - words)  # with the threads it had before
    assert writing.result(WAIT_S) == ["5 wide"]


def test_a_child_that_hangs_after_a_text_in_between_is_ended(host_of: Make, lead: Lead, tmp_path: Path) -> None:
    host, endless = host_of(patience=Patience(unit=2.0)), made_up("endless")
    host.encode_texts(PLAIN, ["a"], WAIT_S)
    writing = later(lambda: host.captions(endless, pictures(tmp_path, 1), WAIT_S))
    assert lead.next().startswith("word")
    text = later(lambda: host.encode_texts(PLAIN, ["at"], WAIT_S))
    lead.let(1)
    while lead.next() != "text":
        lead.let(1)
    assert text.result(WAIT_S).shape == (1, 2)  # and of the caption no word more
    with pytest.raises(ModelFailed, match="did not answer"):
        writing.result(WAIT_S)


def test_nobody_waits_while_a_child_is_ended(host_of: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    host = host_of()
    host.encode_texts(PLAIN, ["a"], WAIT_S)
    ending, go = threading.Event(), threading.Event()
    end = child.Child.end

    def slowly(self: child.Child, seconds: float = 0.0) -> str:
        ending.set()
        assert go.wait(WAIT_S)
        return end(self, seconds)

    monkeypatch.setattr(child.Child, "end", slowly)
    os.kill(pid_of(host) or 0, signal.SIGKILL)
    assert ending.wait(WAIT_S)
    asked = later(lambda: host.encode_texts(PLAIN, ["a"], WAIT_S))
    assert later(lambda: (host.state(PLAIN), host.why(PLAIN))).result(WAIT_S)[1] is None
    assert later(lambda: host.info(PLAIN)).result(WAIT_S) is not None
    go.set()
    assert asked.result(WAIT_S).shape == (1, 2)


def test_a_child_that_cannot_be_killed_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "KILLED_S", 0.01)
    stuck = child.Child([sys.executable, "-c", "import signal; signal.pause()"], Patience())
    process = stuck._process
    kill = process.kill
    monkeypatch.setattr(process, "kill", lambda: None)
    assert stuck.end() == "its process cannot be ended"
    kill()
    reapers = [thread for thread in threading.enumerate() if thread.name == "reaper"]
    for reaper in reapers:
        reaper.join(WAIT_S)
    assert (len(reapers), process.returncode) == (1, -signal.SIGKILL)


@pytest.mark.parametrize("times", [1, 2])
def test_what_nobody_understands_is_the_death_of_the_child(
    host_of: Make, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    """And the thread goes on: a question that met it once is asked again, one that met it twice fails."""
    host = host_of()
    host.encode_texts(PLAIN, ["a"], WAIT_S)
    before, left = pid_of(host) or 0, [times]
    hear = questions.Question.hear

    def confused(self: questions.Question, header: Any, payload: bytes) -> None:
        if left[0]:
            left[0] -= 1
            raise KeyError("count")
        hear(self, header, payload)

    monkeypatch.setattr(questions.Question, "hear", confused)
    if times == 1:
        assert host.encode_texts(PLAIN, ["a"], WAIT_S).shape == (1, 2)
    else:
        with pytest.raises(ModelFailed, match="was not understood: KeyError"):
            host.encode_texts(PLAIN, ["a"], WAIT_S)
        assert host.encode_texts(PLAIN, ["a"], WAIT_S).shape == (1, 2)
    assert ended(before)


def test_without_the_extra_it_says_what_to_install(host_of: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "open_clip", None)
    host = host_of()
    with pytest.raises(ModelFailed, match=r"pip install 'albumsd\[meaning\]'"):
        host.encode_texts(PLAIN, ["a"], WAIT_S)
    assert host.state(PLAIN) == "failed"
    assert pid_of(host) is None


def test_many_threads_ask_at_once(host_of: Make, lead: Lead, tmp_path: Path) -> None:
    host, paths = host_of(), pictures(tmp_path, 3)
    lead.let(16)
    with ThreadPoolExecutor(8) as pool:
        texts = [pool.submit(host.encode_texts, PLAIN, ["a"] * (number + 1), WAIT_S) for number in range(8)]
        embedded = [pool.submit(host.encode_images, PLAIN, paths, WAIT_S) for _ in range(8)]
        assert [len(one.result()) for one in texts] == list(range(1, 9))
        assert [len(one.result()) for one in embedded] == [3] * 8


def test_the_child_is_nicer(host_of: Make) -> None:
    host = host_of(nice=3)
    host.encode_texts(PLAIN, ["a"], WAIT_S)
    own = os.getpriority(os.PRIO_PROCESS, 0)
    assert os.getpriority(os.PRIO_PROCESS, pid_of(host) or 0) == min(19, own + 3)


def test_the_worker_alone_says_how_it_is_called() -> None:
    said = subprocess.run([FAKE[0], "-m", "albumsd.ml.worker", "--help"], capture_output=True, text=True)
    assert (said.returncode, "--device" in said.stdout) == (0, True)
