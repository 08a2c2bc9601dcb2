"""Programs that people walk a library with: GLib's (Files, Nemo, Thunar), KDE's (Dolphin), and a Samba share (phones, Windows).

GLib's ``gio`` is among the programs that ``make test`` installs. KDE's kioclient (Debian: ``kde-cli-tools kio``) and
Samba (``samba smbclient samba-vfs-modules``) are large: tests with them run where they are installed.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.daemon import Daemon
from support.trees import digest, files

QUERY = "warranty letter"
Smb = Callable[[str], str]


@pytest.fixture
def picture(shared: Daemon) -> Path:
    return next(path for path in sorted(files(shared.mount / "by-date")) if path.suffix == ".jpg")


@pytest.fixture
def desktop() -> Iterator[Callable[..., str]]:
    """Run a program of a desktop without a screen or a session bus; what it said."""
    with tempfile.TemporaryDirectory(prefix="xdg-") as runtime:  # a short path: KDE's sockets lie in it
        environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "XDG_RUNTIME_DIR": runtime, "LC_ALL": "C.UTF-8"}

        def run(*words: str | Path) -> str:
            done = subprocess.run(words, capture_output=True, timeout=60, check=False, env=environment)
            assert done.returncode == 0, done.stderr.decode(errors="replace")
            return done.stdout.decode()

        yield run


# ---------------------------------------------------------------------------------------------- GLib


def test_gio_lists_views_and_searches(shared: Daemon, desktop: Callable[..., str], picture: Path) -> None:
    for folder in (shared.mount, picture.parent, shared.mount / "search" / QUERY):
        assert sorted(desktop("gio", "list", "-h", folder).splitlines()) == sorted(os.listdir(folder))
    assert f"001 {QUERY.split()[0]}" in desktop("gio", "list", shared.mount / "search" / QUERY).casefold()


def test_gio_knows_what_a_file_is(desktop: Callable[..., str], picture: Path) -> None:
    said = desktop("gio", "info", picture)
    assert f"standard::size: {picture.stat().st_size}\n" in said
    assert f"time::modified: {int(picture.stat().st_mtime)}\n" in said
    assert "access::can-read: TRUE\n" in said


def test_gio_copies_what_it_finds(shared: Daemon, desktop: Callable[..., str], picture: Path, tmp_path: Path) -> None:
    best = shared.mount / "search" / QUERY / shared.names("search", QUERY)[0]
    for name in (picture, best):
        desktop("gio", "copy", name, tmp_path / "copy")
        assert digest(tmp_path / "copy") == digest(name)
        (tmp_path / "copy").unlink()


# ----------------------------------------------------------------------------------------------- KDE

KIO = shutil.which("kioclient5") or shutil.which("kioclient")


@pytest.mark.skipif(KIO is None, reason="kioclient is not installed (Debian: kde-cli-tools kio)")
def test_kde_lists_and_copies(shared: Daemon, desktop: Callable[..., str], picture: Path, tmp_path: Path) -> None:
    listed = set(desktop(KIO, "--noninteractive", "ls", picture.parent.as_uri()).splitlines()) - {"", ".", ".."}
    assert listed == set(os.listdir(picture.parent))
    best = shared.mount / "search" / QUERY / shared.names("search", QUERY)[0]
    for name in (picture, best):
        desktop(KIO, "--noninteractive", "copy", name.as_uri(), (tmp_path / "copy").as_uri())
        assert digest(tmp_path / "copy") == digest(name)
        (tmp_path / "copy").unlink()


# --------------------------------------------------------------------------------------------- Samba


@pytest.fixture(scope="module")
def smb(shared: Daemon, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Smb]:
    """A share of the mount on 127.0.0.1, on a port of its own; ``smb(COMMANDS)`` runs smbclient with them."""
    smbd = shutil.which("smbd") or shutil.which("smbd", path="/usr/sbin")
    if smbd is None or shutil.which("smbclient") is None:
        pytest.skip("Samba is not installed (Debian: samba smbclient samba-vfs-modules)")
    if os.geteuid() != 0:
        pytest.skip("smbd needs root to become the user of a connection")
    folder = tmp_path_factory.mktemp("samba")
    for name in ("private", "lock", "state", "cache", "run"):
        (folder / name).mkdir(mode=0o755 if name != "private" else 0o700)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (folder / "smb.conf").write_text(f"""
[global]
    server min protocol = SMB2_10
    disable netbios = yes
    map to guest = Never
    smb ports = {port}
    interfaces = 127.0.0.1
    bind interfaces only = yes
    private dir = {folder}/private
    lock directory = {folder}/lock
    state directory = {folder}/state
    cache directory = {folder}/cache
    pid directory = {folder}/run
    log file = {folder}/log
    passdb backend = tdbsam
    load printers = no
[albums]
    path = {shared.mount}
    force user = root
    read only = no
    case sensitive = yes
    mangled names = no
    kernel oplocks = no
    store dos attributes = no
    map archive = no
""")
    password = "in a test only"
    subprocess.run(
        ["smbpasswd", "-c", folder / "smb.conf", "-a", "-s", "root"],
        input=f"{password}\n{password}\n", text=True, capture_output=True, timeout=30, check=True,
    )  # fmt: skip
    server = subprocess.Popen(
        [smbd, "--foreground", "--no-process-group", f"--configfile={folder / 'smb.conf'}"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip

    def connected() -> bool:
        with socket.create_connection(("127.0.0.1", port), 1):
            return True

    def ask(commands: str, login: str = f"root%{password}") -> str:
        done = subprocess.run(
            ["smbclient", f"--configfile={folder / 'smb.conf'}", "//127.0.0.1/albums", "-p", str(port), "-U", login, "-c", commands],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        return f"{done.stdout}{done.stderr}exit {done.returncode}\n"

    try:
        shared.until(connected, "an answer of smbd")
        yield ask
    finally:
        os.killpg(server.pid, 15)
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, 9)
            server.wait(10)


def test_a_share_lists_views(shared: Daemon, smb: Smb) -> None:
    said = smb('cd "by-date"; ls')
    assert all(f"  {year} " in said for year in shared.names("by-date"))
    assert said.endswith("exit 0\n")


def test_a_share_gives_the_bytes(shared: Daemon, smb: Smb, picture: Path, tmp_path: Path) -> None:
    said = smb(f'cd "{picture.parent.relative_to(shared.mount)}"; get "{picture.name}" "{tmp_path / "got"}"')
    assert said.endswith("exit 0\n"), said
    assert digest(tmp_path / "got") == digest(picture)


def test_a_search_and_a_filter_can_be_typed_over_a_share(shared: Daemon, smb: Smb) -> None:
    found = smb(f'cd "search/{QUERY}"; ls')
    assert all(name in found for name in shared.names("search", QUERY))
    narrowed = smb('cd "filter/camera=pixel/by-date"; ls')
    years = shared.names("filter", "camera=pixel", "by-date")
    assert years
    assert all(f"  {year} " in narrowed for year in years)


def test_a_share_knows_no_guests(smb: Smb) -> None:
    for login in ("nobody%", "%", "root%wrong"):
        assert "NT_STATUS_" in smb("ls", login)  # type: ignore[call-arg]


def test_writing_over_a_share_is_refused(smb: Smb, shared: Daemon, picture: Path) -> None:
    before = digest(picture)
    said = smb(f'cd "{picture.parent.relative_to(shared.mount)}"; del "{picture.name}"; mkdir new')
    assert said.count("NT_STATUS_") == 2
    assert digest(picture) == before
