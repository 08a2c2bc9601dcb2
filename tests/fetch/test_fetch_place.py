"""fetch.place and the program: a folder of a model is whole or not there, whatever happens in between."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.hub import CONFIG, WEIGHTS, Hub, sha256

from albumsd.core import checksums
from albumsd.fetch import place
from albumsd.fetch.download import Failed

CONFIGURATION, SAFE, PICKLE = "open_clip_config.json", "open_clip_model.safetensors", "open_clip_pytorch_model.bin"


def wanted(hub: Hub, *names: str, sha: str = "", weights: bool = False, optional: bool = False) -> dict[str, Any]:
    urls = [f"{hub.url}/org/model/resolve/main/{name}" for name in names]
    sums = [sha] + [""] * (len(names) - 1)
    return {"names": names, "urls": urls, "sha256s": sums, "weights": weights, "optional": optional}


def model(hub: Hub) -> list[dict[str, Any]]:
    return [wanted(hub, CONFIGURATION), wanted(hub, SAFE, PICKLE, weights=True)]


def put(folder: Path, files: list[dict[str, Any]]) -> list[dict[str, Any]]:
    said: list[dict[str, Any]] = []
    place.put(folder, files, said.append)
    return said


def test_a_folder_is_made_with_its_checksums(hub: Hub, tmp_path: Path) -> None:
    hub.put("org/model")
    folder = tmp_path / "models" / "m"
    said = put(folder, [*model(hub), wanted(hub, "vocab.json", optional=True)])
    assert sorted(os.listdir(folder)) == ["SHA256SUMS", CONFIGURATION, SAFE]
    assert (folder / SAFE).read_bytes() == WEIGHTS
    assert checksums.read(folder) == {CONFIGURATION: sha256(CONFIG), SAFE: sha256(WEIGHTS)}
    assert checksums.wrong(folder) == []
    assert said[-1] == {"done": str(folder), "bytes": len(CONFIG) + len(WEIGHTS)}
    assert [event["got"] for event in said if "got" in event] == [CONFIGURATION, SAFE]
    assert os.listdir(tmp_path / "models") == ["m"]
    assert subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=folder, capture_output=True).returncode == 0


def test_the_first_name_that_is_there_is_taken(hub: Hub, tmp_path: Path) -> None:
    hub.put("org/model", open_clip_config__json=CONFIG, open_clip_pytorch_model__bin=WEIGHTS)
    put(tmp_path / "m", model(hub))
    assert sorted(os.listdir(tmp_path / "m")) == ["SHA256SUMS", CONFIGURATION, PICKLE]


def test_without_weights_there_is_no_folder(hub: Hub, tmp_path: Path) -> None:
    hub.put("org/model", open_clip_config__json=CONFIG)
    with pytest.raises(Failed, match="does not exist"):
        put(tmp_path / "m", model(hub))
    assert not (tmp_path / "m").exists()


def test_a_wrong_hash_leaves_no_folder_and_the_next_try_is_whole(hub: Hub, tmp_path: Path) -> None:
    hub.put("org/model")
    hub.lie = "0" * 64
    with pytest.raises(Failed, match="came wrong"):
        put(tmp_path / "m", [wanted(hub, SAFE, weights=True)])
    assert os.listdir(tmp_path / ".m.part") == []
    hub.lie = ""
    put(tmp_path / "m", model(hub))
    assert checksums.wrong(tmp_path / "m") == []


def test_what_a_try_for_something_else_left_is_not_taken_along(hub: Hub, tmp_path: Path) -> None:
    hub.put("org/model")
    work = tmp_path / ".m.part"
    work.mkdir()
    (work / "old.safetensors").write_bytes(b"x")
    (work / f"{SAFE}.part").write_bytes(WEIGHTS[:1000])
    put(tmp_path / "m", model(hub))
    assert sorted(os.listdir(tmp_path / "m")) == ["SHA256SUMS", CONFIGURATION, SAFE]
    assert (SAFE, "bytes=1000-") in hub.asked


def test_a_pinned_file_that_is_whole_already_is_not_fetched_again(hub: Hub, tmp_path: Path) -> None:
    hub.put("org/model")
    work = tmp_path / ".m.part"
    work.mkdir()
    (work / SAFE).write_bytes(WEIGHTS)
    put(tmp_path / "m", [wanted(hub, CONFIGURATION), wanted(hub, SAFE, sha=sha256(WEIGHTS), weights=True)])
    assert [name for name, _ in hub.asked] == [CONFIGURATION]


def test_a_folder_that_is_there_is_never_touched(hub: Hub, tmp_path: Path) -> None:
    hub.put("org/model")
    (tmp_path / "m").mkdir()
    with pytest.raises(Failed, match="there already"):
        put(tmp_path / "m", model(hub))
    assert os.listdir(tmp_path / "m") == []
    assert hub.asked == []


def test_a_place_that_cannot_be_written_is_named(hub: Hub, tmp_path: Path) -> None:
    hub.put("org/model")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(Failed, match="Not a directory"):
        put(tmp_path / "file" / "m", model(hub))


# --- the program ----------------------------------------------------------------------------------


def program(folder: Path, files: list[dict[str, Any]]) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "albumsd.fetch"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin
    with process.stdin:
        json.dump({"folder": str(folder), "files": files}, process.stdin)
    return process


def events(process: subprocess.Popen[str]) -> Iterator[dict[str, Any]]:
    assert process.stdout
    with process.stdout:
        yield from (json.loads(line) for line in process.stdout)


@pytest.mark.slow
def test_killed_in_the_middle_the_next_one_goes_on_there(hub: Hub, tmp_path: Path) -> None:
    hub.put("org/model")
    hub.gate = threading.Event()
    first = program(tmp_path / "m", model(hub))
    said = events(first)
    assert any(event.get("file") == SAFE and event["at"] > 0 for event in said)
    with pytest.raises(Failed, match="another"):
        put(tmp_path / "m", model(hub))
    first.kill()
    first.wait(10)
    said.close()  # type: ignore[attr-defined]
    hub.gate.set()
    came = (tmp_path / ".m.part" / f"{SAFE}.part").stat().st_size
    assert 0 < came < len(WEIGHTS)
    assert not (tmp_path / "m").exists()
    second = program(tmp_path / "m", model(hub))
    assert list(events(second))[-1]["done"] == str(tmp_path / "m")
    assert second.wait(10) == 0
    assert hub.asked[-1] == (SAFE, f"bytes={came}-")
    assert (tmp_path / "m" / SAFE).read_bytes() == WEIGHTS


@pytest.mark.slow
def test_the_program_says_what_is_wrong(hub: Hub, tmp_path: Path) -> None:
    process = program(tmp_path / "m", model(hub))
    (event,) = events(process)
    assert process.wait(10) == 1
    assert "does not exist" in event["error"]
    assert event["network"] is False
    hub.status = 503
    hub.put("org/model")
    process = program(tmp_path / "m", model(hub))
    *_, event = events(process)
    assert process.wait(10) == 3
    assert event["network"] is True


# --- checksums ------------------------------------------------------------------------------------


def test_checksums_name_what_differs_and_what_is_gone(tmp_path: Path) -> None:
    assert checksums.read(tmp_path) is None
    assert checksums.wrong(tmp_path) == []
    for name in ("a", "b", "c"):
        (tmp_path / name).write_text(name)
    checksums.write(tmp_path, {name: sha256(name.encode()) for name in ("a", "b", "c")})
    assert checksums.wrong(tmp_path) == []
    (tmp_path / "b").write_text("B")
    (tmp_path / "c").unlink()
    assert checksums.wrong(tmp_path) == ["b", "c"]
    (tmp_path / "SHA256SUMS").write_text(f"nonsense\n{'0' * 64}  ../a\n{'0' * 64}  a\n")
    assert checksums.read(tmp_path) == {"a": "0" * 64}
