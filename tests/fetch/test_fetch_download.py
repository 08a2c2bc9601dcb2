"""fetch.download: one file, resumed and checked, against a server that answers as the hub does and misbehaves when told."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from support.hub import CONFIG, WEIGHTS, Hub, sha256

from albumsd.fetch import download
from albumsd.fetch.download import TRIES, Failed, NotThere

NAME = "open_clip_model.safetensors"
HALF = len(WEIGHTS) // 2


class Getter:
    """``get()`` fetches the weights into ``target``; ``said`` is what the progress was."""

    def __init__(self, hub: Hub, folder: Path) -> None:
        hub.put("org/model")
        self.hub, self.target = hub, folder / NAME
        self.part = folder / f"{NAME}.part"
        self.said: list[tuple[int, int | None]] = []

    def get(self, sha: str = "", name: str = NAME) -> tuple[str, str]:
        url = f"{self.hub.url}/org/model/resolve/main/{name}"
        target = self.target.with_name(name)
        return download.fetch(url, target, sha, name == NAME, lambda at, of: self.said.append((at, of)))


@pytest.fixture
def getter(hub: Hub, tmp_path: Path) -> Getter:
    return Getter(hub, tmp_path)


def test_a_file_comes_whole_and_is_checked_against_the_pinned_hash(getter: Getter) -> None:
    assert getter.get(sha256(WEIGHTS)) == (sha256(WEIGHTS), "pinned")
    assert getter.target.read_bytes() == WEIGHTS
    assert not getter.part.exists()
    assert getter.said[0] == (0, len(WEIGHTS))
    assert getter.said[-1] == (len(WEIGHTS), len(WEIGHTS))
    assert [at for at, _ in getter.said] == sorted(at for at, _ in getter.said)


def test_the_hash_that_the_hub_announces_counts_where_none_is_pinned(getter: Getter) -> None:
    assert getter.get() == (sha256(WEIGHTS), "announced")
    getter.hub.lie = sha256(b"something else")
    with pytest.raises(Failed, match="came wrong"):
        getter.get()
    assert not getter.part.exists()


def test_a_small_file_is_checked_against_its_name_in_git(getter: Getter) -> None:
    assert getter.get(name="open_clip_config.json") == (sha256(CONFIG), "announced")
    getter.hub.lie = "0" * 40
    with pytest.raises(Failed, match="came wrong"):
        getter.get(name="open_clip_config.json")


def test_weights_are_not_taken_without_a_hash(getter: Getter) -> None:
    getter.hub.announce = False
    with pytest.raises(Failed, match="--sha256"):
        getter.get()
    assert not getter.part.exists()
    assert getter.get(sha256(WEIGHTS)) == (sha256(WEIGHTS), "pinned")
    assert getter.get(name="open_clip_config.json") == (sha256(CONFIG), "no hash known")


def test_a_wrong_file_leaves_nothing(getter: Getter) -> None:
    with pytest.raises(Failed, match=f"not {'0' * 64}") as caught:
        getter.get("0" * 64)
    assert not caught.value.network
    assert list(getter.target.parent.iterdir()) == []


def test_a_connection_that_breaks_is_taken_up_where_it_broke(getter: Getter) -> None:
    getter.hub.breaks = [100, 2_000_000]
    assert getter.get()[0] == sha256(WEIGHTS)
    assert getter.hub.asked == [(NAME, ""), (NAME, "bytes=100-"), (NAME, "bytes=2000100-")]


def test_a_connection_that_brings_nothing_is_given_up(getter: Getter) -> None:
    getter.part.write_bytes(WEIGHTS[:HALF])
    getter.hub.breaks = [0] * TRIES
    with pytest.raises(Failed, match=f"{TRIES} times") as caught:
        getter.get()
    assert caught.value.network
    assert getter.part.read_bytes() == WEIGHTS[:HALF], "what came so far is kept"


def test_a_further_try_asks_for_the_rest_only(getter: Getter) -> None:
    getter.part.write_bytes(WEIGHTS[:HALF])
    assert getter.get()[0] == sha256(WEIGHTS)
    assert getter.hub.asked == [(NAME, f"bytes={HALF}-")]
    assert getter.said[0] == (HALF, len(WEIGHTS))


def test_a_server_that_knows_no_range_gives_the_whole_again(getter: Getter) -> None:
    getter.part.write_bytes(b"x" * HALF)
    getter.hub.ranges = False
    assert getter.get()[0] == sha256(WEIGHTS)
    assert getter.target.read_bytes() == WEIGHTS


@pytest.mark.parametrize("rest", [b"x" * HALF, b"x" * len(WEIGHTS), b"x" * (len(WEIGHTS) + 9)])
def test_the_rest_of_something_else_is_thrown_away(getter: Getter, rest: bytes) -> None:
    getter.part.write_bytes(rest)
    assert getter.get(sha256(WEIGHTS))[0] == sha256(WEIGHTS)
    assert getter.hub.asked[-1] == (NAME, "")


def test_a_whole_rest_needs_only_to_be_checked(getter: Getter) -> None:
    getter.part.write_bytes(WEIGHTS)
    assert getter.get(sha256(WEIGHTS))[0] == sha256(WEIGHTS)
    assert getter.hub.asked == [(NAME, f"bytes={len(WEIGHTS)}-")]


def test_what_is_not_there_is_said_so(getter: Getter) -> None:
    with pytest.raises(NotThere, match="404"):
        getter.get(name="nosuch.bin")


@pytest.mark.parametrize(("status", "says", "later"), [(403, "by hand", False), (500, "500", True), (429, "429", True)])
def test_a_server_that_refuses(getter: Getter, status: int, says: str, later: bool) -> None:
    getter.hub.status = status
    with pytest.raises(Failed, match=says) as caught:
        getter.get()
    assert caught.value.network == later
    assert len(getter.hub.asked) == 1


def test_no_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with Hub() as gone:
        url = gone.url
    with pytest.raises(Failed, match="no way to") as caught:
        download.fetch(f"{url}/x", tmp_path / "x", "", False, lambda at, of: None)
    assert caught.value.network


@pytest.mark.parametrize("url", ["file:///etc/hostname", "ftp://127.0.0.1/x", "/etc/hostname"])
def test_only_the_web_is_fetched_from(tmp_path: Path, url: str) -> None:
    with pytest.raises(Failed, match="no address of the web"):
        download.fetch(url, tmp_path / "x", "", False, lambda at, of: None)


def test_no_redirect_leads_away_from_https() -> None:
    follow: Callable[..., object] = download._Redirects().redirect_request
    request = SimpleNamespace(full_url="https://a.test/x")
    for target in ("http://a.test/x", "file:///etc/passwd"):
        with pytest.raises(Failed, match="leads to"):
            follow(request, None, 302, "", {}, target)


def test_a_full_disk_is_noticed_before_anything_is_written(getter: Getter, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.statvfs
    few = SimpleNamespace(f_bavail=1000, f_frsize=4096)
    monkeypatch.setattr(os, "statvfs", lambda path: few if path == getter.target.parent else real(path))
    with pytest.raises(Failed, match="MB are needed"):
        getter.get()
    assert list(getter.target.parent.iterdir()) == []


def test_a_disk_that_fills_up_meanwhile_is_said_so(getter: Getter) -> None:
    getter.part.symlink_to("/dev/full")
    with pytest.raises(Failed, match="is full"):
        getter.get()
    assert not getter.target.exists()


def test_another_trouble_with_the_disk_is_named(getter: Getter) -> None:
    getter.part.mkdir()
    with pytest.raises(Failed, match=os.strerror(errno.EISDIR)):
        getter.get()
